// Pictures over a data channel. `ready` begins the call, `bye` ends it: the one who did not open the room loads its page again.

'use strict';

const heard = [];   // the names of all events, for the test
const room = new URLSearchParams(location.search).get('room') || location.pathname.substring(1) || 'foo';
const video = document.querySelector('#localVideo'), button = document.querySelector('#send');
let isInitiator, pc, channel, connections = 0, pictures = 0;

const socket = io.connect();

socket.on('ipaddr', (ipaddr) => console.log('The server is at', ipaddr));

socket.on('created', (room) => {
  heard.push(`created ${room}`);
  isInitiator = true;
  grabCamera();
});

socket.on('joined', (room) => {
  heard.push(`joined ${room}`);
  isInitiator = false;
  grabCamera();
});

socket.on('full', (room) => heard.push(`full ${room}`));

socket.on('ready', () => {
  heard.push('ready');
  createPeerConnection();
});

socket.on('log', (array) => console.log.apply(console, array));

socket.on('message', (message) => {
  heard.push(`message ${message.type || message}`);
  if (message.type === 'offer') {
    pc.setRemoteDescription(new RTCSessionDescription(message), () => {}, console.error);
    pc.createAnswer((answer) => pc.setLocalDescription(answer).then(() => socket.emit('message', pc.localDescription)), console.error);
  } else if (message.type === 'answer') {
    pc.setRemoteDescription(new RTCSessionDescription(message), () => {}, console.error);
  } else if (message.type === 'candidate') {
    pc.addIceCandidate(new RTCIceCandidate({ candidate: message.candidate, sdpMLineIndex: message.label, sdpMid: message.id }));
  }
});

socket.emit('create or join', room);
socket.emit('ipaddr');

socket.on('bye', () => {
  heard.push('bye');
  button.disabled = true;
  if (!isInitiator) location.reload();
});

window.addEventListener('unload', () => socket.emit('bye', room));

function grabCamera() {
  navigator.mediaDevices.getUserMedia({ audio: false, video: true }).then((stream) => { video.srcObject = stream; });
}

function createPeerConnection() {
  ++connections;
  pc = new RTCPeerConnection(null);
  pc.onicecandidate = ({ candidate }) => {
    if (candidate) socket.emit('message', { type: 'candidate', label: candidate.sdpMLineIndex, id: candidate.sdpMid, candidate: candidate.candidate });
  };
  if (!isInitiator) {
    pc.ondatachannel = (event) => use(event.channel);
    return;
  }
  use(pc.createDataChannel('photos'));
  pc.createOffer().then((offer) => pc.setLocalDescription(offer)).then(() => socket.emit('message', pc.localDescription));
}

// A picture is its length, then its bytes in pieces.
function use(newChannel) {
  channel = newChannel;
  channel.binaryType = 'arraybuffer';
  button.disabled = channel.readyState !== 'open';     // one that the other side has made may be open by now
  channel.onopen = () => { button.disabled = false; };
  channel.onclose = () => { button.disabled = true; };
  let bytes, count;
  channel.onmessage = ({ data }) => {
    if (typeof data === 'string') {
      bytes = new Uint8ClampedArray(Number(data));
      count = 0;
      return;
    }
    bytes.set(new Uint8ClampedArray(data), count);
    count += data.byteLength;
    if (count < bytes.byteLength) return;
    document.querySelector('#trail').getContext('2d', { willReadFrequently: true }).putImageData(new ImageData(bytes, 160, 120), 0, 0);
    ++pictures;
  };
}

button.onclick = () => {
  const photo = document.querySelector('#photo').getContext('2d', { willReadFrequently: true });
  photo.drawImage(video, 0, 0, 160, 120);
  const { data } = photo.getImageData(0, 0, 160, 120);
  channel.send(String(data.byteLength));
  for (let at = 0; at < data.byteLength; at += 16000) channel.send(data.subarray(at, at + 16000));
};

// What the test looks at.
window.call = {
  heard,
  report: () => ({ room, heard, isInitiator, connections, pictures, connection: pc && pc.connectionState, channel: channel && channel.readyState,
    transport: socket.io.engine.transport.name }),
};
