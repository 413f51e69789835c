// Each behaviour of the bed does what it says: against a small server that counts, streams and echoes.

import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { Random } from '../faults/random.mjs';
import * as headers from './behaviours/headers.mjs';
import * as lines from './behaviours/lines.mjs';
import * as requests from './behaviours/requests.mjs';
import * as strangers from './behaviours/strangers.mjs';
import * as streams from './behaviours/streams.mjs';
import * as websocket from './behaviours/websocket.mjs';
import { Middlebox } from './middlebox.mjs';
import { combinations, expectations, networks } from './networks.mjs';

// ---- The server behind ----

let server, target;
let seen = [];             // {method, url, headers, body, version}
const streaming = new Map();   // url → response that a test writes to

before(async () => {
  server = http.createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    seen.push({ method: request.method, url: request.url, headers: request.headers, body, version: request.httpVersion });
    if (request.url.startsWith('/stream')) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
      streaming.get('waiting')?.(response);
      return;
    }
    if (request.url.startsWith('/hold')) return;
    response.writeHead(200, { 'Content-Type': 'application/json', 'X-Own': 'yes', 'Set-Cookie': 'a=b' });
    response.end(JSON.stringify({ count: seen.length, body }));
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    socket.send('hello');
    socket.on('message', (text) => {
      seen.push({ frame: String(text) });
      socket.send(`echo ${text}`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  target = { host: '127.0.0.1', port: server.address().port };
});
after(() => {
  server.closeAllConnections();
  server.close();
});

// A box for the time of `body`, which gets its URL.
function behind(behaviours, body, options) {
  return async () => {
    seen = [];
    const box = await Middlebox.start(target, behaviours, options);
    try {
      await body(box.url, box);
    } finally {
      await box.close();
    }
  };
}

const post = (url, body = '{}', more = {}) => fetch(url, { method: 'POST', body, ...more });
const until = async (condition) => { while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5)); };

// A stream through the box: what it wrote, and what has come of it so far.
async function openStream(url, more = {}) {
  const far = new Promise((resolve) => streaming.set('waiting', resolve));
  const response = post(`${url}/stream`, '{}', more);
  const stream = { text: '', write: (text) => stream.far.write(text), end: () => stream.far.end(), response };
  stream.far = await far;
  response.then(async ({ body }) => {
    const decoder = new TextDecoder();
    for await (const chunk of body) stream.text += decoder.decode(chunk, { stream: true });
    stream.ended = 'ended';
  }).catch(() => { stream.ended = 'cut'; });
  return stream;
}

// Resolves when whatever was on its way has had the time to come: a request around through the box.
const aMoment = async (url) => { for (let i = 0; i < 3; ++i) await post(`${url}/after`); };

async function openSocket(url) {
  const socket = new WebSocket(url.replace('http', 'ws'));
  const heard = [];
  socket.on('message', (text) => heard.push(String(text))).on('error', () => {});
  const opened = new Promise((resolve) => socket.on('open', () => resolve('open')).on('close', () => resolve('closed'))
    .on('unexpected-response', (request, response) => { resolve(response.statusCode); request.destroy(); }));
  const closed = new Promise((resolve) => socket.on('close', resolve));
  return { socket, heard, closed, opened: await opened };
}

// ---- Nothing ----

test('without behaviours everything passes, and is counted', behind([], async (url, box) => {
  assert.equal((await (await post(`${url}/a`, 'hello')).json()).body, 'hello');
  const stream = await openStream(url);
  stream.write('data: 1\n\n');
  await until(() => stream.text === 'data: 1\n\n');
  const { socket, heard, opened } = await openSocket(url);
  assert.equal(opened, 'open');
  socket.send('x');
  await until(() => heard.length === 2);
  assert.deepEqual(heard, ['hello', 'echo x']);
  assert.equal(box.counts.requests, 3);
  assert.deepEqual([...box.counts.methods], ['POST', 'GET']);
  assert.ok(box.counts.up > 300 && box.counts.down > 300);
  socket.close();
}));

test('a proxy that does nothing lets everything pass too', behind([headers.rudeCache()], async (url) => {
  assert.equal((await (await post(`${url}/a`, 'hello')).json()).body, 'hello');
  const stream = await openStream(url);
  stream.write('data: 1\n\n');
  await until(() => stream.text === 'data: 1\n\n');
  stream.end();
  await until(() => stream.ended === 'ended');
  const { socket, heard } = await openSocket(url);
  socket.send('x');
  await until(() => heard.length === 2);
  socket.close();
}));

test('who goes away is gone at the server too', behind([headers.rudeCache()], async (url) => {
  const stop = new AbortController();
  const stream = await openStream(url, { signal: stop.signal });
  const closed = once(stream.far, 'close');
  stop.abort();
  await closed;
}));

// ---- WebSocket ----

for (const [what, behaviour, expected] of [
  ['refused with 403', websocket.websocketRefused(403), 403],
  ['refused with 400', websocket.websocketRefused(400), 400],
  ['closed', websocket.websocketClosed(), 'closed'],
  ['stripped', websocket.upgradeStripped(), 200],
]) {
  test(`WebSocket ${what}, requests pass`, behind([behaviour], async (url) => {
    assert.equal((await openSocket(url)).opened, expected);
    assert.equal(seen.length, expected === 200 ? 1 : 0);
    assert.equal((await post(url)).status, 200);
  }));
}

test('an Upgrade that hangs', behind([websocket.upgradeHangs()], async (url) => {
  const socket = new WebSocket(url.replace('http', 'ws'));
  socket.on('error', () => {});
  await aMoment(url);
  assert.equal(socket.readyState, WebSocket.CONNECTING);
  socket.terminate();
}));

for (const [which, hears, arrives] of [['both', [], 0], ['up', ['hello'], 0], ['down', [], 1]]) {
  test(`WebSocket accepted and dead: ${which}`, behind([websocket.websocketDead(which)], async (url) => {
    const { socket, heard, opened } = await openSocket(url);
    assert.equal(opened, 'open');
    socket.send('x');
    await until(() => heard.length === hears.length);
    await aMoment(url);
    assert.deepEqual(heard, hears);
    assert.equal(seen.filter(({ frame }) => frame).length, arrives);
    assert.equal(socket.readyState, WebSocket.OPEN);
    socket.terminate();
  }));
}

test('WebSocket cut after a while', behind([websocket.websocketCut(5000)], async (url) => {
  const { socket, heard, closed } = await openSocket(url);
  socket.send('x');
  await until(() => heard.length === 2);
  assert.equal(await closed, 1006);
}));

// ---- Streams ----

for (const head of ['at once', 'late']) {
  test(`streams held until their end, head ${head}`, behind([streams.bufferedWhole(head)], async (url) => {
    const stream = await openStream(url);
    let hasHead = false;
    stream.response.then(() => { hasHead = true; });
    stream.write('data: 1\n\n');
    await aMoment(url);
    assert.equal(hasHead, head === 'at once');
    assert.equal(stream.text, '');
    stream.end();
    await until(() => stream.ended);
    assert.equal(stream.text, 'data: 1\n\n');
  }));
}

test('streams in blocks', behind([streams.bufferedBlocks(1024)], async (url) => {
  const stream = await openStream(url);
  stream.write('x'.repeat(1000));
  await aMoment(url);
  assert.equal(stream.text.length, 0);
  stream.write('y'.repeat(1100));
  await until(() => stream.text.length === 2048);
  await aMoment(url);
  assert.equal(stream.text.length, 2048);
  stream.end();
  await until(() => stream.ended);
  assert.equal(stream.text, 'x'.repeat(1000) + 'y'.repeat(1100));
}));

test('the first event held until the next', behind([streams.oneBehind()], async (url) => {
  const stream = await openStream(url);
  stream.write('1');
  await aMoment(url);
  assert.equal(stream.text, '');
  stream.write('2');
  await until(() => stream.text === '12');
  stream.write('3');
  await until(() => stream.text === '123');
}));

test('each event held until the next', behind([streams.oneBehind({ always: true })], async (url) => {
  const stream = await openStream(url);
  for (const [text, shows] of [['1', ''], ['2', '1'], ['3', '12']]) {
    stream.write(text);
    await until(() => stream.text === shows);
    await aMoment(url);
    assert.equal(stream.text, shows);
  }
  stream.end();
  await until(() => stream.ended);
  assert.equal(stream.text, '123');
}));

test('compressed without a flush', behind([streams.gzipUnflushed()], async (url) => {
  assert.equal((await post(`${url}/a`)).headers.get('content-encoding'), 'gzip');
  const stream = await openStream(url);
  stream.write('data: 1\n\n');
  await aMoment(url);
  assert.equal(stream.text, '');
  stream.end();
  await until(() => stream.ended);
  assert.equal(stream.text, 'data: 1\n\n');
}));

test('event streams refused by type', behind([streams.eventStreamsRefused()], async (url) => {
  const stream = await openStream(url);
  assert.equal((await stream.response).status, 403);
  assert.equal((await post(url)).status, 200);
}));

test('answers cut after a while, those that have begun and those that have not', behind([streams.answersCut(5000)], async (url) => {
  const stream = await openStream(url);
  stream.write('1');
  assert.equal((await post(`${url}/hold`)).status, 504);
  await until(() => stream.ended);
  assert.deepEqual([stream.text, stream.ended], ['1', 'cut']);
}));

test('a slow first byte', behind([streams.slowFirstByte(150)], async (url) => {
  const began = performance.now();
  await post(url);
  assert.ok(performance.now() - began >= 145);
}));

// ---- Requests ----

test('POSTs repeated at once', behind([requests.postsRepeated()], async (url) => {
  await post(url, 'once');
  await until(() => seen.length === 2);
  await fetch(`${url}/get`);
  assert.deepEqual(seen.map(({ method, body }) => `${method} ${body}`), ['POST once', 'POST once', 'GET ']);
}));

test('POSTs repeated later', behind([requests.postsRepeated({ later: true })], async (url) => {
  await post(url, 'once');
  assert.equal(seen.length, 1);
  await until(() => seen.length === 2);
  assert.equal(seen[1].body, 'once');
}));

test('GETs doubled', behind([requests.getsDoubled()], async (url) => {
  await fetch(`${url}/get`);
  await until(() => seen.length === 2);
  await post(url);
  assert.equal(seen.length, 3);
  assert.equal((await openSocket(url)).opened, 'open');
}));

test('answers lost after the server has acted', behind([requests.answersLost(1)], async (url) => {
  await assert.rejects(post(url, 'once'));
  assert.equal(seen.length, 1);
}));

test('requests lost before', behind([requests.requestsLost(1)], async (url) => {
  await assert.rejects(post(url, 'once'));
  assert.equal(seen.length, 0);
}));

test('requests swallowed', behind([requests.requestsLost(1, { silently: true })], async (url) => {
  await assert.rejects(post(url, 'once', { signal: AbortSignal.timeout(200) }), { name: 'TimeoutError' });
  assert.equal(seen.length, 0);
}));

test('some are lost, by chance from the seed', behind([requests.requestsLost(0.5)], async (url) => {
  const outcomes = [];
  for (let i = 0; i < 40; ++i) outcomes.push(await post(url).then(() => 1, () => 0));
  const random = new Random(5);
  assert.deepEqual(outcomes, outcomes.map(() => (random.chance(0.5) ? 0 : 1)));
}, { random: new Random(5) }));

test('large bodies refused', behind([requests.bodyLimit(2048)], async (url) => {
  assert.equal((await post(url, 'x'.repeat(2049))).status, 413);
  assert.equal((await post(url, 'x'.repeat(2048))).status, 200);
  assert.equal(seen.length, 1);
}));

test('bodies recoded to Latin-1', behind([requests.latin1()], async (url) => {
  assert.equal((await (await post(`${url}/a`, 'hello')).json()).body, 'hello');
  await post(`${url}/a`, 'é€');
  assert.equal(seen.at(-1).body, '\ufffd?');
}));

test('only GET and POST; OPTIONS refused', async () => {
  await behind([requests.onlyGetAndPost()], async (url) => {
    assert.equal((await fetch(url, { method: 'PUT' })).status, 405);
    assert.equal((await post(url)).status, 200);
  })();
  await behind([requests.optionsRefused()], async (url) => {
    assert.equal((await fetch(url, { method: 'OPTIONS' })).status, 403);
    assert.equal((await fetch(url, { method: 'PUT' })).status, 200);
  })();
});

test('a balancer\'s errors', behind([requests.balancerErrors(1)], async (url) => {
  const statuses = new Set();
  for (let i = 0; i < 30; ++i) statuses.add((await post(url)).status);
  assert.deepEqual([...statuses].sort(), [502, 503, 504]);
  assert.ok([502, 503, 504].includes((await openSocket(url)).opened));
}));

test('requests overtake each other', behind([requests.reordered(60000)], async (url, box) => {
  const first = post(url, 'first');
  await until(() => box.counts.requests === 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await Promise.all([first, post(url, 'second')]);
  assert.deepEqual(seen.map(({ body }) => body), ['second', 'first']);
}));

test('a request that nobody overtakes goes after a while', behind([requests.reordered(50)], async (url) => {
  assert.equal((await post(url)).status, 200);
  assert.equal((await post(url)).status, 200);
}));

// ---- HTTP ----

test('headers and cookies stripped both ways', behind([headers.headersStripped()], async (url) => {
  const answer = await post(url, '{}', { headers: { 'X-A': '1', Cookie: 'a=b', Authorization: 'x', 'Content-Type': 'text/plain' } });
  assert.equal(answer.headers.get('x-own'), null);
  assert.equal(answer.headers.get('set-cookie'), null);
  assert.equal(answer.headers.get('content-type'), 'application/json');
  for (const name of ['x-a', 'cookie', 'authorization', 'user-agent']) assert.equal(seen[0].headers[name], undefined, name);
  assert.equal(seen[0].headers['content-type'], 'text/plain');
  assert.equal((await openSocket(url)).opened, 'open');
}));

// What is on the wire.
async function raw(box, text) {
  const socket = net.connect(box.port, box.host);
  socket.write(text);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  return answer;
}

test('HTTP/1.0 both ways', behind([headers.http10()], async (url, box) => {
  const answer = await raw(box, 'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc');
  assert.match(answer, /^HTTP\/1\.0 200 /);
  assert.doesNotMatch(answer, /transfer-encoding/i);
  assert.match(answer, /"body":"abc"/);
  assert.deepEqual([seen[0].version, seen[0].body], ['1.0', 'abc']);
  const stream = await openStream(url);
  stream.write('data: 1\n\n');
  await until(() => stream.text === 'data: 1\n\n');
  stream.end();
  await until(() => stream.ended === 'ended');
  assert.equal((await openSocket(url)).opened, 200);
}));

test('HTTP/1.0: the connection of an answer that is cut ends', behind([headers.http10(), streams.answersCut(1000)], async (url) => {
  const stream = await openStream(url);
  stream.write('1');
  await until(() => stream.ended);
  assert.equal(stream.text, '1');
}));

test('interim answers before the answer', behind([headers.interimAnswers([100, 103])], async (url) => {
  const ask = async (more) => {
    const seen = [];
    const request = http.request(`${url}/a`, { method: 'POST', ...more }).on('information', ({ statusCode }) => seen.push(statusCode)).on('continue', () => {});
    request.end('hello');
    const [answer] = await Promise.race([once(request, 'response'), once(request, 'upgrade')]);
    return [...seen, answer.statusCode];
  };
  assert.deepEqual(await ask(), [100, 103, 200]);
  const { socket, opened } = await openSocket(url);
  assert.equal(opened, 'open');
  socket.close();
}));

test('no keep-alive', behind([headers.noKeepAlive()], async (url, box) => {
  for (let i = 0; i < 3; ++i) await (await post(url)).text();
  assert.equal(box.counts.connections, 3);
  assert.match(await raw(box, 'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc'), /connection: close/i);
}));

test('a cache that ignores headers', behind([headers.rudeCache()], async (url) => {
  const first = await (await fetch(`${url}/n`)).json();
  assert.deepEqual(await (await fetch(`${url}/n`, { cache: 'no-store' })).json(), first);
  assert.notDeepEqual(await (await fetch(`${url}/n?u=2`)).json(), first);
  await post(`${url}/n`);
  await post(`${url}/n`);
  assert.equal(seen.length, 4);
}));

// ---- Lines ----

test('latency each way, and for the connection', behind([lines.latency(50)], async (url) => {
  let began = performance.now();
  await (await post(url)).text();
  assert.ok(performance.now() - began >= 195);
  began = performance.now();
  await (await post(url)).text();
  const later = performance.now() - began;
  assert.ok(later >= 95, `${later}`);
}));

test('jitter keeps the order of bytes', behind([lines.latency(1, 30)], async (url) => {
  const stream = await openStream(url);
  let expected = '';
  for (let i = 0; i < 50; ++i) {
    stream.write(`${i};`);
    expected += `${i};`;
    if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await until(() => stream.text === expected);
}));

test('bandwidth', behind([lines.bandwidth(80)], async (url) => {
  const began = performance.now();
  await (await post(url, 'x'.repeat(5000))).text();        // 5 KB at 10 KB/s, and once more in the answer
  assert.ok(performance.now() - began >= 990);
}));

for (const slow of [lines.sharedLine(80000), lines.bandwidth(640)]) {
  const pieces = [];
  const watch = { name: 'watch', says: '', on: () => ({ line: (line) => { line.down.delays.push((chunk) => pieces.push(chunk?.length ?? 0) && 0); } }) };
  test(`${slow.name}: a long answer shows its progress`, behind([slow, watch], async (url) => {
    await (await post(url, 'x'.repeat(6000))).text();
    assert.ok(pieces.length >= 5 && Math.max(...pieces) <= 1460, `pieces of ${pieces}`);
  }));
}

test('every connection is reset', behind([lines.resets(200)], async (url, box) => {
  const socket = net.connect(box.port, box.host);
  const [error] = await once(socket, 'error');
  assert.equal(error.code, 'ECONNRESET');
  assert.equal((await post(url)).status, 200);
}));

test('another address: what is open is dead without a word, and what is new works', behind([lines.addressChanged(500)], async (url) => {
  const { socket } = await openSocket(url);
  let over = false;
  socket.on('close', () => { over = true; }).on('error', () => {});
  const received = [];
  socket.on('message', (text) => received.push(String(text)));
  socket.send('before');
  while (!received.includes('echo before')) await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise((resolve) => setTimeout(resolve, 800));
  socket.send('after');
  assert.equal((await post(url)).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual([received, over], [['echo before'], false]);
  assert.ok(!seen.some(({ frame }) => frame === 'after'));
  socket.terminate();
}));

test('streams that are not asked for by name are held', behind([streams.acceptWanted()], async (url) => {
  for (const [headers, passes] of [[{}, false], [{ Accept: 'text/event-stream' }, true]]) {
    const waiting = new Promise((resolve) => streaming.set('waiting', resolve));
    const answer = await fetch(`${url}/stream`, { headers });
    const response = await waiting;
    const chunk = answer.body.getReader().read();
    response.write('data: 1\n\n');
    const first = await Promise.race([chunk.then(() => true), new Promise((resolve) => setTimeout(resolve, passes ? 20000 : 300, false))]);
    assert.equal(first, passes);
    response.end();
    await chunk;
  }
  streaming.delete('waiting');
}));

test('silence is cut, talk is not', behind([lines.silenceCut(3000)], async (url) => {
  const { socket, closed } = await openSocket(url);
  const began = performance.now();
  for (let i = 0; i < 8; ++i) {
    socket.send('x');
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  assert.equal(socket.readyState, WebSocket.OPEN);
  await closed;
  assert.ok(performance.now() - began >= 6000);
}));

test('a few connections at the most; the next waits for one to end', behind([lines.connectionsAtMost(2)], async (url) => {
  const [first, second] = [await openSocket(url), await openSocket(url)];
  const third = openSocket(url);
  assert.deepEqual([first.opened, second.opened], ['open', 'open']);
  let opened = false;
  third.then(() => { opened = true; });
  first.socket.send('x');
  await until(() => first.heard.length === 2);
  assert.equal(opened, false);
  second.socket.close();
  assert.equal((await third).opened, 'open');
}));

// ---- Strangers ----

for (const [name, behaviour, check] of [
  ['a captive portal', strangers.captivePortal, async (url) => assert.match(await (await post(url)).text(), /Hotel WiFi/)],
  ['a redirect loop', strangers.redirectLoop, async (url) => assert.rejects(post(url))],
  ['wrong JSON', strangers.wrongJson, async (url) => assert.doesNotMatch(await (await post(url)).text(), /count/)],
  ['another server', strangers.anotherServer, async (url) => assert.equal((await post(url)).status, 404)],
]) {
  let now = 0;
  test(`${name}, and then no more`, behind([behaviour([[0, 300]])], async (url) => {
    await check(url);
    assert.equal(seen.length, 0);
    now += 300;
    assert.equal((await post(url)).status, 200);
  }, { now: () => now }));
}

for (const [status, retry] of [[403, null], [429, '2']]) {
  let now = 0;
  test(`uploads are refused with ${status} and a page, nothing else is, and then no more`, behind([strangers.uploadsRefused(status, [[0, 300]])], async (url) => {
    const refused = await post(`${url}/v1/send`);
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [status, retry]);
    assert.match(await refused.text(), /Request Rejected/);
    assert.equal((await post(`${url}/v1/poll`)).status, 200);
    now += 300;
    assert.equal((await post(`${url}/v1/send`)).status, 200);
  }, { now: () => now }));
}

test('another server\'s WebSocket echoes', behind([strangers.anotherServer([[0, 60000]])], async (url) => {
  const { socket, heard } = await openSocket(url);
  socket.send('mine');
  await until(() => heard.length === 1);
  assert.deepEqual(heard, ['mine']);
  socket.close();
}));

// ---- The list ----

test('each network has a name of its own, and one request gets through at least', () => {
  const all = [...networks, ...combinations(new Random(1), 50)];
  assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
  for (const network of all) assert.ok(expectations(network).works.includes('poll'), network.name);
});

test('a seed draws the same combinations again', () => {
  const draw = (seed) => combinations(new Random(seed), 10).map(({ title }) => title);
  assert.deepEqual(draw(3), draw(3));
  assert.notDeepEqual(draw(3), draw(4));
});
