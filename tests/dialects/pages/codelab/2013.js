// A page as they were written for Socket.IO 0.9: one room for two, in the page's path; offer, answer and candidates by `message`.
// The constraints, addStream and the callbacks are those of that time; what browsers no longer have is left out.

'use strict';

var isChannelReady = false, isInitiator = false, isStarted = false;
var localStream, pc;
var heard = [];   // the names of all events, for the test

var room = new URLSearchParams(location.search).get('room') || location.pathname.substring(1) || 'foo';
var socket = io.connect();

socket.emit('create or join', room);

socket.on('created', function (room) {
  heard.push('created ' + room);
  isInitiator = true;
});

socket.on('full', function (room) {
  heard.push('full ' + room);
});

socket.on('join', function (room) {
  heard.push('join ' + room);
  isChannelReady = true;
  isInitiator = true;   // whoever was here first calls
});

socket.on('joined', function (room) {
  heard.push('joined ' + room);
  isChannelReady = true;
});

socket.on('log', function (array) {
  console.log.apply(console, array);
});

socket.on('message', function (message) {
  heard.push('message ' + (message.type || message));
  if (message === 'got user media') {
    maybeStart();
  } else if (message.type === 'offer') {
    if (!isInitiator && !isStarted) maybeStart();
    pc.setRemoteDescription(new RTCSessionDescription(message));
    pc.createAnswer(setLocalAndSend, fail);
  } else if (message.type === 'answer' && isStarted) {
    pc.setRemoteDescription(new RTCSessionDescription(message));
  } else if (message.type === 'candidate' && isStarted) {
    pc.addIceCandidate(new RTCIceCandidate({ sdpMLineIndex: message.label, candidate: message.candidate }));
  } else if (message === 'bye' && isStarted) {
    stop();
    isInitiator = false;
  }
});

function sendMessage(message) {
  socket.emit('message', message);
}

function fail(error) {
  console.error(error);
}

function onUserMedia(stream) {
  localStream = stream;
  document.querySelector('#localVideo').srcObject = stream;
  sendMessage('got user media');
  if (isInitiator) maybeStart();
}

navigator.webkitGetUserMedia({ video: true }, onUserMedia, fail);

function maybeStart() {
  if (isStarted || !localStream || !isChannelReady) return;
  pc = new RTCPeerConnection(null);
  pc.onicecandidate = onIceCandidate;
  pc.onaddstream = function (event) { document.querySelector('#remoteVideo').srcObject = event.stream; };
  pc.addStream(localStream);
  isStarted = true;
  if (isInitiator) pc.createOffer(setLocalAndSend, fail);
}

function setLocalAndSend(description) {
  pc.setLocalDescription(description);
  sendMessage(description);
}

function onIceCandidate(event) {
  if (!event.candidate) return;
  sendMessage({
    type: 'candidate',
    label: event.candidate.sdpMLineIndex,
    id: event.candidate.sdpMid,
    candidate: event.candidate.candidate,
  });
}

function stop() {
  isStarted = false;
  pc.close();
  pc = null;
}

window.onbeforeunload = function () {
  sendMessage('bye');
};

// What the test looks at.
window.call = {
  heard: heard,
  report: function () {
    return { room: room, heard: heard, isInitiator: isInitiator, isStarted: isStarted, connection: pc && pc.connectionState,
      transport: socket.socket.transport && socket.socket.transport.name };
  },
};
