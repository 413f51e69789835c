// A page of somebody who knows the login guide and nothing of sigway: one WebSocket, JSON by name, one call at a time.
// ?at=URL says where the signaling server is, if not at /login of the page's own.

'use strict';

const find = (id) => document.getElementById(id);
const texts = [];
const said = [];   // the types of all that the server said
let name = null, other = null, stream = null, peer = null, channel = null;
let calls = 0, ends = 0;

const at = new URLSearchParams(location.search).get('at') || location.origin.replace(/^http/, 'ws') + '/login';
const connection = new WebSocket(at);

const handlers = {
  login: ({ success }) => onLogin(success),
  offer: ({ offer, name: caller }) => onOffer(offer, caller),
  answer: ({ answer }) => peer.setRemoteDescription(answer),
  candidate: ({ candidate }) => peer.addIceCandidate(candidate),
  leave: () => onLeave(),
  error: ({ message }) => show(message),
};

connection.onopen = () => show('connected');
connection.onerror = () => show('an error');
connection.onclose = () => show('closed');

// One after the other: a candidate waits until the description before it has been taken.
let last = Promise.resolve();
connection.onmessage = ({ data }) => {
  last = last.then(() => {
    const message = JSON.parse(data);
    said.push(message.type);
    return handlers[message.type](message);
  });
};

function show(text) {
  find('said').textContent = text;
}

function send(message) {
  if (other) message.name = other;
  connection.send(JSON.stringify(message));
}

async function onLogin(success) {
  if (!success) {
    show('that name is taken');
    return;
  }
  find('login').hidden = true;
  find('talk').hidden = false;
  stream = await navigator.mediaDevices.getUserMedia({ video: { width: 160, height: 120 }, audio: false });
  find('yours').srcObject = stream;
  prepare();
  show('logged in');
}

function prepare() {
  peer = new RTCPeerConnection();
  for (const track of stream.getTracks()) peer.addTrack(track, stream);
  peer.ontrack = ({ streams }) => { find('theirs').srcObject = streams[0]; };
  peer.onicecandidate = ({ candidate }) => { if (candidate) send({ type: 'candidate', candidate }); };
  peer.ondatachannel = ({ channel: theirs }) => open(theirs);
  channel = null;
}

function open(newChannel) {
  channel = newChannel;
  channel.onmessage = ({ data }) => {
    texts.push(data);
    find('texts').appendChild(document.createElement('li')).textContent = data;
  };
}

async function onOffer(offer, caller) {
  other = caller;
  ++calls;
  await peer.setRemoteDescription(offer);
  await peer.setLocalDescription(await peer.createAnswer());
  send({ type: 'answer', answer: peer.localDescription });
}

function onLeave() {
  ++ends;
  other = null;
  peer.close();
  find('theirs').srcObject = null;
  prepare();
  show('the call is over');
}

find('enter').onclick = () => {
  name = find('name').value;
  connection.send(JSON.stringify({ type: 'login', name }));
};
find('call').onclick = async () => {
  other = find('callee').value;
  ++calls;
  open(peer.createDataChannel('texts'));
  await peer.setLocalDescription(await peer.createOffer());
  send({ type: 'offer', offer: peer.localDescription });
};
find('hang-up').onclick = () => {
  send({ type: 'leave' });
  onLeave();
};
find('send').onclick = () => channel.send(find('text').value);

// What the test looks at.
window.call = {
  texts,
  get isUp() { return peer !== null && peer.connectionState === 'connected' && channel !== null && channel.readyState === 'open'; },
  get other() { return other; },
  get ends() { return ends; },
  async framesDecoded() {
    let frames = 0;
    for (const report of (await peer.getStats()).values()) if (report.type === 'inbound-rtp') frames += report.framesDecoded || 0;
    return frames;
  },
  report: () => ({ name, other, calls, ends, said, texts, connection: peer && peer.connectionState, channel: channel && channel.readyState }),
};
