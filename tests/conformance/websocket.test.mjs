// RFC 6455 from the outside: frames by hand on a raw socket, and npm ws as a client that somebody else wrote.

import { test, before, after, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { Bystanders, WebSocketMember, fetchJson, makeKey } from './support/members.mjs';
import { RawConnection } from './support/raw.mjs';
import { Server } from './support/server.mjs';
import { RawWebSocket, acceptOf, closePayload, encodeFrame, opcode, upgradeLines } from './support/websocket.mjs';

let server;
let bystanders;
let mute;   // a client that says nothing all the while
before(async () => {
  server = await Server.start();
  bystanders = await Bystanders.start(server);
  mute = await RawWebSocket.open(server);
});
afterEach(() => bystanders.areUnharmed());
after(async () => {
  bystanders.stop();
  assert.equal(await server.stop(), 0, server.log);
});

const openText = (fields = {}) => {
  const key = makeKey();
  return JSON.stringify({ key, open: { room: key }, carrier: 'w', ...fields });
};

async function attached() {
  const socket = await RawWebSocket.open(server);
  socket.send(openText());
  assert.equal((await socket.json()).control, 'welcome');
  assert.equal((await socket.json()).type, 'created');
  return socket;
}

// As good as new: it answers what it is asked.
async function works(socket, number = 7) {
  socket.send({ ping: number });
  assert.deepEqual(await socket.json(), { control: 'pong', ping: number });
}

const cutAt = (text, ...places) => [0, ...places].map((from, i) => Buffer.from(text).subarray(from, places[i]));

test('the handshake: 101, the accept key of RFC 6455 §1.3, tokens in any case and company', async () => {
  const key = 'dGhlIHNhbXBsZSBub25jZQ==';
  assert.equal(acceptOf(key), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  for (const [connection, upgrade] of [['Upgrade', 'websocket'], ['keep-alive, Upgrade', 'WebSocket'], ['UPGRADE', 'h2c, websocket']]) {
    const raw = await RawConnection.open(server);
    raw.request(['GET /v1/ws HTTP/1.1', `Host: ${server.authority}`, `Connection: ${connection}`, `Upgrade: ${upgrade}`,
      'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${key}`, 'Sec-WebSocket-Extensions: permessage-deflate']);
    const { status, headers } = await raw.responseHead();
    assert.equal(status, 101);
    assert.equal(headers.upgrade.toLowerCase(), 'websocket');
    assert.equal(headers.connection.toLowerCase(), 'upgrade');
    assert.equal(headers['sec-websocket-accept'], acceptOf(key));
    assert.equal(headers['sec-websocket-extensions'], undefined, 'no extension is spoken');
    assert.equal(headers['sec-websocket-protocol'], undefined);
    raw.destroy();
  }
});

test('the subprotocol sigway.v1 is chosen where it is offered, and none is native too', async () => {
  for (const [offered, chosen] of [['sigway.v1', 'sigway.v1'], ['chat, sigway.v1', 'sigway.v1'], ['chat', undefined]]) {
    const socket = await RawWebSocket.open(server, { headers: [`Sec-WebSocket-Protocol: ${offered}`] });
    assert.equal(socket.response.headers['sec-websocket-protocol'], chosen);
    socket.send(openText());
    assert.equal((await socket.json()).control, 'welcome');
    socket.destroy();
  }
});

test('frames that come with the handshake, all in one piece, are read', async () => {
  const raw = await RawConnection.open(server);
  const lines = upgradeLines(server);
  raw.write(`${lines.join('\r\n')}\r\n\r\n${encodeFrame(opcode.text, openText()).toString('latin1')}${encodeFrame(opcode.ping, 'now').toString('latin1')}`);
  const socket = new RawWebSocket();
  socket.connection = raw;
  assert.equal((await raw.responseHead()).status, 101);
  const frames = [];
  for (let i = 0; i < 3; ++i) frames.push(await socket.next());
  assert.ok(frames.some(({ opcode: code, payload }) => code === opcode.pong && payload.toString() === 'now'));
  assert.ok(frames.some(({ payload }) => payload.includes('"welcome"')));
  socket.destroy();
});

test('a frame may come byte by byte, and its length in each form that fits', async () => {
  const socket = await attached();
  for (const byte of encodeFrame(opcode.text, '{"ping":1}')) {
    await new Promise((resolve) => socket.connection.socket.write(Buffer.from([byte]), resolve));
  }
  assert.equal((await socket.json()).ping, 1);
  for (const size of [125, 126, 127, 65535, 65536, 262144]) {
    socket.send(`{"ping":${size}}`.padEnd(size));
    assert.equal((await socket.json()).ping, size);
  }
  socket.destroy();
});

test('a message in fragments, empty ones too, with pings between them', async () => {
  const socket = await attached();
  const [a, b, c] = cutAt('{"ping":12345}', 4, 9);
  socket.frame(opcode.text, a, { fin: false }).frame(opcode.ping, 'first').frame(opcode.continuation, '', { fin: false })
    .frame(opcode.continuation, b, { fin: false }).frame(opcode.ping, 'second').frame(opcode.pong, 'unasked').frame(opcode.continuation, c);
  assert.deepEqual(await socket.next(), { opcode: opcode.pong, payload: Buffer.from('first') });
  assert.deepEqual(await socket.next(), { opcode: opcode.pong, payload: Buffer.from('second') });
  assert.equal((await socket.json()).ping, 12345);
  socket.destroy();
});

test('many small fragments make one message, and too many bytes of them 1009', async () => {
  const socket = await attached();
  const text = `{"ping":1}${' '.repeat(3000)}`;
  socket.frame(opcode.text, text[0], { fin: false });
  for (const letter of text.slice(1, -1)) socket.frame(opcode.continuation, letter, { fin: false });
  socket.frame(opcode.continuation, ' ');
  assert.equal((await socket.json()).ping, 1);
  socket.frame(opcode.text, '{}', { fin: false });
  for (let i = 0; i < 5; ++i) socket.frame(opcode.continuation, ' '.repeat(65536), { fin: false });
  assert.equal((await socket.closed()).code, 1009);
  await socket.connection.ended();
});

test('UTF-8 cut in the middle of a character by fragments and by the network', async () => {
  const data = 'ä€😀';
  for (const places of [[40], [41], [42], [43], [44], [45], [46], [47], [48]]) {
    const socket = await attached();
    const other = await new WebSocketMember(server).open({});
    const name = `@${makeKey()}`;
    await other.say({ type: 'login', name: name.slice(1) });
    await other.event('login');
    const text = `{"messages":[{"n":1,"type":"a","data":"${data}","to":"${name}"}]}`;
    const pieces = cutAt(text, ...places);
    socket.frame(opcode.text, pieces[0], { fin: false }).frame(opcode.ping, 'x').frame(opcode.continuation, pieces[1]);
    assert.equal((await other.event('a')).data, data);
    other.close();
    socket.destroy();
  }
});

test('invalid UTF-8 is 1007, in a fragment as soon as it cannot become valid', async () => {
  for (const bytes of [[0x80], [0xc1, 0xbf], [0xe0, 0x80, 0x80], [0xed, 0xbf, 0xbf], [0xf5, 0x80, 0x80, 0x80], [0xff]]) {
    const socket = await attached();
    socket.frame(opcode.text, Buffer.from(['{'.charCodeAt(0), ...bytes, '}'.charCodeAt(0)]));
    assert.equal((await socket.closed()).code, 1007);
    await socket.connection.ended();
  }
  const cut = await attached();
  cut.frame(opcode.text, Buffer.from([0x7b, 0xe2, 0x82]), { fin: false }).frame(opcode.continuation, '}');
  assert.equal((await cut.closed()).code, 1007);
  const reason = await attached();
  reason.frame(opcode.close, Buffer.concat([closePayload(1000), Buffer.from([0xff])]));
  assert.equal((await reason.closed()).code, 1007, 'a reason that is not UTF-8');
});

test('pings are answered with their payload, up to 125 bytes; unasked pongs are ignored', async () => {
  const socket = await attached();
  for (const payload of ['', 'hello', '\0\xff', 'x'.repeat(125)]) {
    socket.frame(opcode.pong, 'unasked').frame(opcode.ping, Buffer.from(payload, 'latin1'));
    assert.deepEqual(await socket.next(), { opcode: opcode.pong, payload: Buffer.from(payload, 'latin1') });
  }
  await works(socket);
  socket.destroy();
});

test('also before the first request, and without a mask in any answer', async () => {
  const socket = await RawWebSocket.open(server);
  socket.frame(opcode.ping, 'early');
  assert.deepEqual(await socket.next(), { opcode: opcode.pong, payload: Buffer.from('early') });
  socket.destroy();
});

test('what RFC 6455 forbids is 1002', async () => {
  const forbidden = {
    'no mask': (socket) => socket.frame(opcode.text, '{}', { masked: false }),
    ...Object.fromEntries([1, 2, 4, 7].map((rsv) => [`reserved bits ${rsv}`, (socket) => socket.frame(opcode.text, '{}', { rsv })])),
    ...Object.fromEntries([3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((code) => [`opcode ${code}`, (socket) => socket.frame(code, '')])),
    'a control frame in pieces': (socket) => socket.frame(opcode.ping, '', { fin: false }),
    'a close in pieces': (socket) => socket.frame(opcode.close, '', { fin: false }),
    'a long control frame': (socket) => socket.frame(opcode.pong, 'x'.repeat(126)),
    'a continuation of nothing': (socket) => socket.frame(opcode.continuation, ''),
    'a new message inside another': (socket) => socket.frame(opcode.text, '', { fin: false }).frame(opcode.text, '{}'),
    'a length in a longer form than needed': (socket) => socket.frame(opcode.text, '{}', { lengthForm: 16 }),
    'a length in 64 bits that fits in 16': (socket) => socket.frame(opcode.text, '{}', { lengthForm: 64 }),
    'a close of one byte': (socket) => socket.frame(opcode.close, 'x'),
    ...Object.fromEntries([0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535].map(
      (code) => [`the close code ${code}`, (socket) => socket.frame(opcode.close, closePayload(code))])),
  };
  for (const [name, send] of Object.entries(forbidden)) {
    const socket = await attached();
    send(socket);
    assert.equal((await socket.closed()).code, 1002, name);
    await socket.connection.ended();
  }
});

test('binary is 1003', async () => {
  const socket = await attached();
  socket.frame(opcode.binary, openText());
  assert.equal((await socket.closed()).code, 1003);
  await socket.connection.ended();
});

test('a length of more than the limit is 1009 before its bytes have come', async () => {
  for (const length of [262145n, 2n ** 32n, 2n ** 62n]) {
    const socket = await attached();
    const head = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
    head.writeBigUInt64BE(length, 2);
    socket.connection.write(head.toString('latin1'));
    assert.equal((await socket.closed()).code, 1009);
    await socket.connection.ended();
  }
});

test('the close handshake: the code comes back, then the server closes', async () => {
  for (const code of [1000, 1001, 1011, 3000, 4000, 4999]) {
    const socket = await attached();
    socket.frame(opcode.close, closePayload(code, 'bye'));
    assert.equal((await socket.closed()).code, code);
    assert.equal(await socket.connection.ended(), '', 'nothing after the close frame');
  }
  const bare = await attached();
  bare.frame(opcode.close, '');
  assert.equal((await bare.closed()).code, null);
  await bare.connection.ended();
});

test('nothing that comes after a close frame counts', async () => {
  const member = await new WebSocketMember(server).open({});
  const socket = await RawWebSocket.open(server);
  socket.send({ key: member.key, resume: {}, carrier: 'second' });
  assert.equal((await socket.json()).control, 'welcome');
  socket.frame(opcode.close, closePayload(1000)).send({ messages: [{ n: 1, type: 'leave' }] });
  await socket.closed();
  await socket.connection.ended();
  const { status, json } = await fetchJson(server, '/v1/send', { key: member.key });
  assert.deepEqual([status, json.up], [200, 0]);
  member.close();
});

test('a close that the server begins is finished by the client', async () => {
  const socket = await attached();
  socket.send({ type: 'leave' });
  const { code, reason, before: controls } = await socket.closed();
  assert.deepEqual([code, reason], [4100, 'left']);
  assert.deepEqual([controls.at(-1).control, controls.at(-1).code], ['end', 'left']);
  socket.frame(opcode.close, closePayload(4100));
  await socket.connection.ended();
});

test('the server pings, and drops a peer that answers nothing for two intervals', async () => {
  const quick = await Server.start(['--ping-interval', '2s']);   // a busy machine answers within two of these
  const key = makeKey();
  const socket = await RawWebSocket.open(quick);
  socket.send({ key, open: {}, carrier: 'w', turn: 1 });
  let pings = 0;
  try {
    for (;;) if ((await socket.next()).opcode === opcode.ping) pings += 1;
  } catch { /* the connection ended */ }
  assert.ok(pings >= 1 && pings <= 3, `it was asked, and given up after two intervals: ${pings} pings`);
  // Whoever answers stays.
  const good = await RawWebSocket.open(quick);
  good.send({ key, resume: {}, carrier: 'v', turn: 2 });
  for (let answered = 0; answered < 3;) {
    const { opcode: code, payload } = await good.next();
    if (code !== opcode.ping) continue;
    good.frame(opcode.pong, payload);
    answered += 1;
  }
  await works(good);
  good.destroy();
  assert.equal(await quick.stop(), 0, quick.log);
});

test('the first frame has to open or resume', async () => {
  for (const text of ['{"ack":1}', '{}', '{"ping":1}', '{"type":"offer"}']) {
    const socket = await RawWebSocket.open(server);
    const { code, reason } = await socket.send(text).closed();
    assert.deepEqual([code, reason], [4400, 'bad_request']);
    socket.destroy();
  }
});

test('npm ws: a whole exchange, plain and over TLS, and its close', async () => {
  const secure = await Server.start(['--tls-self-signed']);
  for (const where of [server, secure]) {
    const room = makeKey();
    const alice = await new WebSocketMember(where).open({ room, name: `${room.slice(0, 8)}-alice` });
    await alice.event('login');
    await alice.event('created');
    const bob = await new WebSocketMember(where).open({ room });
    await bob.event('joined');
    await bob.event('ready');
    await alice.event('peer-joined');
    await alice.event('ready');
    await alice.say({ type: 'offer', data: { sdp: 'v=0\r\n' } });
    assert.deepEqual((await bob.event('offer')).data, { sdp: 'v=0\r\n' });
    await bob.say({ type: 'answer', to: alice.welcome.peer, data: 'x'.repeat(60000) });
    assert.equal((await alice.event('answer')).data.length, 60000);
    bob.socket.close(1000, 'done');
    assert.equal((await bob.closed).code, 1000);
    alice.socket.send(JSON.stringify({ type: 'leave' }));
    assert.deepEqual(await alice.closed, { code: 4100, reason: 'left' });
  }
  assert.equal(await secure.stop(), 0, secure.log);
});

test('npm ws: a person\'s session by its URL', async () => {
  const room = makeKey();
  const socket = new WebSocket(`ws://${server.authority}/v1/ws?room=${room}&name=${room}`);
  const frames = [];
  await new Promise((resolve, reject) => {
    socket.on('message', (bytes) => { if (frames.push(JSON.parse(bytes)) === 3) resolve(); });
    socket.on('error', reject);
  });
  assert.equal(frames[0].control, 'welcome');
  assert.match(frames[0].key, /^[A-Za-z0-9_-]{22,}$/);
  assert.equal(frames[0].active, true);
  assert.deepEqual(frames.slice(1).map(({ type }) => type).sort(), ['created', 'login']);
  socket.terminate();
});

test('who says nothing for --attach-timeout is closed with no_attach', async () => {
  const { code, reason, before: controls } = await mute.closed();
  assert.deepEqual([code, reason], [4008, 'no_attach']);
  assert.deepEqual([controls.at(-1).control, controls.at(-1).code], ['end', 'no_attach']);
});

test('a drain of no time tells everybody to come back all the same', async () => {
  const own = await Server.start(['--shards', '3', '--drain-time', '0s']);
  const sockets = await Promise.all(Array.from({ length: 12 }, () => RawWebSocket.open(own)));
  for (const socket of sockets) {
    socket.send(openText({ turn: 1 }));
    assert.equal((await socket.json()).control, 'welcome');
  }
  own.process.kill('SIGTERM');
  for (const socket of sockets) {
    assert.equal((await socket.closed()).code, 4012);
    socket.destroy();
  }
  assert.deepEqual(await own.exit, [0, null], own.log);
});

test('a server that shuts down closes sockets that have no session at once, and the probes\' sockets before it goes', async () => {
  const own = await Server.start(['--drain-time', '1h']);
  const unopened = await RawWebSocket.open(own);
  const probe = await RawWebSocket.open(own, { path: '/v1/probe/ws' });
  assert.ok((await probe.json()).server);
  own.process.kill('SIGTERM');
  const { control, code, retry } = await unopened.json();
  assert.deepEqual({ control, code, retry }, { control: 'end', code: 'draining', retry: 1000 });
  assert.equal((await unopened.closed()).code, 4012);
  assert.equal((await probe.closed()).code, 1001);
  for (const socket of [unopened, probe]) socket.destroy();
  assert.deepEqual(await own.exit, [0, null], own.log);
});
