// A video call for two, by `message`. The first one in the room calls, once it has heard that the other one has its camera.

'use strict';

let isChannelReady = false, isInitiator = false, isStarted = false;
let localStream, pc;
const heard = [];   // the names of all events, for the test

const room = new URLSearchParams(location.search).get('room') || location.pathname.substring(1) || 'foo';
const socket = io.connect();

socket.emit('create or join', room);

socket.on('created', (room) => {
  heard.push(`created ${room}`);
  isInitiator = true;
});

socket.on('full', (room) => heard.push(`full ${room}`));

socket.on('join', (room) => {
  heard.push(`join ${room}`);
  isChannelReady = true;
  isInitiator = true;
});

socket.on('joined', (room) => {
  heard.push(`joined ${room}`);
  isChannelReady = true;
});

socket.on('log', (array) => console.log.apply(console, array));

socket.on('message', (message) => {
  heard.push(`message ${message.type || message}`);
  if (message === 'got user media') {
    maybeStart();
  } else if (message.type === 'offer') {
    if (!isInitiator && !isStarted) maybeStart();
    pc.setRemoteDescription(new RTCSessionDescription(message));
    doAnswer();
  } else if (message.type === 'answer' && isStarted) {
    pc.setRemoteDescription(new RTCSessionDescription(message));
  } else if (message.type === 'candidate' && isStarted) {
    pc.addIceCandidate(new RTCIceCandidate({ sdpMLineIndex: message.label, candidate: message.candidate }));
  } else if (message === 'bye' && isStarted) {
    stop();
    isInitiator = false;
  }
});

const sendMessage = (message) => socket.emit('message', message);

navigator.mediaDevices.getUserMedia({ audio: false, video: true }).then((stream) => {
  localStream = stream;
  document.querySelector('#localVideo').srcObject = stream;
  sendMessage('got user media');
  if (isInitiator) maybeStart();
});

function maybeStart() {
  if (isStarted || localStream === undefined || !isChannelReady) return;
  pc = new RTCPeerConnection(null);
  pc.onicecandidate = ({ candidate }) => {
    if (candidate) sendMessage({ type: 'candidate', label: candidate.sdpMLineIndex, id: candidate.sdpMid, candidate: candidate.candidate });
  };
  pc.onaddstream = ({ stream }) => { document.querySelector('#remoteVideo').srcObject = stream; };
  pc.addStream(localStream);
  isStarted = true;
  if (isInitiator) pc.createOffer(setLocalAndSend, console.error);
}

function doAnswer() {
  pc.createAnswer().then(setLocalAndSend, console.error);
}

function setLocalAndSend(description) {
  pc.setLocalDescription(description);
  sendMessage(description);
}

function stop() {
  isStarted = false;
  pc.close();
  pc = null;
}

window.onbeforeunload = () => { sendMessage('bye'); };

// What the test looks at.
window.call = {
  heard,
  report: () => ({ room, heard, isInitiator, isStarted, hasCamera: localStream !== undefined, connection: pc && pc.connectionState,
    signaling: pc && pc.signalingState, transport: socket.io.engine.transport.name }),
};
