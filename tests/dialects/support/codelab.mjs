// The rooms of the codelab: what a client of them says, and what it hears, whichever version it has.

import assert from 'node:assert/strict';
import { hasBinary, knowsItsId } from './socketio.mjs';

export const kOffer = { type: 'offer', sdp: 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\n' };
export const kCandidate = { type: 'candidate', label: 0, id: 'audio', candidate: 'candidate:1 1 udp 1 192.0.2.1 9 typ host' };
export const kText = 'é€😀';          // what no reading of it as Latin-1 or ASCII gives back
export const kLatin1 = 'Ã©';          // its bytes in Latin-1 are the bytes of `é` in UTF-8
export const kLong = Array.from({ length: 1000 }, (_, i) => `a=candidate:${i} 1 udp 2122 192.0.2.1 5`).join('\r\n').slice(0, 40960);

// The next `event` has exactly these arguments.
export async function hears(client, event, ...args) {
  assert.deepEqual(await client.next(event), args, `${event} at ${client.name}`);
}

// The next log line, which is one array.
export const logs = (client, ...line) => hears(client, 'log', ['Message from server:', ...line]);

// Takes an id from an answer of the server.
function checkedId(client, [room, id, ...more], expected) {
  assert.equal(room, expected, client.name);
  assert.deepEqual(more, [], client.name);
  assert.match(id, /^[\x21-\x7e]+$/, client.name);
  if (knowsItsId(client.version)) assert.equal(id, client.id, client.name);
  return id;
}

// Opens a room that nobody is in.
export async function create(client, room) {
  client.emit('create or join', room);
  const id = client.peer = checkedId(client, await client.next('created'), room);
  await logs(client, `Received request to create or join room ${room}`);
  await logs(client, `Room ${room} now has 0 client(s)`);
  await logs(client, `Client ID ${id} created room ${room}`);
}

// Comes as the second: `first` is told.
export async function join(client, room, first) {
  client.emit('create or join', room);
  const id = client.peer = checkedId(client, await client.next('joined'), room);
  await logs(client, `Received request to create or join room ${room}`);
  await logs(client, `Room ${room} now has 1 client(s)`);
  await logs(client, `Client ID ${id} joined room ${room}`);
  await hears(client, 'ready', room);
  await hears(first, 'join', room);
  await hears(first, 'ready', room);
  assert.notEqual(client.peer, first.peer);
}

// Comes as the third and is refused.
export async function isRefused(client, room) {
  client.emit('create or join', room);
  await hears(client, 'full', room);
  await logs(client, `Received request to create or join room ${room}`);
  await logs(client, `Room ${room} now has 2 client(s)`);
}

// What the log says of a message: of one with more than 4 KiB the beginning of its JSON.
export function logged(message) {
  const json = Buffer.from(JSON.stringify(message));
  return json.length > 4096 ? `${json.subarray(0, 4096)}…` : message;
}

// `from` says one message; `to` gets exactly that, and `from` reads of it in its log.
export async function passes(from, to, message) {
  from.emit('message', message);
  await hears(to, 'message', message);
  await logs(from, 'Client said: ', logged(message));
}

// Bytes: the log of them may show anything.
export async function passesBytes(from, to, bytes) {
  from.emit('message', bytes);
  const [heard, ...more] = await to.next('message');
  assert.deepEqual(more, [], to.name);
  if (hasBinary(to.version)) {
    assert.ok(Buffer.isBuffer(heard), `${to.name} heard ${typeof heard}`);
    assert.deepEqual(heard, bytes, to.name);
  } else {
    assert.deepEqual(heard, { base64: bytes.toString('base64') }, to.name);
  }
  await from.next('log');
}

// Everything that `first` and `second` can hear has arrived: nothing is left over from before.
export async function areQuiet(first, second) {
  const { length } = first.heard;
  const { length: other } = second.heard;
  await passes(first, second, 'the last word');
  await passes(second, first, 'the last word');
  const quiet = [['log', ['Message from server:', 'Client said: ', 'the last word']], ['message', 'the last word']];
  for (const [client, from] of [[first, length], [second, other]]) {
    assert.deepEqual(client.heard.slice(from).sort(), quiet, client.name);
  }
}
