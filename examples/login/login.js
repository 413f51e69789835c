// login, offer, answer, candidate and leave, as JSON on one WebSocket. One call at a time.

'use strict';

const element = (id) => document.getElementById(id);
const show = (text) => { element('state').textContent = text; };

const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/login`);
let camera, peer, other;   // `other` is the name of the user in the call

const handlers = {
  async login({ success }) {
    if (!success) return show('Somebody has that name. Choose another one.');
    camera = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
    element('ours').srcObject = camera;
    element('login').hidden = true;
    element('call').hidden = false;
    show('Logged in. Log in under another name in a second window, and call.');
  },
  async offer({ offer, name }) {
    if (!name) return;                                 // its sender has not logged in
    if (other) return send({ type: 'leave', name });   // busy
    begin(name);
    await peer.setRemoteDescription(offer);
    await peer.setLocalDescription();
    send({ type: 'answer', answer: peer.localDescription, name });
  },
  async answer({ answer, name }) {
    if (name === other) await peer.setRemoteDescription(answer);
  },
  async candidate({ candidate, name }) {
    if (name === other) await peer.addIceCandidate(candidate);
  },
  leave({ name }) {
    if (name === other) end(`${name} has left the call.`);
  },
  error({ message }) { show(message); },
};

// One after the other: a candidate must wait until the description before it has been set.
let work = Promise.resolve();
socket.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  work = work.then(() => handlers[message.type]?.(message)).catch((error) => show(error.message));
};
socket.onopen = () => show('Connected. Choose a name.');
socket.onclose = ({ reason }) => show(`Disconnected. ${reason}`);

function send(message) {
  socket.send(JSON.stringify(message));
}

function begin(name) {
  other = name;
  peer = new RTCPeerConnection();
  for (const track of camera.getTracks()) peer.addTrack(track, camera);
  peer.ontrack = ({ streams }) => { [element('theirs').srcObject] = streams; };
  peer.onicecandidate = ({ candidate }) => { if (candidate) send({ type: 'candidate', candidate, name }); };
  peer.onconnectionstatechange = () => show(`Call with ${name}: ${peer.connectionState}`);
  element('start').disabled = true;
  element('hang-up').disabled = false;
}

function end(text) {
  peer.close();
  peer = other = undefined;
  element('theirs').srcObject = null;
  element('start').disabled = false;
  element('hang-up').disabled = true;
  show(text);
}

element('login').onsubmit = (event) => {
  event.preventDefault();
  send({ type: 'login', name: element('name').value });
};

element('call').onsubmit = async (event) => {
  event.preventDefault();
  const name = element('callee').value;
  begin(name);
  show(`Calling ${name}`);
  await peer.setLocalDescription();
  send({ type: 'offer', offer: peer.localDescription, name });
};

element('hang-up').onclick = () => {
  send({ type: 'leave', name: other });
  end('You have hung up.');
};
