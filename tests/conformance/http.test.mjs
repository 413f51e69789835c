// HTTP/1.1 as RFC 9110 and 9112 have it, by raw sockets and by curl. Bystanders talk on meanwhile.

import { test, before, after, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Bystanders, PollMember, fetchJson, makeKey } from './support/members.mjs';
import { RawConnection, exchange, get, post } from './support/raw.mjs';
import { assertRefuses } from './support/refusals.mjs';
import { Server } from './support/server.mjs';

const run = promisify(execFile);

let server;
let bystanders;
before(async () => {
  server = await Server.start();
  bystanders = await Bystanders.start(server);
});
afterEach(() => bystanders.areUnharmed());
after(async () => {
  bystanders.stop();
  assert.equal(await server.stop(), 0, server.log);
});

const openBody = (key = makeKey()) => JSON.stringify({ key, open: {}, carrier: 'p', n: 1, turn: 1, wait: 0 });
const assertOpens = (response) => {
  assert.equal(response.status, 200, response.body);
  assert.equal(response.json.welcome.up, 0);
};

// curl's own view: [status, body].
async function curl(...args) {
  const { stdout } = await run('curl', ['-sS', '--max-time', '20', '-w', '\n%{http_code}', ...args]);
  const end = stdout.lastIndexOf('\n');
  return [Number(stdout.slice(end + 1)), stdout.slice(0, end)];
}

test('a connection is kept, and answers in turn', async () => {
  const connection = await RawConnection.open(server);
  for (let i = 0; i < 20; ++i) {
    const response = await connection.request(...post(server, '/v1/poll', openBody())).response();
    assertOpens(response);
    assert.equal(response.version, 'HTTP/1.1');
    assert.notEqual(response.headers.connection, 'close');
    assert.ok(!Number.isNaN(Date.parse(response.headers.date)));
    assert.equal(response.headers['content-type'], 'application/json');
  }
  connection.destroy();
});

test('Connection: close is obeyed and said', async () => {
  const connection = await RawConnection.open(server);
  const response = await connection.request(...get(server, '/healthz', 'Connection: close')).response();
  assert.deepEqual([response.status, response.body, response.headers.connection], [200, 'ok\n', 'close']);
  await connection.ended();
});

test('pipelined requests are answered in their order, also behind one that waits', async () => {
  const key = makeKey();
  assertOpens(await exchange(server, ...post(server, '/v1/poll', openBody(key))));
  const connection = await RawConnection.open(server);
  const parts = [post(server, '/v1/poll', JSON.stringify({ key, carrier: 'p', n: 2, wait: 300 })), get(server, '/healthz'),
    post(server, '/v1/send', '{"ack":'), get(server, '/v1/nothing'), post(server, '/v1/poll', openBody()), get(server, '/readyz')];
  connection.write(parts.map(([lines, body = '']) => `${lines.join('\r\n')}\r\n\r\n${body}`).join(''));
  const statuses = [];
  for (const _ of parts) statuses.push((await connection.response()).status);
  assert.deepEqual(statuses, [200, 200, 400, 404, 200, 200]);
  assert.equal(connection.pending, '');
  connection.destroy();
});

test('a request may come byte by byte', async () => {
  const quick = await Server.start();
  const connection = await RawConnection.open(quick);
  const [lines, body] = post(quick, '/v1/poll', openBody());
  for (const byte of `${lines.join('\r\n')}\r\n\r\n${body}`) {
    await new Promise((resolve) => connection.socket.write(byte, resolve));
  }
  assertOpens(await connection.response());
  connection.destroy();
  assert.equal(await quick.stop(), 0);
});

test('chunks, with extensions and trailers, are one body', async () => {
  const chunk = (text, extension = '') => `${text.length.toString(16)}${extension}\r\n${text}\r\n`;
  for (const end of ['0\r\n\r\n', '000\r\n\r\n', '0\r\nX-Trailer: 1\r\n\r\n']) {
    const body = openBody();
    const half = body.length >> 1;
    const connection = await RawConnection.open(server);
    connection.request(['POST /v1/poll HTTP/1.1', `Host: ${server.authority}`, 'Transfer-Encoding: chunked'],
      chunk(body.slice(0, half), ';a="b"') + chunk(body.slice(half)) + end);
    connection.request(...get(server, '/healthz'));
    assertOpens(await connection.response());
    assert.equal((await connection.response()).body, 'ok\n', 'the next request begins where the body ends');
    connection.destroy();
  }
});

test('100-continue: the body is asked for, unless it is refused or there already', async () => {
  const connection = await RawConnection.open(server);
  const [lines, body] = post(server, '/v1/poll', openBody(), 'Expect: 100-continue');
  connection.request(lines);
  assert.equal((await connection.responseHead()).status, 100);
  assertOpens(await connection.write(body.toString('latin1')).response());
  const [again, atOnce] = post(server, '/v1/poll', openBody(), 'Expect: 100-continue');
  connection.write(`${again.join('\r\n')}\r\n\r\n${atOnce}`);
  assertOpens(await connection.response());
  connection.destroy();

  const refused = await exchange(server, ...get(server, '/v1/poll', 'Expect: 200-ok'));
  assert.equal(refused.status, 417);
  // Nobody wants to hear a body that is too large, or sent by a foreign page.
  for (const [status, ...headers] of [[413, 'Content-Length: 999999999'], [403, 'Content-Length: 2', 'Origin: https://evil.example']]) {
    const response = await exchange(server,
      ['POST /v1/send HTTP/1.1', `Host: ${server.authority}`, 'Expect: 100-continue', ...headers]);
    assert.equal(response.status, status);
  }
});

test('HEAD has the head of GET and no body', async () => {
  const connection = await RawConnection.open(server);
  for (const path of ['/', '/healthz', '/metrics', '/v1/nothing']) {
    const whole = await connection.request(...get(server, path)).response();
    const [[, ...rest]] = get(server, path);
    const head = await connection.request([`HEAD ${path} HTTP/1.1`, ...rest]).response({ isHead: true });
    assert.equal(head.status, whole.status, path);
    if (path !== '/metrics') assert.equal(head.headers['content-length'], whole.headers['content-length'], path);
    assert.equal(connection.pending, '');
  }
  connection.destroy();
});

test('HTTP/1.0: without Host, closed unless it asks, streams without chunks', async () => {
  const old = await RawConnection.open(server);
  const response = await old.request(['GET /healthz HTTP/1.0']).response();
  assert.deepEqual([response.status, response.body], [200, 'ok\n']);
  await old.ended();

  const kept = await RawConnection.open(server);
  for (let i = 0; i < 2; ++i) {
    const answer = await kept.request(['GET /healthz HTTP/1.0', 'Connection: keep-alive']).response();
    assert.deepEqual([answer.status, answer.headers.connection.toLowerCase()], [200, 'keep-alive']);
  }
  kept.destroy();

  const body = openBody();
  const poll = await exchange(server, ['POST /v1/poll HTTP/1.0', `Content-Length: ${body.length}`], body);
  assertOpens(poll);
  assert.ok('content-length' in poll.headers, 'a poll is complete for whoever knows only HTTP/1.0');

  const stream = await RawConnection.open(server);
  const streamBody = JSON.stringify({ key: makeKey(), open: { room: makeKey() }, carrier: 's', turn: 1 });
  stream.request(['POST /v1/sse HTTP/1.0', `Content-Length: ${streamBody.length}`], streamBody);
  const head = await stream.responseHead();
  assert.deepEqual([head.status, head.headers['transfer-encoding'], head.headers['content-length']], [200, undefined, undefined]);
  assert.match(await stream.readUntil('"created"'), /^retry: \d+\n\n: [^\n]*\n\nevent: control\ndata: {"control":"welcome"/);
  stream.destroy();
});

test('an event stream over HTTP/1.1 is chunked, and says that nobody may hold it back', async () => {
  const stream = await RawConnection.open(server);
  stream.request(...post(server, '/v1/sse', JSON.stringify({ key: makeKey(), open: { room: makeKey() }, carrier: 's', turn: 1 })));
  const { status, headers } = await stream.responseHead();
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'text/event-stream');
  assert.equal(headers['transfer-encoding'], 'chunked');
  assert.equal(headers['x-accel-buffering'], 'no');
  assert.match(headers['cache-control'], /no-store/);
  assert.match(headers['cache-control'], /no-transform/);
  let text = '';
  while (!text.includes('"created"')) text += await stream.chunk();
  stream.destroy();
});

test('the absolute form, a missing Host, two of them, and versions that are not spoken', async () => {
  const absolute = await exchange(server, [`GET http://${server.authority}/healthz HTTP/1.1`, `Host: ${server.authority}`]);
  assert.equal(absolute.status, 200);
  const wrong = [
    [400, ['GET /healthz HTTP/1.1']],
    [400, ['GET /healthz HTTP/1.1', `Host: ${server.authority}`, `Host: ${server.authority}`]],
    [400, ['GET http://elsewhere.example/healthz HTTP/1.1', `Host: ${server.authority}`]],
    [505, ['GET /healthz HTTP/2.0', `Host: ${server.authority}`]],
    [505, ['GET /healthz HTTP/1.2', `Host: ${server.authority}`]],
    [400, ['GET /healthz RTSP/1.0', `Host: ${server.authority}`]],
    [400, ['DESCRIBE /healthz RTSP/1.0', `Host: ${server.authority}`]],
    [400, ['GET /healthz ICE/1.0', `Host: ${server.authority}`]],
    [400, ['SOURCE /healthz ICE/1.0', `Host: ${server.authority}`]],
    [400, ['GET /healthz http/1.1', `Host: ${server.authority}`]],
    [501, ['BREW /healthz HTTP/1.1', `Host: ${server.authority}`]],
    [400, ['GET /../healthz HTTP/1.1', `Host: ${server.authority}`]],
    [400, ['GET /%2e%2e/healthz HTTP/1.1', `Host: ${server.authority}`]],
    [400, ['GET /v1%2fpoll HTTP/1.1', `Host: ${server.authority}`]],
    [400, ['PRI * HTTP/2.0']],
  ];
  for (const [status, lines] of wrong) assert.equal((await exchange(server, lines)).status, status, lines.join(' | '));
});

test('a target that is too long is 414, a head that is too large 431', async () => {
  const long = await exchange(server, ...get(server, `/${'x'.repeat(16384)}`));
  assert.equal(long.status, 414);
  const many = await exchange(server, ...get(server, '/', ...Array.from({ length: 400 }, (_, i) => `X-${i}: 1`)));
  assert.equal(many.status, 431);
});

test('a slow head is 408, a silent connection only closed', async () => {
  // A server of its own: on a busy machine the requests of other tests may take so long, too.
  const hasty = await Server.start(['--head-timeout', '2s']);
  const slow = await RawConnection.open(hasty);
  slow.write('GET /healthz HTTP/1.1\r\nHost: ');
  assertRefuses(await slow.response(), 408, 'slow_request');
  await slow.ended();

  // A byte now and then does not buy time.
  const dripping = await RawConnection.open(hasty);
  dripping.write('GET /healthz HTTP/1.1\r\nX: ');
  const drip = setInterval(() => dripping.write('x'), 100);
  assert.equal((await dripping.response()).status, 408);
  clearInterval(drip);
  await dripping.ended();
  assert.equal(await hasty.stop(), 0, hasty.log);
});

test('a slow body is 408', async () => {
  const hasty = await Server.start(['--body-timeout', '1500ms']);
  for (const framing of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
    const connection = await RawConnection.open(hasty);
    connection.request(['POST /v1/send HTTP/1.1', `Host: ${hasty.authority}`, framing], framing.endsWith('d') ? '40\r\n{' : '{');
    assertRefuses(await connection.response(), 408, 'slow_request');
    await connection.ended();
  }
  assert.equal(await hasty.stop(), 0, hasty.log);
});

test('an idle connection is closed after the keep-alive time, a held poll is not idle', async () => {
  const quick = await Server.start(['--keep-alive', '2s']);
  const idle = await RawConnection.open(quick);
  assert.equal((await idle.request(...get(quick, '/healthz')).response()).status, 200);
  assert.equal(await idle.ended(), '');

  const key = makeKey();
  assertOpens(await exchange(quick, ...post(quick, '/v1/poll', openBody(key))));
  const held = await RawConnection.open(quick);
  held.request(...post(quick, '/v1/poll', JSON.stringify({ key, carrier: 'p', n: 2, ack: 0, wait: 4000 })));
  assert.equal((await held.response()).status, 200);
  held.destroy();
  assert.equal(await quick.stop(), 0);
});

test('a client that goes away in the middle leaves nothing behind', async () => {
  for (const text of ['G', 'POST /v1/send HTTP/1.1\r\n', `POST /v1/send HTTP/1.1\r\nHost: ${server.authority}\r\nContent-Length: 10\r\n\r\n{`]) {
    const connection = await RawConnection.open(server);
    await new Promise((resolve) => connection.socket.write(text, resolve));
    connection.socket.resetAndDestroy();
  }
});

test('half a connection closed still gets its answer', async () => {
  const connection = await RawConnection.open(server, { allowHalfOpen: true });
  const [lines, body] = post(server, '/v1/poll', openBody());
  connection.request(lines);
  connection.socket.end(body);
  assertOpens(await connection.response());
});

// A browser that closes a page ends its connections, and says nothing else.
for (const [what, path, more] of [['a poll is held', '/v1/poll', { n: 2, ack: 1 }], ['a stream runs', '/v1/sse', { resume: {}, turn: 2 }]]) {
  test(`who closes half a connection while ${what} is gone`, async () => {
    const key = makeKey();
    const opening = { key, open: { room: key }, carrier: 'p', n: 1, turn: 1 };
    assert.equal((await fetchJson(server, '/v1/poll', opening)).status, 200);
    const connection = await RawConnection.open(server, { allowHalfOpen: true });
    connection.request(...post(server, path, JSON.stringify({ key, carrier: path === '/v1/poll' ? 'p' : 's', ...more })));
    if (path === '/v1/sse') assert.equal((await connection.responseHead()).status, 200);
    connection.socket.end();
    const rest = await connection.ended();
    if (path === '/v1/poll') assert.equal(rest, '', 'no answer');
    // The session waits for its client to come back.
    assert.equal((await fetchJson(server, '/v1/send', { key })).status, 200);
  });
}

test('curl agrees: plain -d, a file in chunks, HEAD, keep-alive, HTTP/1.0', async () => {
  const key = makeKey();
  const [status, text] = await curl('-d', openBody(key), `${server.url}/v1/poll`);
  assert.equal(status, 200);
  assert.equal(JSON.parse(text).welcome.carrier, 'p');
  assert.deepEqual(await curl('-H', 'Transfer-Encoding: chunked', '-d', `{"key":"${key}"}`, `${server.url}/v1/send`), [200, '{"up":0}']);
  assert.deepEqual(await curl('-H', 'Expect: 100-continue', '-d', `{"key":"${key}"}`, `${server.url}/v1/send`), [200, '{"up":0}']);
  assert.deepEqual(await curl('--http1.0', '-d', `{"key":"${key}"}`, `${server.url}/v1/send`), [200, '{"up":0}']);
  assert.equal((await curl('-I', `${server.url}/healthz`))[0], 200);
  const { stderr } = await run('curl', ['-sv', `${server.url}/healthz`, `${server.url}/readyz`]);
  assert.match(stderr, /Re-using existing connection/);
});

test('TLS: the same on the same code path', async () => {
  const secure = await Server.start(['--tls-self-signed']);
  const watching = await Bystanders.start(secure);
  await watching.areUnharmed();
  assertOpens(await exchange(secure, ...post(secure, '/v1/poll', openBody())));
  const [status, text] = await curl('-k', '--tlsv1.3', `${secure.url}/healthz`);
  assert.deepEqual([status, text], [200, 'ok\n']);
  assert.equal((await curl('-k', '--tls-max', '1.2', `${secure.url}/healthz`))[0], 200);
  await assert.rejects(curl('-k', '--tls-max', '1.1', '--ciphers', 'DEFAULT:@SECLEVEL=0', `${secure.url}/healthz`));

  const connection = await RawConnection.open(secure);
  connection.request(...get(secure, '/healthz'), '').request(...get(secure, '/readyz'));
  assert.deepEqual([(await connection.response()).body, (await connection.response()).body], ['ok\n', 'ready\n']);
  connection.destroy();
  const hasty = await Server.start(['--tls-self-signed', '--head-timeout', '2s']);
  const slow = await RawConnection.open(hasty);
  slow.write('GET /healthz');
  assert.equal((await slow.response()).status, 408);
  assert.equal(await hasty.stop(), 0, hasty.log);

  // Each speaks to the other's port, and hears what is wrong.
  const plain = await RawConnection.open(secure, { secure: false });
  assertRefuses(await plain.request(...get(secure, '/healthz')).response(), 400, 'plain_http_on_tls_port');
  const hello = await RawConnection.open(server);
  hello.write('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03');
  assert.equal((await hello.response()).json.error.code, 'tls_on_plain_port');
  await watching.areUnharmed();
  watching.stop();
  assert.equal(await secure.stop(), 0, secure.log);
});

test('a person at a terminal: GET opens, streams, and shows the next command, which works', async () => {
  const room = makeKey();
  const stream = await RawConnection.open(server);
  stream.request(...get(server, `/v1/sse?room=${room}&name=alice`));
  assert.equal((await stream.responseHead()).status, 200);
  let text = '';
  while (!text.includes('"created"')) text += await stream.chunk();
  const command = /^: +(curl -d '.*"offer".*)$/m.exec(text)[1];
  const bob = await new PollMember(server).open({ room });
  await bob.event('joined');
  await bob.event('ready');
  const { stdout } = await run('sh', ['-c', command.replace('curl', 'curl -sS')]);
  assert.deepEqual(JSON.parse(stdout), { up: 1 });
  assert.equal((await bob.event('offer')).name, 'alice');
  bob.close();
  stream.destroy();
  const [status, answer] = await curl(`${server.url}/v1/poll?room=${makeKey()}`);
  assert.equal(status, 200);
  assert.equal(JSON.parse(answer).events[0].type, 'created');
  assert.equal((await fetchJson(server, '/v1/send', { key: JSON.parse(answer).welcome.key, type: 'leave' })).status, 200);
});
