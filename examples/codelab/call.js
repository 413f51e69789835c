// The rooms of the WebRTC codelab over Socket.IO: two in a room, who pass each other `message`.
// "got user media" says that its sender can be called; the one who was in the room first calls.

'use strict';

const element = (id) => document.getElementById(id);
const show = (text) => { element('state').textContent = text; };

const kGone = 'The other one has left. The room waits for somebody else.';
const room = decodeURIComponent(location.pathname.slice(1)) || 'foo';
let socket, camera, peer;
let isFirst = false;   // in the room

function begin() {
  peer = new RTCPeerConnection();   // { iceServers: [{ urls: 'stun:…' }] } for a call across networks
  for (const track of camera.getTracks()) peer.addTrack(track, camera);
  peer.ontrack = ({ streams }) => { [element('theirs').srcObject] = streams; };
  peer.onicecandidate = ({ candidate }) => {
    if (candidate) say({ type: 'candidate', label: candidate.sdpMLineIndex, id: candidate.sdpMid, candidate: candidate.candidate });
  };
  peer.onconnectionstatechange = () => show(`The call: ${peer.connectionState}`);
}

function end(text) {
  peer?.close();
  peer = undefined;
  element('theirs').srcObject = null;
  show(text);
}

function say(message) {
  socket.emit('message', message);
}

async function describe() {
  await peer.setLocalDescription();
  say(peer.localDescription);
}

async function hear(message) {
  if (message === 'got user media') {
    if (!isFirst || peer) return;
    begin();
    await describe();
  } else if (message === 'bye') {
    if (peer) end(kGone);
  } else if (message?.type === 'offer') {
    if (isFirst && peer?.signalingState === 'have-local-offer') return;   // two offers have crossed: ours counts
    if (!peer) begin();
    await peer.setRemoteDescription(message);
    await describe();
  } else if (message?.type === 'answer') {
    await peer?.setRemoteDescription(message);
  } else if (message?.type === 'candidate' && peer?.remoteDescription) {
    await peer.addIceCandidate({ candidate: message.candidate, sdpMid: message.id, sdpMLineIndex: message.label });
  }
}

function enter() {
  if (socket.recovered) return;   // the connection was lost, and nothing with it
  next(() => end(`Entering the room ${room}`));
  socket.emit('create or join', room);
}

// One after the other: a candidate must wait until the description before it has been set.
let work = Promise.resolve();
function next(act) {
  work = work.then(act).catch((error) => show(error.message));
}

async function start() {
  camera = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
  element('ours').srcObject = camera;
  socket = io();
  socket.on('connect', enter);
  socket.on('created', () => next(() => show('You are the first one. Open this address in a second window.')));
  socket.on('join', () => { isFirst = true; });
  socket.on('joined', () => {
    isFirst = false;
    say('got user media');
  });
  socket.on('full', () => next(() => show('Two are in this room already. Change the address.')));
  for (const answer of ['created', 'joined']) socket.on(answer, () => { element('hang-up').disabled = false; });
  socket.on('message', (message) => next(() => hear(message)));
  socket.on('bye', () => next(() => end(kGone)));
  socket.on('disconnect', () => show('The server cannot be reached. The page tries again.'));
}

element('hang-up').onclick = () => {
  say('bye');
  socket.emit('bye', room);
  element('hang-up').disabled = true;
  next(() => end('You have hung up. Load the page again to come back.'));
};
addEventListener('pagehide', () => { if (peer) say('bye'); });

start().catch((error) => show(error.message));
