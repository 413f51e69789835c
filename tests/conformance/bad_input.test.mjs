// The table "What bad input gets" of docs/protocol.md: one test a row, on each transport where it applies.
// What is expected is read from the table itself. In every test three bystanders, one by each
// transport, go on talking as if nothing had happened.

import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { badInputTable } from './support/table.mjs';
import { Bystanders, EventStreamMember, PollMember, WebSocketMember, fetchJson, kTransports, makeKey } from './support/members.mjs';
import { RawConnection, exchange, get, post } from './support/raw.mjs';
import { RawWebSocket, closePayload, opcode, upgradeLines } from './support/websocket.mjs';
import { assertExplains, assertRefuses, envelope, pair, refusedAsEvent, refusedAsFirstFrame, refusedInSession, refusedOverHttp, stillTalk }
  from './support/refusals.mjs';
import { Server } from './support/server.mjs';

const table = new Map(badInputTable().map((row) => [row.what, row]));
const tested = new Set();
const kUploads = [PollMember];   // an upload is the same whatever the way down is

let server;
let bystanders;
before(async () => {
  server = await Server.start();
  bystanders = await Bystanders.start(server);
  await bystanders.areUnharmed();
});
after(async () => {
  bystanders.stop();
  assert.equal(await server.stop(), 0, server.log);
});

function row(what, body) {
  tested.add(what);
  test(what, async () => {
    assert.ok(table.has(what), 'not a row of the table');
    await body(table.get(what));
    await bystanders.areUnharmed();
  });
}

// Wrong as a text, whoever sends it and wherever.
async function refusedEverywhere(rowOf, text) {
  await refusedOverHttp(server, rowOf, text);
  await refusedAsFirstFrame(server, rowOf, text);
}

const opening = (fields, key = makeKey()) => `{"key":"${key}","open":{"room":"${key}"}${fields}}`;

// --- the JSON ---

row('not JSON, or nothing at all', async (expected) => {
  for (const text of ['', ' \r\n', 'hello', '{', '{"key":', "{'key':1}", '{"ack":1}{}', '{"ack":01}', '{"ack":1,}', '\ufeff{}']) {
    await refusedEverywhere(expected, text);
  }
  await refusedInSession(server, expected, () => '"ack":', [WebSocketMember, ...kUploads]);
});

row('JSON, but not an object', async (expected) => {
  for (const text of ['[]', '"text"', '1', 'true', 'null']) await refusedEverywhere(expected, text);
});

row('a field of the wrong type or out of its range', async (expected) => {
  const wrong = ['"ack":"1"', '"ack":-1', '"ack":1.5', '"ack":1e2', '"ack":99999999999999999999', '"turn":0', '"n":0', '"wait":-1',
    '"messages":{}', '"messages":[1]', '"heartbeat":999', '"pad":65537', '"hello":0', '"ticket":false', '"away":false', '"carrier":""',
    '"carrier":"a b"', '"resume":{}', '"messages":[{"n":0,"type":"a"}]', `"messages":[${Array(257).fill('{"type":"a"}')}]`];
  for (const field of wrong) await refusedEverywhere(expected, opening(`,${field}`));
  await refusedEverywhere(expected, `{"key":"${makeKey()}","open":[]}`);
  for (const field of wrong.slice(0, 8)) await refusedInSession(server, expected, () => field, [WebSocketMember, ...kUploads]);
});

row('a field of the request that is not known', async (expected) => {
  await refusedEverywhere(expected, opening(',"acks":1'));
  await refusedEverywhere(expected, opening(',"data":1'));
  await refusedEverywhere(expected, `{"key":"${makeKey()}","open":{"rom":"a"}}`);
  await refusedEverywhere(expected, `{"key":"${makeKey()}","resume":{"key":"a"}}`);
  await refusedInSession(server, expected, () => '"tpye":"offer"', [WebSocketMember, ...kUploads]);
});

row('a field of the request twice', async (expected) => {
  await refusedEverywhere(expected, opening(',"ack":0,"ack":0'));
  await refusedEverywhere(expected, opening(',"ack":0,"\\u0061ck":0'));
  await refusedEverywhere(expected, `{"key":"${makeKey()}","open":{"room":"a","room":"b"}}`);
  await refusedInSession(server, expected, () => '"ack":0,"ack":0', [WebSocketMember, ...kUploads]);
});

row('a numbered message with a field that is not known', async (expected) => {
  await refusedAsEvent(server, expected, '"type":"offer","sdp":"v=0"');
  await refusedAsEvent(server, expected, '"type":"login","name":"a","room":"b"');
  await refusedInSession(server, { ...expected, http: 400 }, () => '"messages":[{"type":"offer","sdp":"v=0"}]', [WebSocketMember, ...kUploads]);
});

row('a numbered message with a field twice', async (expected) => {
  await refusedAsEvent(server, expected, '"type":"offer","data":1,"data":2');
  await refusedInSession(server, { ...expected, http: 400 }, () => '"messages":[{"type":"offer","data":1,"data":2}]', [WebSocketMember, ...kUploads]);
});

row('a type that is none, or the server\'s own', async (expected) => {
  for (const type of ['', 'two words', '1st', 'x'.repeat(65), 'joined', 'peer-left', 'error', 'ready']) {
    await refusedAsEvent(server, expected, { type, data: 1 });
  }
  await refusedInSession(server, { ...expected, http: 400 }, () => '"type":"joined"', [WebSocketMember, ...kUploads]);
});

row('`data` over 65,536 bytes', async (expected) => {
  const text = (bytes) => 'x'.repeat(bytes - 2);
  await refusedAsEvent(server, expected, { type: 'offer', data: text(65537) }, (event) => assert.equal(event.limit, 65536));
  await refusedInSession(server, { ...expected, http: 400 }, () => `"type":"offer","data":"${text(65537)}"`, [WebSocketMember, ...kUploads]);
  const { member, other } = await pair(server, WebSocketMember);
  await member.say({ type: 'offer', data: text(65536) });
  assert.equal((await other.event('offer')).data.length, 65534);
  member.close();
  other.close();
});

row('`data` of more than 64 levels', async (expected) => {
  const nested = (levels) => '['.repeat(levels) + ']'.repeat(levels);
  await refusedAsEvent(server, expected, `"type":"offer","data":${nested(65)}`);
  await refusedInSession(server, { ...expected, http: 400 }, () => `"type":"offer","data":${nested(65)}`, [WebSocketMember, ...kUploads]);
  const { member, other } = await pair(server, EventStreamMember);
  await member.say({ type: 'offer', data: JSON.parse(nested(64)) });
  assert.equal(JSON.stringify((await other.event('offer')).data), nested(64));
  member.close();
  other.close();
});

row('a request of more than 512 levels', async (expected) => {
  await refusedEverywhere(expected, '['.repeat(100000));
  await refusedEverywhere(expected, opening(`,"messages":${'['.repeat(600)}${']'.repeat(600)}`));
  await refusedInSession(server, expected, () => `"type":"a","data":${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`, [WebSocketMember, ...kUploads]);
});

row('a body over 256 KiB', async (expected) => {
  const { member, other } = await pair(server, PollMember);
  const body = JSON.stringify({ key: member.key, messages: [{ n: 1, type: 'offer', data: 'x'.repeat(262144) }] });
  for (const path of ['/v1/poll', '/v1/sse', '/v1/send']) {
    const connection = await RawConnection.open(server);
    connection.request(...post(server, path, body));
    const error = assertRefuses(await connection.response(), Number(expected.http), expected.code);
    assert.equal(error.limit, 262144);
    await connection.ended();
  }
  // Chunks do not say how long it will be: refused when it is.
  const chunked = await RawConnection.open(server);
  chunked.request(['POST /v1/send HTTP/1.1', `Host: ${server.authority}`, 'Transfer-Encoding: chunked']);
  for (let i = 0; i < 5; ++i) chunked.write(`10000\r\n${'x'.repeat(65536)}\r\n`);
  assertRefuses(await chunked.response(), Number(expected.http), expected.code);
  await stillTalk(member, other);

  const socket = await RawWebSocket.open(server);
  socket.send({ key: other.key, resume: {}, carrier: 'other' });
  assert.equal((await socket.json()).control, 'welcome');
  socket.frame(opcode.text, 'x'.repeat(262145));
  assert.equal((await socket.closed()).code, Number(expected.websocket));
  await stillTalk(member, other);
  // A length is believed only as far as its bytes have come.
  const liar = await RawWebSocket.open(server);
  liar.connection.write(Buffer.from([0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]).toString('latin1'));
  assert.equal((await liar.closed()).code, Number(expected.websocket));
  member.close();
  other.close();
});

row('invalid UTF-8', async (expected) => {
  const wrong = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]];
  for (const bytes of wrong) {
    const key = makeKey();
    const text = Buffer.concat([Buffer.from(`{"key":"${key}","open":{"room":"`), Buffer.from(bytes), Buffer.from('"}}')]);
    await refusedOverHttp(server, expected, text);
    const socket = await RawWebSocket.open(server);
    assert.equal((await socket.frame(opcode.text, text).closed()).code, Number(expected.websocket));
    await assert.rejects(socket.json(), 'and then the connection is closed');
  }
  const member = await new WebSocketMember(server).open({ room: makeKey() });
  member.socket.send(Buffer.from('{"type":"a","data":"\xff"}', 'latin1'), { binary: false });
  assert.equal((await member.closed).code, Number(expected.websocket));
  assert.equal((await fetchJson(server, '/v1/send', { key: member.key })).status, 200, 'the session lives');
});

row('a line break or NUL inside a string', async (expected) => {
  for (const raw of ['\n', '\r', '\0', '\u001f']) {
    await refusedEverywhere(expected, `{"key":"${makeKey()}","open":{"room":"a${raw}b"}}`);
    await refusedInSession(server, expected, () => `"type":"offer","data":"a${raw}b"`, [WebSocketMember, ...kUploads]);
  }
  const data = 'a\nb\r\nc\0d\u2028e\u2029f\u0085\ud83d\ude00';
  for (const Transport of Object.values(kTransports)) {
    const { member, other } = await pair(server, Transport);
    await member.say({ type: 'offer', data });
    assert.equal((await other.event('offer')).data, data);
    await other.say({ type: 'answer', data });
    assert.equal((await member.event('answer')).data, data);
    member.close();
    other.close();
  }
});

row('line breaks between the tokens of `data`', async (expected) => {
  for (const Transport of Object.values(kTransports)) {
    const { member, other } = await pair(server, Transport);
    assert.equal(await member.request(envelope(member, '"messages":[{"n":1,"type":"offer",\r\n"data":{\r\n"a"\n:\r[\n\n1,\r2]}}]')), null);
    assert.equal(member.up, 1, expected.http);
    member.said = 1;
    assert.deepEqual((await other.event('offer')).data, { a: [1, 2] });
    await stillTalk(member, other);
    member.close();
    other.close();
  }
});

// --- keys and numbers ---

row('an unknown key', async (expected) => {
  await refusedOverHttp(server, expected, `{"key":"${makeKey()}","ack":0}`, ['/v1/send', '/v1/poll']);
  await refusedEverywhere(expected, `{"key":"${makeKey()}","resume":{}}`);
  // Nothing tells an unknown key from one that is somebody's but a letter.
  const { key } = bystanders.members[0];
  await refusedEverywhere(expected, `{"key":"${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}","resume":{}}`);
});

row('a key that is too short, too long, or of other characters', async (expected) => {
  for (const key of ['', 'x'.repeat(21), 'x'.repeat(129), `${'x'.repeat(30)}=`, `${'x'.repeat(30)} `, 'ä'.repeat(30)]) {
    await refusedEverywhere(expected, JSON.stringify({ key, open: { room: 'a' } }));
    await refusedEverywhere(expected, JSON.stringify({ key, resume: {} }));
  }
  for (const length of [22, 128]) {
    const key = makeKey().padEnd(length, 'x').slice(0, length);
    assert.equal((await fetchJson(server, '/v1/poll', { key, open: {}, wait: 0 })).status, 200);
  }
});

row('the key of a session that has ended', async (expected) => {
  for (const Transport of Object.values(kTransports)) {
    const member = await new Transport(server).open({});
    assert.equal((await fetchJson(server, '/v1/send', { key: member.key, type: 'leave' })).status, 200);
    await refusedOverHttp(server, expected, `{"key":"${member.key}","ack":0}`, ['/v1/send', '/v1/poll']);
    await refusedEverywhere(expected, `{"key":"${member.key}","resume":{}}`);
    await refusedOverHttp(server, expected, `{"key":"${member.key}","open":{}}`, ['/v1/poll', '/v1/sse']);
    await refusedAsFirstFrame(server, expected, `{"key":"${member.key}","open":{}}`);
    member.close();
  }
});

row('a key in use with other contents of `open`', async (expected) => {
  const { member, other, room } = await pair(server, PollMember);
  for (const open of [{ room: 'elsewhere' }, {}, { room, name: 'b' }, { room, capacity: 3 }]) {
    const text = JSON.stringify({ key: member.key, open });
    await refusedOverHttp(server, expected, text, ['/v1/poll', '/v1/sse']);
    await refusedAsFirstFrame(server, expected, text);
  }
  assert.equal((await fetchJson(server, '/v1/poll', { key: member.key, open: { room }, carrier: 'again', wait: 0 })).status, 200);
  await stillTalk(member, other);
  member.close();
  other.close();
});

row('a message\'s number too far ahead', async (expected) => {
  await refusedInSession(server, expected, () => ({ messages: [{ n: 66, type: 'early' }] }));
  const { member, other } = await pair(server, WebSocketMember);
  const error = await member.request({ messages: [{ n: 2 ** 40, type: 'early' }] });
  assert.equal(error.expected, 1);
  // Up to 64 ahead are held, and taken in order when the gap closes.
  assert.equal(await member.request({ messages: Array.from({ length: 64 }, (_, i) => ({ n: 65 - i, type: 'held', data: 65 - i })) }), null);
  assert.equal(await member.request({ messages: [{ n: 1, type: 'held', data: 1 }] }), null);
  assert.equal(member.up, 65);
  for (let i = 1; i <= 65; ++i) assert.equal((await other.event('held')).data, i);
  member.close();
  other.close();
});

row('a message\'s number that was taken', async () => {
  for (const Transport of Object.values(kTransports)) {
    const { member, other } = await pair(server, Transport);
    const first = { messages: [{ n: 1, type: 'once' }] };
    for (let i = 0; i < 3; ++i) {
      assert.equal(await member.request(first), null);
      assert.equal(member.up, 1);
    }
    member.said = 1;
    await other.event('once');
    await stillTalk(member, other);
    member.close();
    other.close();
  }
});

row('an `ack` above what was sent', async (expected) => {
  await refusedInSession(server, expected, () => ({ ack: 1000 }));
  const { member, other } = await pair(server, PollMember);
  const error = await member.request({ ack: 4 });
  assert.equal(error.expected, 3);
  for (const fields of ['"ack":1000', `"ack":${Number.MAX_SAFE_INTEGER}`]) {
    const text = `{"key":"${member.key}","resume":{},"carrier":"cursor",${fields}}`;
    await refusedOverHttp(server, expected, text, ['/v1/poll', '/v1/sse']);
    await refusedAsFirstFrame(server, expected, text);
  }
  await stillTalk(member, other);
  member.close();
  other.close();
});

row('an `ack` below the last one', async () => {
  for (const Transport of Object.values(kTransports)) {
    const { member, other } = await pair(server, Transport);
    assert.equal(await member.request({ ack: 2 }), null);
    assert.equal(await member.request({ ack: 0 }), null);
    assert.equal(await member.request({ ack: 1 }), null);
    await stillTalk(member, other);
    member.close();
    other.close();
  }
});

// --- rooms and names ---

row('a join to a full room', async () => {
  const { member, other, room } = await pair(server, WebSocketMember);
  for (const Transport of Object.values(kTransports)) {
    const third = await new Transport(server).open({ room });
    const full = await third.event('full');
    assert.deepEqual([full.room, full.capacity, full.re], [room, 2, undefined]);
    await third.say({ type: 'join', room });
    assert.deepEqual(await third.event('full'), { type: 'full', room, capacity: 2, re: 1 });
    third.close();
  }
  await stillTalk(member, other);
  member.close();
  other.close();
});

row('a message to a peer that is not there', async (expected) => {
  await refusedAsEvent(server, expected, { type: 'offer', to: 'nobody', data: 1 }, (event) => assert.equal(event.to, 'nobody'));
  await refusedAsEvent(server, expected, { type: 'offer', to: bystanders.members[0].welcome.peer, data: 1 });
});

row('a message to a room with nobody else in it', async (expected) => {
  for (const Transport of Object.values(kTransports)) {
    const member = await new Transport(server).open({ room: makeKey() });
    await member.event('created');
    await member.say({ type: 'offer', data: 1 });
    const event = await member.event('error');
    assertExplains(event, expected.code);
    assert.equal(event.re, 1);
    member.close();
  }
});

row('a message to a room that one is not in', async (expected) => {
  await refusedAsEvent(server, expected, { type: 'offer', room: 'elsewhere', data: 1 });
  await refusedAsEvent(server, expected, { type: 'leave', room: 'elsewhere' });
});

row('a name that is taken', async (expected) => {
  await refusedAsEvent(server, expected, async (member, other) => {
    const name = makeKey();
    await other.say({ type: 'login', name });
    await other.event('login');
    await member.event('peer-named');
    return { type: 'login', name };
  });
});

// --- HTTP and the way in ---

row('a wrong method', async (expected) => {
  const wrong = [['GET', '/v1/send', 'POST'], ['PUT', '/v1/poll', 'GET, POST'], ['DELETE', '/v1/sse', 'GET, POST'], ['PATCH', '/v1/send', 'POST'],
    ['POST', '/v1/ws', 'GET'], ['POST', '/healthz', 'GET, HEAD'], ['POST', '/metrics', 'GET, HEAD'], ['HEAD', '/v1/poll', 'GET, POST'],
    ['TRACE', '/v1/poll', null], ['CONNECT', '/v1/poll', null]];
  for (const [method, path, allowed] of wrong) {
    const response = await exchange(server, [`${method} ${path} HTTP/1.1`, `Host: ${server.authority}`], '', { isHead: method === 'HEAD' });
    assert.equal(response.status, Number(expected.http), method);
    if (method !== 'HEAD') assertExplains(response.json.error, expected.code);
    if (allowed) assert.ok(response.headers.allow.startsWith(allowed), response.headers.allow);
  }
});

row('a wrong content type', async (expected) => {
  const body = `{"key":"${makeKey()}","open":{}}`;
  for (const path of ['/v1/poll', '/v1/sse', '/v1/send']) {
    for (const type of ['multipart/form-data; boundary=x', 'application/octet-stream', 'text/html', 'application/xml', 'image/png', '?']) {
      assertRefuses(await exchange(server, ...post(server, path, body, `Content-Type: ${type}`)), Number(expected.http), expected.code);
    }
  }
  for (const type of ['text/plain', 'TEXT/PLAIN;charset=UTF-8', 'application/json', 'application/x-www-form-urlencoded', '']) {
    const response = await exchange(server, ...post(server, '/v1/poll', body, `Content-Type: ${type}`));
    assert.equal(response.status, 200, type);
  }
});

row('an unknown route', async (expected) => {
  for (const path of ['/v1', '/v1/', '/v1/sen', '/v1/send/', '/V1/send', '/v2/poll', '/favicon.php', '/r', '/v1/poll/x']) {
    assertRefuses(await exchange(server, ...post(server, path, '{}')), Number(expected.http), expected.code);
  }
  assertRefuses(await exchange(server, upgradeLines(server, '/v1/websocket')), Number(expected.websocket), expected.code);
});

// Every way in, with `headers` that should keep it closed; afterwards the session does not exist.
async function nothingWasDone(expected, ...headers) {
  const key = makeKey();
  const body = `{"key":"${key}","open":{"room":"${key}"}}`;
  const ways = [post(server, '/v1/poll', body, ...headers), post(server, '/v1/sse', body, ...headers),
    post(server, '/v1/send', body, ...headers), get(server, `/v1/sse?room=${key}`, ...headers),
    get(server, `/v1/poll?room=${key}`, ...headers), [upgradeLines(server, `/v1/ws?room=${key}`, undefined, ...headers)]];
  for (const way of ways) assertRefuses(await exchange(server, ...way), Number(expected.http), expected.code);
  const { json } = await fetchJson(server, '/v1/poll', { key: makeKey(), open: { room: key }, wait: 1000 });
  const event = json.events[0] ?? null;
  if (event) assert.deepEqual([event.type, event.join], ['created', 1], 'the room was empty');
  assert.equal((await fetchJson(server, '/v1/send', { key })).status, 404);
}

row('a foreign Origin', async (expected) => {
  assert.equal(expected.http, expected.websocket);
  for (const origin of ['https://evil.example', 'null', `http://evil.example:${server.port}`, 'file://', 'nonsense']) {
    await nothingWasDone(expected, `Origin: ${origin}`);
  }
});

row('a foreign Host on a loopback address', async (expected) => {
  assert.equal(expected.http, expected.websocket);
  const host = `Host: evil.example:${server.port}`;
  const key = makeKey();
  const ways = [post(server, '/v1/poll', `{"key":"${key}","open":{}}`), post(server, '/v1/sse', `{"key":"${key}","open":{}}`),
    get(server, '/healthz'), get(server, '/'), [upgradeLines(server)]];
  for (const [lines, body] of ways) {
    lines[1] = host;
    assertRefuses(await exchange(server, lines, body), Number(expected.http), expected.code);
  }
  assert.equal((await fetchJson(server, '/v1/send', { key })).status, 404);
});

row('no Upgrade, one in HTTP/1.0, or one with a wrong version', async (expected) => {
  const plain = get(server, '/v1/ws')[0];
  const replaced = (from, to) => upgradeLines(server).flatMap((line) => (line.startsWith(from) ? to : [line]));
  const wrong = [plain, replaced('Sec-WebSocket-Version', ['Sec-WebSocket-Version: 8']), replaced('Sec-WebSocket-Version', []),
    replaced('Upgrade', ['Upgrade: h2c']), replaced('Upgrade', []), replaced('Connection', ['Connection: keep-alive']),
    replaced('GET', ['GET /v1/ws HTTP/1.0']), replaced('GET', ['GET /v1/ws?room=a HTTP/1.0']), replaced('GET', ['GET /v1/probe/ws HTTP/1.0'])];
  for (const lines of wrong) {
    const response = await exchange(server, lines);
    assertRefuses(response, Number(expected.websocket), expected.code);
    assert.equal(response.headers['sec-websocket-version'], '13');
  }
});

row('an Upgrade with a wrong key', async (expected) => {
  for (const key of ['', 'short', 'x'.repeat(24), 'AAAAAAAAAAAAAAAAAAAAAA=', `${'A'.repeat(22)}== `.repeat(2)]) {
    assertRefuses(await exchange(server, upgradeLines(server, '/v1/ws', key)), Number(expected.websocket), expected.code);
  }
  const none = upgradeLines(server).filter((line) => !line.startsWith('Sec-WebSocket-Key'));
  assertRefuses(await exchange(server, none), Number(expected.websocket), expected.code);
});

row('a key in a URL', async (expected) => {
  const key = makeKey();
  for (const path of ['/v1/poll', '/v1/sse', '/v1/send']) {
    assertRefuses(await exchange(server, ...post(server, `${path}?key=${key}`, `{"key":"${key}","open":{}}`)), Number(expected.http), expected.code);
  }
  for (const path of ['/v1/poll', '/v1/sse']) {
    assertRefuses(await exchange(server, ...get(server, `${path}?room=a&key=${key}`)), Number(expected.http), expected.code);
  }
  assertRefuses(await exchange(server, upgradeLines(server, `/v1/ws?key=${key}`)), Number(expected.websocket), expected.code);
});

row('a head over 16 KiB', async (expected) => {
  for (const lines of [...post(server, '/v1/send', '{}').slice(0, 1), ...get(server, '/'), upgradeLines(server)]) {
    const connection = await RawConnection.open(server);
    connection.request([...lines, `X-Long: ${'x'.repeat(16384)}`]);
    assertRefuses(await connection.response(), Number(expected.http), expected.code);
    await connection.ended();
  }
});

row('HTTP that can be read in two ways (RFC 9112 §11.2)', async (expected) => {
  // The cases are in smuggling.test.mjs; here on each route, with the bystanders listening.
  for (const lines of [...post(server, '/v1/send', '{}').slice(0, 1), upgradeLines(server)]) {
    const connection = await RawConnection.open(server);
    connection.request([...lines, 'Content-Length: 2', 'Transfer-Encoding: chunked'], '0\r\n\r\nGET / HTTP/1.1\r\n\r\n');
    assertRefuses(await connection.response(), Number(expected.http), expected.code);
    assert.equal(await connection.ended(), '', 'and nothing after it');
  }
});

// --- frames ---

async function closedBy(expected, break_) {
  const key = makeKey();
  const socket = await RawWebSocket.open(server);
  socket.send({ key, open: { room: key }, carrier: 'ws' });
  assert.equal((await socket.json()).control, 'welcome');
  break_(socket);
  assert.equal((await socket.closed()).code, Number(expected.websocket));
  await socket.connection.ended();
  assert.equal((await fetchJson(server, '/v1/send', { key })).status, 200, 'the session lives');
}

row('a binary frame', (expected) => closedBy(expected, (socket) => socket.frame(opcode.binary, '{}')));

row('a frame that RFC 6455 forbids', async (expected) => {
  const forbidden = [
    (socket) => socket.frame(opcode.text, '{}', { masked: false }),
    (socket) => socket.frame(opcode.text, '{}', { rsv: 4 }),
    (socket) => socket.frame(opcode.ping, '', { rsv: 1 }),
    (socket) => socket.frame(3, ''),
    (socket) => socket.frame(11, ''),
    (socket) => socket.frame(opcode.ping, '', { fin: false }),
    (socket) => socket.frame(opcode.ping, 'x'.repeat(126)),
    (socket) => socket.frame(opcode.continuation, '{}'),
    (socket) => socket.frame(opcode.text, '{', { fin: false }).frame(opcode.text, '}'),
    (socket) => socket.frame(opcode.close, 'x'),
    (socket) => socket.frame(opcode.close, closePayload(1005)),
  ];
  for (const break_ of forbidden) await closedBy(expected, break_);
});

// --- limits, on a server that has small ones ---

async function withLimits(flags, body) {
  const limited = await Server.start(flags);
  const watching = await Bystanders.start(limited);
  try {
    await body(limited, watching);
    await watching.areUnharmed();
  } finally {
    watching.stop();
    assert.equal(await limited.stop(), 0, limited.log);
  }
}

row('too many sessions from one address', async (expected) => {
  await withLimits(['--max-sessions-per-address', '5'], async (limited, watching) => {
    const members = [];
    for (let i = 0; i < 2; ++i) members.push(await new PollMember(limited).open({}));
    const text = `{"key":"${makeKey()}","open":{}}`;
    for (const path of ['/v1/poll', '/v1/sse']) {
      const response = await exchange(limited, ...post(limited, path, text));
      assertRefuses(response, Number(expected.http), expected.code);
      assert.ok(Number(response.headers['retry-after']) >= 1);
    }
    await refusedAsFirstFrame(limited, expected, text);
    await watching.areUnharmed();
    // Who has a session keeps it, and a place that is given back is a place.
    assert.equal((await fetchJson(limited, '/v1/poll', { key: members[0].key, open: {}, carrier: 'b', wait: 0 })).status, 200);
    await members[1].say({ type: 'leave' });
    assert.equal((await fetchJson(limited, '/v1/poll', { key: makeKey(), open: {}, wait: 0 })).status, 200);
    for (const member of members) member.close();
  });
});

row('too many messages a second', async (expected) => {
  await withLimits(['--message-rate', '2', '--message-burst', '20'], async (limited) => {
    const burst = (from) => Array.from({ length: 20 }, (_, i) => ({ n: from + i, type: 'burst', data: from + i }));
    for (const Transport of [PollMember, EventStreamMember]) {
      const { member, other } = await pair(limited, Transport);
      assert.equal(await member.request({ messages: burst(1) }), null);
      const [lines, body] = post(limited, '/v1/send', JSON.stringify({ key: member.key, messages: burst(21) }));
      const refused = await exchange(limited, lines, body);
      assertRefuses(refused, Number(expected.http), expected.code);
      assert.ok(Number(refused.headers['retry-after']) >= 1);
      for (let i = 1; i <= 20; ++i) assert.equal((await other.event('burst')).data, i);
      // Nothing was taken: the same again, once there is room, is all right.
      let error = await member.request({ messages: [burst(21)[0]] });
      for (; error?.code === 'rate_limited'; error = await member.request({ messages: [burst(21)[0]] })) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.equal(error, null);
      assert.equal((await other.event('burst')).data, 21);
      member.close();
      other.close();
    }
    const { member, other } = await pair(limited, WebSocketMember);
    assert.equal(await member.request({ messages: burst(1) }), null);
    member.socket.send(JSON.stringify({ messages: burst(21) }));
    assert.deepEqual(await member.closed, { code: Number(expected.websocket), reason: expected.code });
    for (let i = 1; i <= 20; ++i) assert.equal((await other.event('burst')).data, i);
    const { json } = await fetchJson(limited, '/v1/send', { key: member.key });
    assert.deepEqual(json, { up: 20 }, 'the session lives, and nothing was taken');
    other.close();
  });
});

row('messages for more than 1024 recipients in one request', async (expected) => {
  await withLimits(['--message-rate', '0'], async (unlimited) => {
    const to = Array.from({ length: 64 }, (_, i) => `nobody${i}`);
    for (const Transport of Object.values(kTransports)) {
      const { member, other } = await pair(unlimited, Transport);
      const first = member.said + 1;
      const many = member.numbered(Array.from({ length: 17 }, () => ({ type: 'many', to })));
      await member.request({ ack: member.received, messages: [...many, ...member.numbered([{ type: 'last', data: 1 }])] });
      assert.equal((await other.event('last')).data, 1);
      for (let i = 0; i < 1024; ++i) {
        const { code, re } = await member.event('error');
        assert.deepEqual([code, re], ['no_such_peer', first + Math.floor(i / 64)]);
      }
      const error = await member.event('error');
      assertExplains(error, expected.code);
      assert.equal(error.re, first + 16);
      await stillTalk(member, other);
      member.close();
      other.close();
    }
  });
});

// --- what the chapters before it say about forms that are nearly wrong ---

test('`to`: empty is refused, who is named twice gets it once, and too many are too many', async () => {
  for (const Transport of Object.values(kTransports)) {
    const { member, other } = await pair(server, Transport);
    await member.say({ type: 'a', to: [], data: 1 });
    assertExplains(await member.event('error'), 'bad_request');
    await member.say({ type: 'a', to: Array(65).fill(other.welcome.peer).map((peer, i) => `${peer}${i}`), data: 1 });
    assertExplains(await member.event('error'), 'bad_request');
    await member.say({ type: 'twice', to: [other.welcome.peer, other.welcome.peer], data: 1 });
    await other.event('twice');
    await stillTalk(member, other);
    member.close();
    other.close();
  }
  await bystanders.areUnharmed();
});

test('pieces: what they make when joined is judged like any message', async () => {
  for (const Transport of Object.values(kTransports)) {
    const { member, other } = await pair(server, Transport);
    const pieces = (n, ...texts) => {
      const of = Buffer.byteLength(texts.join(''));
      return texts.map((piece, i) => ({ n, at: Buffer.byteLength(texts.slice(0, i).join('')), of, piece }));
    };
    const say = (...texts) => member.request({ ack: member.received, messages: pieces(++member.said, ...texts) });
    await say('{"type":"whole","da', 'ta":"\u00e9', '\ud83d\ude00"}');
    assert.equal((await other.event('whole')).data, '\u00e9\ud83d\ude00');
    const wrong = [['{"type":', '}', 'bad_request'], ['[1', ']', 'bad_request'], ['{"type":"jo', 'ined"}', 'bad_type'],
      ['{"type":"a","n":1', '}', 'unknown_field'], [`{"type":"a","data":"${'x'.repeat(33000)}`, `${'x'.repeat(33000)}"}`, 'too_large'],
      [`{"type":"a","data":"${'x'.repeat(40000)}`, `${'x'.repeat(40000)}"}`, 'too_large']];
    for (const [first, second, code] of wrong) {
      await say(first, second);
      const error = await member.event('error');
      assertExplains(error, code);
      assert.equal(error.re, member.said);
    }
    for (const piece of [{ piece: 'x' }, { at: 0, of: 1 }, { at: 1, of: 1, piece: 'x' }, { at: 0, of: 0, piece: '' },
      { at: 0, of: 1, piece: '\u00e9' }, { at: 0, of: 1, piece: 'x', type: 'a' }]) {
      await member.say(piece);
      assertExplains(await member.event('error'), 'bad_request');
    }
    const [first] = pieces(++member.said, '{"type"', ':"a"}');
    await member.request({ messages: [first, { ...first, of: first.of + 1 }] });
    assertExplains(await member.event('error'), 'bad_request');
    await stillTalk(member, other);
    member.close();
    other.close();
  }
  await bystanders.areUnharmed();
});

test('every row of the table has its test', () => {
  assert.deepEqual([...table.keys()].sort(), [...tested].sort());
});
