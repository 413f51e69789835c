// A call from Node, with WebRTC of the npm package @roamhq/wrtc: node call.mjs [URL] [ROOM]
// Open the room in a browser, or start this twice. It sends a moving picture, says hello, and answers chat.

import wrtc from '@roamhq/wrtc';
import WebSocket from 'ws';
import { PeerLink } from '../../web/client/peer.js';
import { connect } from '../../web/client/sigway.js';

const [url = 'http://localhost:8080', room = 'node'] = process.argv.slice(2);
const connection = connect({ url, room, WebSocket });
const link = new PeerLink(connection, { channels: ['app'], RTCPeerConnection: wrtc.RTCPeerConnection });
const source = new wrtc.nonstandard.RTCVideoSource();
link.addTrack(source.createTrack(), new wrtc.MediaStream());

connection.on('created', () => console.log(`waiting in ${room}`));
connection.on('full', () => leave('the room is full'));
connection.on('closed', (reason) => leave(reason.message));
link.on('state', ({ peer, state }) => console.log(`${peer.id}: ${state}`));
link.on('track', ({ peer, track }) => console.log(`${peer.id}: sends ${track.kind}`));
link.on('open', ({ peer }) => peer.send('app', JSON.stringify({ chat: 'hello from Node' })));
link.on('data', ({ peer, data }) => {
  const { chat } = JSON.parse(data);
  if (chat) console.log(`${peer.id}: ${chat}`);
});
link.on('gone', ({ peer, reason }) => console.log(`${peer.id}: gone (${reason})`));

const width = 320, height = 240, frame = new Uint8ClampedArray(width * height * 1.5).fill(128);
const painter = setInterval(() => {
  for (let y = 0; y < height; ++y) frame.fill((y + Date.now() / 20) & 255, y * width, (y + 1) * width);
  source.onFrame({ width, height, data: frame });
}, 66);

async function leave(why) {
  clearInterval(painter);
  console.log(why);
  link.close();
  await connection.close();
  process.exit();
}
process.once('SIGINT', () => leave('left'));
process.once('SIGTERM', () => leave('left'));
