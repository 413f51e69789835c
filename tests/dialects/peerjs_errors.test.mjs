// What bad input gets from PeerJS's paths: a row is a test.

import assert from 'node:assert/strict';
import { RawWebSocket, closePayload, encodeFrame, opcode } from '../conformance/support/websocket.mjs';
import { fetchJson } from '../conformance/support/members.mjs';
import { expectRefusal, get, refusesGet, refusesSocket, tableOfBadInput } from './support/bad_input.mjs';
import { WsClient } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { connect, error, expire, hears, isQuiet, isTurnedAway, passes, peer, peers, socketPath, tell } from './support/peerjs.mjs';
import { told } from './support/talk.mjs';

const row = tableOfBadInput(['--message-rate', '100', '--message-burst', '200']);
const kPath = socketPath({ id: 'somebody', token: 't' });
const kForeign = { Origin: 'https://foreign.example' };

// -- HTTP

for (const path of ['/peerjs/', '/peerjs/peerjs/id', '/peerjs/peerjs/peers', '/peerjs/peerjs']) {
  row(`another method at ${path}`, async (t, server) => {
    for (const method of ['POST', 'PUT', 'DELETE']) expectRefusal(await fetchJson(server, path, 'x', { method }), 405, 'wrong_method');
  });
}

row('a path that is not there', async (t, server) => {
  for (const path of ['/peerjs/x', '/peerjs/peerjs/x', '/peerjs/a/b/id', '/peerjs/peerjs/id/', '/peerjs//id/x']) await refusesGet(server, path, 404, 'unknown_route');
});

row('a path with an escape that may not be there', async (t, server) => {
  for (const path of ['/peerjs/peerjs%2Fid', '/peerjs/%00/id', '/peerjs/%zz/id']) await refusesGet(server, path, 400, 'bad_request');
});

row('a list of peers where there is none, or with another key', async (t, server) => {
  const { json } = await refusesGet(server, '/peerjs/peerjs/peers', 401, 'discovery_off');
  assert.match(json.error.hint, /--peerjs-discovery/);
  const own = await startGateway(['--peerjs-discovery']);
  try {
    for (const key of ['another', 'peerjs2', '']) await refusesGet(own, `/peerjs/${key}/peers`, [401, 404]);
  } finally {
    await stopGateway(own);
  }
});

row('a page of another origin, and another host', async (t, server) => {
  for (const path of ['/peerjs', '/peerjs/peerjs/id', '/peerjs/peerjs/peers']) {
    const { json, headers } = await refusesGet(server, path, 403, 'origin_refused', kForeign);
    assert.match(json.error.hint, /--allow-origin https:\/\/foreign\.example/);
    assert.equal(headers['access-control-allow-origin'], 'https://foreign.example', 'the page may read why');
    await refusesGet(server, path, 421, 'host_refused', { Host: 'foreign.example' });
  }
  await refusesSocket(server, kPath, 403, 'origin_refused', kForeign);
  await refusesSocket(server, kPath, 421, 'host_refused', { Host: 'foreign.example' });
});

row('no handshake of a WebSocket', async (t, server) => {
  expectRefusal(await get(server, kPath), 426);
});

row('everything, where the dialect is off', async (t) => {
  const own = await startGateway(['--dialects', 'raw']);
  try {
    for (const path of ['/peerjs', '/peerjs/peerjs/id', kPath]) await refusesGet(own, path, 404, 'unknown_route');
    await refusesSocket(own, kPath, 404, 'unknown_route');
  } finally {
    await stopGateway(own);
  }
});

// -- A WebSocket that is not let in. Missing parameters and a wrong key are in peerjs_wire.test.mjs.

row('an id that cannot be one', async (t, server) => {
  for (const id of ['x'.repeat(129), 'a%0Ab', '%00', 'a%7F', '%C2%85', encodeURIComponent('ž'.repeat(65))]) {
    await isTurnedAway(await connect(t, server, { id }), error('The id is longer than 128 bytes, or has control characters; choose another one'));
  }
  const longest = await peer(t, server, { id: 'x'.repeat(128) });
  await isQuiet(longest);
});

row('more clients of one address than a server takes', async (t) => {
  const own = await startGateway(['--max-sessions-per-address', '2']);
  try {
    const [alice, bob] = await peers(t, own);
    await isTurnedAway(await connect(t, own), error('Server has reached its concurrent user limit'));
    await passes(alice, bob);
    bob.close();
    await bob.closed;
    await passes(alice, await peer(t, own));
  } finally {
    await stopGateway(own);
  }
});

// -- Messages

for (const [what, sent] of [
  ['no JSON', 'x'], ['nothing', ''], ['an array', '[]'], ['null', 'null'], ['a string', '"OFFER"'], ['two objects', '{"type":"LEAVE"}{"type":"LEAVE"}'],
  ['single quotes', "{'type':'LEAVE'}"], ['a type that is a number', { type: 5, dst: 'x' }], ['a type that is unknown', { type: 'DANCE', dst: 'x' }],
  ['a type in lower case', { type: 'leave' }], ['a type that is no word of clients', { type: 'OPEN', dst: 'x' }], ['no type', { dst: 'x' }],
  ['nobody to send it to', { type: 'OFFER', payload: 1 }], ['a number to send it to', { type: 'OFFER', dst: 5 }], ['an object to send it to', { type: 'LEAVE', dst: {} }],
  ['65 levels', `{"type":"OFFER","dst":"x","payload":${'['.repeat(64)}${']'.repeat(64)}}`], ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
]) {
  row(`ignored: ${what}`, async (t, server) => {
    const [alice, bob] = await peers(t, server);
    if (Buffer.isBuffer(sent)) alice.say(sent); else tell(alice, sent);
    await isQuiet(alice);
    await passes(alice, bob);
    await passes(bob, alice);
  });
}

row('JSON in a binary frame counts, as in the original', async (t, server) => {
  const [alice, bob] = await peers(t, server);
  alice.say(Buffer.from(JSON.stringify({ type: 'OFFER', dst: bob.id, payload: 'ž' })));
  await hears(bob, JSON.stringify({ type: 'OFFER', src: alice.id, dst: bob.id, payload: 'ž' }));
});

row('a field twice: the last one counts', async (t, server) => {
  const [alice, bob] = await peers(t, server);
  tell(alice, `{"type":"LEAVE","dst":"nobody","type":"OFFER","dst":"${bob.id}","payload":1,"payload":2}`);
  await hears(bob, JSON.stringify({ type: 'OFFER', src: alice.id, dst: bob.id, payload: 2 }));
});

row('LEAVE to nobody ends the session', async (t, server) => {
  const alice = await peer(t, server);
  tell(alice, { type: 'LEAVE' });
  assert.deepEqual(await alice.closed, { code: 4100, reason: 'left' });
});

row('an id that nobody can have is not waited for', async (t, server) => {
  const alice = await peer(t, server);
  for (const dst of ['x'.repeat(129), 'a\nb', '\u0000', '\u0085']) {
    tell(alice, { type: 'LEAVE', dst });
    tell(alice, { type: 'OFFER', dst });
    await hears(alice, expire(dst, alice.id));
  }
  await isQuiet(alice);
});

row('more than 64 messages for one id that nobody has', async (t, server) => {
  const alice = await peer(t, server);
  const id = fresh('absent');
  for (let n = 0; n < 65; ++n) tell(alice, { type: 'CANDIDATE', dst: id, payload: n });
  await hears(alice, expire(id, alice.id));
  const bob = await peer(t, server, { id });
  for (let n = 0; n < 64; ++n) await hears(bob, JSON.stringify({ type: 'CANDIDATE', src: alice.id, dst: id, payload: n }));
  await isQuiet(alice);
});

row('a receiver that does not read', async (t, server) => {
  const [alice, bob] = await peers(t, server);
  bob.socket.pause();
  const payload = 'x'.repeat(60000);
  for (let n = 0; n < 6; ++n) tell(alice, { type: 'OFFER', dst: bob.id, payload });
  await hears(alice, JSON.stringify({ type: 'LEAVE', src: bob.id, dst: alice.id }));
  bob.socket.resume();
  await hears(bob, JSON.stringify({ type: 'OFFER', src: alice.id, dst: bob.id, payload }));
});

row('a message of more than 256 KiB', async (t, server) => {
  const [alice, bob] = await peers(t, server);
  const payload = 'x'.repeat(200 * 1024);
  await passes(alice, bob, payload);
  tell(alice, { type: 'OFFER', dst: bob.id, payload: 'x'.repeat(256 * 1024) });
  assert.equal((await alice.closed).code, 1009);
  await isQuiet(bob);
});

row('more messages than the rate allows, of any kind', async (t, server) => {
  for (const message of [{ type: 'OFFER', dst: 'x' }, { type: 'HEARTBEAT' }, 'x']) {
    const alice = await peer(t, server);
    for (let n = 0; n < 400; ++n) tell(alice, message);
    assert.equal((await alice.closed).code, 4029);
  }
});

for (const [what, bytes, code] of [
  ['a frame without a mask', encodeFrame(opcode.text, 'x', { masked: false }), 1002], ['a reserved opcode', encodeFrame(3, 'x'), 1002],
  ['a text that is no UTF-8', encodeFrame(opcode.text, Buffer.from([0x61, 0xff])), 1007], ['a close with a code that nobody may send', encodeFrame(opcode.close, closePayload(1005)), 1002],
]) {
  row(what, async (t, server) => {
    const socket = await RawWebSocket.open(server, { path: socketPath({ id: fresh('raw'), token: 't' }) });
    t.after(() => socket.destroy());
    socket.connection.write(bytes.toString('latin1'));
    for (;;) {
      const { opcode: kind, payload } = await socket.next();
      if (kind !== opcode.close) continue;
      assert.equal(payload.readUInt16BE(), code);
      break;
    }
  });
}

// -- Other dialects

row('clients of other dialects cannot say the names of these, nor hear what is said to them', async (t, server) => {
  const alice = await peer(t, server);
  const native = await WsClient.open(server, '/v1/ws');
  t.after(() => native.close());
  native.say(JSON.stringify({ open: { name: alice.id } }));
  for (let event = {}; event.type !== 'login';) event = await told(native);
  for (const to of [alice.id, `peerjs\n${alice.id}`]) native.say(JSON.stringify({ messages: [{ type: 'offer', to: `@${to}`, data: 1 }] }));
  const login = await WsClient.open(server, '/login');
  t.after(() => login.close());
  login.say(JSON.stringify({ type: 'login', name: `peerjs\n${alice.id}` }));
  assert.deepEqual(await told(login), { type: 'login', success: false });
  login.say(JSON.stringify({ type: 'offer', name: `peerjs\n${alice.id}`, offer: 1 }));
  login.say(JSON.stringify({ type: 'dance' }));
  assert.equal((await told(login)).type, 'error');   // all before it has been taken
  await isQuiet(alice);
});

