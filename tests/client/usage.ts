// Not run: `tsc --noEmit -p tests` checks that the types fit what an application writes.

import { connect, SigwayError } from '../../web/client/sigway.js';
import { FakeServer } from '../../web/client/testing.js';
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

async function wait(signal: AbortSignal) {
  const stop: () => void = connection.once('peer-left', ({ reason }) => reason === 'timeout');
  stop();
  const joined = await connection.once('peer-joined', { signal, deadline: 5000 });
  const polite: boolean = joined.polite;
  for await (const { data, from } of connection.messages<{ text: string }>({ type: 'chat', room: 'r', signal, most: 10 })) void [data.text.length, from.length];
  for await (const message of connection) if (message.type === 'bye') break;
  const off = connection.respond<number>('double', async (number, { from }) => [2 * number, from]);
  off();
  const answer = await connection.request<[number, string]>('double', 21, { to: joined.peer, room: 'r', signal, deadline: Infinity });
  const twice: number = answer[0];
  return [polite, twice];
}
void wait;

const fake = new FakeServer({ iceServers: [{ urls: 'stun:stun.example.org' }] });
const faked: Connection = fake.connect({ room: 'r', deadline: 5000 });
fake.lose(faked);
fake.restore(faked);
fake.end(faked, 'replaced');
fake.stop();
fake.restart();
void fake.settled().then(() => fake.messages.filter(({ type, from }) => type === 'offer' && from === faked.peer));
// @ts-expect-error: a request has one receiver
void connection.request('double', 21, { to: ['a', 'b'] });
// @ts-expect-error: it is called deadline
void connection.once('ready', { timeout: 5000 });
void connect({ signal: AbortSignal.timeout(5000), deadline: 5000, debug: true });
void connect({ debug: (line, { at, what }) => void [line.length, at, what.length] });
void connect({ memory: localStorage, WebSocket: class extends EventTarget { constructor(url: string) { super(); void url; } } as never });
void connect({ memory: false, page: window });
