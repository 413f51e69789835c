// What a page does with PeerJS, by the calls of its documentation. `window.call` is for the test that looks on.
'use strict';

const call = window.call = {
  opens: [],      // an id for each `open`
  errors: [],     // their types
  events: [],     // names of the other events
  texts: [],      // what came on data connections
  closed: 0,      // data connections that were closed
  report: () => ({ ...call, peer: call.peer && { id: call.peer.id, open: call.peer.open, disconnected: call.peer.disconnected, destroyed: call.peer.destroyed } }),

  start(id, options) {
    const where = { host: location.hostname, port: location.port, secure: location.protocol === 'https:', path: '/peerjs', config: { iceServers: [] } };
    const peer = call.peer = new Peer(id, { ...where, ...options });
    peer.on('open', (opened) => call.opens.push(opened));
    peer.on('error', ({ type }) => call.errors.push(type));
    for (const name of ['disconnected', 'close']) peer.on(name, () => call.events.push(name));
    peer.on('connection', talk);
    peer.on('call', async (incoming) => {
      incoming.answer(await camera());
      watch(incoming);
    });
  },

  connect(id, options) { talk(call.peer.connect(id, options)); },
  send(data) { call.connection.send(data); },
  async dial(id) { watch(call.peer.call(id, await camera())); },
  listAllPeers: () => new Promise((resolve) => call.peer.listAllPeers(resolve)),
};

const camera = () => navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 160, height: 120 } });

function talk(connection) {
  connection.on('open', () => { call.connection = connection; });
  connection.on('data', (data) => call.texts.push(data instanceof ArrayBuffer || ArrayBuffer.isView(data) ? Array.from(new Uint8Array(data.buffer ?? data)) : data));
  connection.on('close', () => { ++call.closed; call.connection = null; });
}

function watch(incoming) {
  incoming.on('stream', (stream) => { document.querySelector('#remote').srcObject = stream; });
}
