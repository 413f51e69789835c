// Descriptions and candidates as JSON on one WebSocket, whose address names this page's id. A connection for each other id.

'use strict';

const element = (id) => document.getElementById(id);
const show = (text) => { element('state').textContent = text; };

const own = Math.random().toString(36).slice(2, 8);
const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/libdatachannel/${own}`);
const connections = new Map();   // by id
let channel;                     // the last one that was opened

element('own').textContent = own;
socket.onopen = () => {
  element('offer').disabled = false;
  show('Connected. Offer a channel, or tell somebody your id.');
};
socket.onclose = ({ reason }) => show(`Disconnected. ${reason}`);

// One after the other: a candidate must wait until the description before it has been set.
let work = Promise.resolve();
socket.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  work = work.then(() => take(message)).catch((error) => show(error.message));
};

async function take({ id, type, description, candidate, mid, message }) {
  if (type === 'error') return show(message);
  if (type === 'offer') connect(id);
  const connection = connections.get(id);
  if (!connection) return;
  if (type === 'offer' || type === 'answer') {
    await connection.setRemoteDescription({ type, sdp: description });
    if (type === 'offer') await describe(id);
  } else if (type === 'candidate') {
    await connection.addIceCandidate({ candidate, sdpMid: mid });
  } else if (type === 'bye') {
    connection.close();
    connections.delete(id);
    show(`${id} has gone.`);
  }
}

function send(message) {
  socket.send(JSON.stringify(message));
}

// The description that is due: an offer, or an answer to one.
async function describe(id) {
  const connection = connections.get(id);
  await connection.setLocalDescription();
  const { type, sdp } = connection.localDescription;
  send({ id, type, description: sdp });
}

function connect(id) {
  connections.get(id)?.close();
  const connection = new RTCPeerConnection();
  connections.set(id, connection);
  connection.onicecandidate = ({ candidate }) => {
    if (candidate?.candidate) send({ id, type: 'candidate', candidate: candidate.candidate, mid: candidate.sdpMid });
  };
  connection.ondatachannel = ({ channel: theirs }) => listen(id, theirs);
  return connection;
}

function listen(id, opened) {
  const use = () => {
    channel = opened;
    element('send').disabled = false;
    show(`A channel with ${id} is open.`);
  };
  if (opened.readyState === 'open') use();     // as one that the other side has made may be by now
  else opened.onopen = use;
  opened.onclose = () => {
    if (channel === opened) element('send').disabled = true;
  };
  opened.onmessage = ({ data }) => note(`${id}: ${data}`);
}

function note(text) {
  element('texts').append(Object.assign(document.createElement('li'), { textContent: text }));
}

element('call').onsubmit = (event) => {
  event.preventDefault();
  const id = element('other').value;
  listen(id, connect(id).createDataChannel('text'));
  show(`Offering a channel to ${id}`);
  describe(id).catch((error) => show(error.message));
};
element('talk').onsubmit = (event) => {
  event.preventDefault();
  const text = element('text').value;
  channel.send(text);
  note(`You: ${text}`);
  element('text').value = '';
};
