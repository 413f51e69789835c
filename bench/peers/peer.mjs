// PeerJS's own server.

import { PeerServer } from 'peer';

const server = PeerServer({ port: 0, host: '127.0.0.1', path: '/', concurrent_limit: 1_000_000 }, (listening) => {
  console.log(`listening on ${listening.address().port}`);
});
server.on('error', (error) => { console.error(error.message); });
