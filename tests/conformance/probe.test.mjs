// The probes of docs/protocol.md: what they say, and that each of their bounds holds.

import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { within } from './support/patience.mjs';
import { exchange, get, post, RawConnection } from './support/raw.mjs';
import { assertRefuses } from './support/refusals.mjs';
import { Server } from './support/server.mjs';
import { closePayload, opcode, RawWebSocket, upgradeLines } from './support/websocket.mjs';

let server;
before(async () => { server = await Server.start(['--probe-rate', '0']); });
after(async () => { assert.equal(await server.stop(), 0, server.log); });

async function withServer(flags, body) {
  const own = await Server.start(flags);
  try {
    await body(own);
  } finally {
    assert.equal(await own.stop(), 0, own.log);
  }
}

let last = 0;
const nonce = () => `n${process.pid}-${++last}`;
const echo = (query, ...headers) => exchange(server, ...get(server, `/v1/probe/echo?${query}`, ...headers));

test('echo tells what arrived, by whichever shard', async () => {
  const u = nonce();
  const body = Buffer.alloc(256 * 1024, 'é');
  const answer = await exchange(server, ...post(server, `/v1/probe/echo?u=${u}`, body, 'Via: 1.1 one', 'Cookie: a=secret', 'X-Sigway-Probe: yes'));
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['x-sigway-probe'], u);
  assert.equal(answer.headers['cache-control'], 'no-store');
  const { json } = answer;
  assert.deepEqual([json.method, json.http, json.length, json.seen, json.address], ['POST', '1.1', body.length, 1, '127.0.0.1']);
  assert.deepEqual([json.headers.via, json.headers.cookie, json.headers['x-sigway-probe']], ['1.1 one', null, 'yes']);
  assert.doesNotMatch(answer.body, /secret/);
  // Connections land on any shard; the counts are one.
  for (let seen = 2; seen <= 9; ++seen) assert.equal((await echo(`u=${u}`)).json.seen, seen);
  assert.deepEqual((await echo(`of=${u}&of=never`)).json.of, { [u]: 9, never: 0 });
  const old = await exchange(server, [`GET /v1/probe/echo HTTP/1.0`, `Host: ${server.authority}`]);
  assert.equal(old.json.http, '1.0');
});

test('a body beyond the server\'s limit is 413, as everywhere', async () => {
  assertRefuses(await exchange(server, ...post(server, '/v1/probe/echo', Buffer.alloc(256 * 1024 + 1, 'a'))), 413, 'body_too_large');
});

test('a refused probe is not counted', async () => {
  const u = nonce();
  assertRefuses(await echo(`u=${u}&ms=1`), 400, 'unknown_field');
  assert.equal((await echo(`of=${u}`)).json.of[u], 0);
});

test('hold answers after its time, and a client that goes gives its place back', async () => {
  await withServer(['--max-probes', '1', '--probe-rate', '0'], async (own) => {
    const u = nonce();
    const first = await RawConnection.open(own);
    first.request(...get(own, `/v1/probe/hold?ms=30000&u=${u}`));
    const seen = async () => (await exchange(own, ...get(own, `/v1/probe/echo?of=${u}`))).json.of[u];
    await within((async () => { while (await seen() === 0); })(), () => 'the hold to begin');
    assertRefuses(await exchange(own, ...get(own, '/v1/probe/hold?ms=0')), 503, 'overloaded');
    assertRefuses(await exchange(own, ...get(own, '/v1/probe/stream')), 503, 'overloaded');
    assertRefuses(await exchange(own, upgradeLines(own, '/v1/probe/ws')), 503, 'overloaded');
    first.destroy();
    const again = () => exchange(own, ...post(own, '/v1/probe/hold?ms=50', 'body'));
    const answer = await within((async () => { for (;;) { const { status, json } = await again(); if (status !== 503) return { status, json }; } })(), () => 'the place');
    assert.deepEqual([answer.status, answer.json.length], [200, 4]);
  });
});

test('places of one address', async () => {
  await withServer(['--max-probes-per-address', '2', '--trusted-proxy', '127.0.0.1'], async (own) => {
    const sockets = [await RawWebSocket.open(own, { path: '/v1/probe/ws' }), await RawWebSocket.open(own, { path: '/v1/probe/ws' })];
    const refused = await exchange(own, ...get(own, '/v1/probe/hold?ms=0'));
    assertRefuses(refused, 429, 'too_many_probes');
    assert.equal(refused.headers['retry-after'], '5');
    assert.equal((await exchange(own, ...get(own, '/v1/probe/hold?ms=0', 'X-Forwarded-For: 10.1.2.3'))).status, 200);
    for (const socket of sockets) socket.destroy();
  });
});

test('requests of one address: the rate, and 0 for none', async () => {
  await withServer(['--probe-rate', '1'], async (own) => {
    const connection = await RawConnection.open(own);
    const statuses = [];
    for (let i = 0; i < 15; ++i) statuses.push((await connection.request(...get(own, '/v1/probe/echo')).response()).status);
    assert.deepEqual(statuses.slice(0, 10), Array(10).fill(200));
    assert.ok(statuses.slice(10).includes(429), statuses.join(' '));
    const refused = await within((async () => { for (;;) { const one = await connection.request(...get(own, '/v1/probe/echo')).response(); if (one.status === 429) return one; } })(), () => 'a refusal');
    assertRefuses(refused, 429, 'rate_limited');
    connection.destroy();
  });
});

test('bytes that streams send to one address: the rate, and 0 for none', async () => {
  const ask = (own, ...headers) => exchange(own, ...get(own, '/v1/probe/stream?size=65536&count=16&interval=10', ...headers), '', { isHead: true });
  await withServer(['--probe-bytes-rate', '1KiB', '--trusted-proxy', '127.0.0.1'], async (own) => {
    assert.equal((await ask(own)).status, 200);   // one is always possible
    const connection = await RawConnection.open(own);
    const refused = await connection.request(...get(own, '/v1/probe/stream?size=65536&count=16&interval=10')).response();
    assert.match(assertRefuses(refused, 429, 'rate_limited').hint, /--probe-bytes-rate/);
    assert.equal(refused.headers['retry-after'], '1025');
    connection.destroy();
    assert.equal((await exchange(own, ...get(own, '/v1/probe/hold?ms=0'))).status, 200);
    assert.equal((await ask(own, 'X-Forwarded-For: 2001:db8::1')).status, 200);
    assert.equal((await ask(own, 'X-Forwarded-For: 2001:db8::2')).status, 429);
    assert.equal((await ask(own, 'X-Forwarded-For: 2001:db8:0:1::2')).status, 200);
  });
  await withServer(['--probe-bytes-rate', '0'], async (own) => { for (let i = 0; i < 5; ++i) assert.equal((await ask(own)).status, 200); });
});

test('a stream has the chunks that were asked for, each as it is written', async () => {
  for (const [type, contentType] of Object.entries({ events: 'text/event-stream', text: 'text/plain; charset=utf-8', json: 'application/json', binary: 'application/octet-stream' })) {
    const connection = await RawConnection.open(server);
    connection.request(...get(server, `/v1/probe/stream?type=${type}&count=3&size=1000&interval=10`));
    const { status, headers } = await connection.responseHead();
    assert.deepEqual([status, headers['content-type'], headers['x-accel-buffering']], [200, contentType, 'no']);
    let at = -1;
    for (let n = 0; n < 3; ++n) {
      const text = await connection.chunk();
      assert.equal(text.length, 1000);
      const line = JSON.parse(type === 'events' ? text.replace('data: ', '') : text);
      assert.equal(line.n, n);
      assert.ok(line.at > at || n === 0, `${line.at} after ${at}`);
      at = line.at;
    }
    assert.equal(await connection.chunk(), null);
    assert.equal((await connection.request(...get(server, '/healthz')).response()).status, 200);   // it goes on
    connection.destroy();
  }
});

test('bounds of a stream: 40 seconds, 1 MiB, as set', async () => {
  const ask = (own, query) => exchange(own, ...get(own, `/v1/probe/stream?${query}`));
  assertRefuses(await ask(server, 'interval=40000&count=3'), 400, 'bad_request');
  assertRefuses(await ask(server, 'size=65536&count=17&interval=10'), 400, 'bad_request');
  assertRefuses(await exchange(server, ...get(server, '/v1/probe/hold?ms=40001')), 400, 'bad_request');
  const { body } = await ask(server, 'size=65536&count=16&interval=10');
  assert.equal(body.length, 1024 * 1024);
  // A socket ends by itself at its time and at its bytes.
  await withServer(['--probe-time', '1s'], async (own) => {
    assertRefuses(await exchange(own, ...get(own, '/v1/probe/hold?ms=1001')), 400, 'bad_request');
    const idle = await RawWebSocket.open(own, { path: '/v1/probe/ws' });
    const { code, reason } = await idle.closed();
    assert.deepEqual([code, reason], [4003, 'stream_limit']);
  });
  await withServer(['--probe-bytes', '2KiB'], async (own) => {
    assertRefuses(await ask(own, 'size=1024&count=3&interval=10'), 400, 'bad_request');
    assert.equal((await ask(own, 'size=1024&count=2&interval=10')).body.length, 2048);
    const busy = await RawWebSocket.open(own, { path: '/v1/probe/ws' });
    for (let i = 0; i < 3; ++i) busy.frame(opcode.text, `"${'a'.repeat(998)}"`);
    const end = await busy.closed();
    assert.deepEqual([end.code, end.before.length], [4003, 3]);
  });
});

test('a socket greets, echoes, counts nonces, and closes for what it does not take', async () => {
  const u = nonce();
  const socket = await RawWebSocket.open(server, { path: `/v1/probe/ws?u=${u}`, headers: ['Via: 1.1 box'] });
  const greeting = await socket.json();
  assert.deepEqual([greeting.u, greeting.seen, greeting.headers.via], [u, 1, '1.1 box']);
  const frame = nonce();
  for (const text of [frame, 'x'.repeat(65536), '{"é":"😀"}', '']) {
    socket.frame(opcode.text, text);
    assert.equal((await socket.next()).payload.toString(), text);
  }
  assert.equal((await echo(`of=${frame}`)).json.of[frame], 1);
  socket.frame(opcode.ping, 'p');
  assert.deepEqual(await socket.next(), { opcode: opcode.pong, payload: Buffer.from('p') });
  socket.frame(opcode.binary, 'b');
  assert.equal((await socket.closed()).code, 1003);
  for (const [code, payload, options, expected] of [[opcode.text, 'x'.repeat(65537), {}, 1009], [opcode.text, 'x', { masked: false }, 1002], [opcode.text, Buffer.from([0xff]), {}, 1007]]) {
    const wrong = await RawWebSocket.open(server, { path: '/v1/probe/ws' });
    await wrong.json();
    wrong.frame(code, payload, options);
    assert.equal((await wrong.closed()).code, expected);
  }
  assertRefuses(await exchange(server, ...get(server, '/v1/probe/ws')), 426, 'upgrade_required');
});

test('a close frame is answered as on /v1/ws: RFC 6455 §5.5.1, §7.4', async () => {
  const closing = { 1000: 1000, 1014: 1014, 3000: 3000, 4999: 4999 };
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535]) closing[code] = 1002;
  const payloads = [['', null], ['x', 1002], [Buffer.concat([closePayload(1000), Buffer.from([0xff])]), 1007],
    ...Object.entries(closing).map(([code, answer]) => [closePayload(Number(code), 'bye'), answer])];
  for (const [payload, expected] of payloads) {
    const socket = await RawWebSocket.open(server, { path: '/v1/probe/ws' });
    await socket.json();
    socket.frame(opcode.close, payload);
    const { code, reason } = await socket.closed();
    assert.deepEqual([code, reason], [expected, ''], payload.toString('hex'));
    assert.equal(await socket.connection.ended(), '');
  }
});

test('who may come in is as for every route', async () => {
  for (const path of ['echo', 'hold', 'stream', 'ws']) {
    assertRefuses(await exchange(server, ...get(server, `/v1/probe/${path}`, 'Origin: https://evil.example')), 403, 'origin_refused');
    assertRefuses(await exchange(server, ...get(server, `/v1/probe/${path}`, 'Sec-Fetch-Site: cross-site')), 403, 'origin_refused');
    assertRefuses(await exchange(server, [`GET /v1/probe/${path} HTTP/1.1`, 'Host: rebound.example']), 421, 'host_refused');
  }
  const u = nonce();
  await echo(`u=${u}`, 'Origin: https://evil.example');
  assert.equal((await echo(`of=${u}`)).json.of[u], 0);
});

test('--max-probes 0 switches them off', async () => {
  await withServer(['--max-probes', '0'], async (own) => {
    for (const path of ['echo', 'hold', 'stream', 'ws']) assertRefuses(await exchange(own, ...get(own, `/v1/probe/${path}`)), 404, 'unknown_route');
  });
});
