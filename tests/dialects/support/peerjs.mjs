// PeerJS on the wire: WebSockets of npm ws that say what the library would.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { within } from '../../conformance/support/patience.mjs';
import { WsClient } from './clients.mjs';
import { fresh } from './gateway.mjs';

export const kOpen = '{"type":"OPEN"}';
export const kTaken = '{"type":"ID-TAKEN","payload":{"msg":"ID is taken"}}';
export const kOffer = { sdp: { type: 'offer', sdp: 'v=0\r\ns=žluť 🚀\r\n' }, type: 'data', connectionId: 'dc_1', metadata: { a: [1, null] }, label: 'dc_1', reliable: true, serialization: 'binary' };

export const expire = (src, dst) => JSON.stringify({ type: 'EXPIRE', src, dst });
export const error = (msg) => JSON.stringify({ type: 'ERROR', payload: { msg } });

// The library writes id and token as they are.
export function socketPath({ path = '/peerjs', key = 'peerjs', id, token }) {
  const query = Object.entries({ key, id, token, version: '1.5.5' }).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}=${value}`);
  return `${path}/peerjs?${query.join('&')}`;
}

// A WebSocket that is open, whatever the server says then.
// `socket`: options of the WebSocket's constructor.
export async function connect(t, server, { id = fresh('peer'), token = 'a token', socket, ...more } = {}) {
  const client = await WsClient.open(server, socketPath({ id, token: encodeURIComponent(token), ...more }), socket);
  t.after(() => client.cut());
  return Object.assign(client, { id, token });
}

// One that has its id.
export async function peer(t, server, options) {
  const client = await connect(t, server, options);
  assert.equal(await client.next(() => `OPEN of ${client.id}`), kOpen);
  return client;
}

export const peers = (t, server, count = 2) => Promise.all(Array.from({ length: count }, () => peer(t, server)));

export const tell = (client, message) => client.say(typeof message === 'string' ? message : JSON.stringify(message));

// The very bytes.
export async function hears(client, text) {
  assert.equal(await client.next(() => `${text.slice(0, 80)} at ${client.id}`), text);
}

// `from` says it to `to`, who gets that.
export async function passes(from, to, payload = fresh('payload'), type = 'OFFER') {
  tell(from, { type, dst: to.id, payload });
  await hears(to, JSON.stringify({ type, src: from.id, dst: to.id, payload }));
}

// All that it was told before has been taken.
export const isQuiet = (client) => passes(client, client);

// The server knows that all which it has sent has arrived: its pings were answered before it answered this one.
export async function hasConfirmed(client) {
  client.socket.ping();
  await within(once(client.socket, 'pong'), () => 'a pong');
}

// It was told this, and nothing else, before the server closed without a code.
export async function isTurnedAway(client, text) {
  await hears(client, text);
  assert.deepEqual(await client.closed, { code: 1005, reason: '' });
}
