// A call for two by PeerJS, with the server of this page for signaling. One call at a time.

'use strict';

const element = (id) => document.getElementById(id);
const show = (text) => { element('state').textContent = text; };

const peer = new Peer({
  host: location.hostname,
  port: location.port || (location.protocol === 'https:' ? 443 : 80),
  path: '/peerjs',
  secure: location.protocol === 'https:',
  config: { iceServers: [] },   // enough on one network; without this line PeerJS asks its own STUN and TURN servers
});
const camera = navigator.mediaDevices.getUserMedia({ video: true, audio: true });
let call;

camera.then((stream) => { element('ours').srcObject = stream; }, ({ message }) => show(message));

peer.on('open', (id) => {
  element('id').textContent = id;
  if (!call) show('Ready. Open this page in a second window, and call its id.');
});
// The calls that are there go on without the server.
peer.on('disconnected', () => setTimeout(() => { if (!peer.destroyed) peer.reconnect(); }, 1000));
peer.on('error', ({ type, message }) => {
  if (type === 'peer-unavailable') end('Nobody has that id now.');
  else show(message);
});
peer.on('call', async (incoming) => {
  if (call) return incoming.close();
  begin(incoming);
  incoming.answer(await camera);
});

function begin(begun) {
  call = begun;
  show(`Calling ${call.peer}`);
  element('hang-up').disabled = false;
  call.on('stream', (stream) => {
    element('theirs').srcObject = stream;
    show(`In a call with ${call.peer}`);
  });
  call.on('close', () => { if (call === begun) end('The call is over.'); });
}

function end(text) {
  call = undefined;
  element('theirs').srcObject = null;
  element('hang-up').disabled = true;
  show(text);
}

element('call').onsubmit = async (event) => {
  event.preventDefault();
  if (!call) begin(peer.call(element('callee').value.trim(), await camera));
};
element('hang-up').onclick = () => {
  const over = call;
  end('You have hung up.');
  over.close();
};
