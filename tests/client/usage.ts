// Not run: `tsc --noEmit -p tests` checks that the types fit what an application writes.

import { connect, SigwayError } from '../../web/client/sigway.js';
import type { Connection, JournalEntry, Message, Transport, WebSocketConstructor } from '../../web/client/sigway.js';

declare const WebSocket: WebSocketConstructor;  // of the npm package ws

const connection: Connection = connect({ url: 'http://localhost:8080', room: 'r', name: 'alice', transport: 'auto', capacity: 2,
  WebSocket, fetch, keyStore: false, heartbeat: 5000 });

const off = connection.on('peer-joined', (event, info) => {
  const polite: boolean = event.polite;
  const transport: Transport = info.transport;
  connection.send('offer', { sdp: 'v=0', polite, transport }, { to: event.peer, room: event.room });
});
off();

connection.on('message', (message: Message<{ sdp: string }>) => message.data.sdp.length);
connection.on('event', (event) => { if ('from' in event) void event.data; });
connection.on('reset', ({ lost, peer }) => lost.includes(1) && peer.length);
connection.on('closed', (reason) => reason instanceof SigwayError && reason.code === 'replaced');
connection.on('state', ({ state }) => state === 'reconnecting');
// @ts-expect-error: there is no such event
connection.on('peer_joined', () => {});
// @ts-expect-error: there is no such transport
void connection.switchTransport('webtransport');

const number: number = connection.send('bye');
const peers = new RTCPeerConnection({ iceServers: connection.iceServers });

async function use() {
  await connection.opened;
  const answer = await connection.join('other', { capacity: 6 });
  if (answer.type === 'joined') answer.members.map((member) => member.polite);
  const used: Transport = await connection.switchTransport('poll');
  await connection.leave('other');
  await connection.close();
  return [used, number, peers];
}

connection.on('journal', (entry) => entry.what === 'failed' && entry.why?.includes('captive portal'));
const entries: JournalEntry[] = connection.journal;
void entries.filter(({ at, transport }) => at > 0 && transport === 'sse');
void use;
void connect({ memory: localStorage, WebSocket: class extends EventTarget { constructor(url: string) { super(); void url; } } as never });
void connect({ memory: false, page: window });
