// Resuming, starting anew, falling back.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pass } from './fake_clock.mjs';
import { fetch } from './fake_network.mjs';
import { counting, numbers } from './helpers.mjs';
import { client, pair, server, states } from './scene.mjs';

const kTransports = ['websocket', 'sse', 'poll'];

for (const transport of kTransports) describe(`recovery on ${transport}`, () => {
  test('resumes by cursor after a cut', async () => {
    const [alice, bob] = await pair(transport);
    const { peer } = alice.connection;
    server.cut();
    for (const i of counting(5)) bob.connection.send('count', { i });
    await alice.until(() => numbers(alice).length === 5 && alice.connection.state === 'open');
    assert.deepEqual(numbers(alice), counting(5));
    assert.equal(alice.connection.peer, peer);
    assert.equal(server.opens.length, 2);
    if (transport !== 'poll') assert.deepEqual(states(alice), ['open', 'reconnecting', 'open']);
    for (const { delay } of [...alice.logged('retry'), ...bob.logged('retry')]) assert.ok(delay >= 50);
  });

  test('another transport may be asked for as soon as it is open', async () => {
    const wanted = transport === 'poll' ? 'sse' : 'poll';
    const alice = client({ room: 'one', transport });
    const switched = new Promise((resolve, reject) => {
      alice.connection.on('state', ({ state }) => {
        if (state === 'open') alice.connection.switchTransport(wanted).then(resolve, reject);
      });
    });
    assert.equal(await switched, wanted);
    assert.equal(alice.connection.transport, wanted);
  });

  test('its place is looked for often while it is kept; who is disowned begins anew at once', async () => {
    server.resume = 6000;
    const alice = client({ room: 'one', transport });
    await alice.until(() => alice.connection.state === 'open');
    server.fault = () => 'lose';
    server.upgrade = () => 'refuse';
    server.cut();
    await alice.until(() => alice.logged('retry').length === 5);
    for (const { delay } of alice.logged('retry')) assert.ok(delay <= 6000 / 4 + 50, `waited for ${delay} ms`);
    server.restart();
    server.fault = server.upgrade = () => null;
    await alice.until(() => alice.logged('reset').length === 1);
    const { delay } = alice.logged('retry').findLast(({ reason }) => /restarted|unknown_key/.test(reason?.code));
    assert.ok(delay <= 550, `waited for ${delay} ms`);
  });

  test('the server is another one: a new key, the same rooms and name, and the application is told', async () => {
    const alice = client({ room: 'one', transport, name: 'alice', capacity: 4 });
    await alice.until(() => alice.had('created'));
    await alice.connection.join('two', { capacity: 3 });
    const { key, peer } = alice.connection;
    await pass(1000);
    server.restart();
    const unsent = alice.connection.send('late', 1);
    const reset = await alice.until(() => alice.logged('reset')[0]);
    assert.match(reset.reason, /restarted|unknown_key/);
    assert.equal(reset.previous, peer);
    assert.equal(reset.peer, alice.connection.peer);
    assert.notEqual(alice.connection.peer, peer);
    assert.notEqual(alice.connection.key, key);
    assert.deepEqual(reset.lost, [unsent]);
    await alice.until(() => alice.heard.filter(({ type }) => type === 'created').length === 4);
    assert.deepEqual([...server.rooms].map(([name, { capacity }]) => [name, capacity]), [['one', 4], ['two', 3]]);
    assert.equal(server.opens.at(-1).name, 'alice');
    const number = alice.connection.send('count', { i: 0 }, { room: 'one', to: 'nobody' });
    assert.equal((await alice.until(() => alice.logged('refused')[0])).re, number);
  });

  for (const code of ['timeout', 'slow_consumer', 'no_ack']) test(`a session that ended as ${code} starts anew`, async () => {
    const [alice, bob] = await pair(transport);
    server.sessions.get(alice.connection.key).end(code);
    await alice.until(() => alice.logged('reset').length === 1 && alice.connection.state === 'open');
    await bob.until(() => bob.heard.filter(({ type }) => type === 'peer-joined').length >= 1 && bob.had('peer-left'));
    alice.connection.send('count', { i: 0 });
    await bob.until(() => numbers(bob).length === 1);
  });

  test('a session that was replaced stays closed', async () => {
    const [alice] = await pair(transport);
    const newer = client({ room: 'one', transport, replaces: alice.connection.key });
    await newer.until(() => newer.had('ready'));
    await alice.until(() => alice.connection.state === 'closed');
    assert.equal(alice.logged('closed')[0].code, 'replaced');
    await assert.rejects(alice.connection.switchTransport('poll'), { code: 'closed' });
  });

  // There each poll has its own deadline.
  if (transport !== 'poll') test('silence is a cut', async () => {
    const alice = client({ room: 'one', transport, heartbeat: 100 });
    server.heartbeat = 100;
    await alice.connection.opened;
    server.silent = true;
    await alice.until(() => alice.connection.state === 'reconnecting');
    server.silent = false;
    await alice.until(() => alice.connection.state === 'open');
  });

  test('heartbeats keep it', async () => {
    server.heartbeat = 400;   // a busy machine is late by more than 100
    server.hold = 400;
    const alice = client({ room: 'one', transport });
    await alice.connection.opened;
    await pass(2000);
    assert.deepEqual(states(alice), ['open']);
    const said = transport === 'sse' ? '/v1/send' : '/v1/poll';
    if (transport === 'websocket') return;
    const count = () => server.requests.filter(({ route }) => route === said).length;
    for (const began = Date.now(); count() < 4 && Date.now() - began < 30000;) await pass(50);
    assert.ok(count() >= 4);
    assert.deepEqual(states(alice), ['open']);
  });
});

test('a stream that is refused as `draining` says from where on nothing was taken', async () => {
  const [alice, bob] = await pair('sse');
  server.fault = ({ route }) => (route === '/v1/send' ? 'swallow' : null);
  alice.connection.send('count', { i: 1 });
  await pass(100);
  const error = { code: 'draining', message: 'The server is shutting down.', hint: 'Come back a little later.', retry: 1000, expected: 1 };
  server.fault = ({ route, body }) => {
    if (route !== '/v1/sse' && route !== '/v1/send') return null;
    return body.key === alice.connection.key ? { status: 503, text: JSON.stringify({ error }) } : null;
  };
  server.cut();
  await alice.until(() => alice.connection.state === 'reconnecting');
  await pass(3000);
  server.fault = () => null;
  server.restart();
  await bob.until(() => numbers(bob).length === 1 || alice.had('error'));
  assert.deepEqual(alice.logged('reset')[0].lost, []);
});

const kBusy = { error: { code: 'busy', message: 'Too much at once.', hint: 'Come back later.' } };
for (const [who, text, delay] of [['a server', JSON.stringify(kBusy), 3600000], ['something on the way', '<html>busy', 30000]]) {
  test(`${who} asks to be left alone for a month, and is for ${delay / 1000} s`, async () => {
    server.fault = () => ({ status: 503, headers: { 'Retry-After': '2592000' }, text });
    const alice = client({ room: 'one', transport: 'poll' });
    await alice.until(() => alice.logged('retry').length);
    assert.equal(alice.logged('retry')[0].delay, delay);
    const count = server.requests.length;
    await pass(delay - 1000);
    assert.equal(server.requests.length, count);
  });
}

test('a WebSocket is not given up when a heartbeat crosses the ping that follows the last event', async () => {
  server.heartbeat = 1000;
  server.latency = 40;
  const [alice, bob] = await pair('websocket');
  for (const i of counting(21)) {          // each time 50 ms later in the interval
    bob.connection.send('count', { i });
    await pass(3050);
  }
  for (const each of [alice, bob]) assert.deepEqual(states(each), ['open']);
});

test('what had not gone out when the session ended goes out in the new one', async () => {
  const [alice, bob] = await pair('poll');
  server.fault = ({ route }) => route === '/v1/send' ? 'lose' : null;
  const gone = alice.connection.send('count', { i: 0 });
  await new Promise((resolve) => setImmediate(resolve));      // on its way, and the next one waits behind it
  alice.connection.send('count', { i: 1 });
  server.sessions.get(alice.connection.key).end('timeout');
  const reset = await alice.until(() => alice.logged('reset')[0]);
  server.fault = () => null;
  assert.deepEqual(reset.lost, [gone]);
  await bob.until(() => numbers(bob).length === 1);
  assert.deepEqual(numbers(bob), [1]);
});

test('an upload that was lost without a word goes again as soon as later ones were answered', async () => {
  const hasFirst = ({ messages }) => messages?.some(({ n }) => n === 1);
  let tries = 0, isGivenUp = false, wasGivenUp = null, slowest = 0;
  const watched = async (url, init) => {
    if (!String(url).endsWith('/v1/send')) return fetch(url, init);
    const began = performance.now();
    const isFirst = hasFirst(JSON.parse(init.body));
    if (isFirst && ++tries === 2) wasGivenUp = isGivenUp;
    try {
      const answer = await fetch(url, init);
      slowest = Math.max(slowest, performance.now() - began);
      return answer;
    } catch (error) {
      isGivenUp ||= isFirst;
      throw error;
    }
  };
  const [alice, bob] = await pair('poll', { fetch: watched });
  let arrived = 0;
  server.fault = ({ route, body }) => route === '/v1/send' && hasFirst(body) && ++arrived === 1 ? 'swallow' : null;
  let said = 0;      // one every 100 ms; the upload itself is given up after more than a second
  do {
    alice.connection.send('count', { i: said++ });
    await pass(100);
  } while (numbers(bob).length === 0 && said < 30);
  assert.notEqual(wasGivenUp, null, 'it went again');
  // Where other uploads took as long, a busy machine may have given it up first.
  assert.ok(!wasGivenUp || slowest > 300, `before it was given up; others took ${slowest} ms`);
  await bob.until(() => numbers(bob).length === said);
  assert.deepEqual(numbers(bob), counting(said));
});

test('an end without a code is somebody else\'s, and the way is looked for again', async () => {
  const [alice] = await pair('poll');
  server.fault = ({ route }) => route === '/v1/poll' ? { status: 200, text: '{"first":1,"events":[],"up":0,"ended":{}}' } : null;
  server.cut();
  await alice.until(() => alice.connection.journal.some(({ code }) => code === 'not_sigway'));
  server.fault = () => null;
  await alice.until(() => alice.connection.state === 'open');
  assert.equal(alice.logged('reset').length, 0);
});

test('a server that disowns every session is asked less and less often', async (t) => {
  t.mock.method(Math, 'random', () => 0.1);
  const refusal = JSON.stringify({ error: { code: 'gone', message: 'gone', hint: 'Begin anew.' } });
  server.fault = () => ({ status: 410, text: refusal });
  const alice = client({ room: 'one', transport: 'poll' });
  const retries = await alice.until(() => alice.logged('retry').length === 6 && alice.logged('retry'));
  const delays = retries.map(({ delay }) => delay);
  assert.ok(delays.every((delay, i) => i === 0 || delay >= delays[i - 1]), delays.join());
  assert.ok(delays.at(-1) > 4 * delays[0], delays.join());
});

test('what is said while the session is renewed belongs to the new one', async () => {
  const alice = client({ room: 'one', transport: 'websocket' });
  await alice.connection.opened;
  const bob = client({ room: 'one', transport: 'websocket' });
  await bob.until(() => bob.had('ready'));
  alice.connection.on('state', ({ state }) => {
    if (state === 'reconnecting') queueMicrotask(() => alice.connection.send('count', { i: 0 }));
  });
  server.sessions.get(alice.connection.key).end('timeout');
  await bob.until(() => numbers(bob).length === 1);
  assert.deepEqual(alice.logged('reset')[0].lost, []);
});

test('a session that ends before it was open: a reset only if something of it was heard', async () => {
  server.upgrade = () => 'refuse';
  server.fault = ({ route }) => route === '/v1/sse' ? null : 'lose';
  const alice = client({ room: 'one' });
  const joined = alice.connection.join('two');
  const before = await alice.until(() => alice.had('created'));
  server.fault = () => null;
  server.sessions.get(alice.connection.key).end('no_ack');
  const reset = await alice.until(() => alice.logged('reset')[0]);
  assert.deepEqual(reset, { reason: 'no_ack', previous: before.peer, peer: alice.connection.peer, lost: [] });
  assert.equal((await joined).room, 'two');
  assert.deepEqual([...server.rooms.keys()], ['one', 'two']);
  assert.equal(alice.logged('refused').length, 0);
});

test('the server closes for good what it forbids', async () => {
  server.fault = () => ({ status: 403, text: '{"error":{"code":"origin_refused","message":"no","hint":"--allow-origin"}}' });
  const alice = client({ room: 'one', transport: 'poll' });
  await assert.rejects(alice.connection.opened, { code: 'origin_refused', hint: '--allow-origin' });
  assert.equal(alice.connection.state, 'closed');
});

test('a stream that ends politely is resumed without a word', async () => {
  const [alice, bob] = await pair('sse');
  await pass(1000);
  for (const carrier of server.carriers()) {
    carrier.control('end', { code: 'stream_limit', message: '' });
    carrier.cut();
  }
  for (const i of counting(5)) bob.connection.send('count', { i });
  await alice.until(() => numbers(alice).length === 5);
  assert.deepEqual(states(alice), ['open']);
});

test('what was said before there was a session goes out when there is one', async () => {
  let refused = 0;
  server.fault = () => refused++ < 2 ? { status: 503, headers: { 'Retry-After': '0' } } : null;
  const bob = client({ room: 'one', transport: 'websocket' });
  await bob.until(() => bob.had('created'));
  const alice = client({ room: 'one', transport: 'poll' });
  for (const i of counting(5)) alice.connection.send('count', { i });
  await alice.connection.flush();
  await bob.until(() => numbers(bob).length === 5);
  assert.deepEqual(numbers(bob), counting(5));
  assert.equal(server.requests.every(({ text }) => !text.includes('"n":0,')), true);
});

for (const switches of [false, true]) test(`nothing runs further ahead of a slow upload than the server holds${
  switches ? ', not on a new WebSocket either' : ''}`, async () => {
  const statuses = [];
  const [alice, bob] = await pair('poll', { messageRate: 0, fetch: async (url, init) => {
    const response = await fetch(url, init);
    statuses.push(response.status);
    return response;
  } });
  let said = 0;
  const say = (count) => counting(count).forEach(() => alice.connection.send('count', { i: said++ }));
  for (let round = 0; round < 5; ++round) {   // until large bodies are known to pass
    say(100);
    await alice.connection.flush();
  }
  await new Promise((resolve) => {
    server.fault = ({ body }) => {
      if (!body.messages) return null;
      server.fault = () => null;
      resolve();
      return { delay: 400 };
    };
    say(1);
  });
  if (switches) await alice.connection.switchTransport('websocket');
  say(150);
  await bob.until(() => numbers(bob).length === said);
  assert.deepEqual(numbers(bob), counting(said));
  assert.deepEqual(statuses.filter((status) => status !== 200), []);
  assert.deepEqual(states(alice), ['open']);
});

test('a WebSocket counts on where it is told that events were left out which have come already', async () => {
  const [alice, bob] = await pair('poll');
  bob.connection.send('count', { i: 0 });
  await alice.until(() => numbers(alice).length === 1);
  await alice.connection.switchTransport('websocket');
  // Activated while the last event was still unacknowledged, and then an upload by the old way acknowledged it.
  const { active } = server.sessions.get(alice.connection.key);
  active.control('activated', { turn: active.session.turn, next: active.next - 1 });
  active.control('heartbeat', { next: active.next });
  bob.connection.send('count', { i: 1 });
  await alice.until(() => numbers(alice).length === 2);
  assert.deepEqual(numbers(alice), counting(2));
  assert.deepEqual(states(alice), ['open']);
});

for (const transport of ['sse', 'poll']) test(`where the way breaks UTF-8, ASCII is spoken, ${transport}`, async () => {
  const bodies = [];
  const recoded = async (url, init) => {
    bodies.push(init.body);
    const latin1 = Buffer.from(init.body.replace(/[^\0-\xff]/gu, '?'), 'latin1');
    // The fake server takes JavaScript's strings; a real one says what this one says here.
    if (latin1.toString() === init.body) return fetch(url, init);
    const error = { code: 'bad_utf8', message: 'The request is not UTF-8.', hint: 'Send UTF-8.' };
    return new Response(JSON.stringify({ error }), { status: 400 });
  };
  const [alice, bob] = [client({ room: 'à côté', transport, fetch: recoded }), client({ room: 'à côté', transport: 'websocket' })];
  await Promise.all([alice, bob].map((one) => one.until(() => one.had('ready'))));
  const texts = ['é€😀', 'plain', 'ж'.repeat(30000)];
  for (const text of texts) alice.connection.send('text', text);
  await bob.until(() => bob.messages('text').length === texts.length);
  assert.deepEqual(bob.messages('text').map(({ data }) => data), texts);
  // One refusal, and nothing in UTF-8 after it.
  const utf8 = bodies.filter((body) => /[^\0-\x7f]/.test(body));
  assert.ok(utf8.length >= 1 && utf8.length <= 2, String(utf8.length));
  assert.ok(bodies.slice(bodies.lastIndexOf(utf8.at(-1)) + 1).length > 3);
  assert.ok(bodies.every((body) => body.length < 70000));
});
