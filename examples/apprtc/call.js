// A client of AppRTC. It joins the room by the room server, then listens to Collider's WebSocket. The one who was first in the
// room calls: it sends its messages by the room server, which keeps them until somebody comes. The other one answers by Collider.

'use strict';

const kRoomServer = '/apprtc';

const element = (id) => document.getElementById(id);
const show = (text) => { element('state').textContent = text; };

const room = new URLSearchParams(location.search).get('room') ?? (decodeURIComponent(location.pathname.split('/').pop()) || 'foo');
let params;           // of the room server: who we are, where Collider is
let iceServers, socket, camera, peer;
let isCaller = false;
let candidates = [];   // that have come before the description

async function request(url, body, method = 'POST') {
  const response = await fetch(url, { method, body });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
  return text;
}

const ours = () => `${encodeURIComponent(room)}/${params.client_id}`;

async function say(message) {
  const text = JSON.stringify(message);
  if (isCaller) await request(`${kRoomServer}/message/${ours()}`, text);
  else socket.send(JSON.stringify({ cmd: 'send', msg: text }));
}

function begin() {
  peer = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' });
  for (const track of camera.getTracks()) peer.addTrack(track, camera);
  peer.ontrack = ({ streams }) => { [element('theirs').srcObject] = streams; };
  peer.onicecandidate = ({ candidate }) => {
    if (!candidate?.candidate) return;
    next(() => say({ type: 'candidate', label: candidate.sdpMLineIndex, id: candidate.sdpMid, candidate: candidate.candidate }));
  };
  peer.onconnectionstatechange = () => show(`The call: ${peer.connectionState}`);
}

async function describe() {
  await peer.setLocalDescription();
  const { type, sdp } = peer.localDescription;
  await say({ type, sdp });
}

async function call() {
  isCaller = true;
  begin();
  await describe();
}

function end(text) {
  peer?.close();
  peer = undefined;
  candidates = [];
  element('theirs').srcObject = null;
  show(text);
}

async function take(description) {
  await peer.setRemoteDescription(description);
  for (const candidate of candidates.splice(0)) await peer.addIceCandidate(candidate);
}

async function hear(text) {
  const message = JSON.parse(text);
  if (message.type === 'offer' && !isCaller) {
    if (!peer) begin();
    await take(message);
    await describe();
  } else if (message.type === 'answer' && isCaller) {
    await take(message);
  } else if (message.type === 'candidate') {
    const candidate = { candidate: message.candidate, sdpMid: message.id, sdpMLineIndex: message.label };
    if (peer?.remoteDescription) await peer.addIceCandidate(candidate);
    else candidates.push(candidate);
  } else if (message.type === 'bye') {
    end('The other one has left. The room waits for somebody else.');
    await call();   // whoever comes next is called by the one who stays
  }
}

// One after the other: a candidate must wait until the description before it has been set.
let work = Promise.resolve();
function next(act) {
  work = work.then(act).catch((error) => show(error.message));
}

async function openSocket() {
  socket = new WebSocket(params.wss_url);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error('Collider cannot be reached.'));
  });
  socket.onmessage = ({ data }) => {
    const { msg, error } = JSON.parse(data);
    if (error) show(`Collider says: ${error}`);
    else next(() => hear(msg));
  };
  socket.onclose = () => next(() => end('The connection to Collider has ended.'));
  socket.send(JSON.stringify({ cmd: 'register', roomid: params.room_id, clientid: params.client_id }));
}

async function start() {
  camera = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
  element('ours').srcObject = camera;
  const joined = JSON.parse(await request(`${kRoomServer}/join/${encodeURIComponent(room)}`));
  if (joined.result === 'FULL') return show('Two are in this room already. Change the address.');
  if (joined.result !== 'SUCCESS') return show(`The room server says: ${joined.result}`);
  ({ params } = joined);
  ({ iceServers } = JSON.parse(await request(params.ice_server_url)));
  await openSocket();
  element('hang-up').disabled = false;
  if (params.is_initiator === 'true') {
    show('You are the first one. Open this address in a second window.');
    next(call);
  } else {
    show('Somebody is here. Waiting for the call.');
    for (const message of params.messages) next(() => hear(message));
  }
}

element('hang-up').onclick = () => next(async () => {
  element('hang-up').disabled = true;
  await request(`${kRoomServer}/leave/${ours()}`);
  socket.onclose = null;
  socket.send(JSON.stringify({ cmd: 'send', msg: '{"type":"bye"}' }));
  socket.close();
  await request(`${params.wss_post_url}/${ours()}`, undefined, 'DELETE');
  end('You have hung up. Load the page again to come back.');
});

start().catch((error) => show(error.message));
