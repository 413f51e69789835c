// Exactly once and in order, both ways, over a network that loses, repeats, delays, refuses and cuts.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { FakeServer } from './fake_server.mjs';
import { counting, makeClient, numbers, seeded } from './helpers.mjs';

const kTransports = ['websocket', 'sse', 'poll'];
let server, clients;

async function pair(transport, other = transport) {
  const [alice, bob] = [transport, other].map((each) => makeClient({ url: server.url, room: 'one', transport: each }, clients));
  await Promise.all([alice, bob].map((one) => one.until(() => one.had('ready'))));
  return [alice, bob];
}

async function arrives(count, ...pairs) {
  await Promise.all(pairs.map((one) => one.until(() => numbers(one).length >= count, `${count} messages`)));
  for (const one of pairs) assert.deepEqual(numbers(one), counting(count));
}

beforeEach(async () => {
  server = await new FakeServer().start();
  clients = [];
});

afterEach(async () => {
  server.fault = () => null;
  await Promise.all(clients.map(({ connection }) => connection.close()));
  await server.stop();
});

for (const transport of kTransports) describe(transport, () => {
  const kinds = { 'lost requests': 'lose', 'lost answers': 'lose-answer', 'repeated requests': 'repeat',
    'late requests': { delay: 30 }, 'a gateway without a server': { status: 502, text: '<html>' },
    'an overloaded server': { status: 503, headers: { 'Retry-After': '0' } } };
  for (const [name, fault] of Object.entries(kinds)) test(name, async () => {
    const [alice, bob] = await pair(transport);
    server.fault = ({ count }) => count % 3 === 0 ? fault : null;
    for (const i of counting(40)) {
      alice.connection.send('count', { i });
      bob.connection.send('count', { i });
      if (i % 8 === 0) await new Promise(setImmediate);
    }
    await arrives(40, alice, bob);
    assert.equal(alice.logged('reset').length, 0);
  });

  test('the answer to the opening request is lost: no ghost', async () => {
    let lost = 0;
    server.fault = () => lost++ === 0 ? 'lose-answer' : null;
    await pair(transport);
    assert.equal(server.opens.length, 2);
    assert.equal(server.rooms.get('one').members.size, 2);
  });

  test('connections are cut in the middle', async () => {
    const [alice, bob] = await pair(transport);
    for (const i of counting(30)) {
      alice.connection.send('count', { i });
      bob.connection.send('count', { i });
      if (i === 10) server.cut();
      if (i === 20) {
        await alice.until(() => alice.connection.state === 'open');
        server.cut();
      }
    }
    await arrives(30, alice, bob);
  });
});

describe('uploads', () => {
  const refuseBeyond = (limit) => ({ text }) => text.length > limit ? { status: 413, text: '<h1>no</h1>' } : null;

  for (const limit of [700, 1000, 2048, 6000]) test(`bodies beyond ${limit} bytes are refused on the way: pieces`, async () => {
    const [alice, bob] = await pair('poll');
    server.fault = refuseBeyond(limit);
    const sdp = (i) => `${i} "quoted\\" é 😀\r\n`.repeat(i % 5 === 0 ? 600 : 2);
    for (const i of counting(30)) alice.connection.send('count', { i, sdp: sdp(i) });
    const failed = alice.connection.send('count', 1, { to: 'nobody' });
    await arrives(30, bob);
    for (const { data } of bob.messages('count')) assert.equal(data.sdp, sdp(data.i));
    assert.ok(server.taken.some(({ pieces }) => pieces));
    // Numbers on the wire have shifted; the application's have not.
    const refused = await alice.until(() => alice.logged('refused')[0]);
    assert.equal(refused.re, failed);
    assert.equal(alice.logged('reset').length, 0);
    assert.ok(alice.connection.pending === 0 || await alice.connection.flush() === undefined);
  });

  test('many small messages and a tight limit: batches are split, no message is', async () => {
    const [alice, bob] = await pair('sse');
    server.fault = refuseBeyond(1100);
    for (const i of counting(150)) alice.connection.send('count', { i });
    await arrives(150, bob);
    assert.ok(!server.taken.some(({ pieces }) => pieces));
  });

  test('Retry-After is kept to', async () => {
    const [alice, bob] = await pair('poll');
    let refusedAt = 0, nextAt = 0;
    server.fault = ({ route }) => {
      if (route !== '/v1/send') return null;
      if (refusedAt) {
        nextAt ||= Date.now();
        return null;
      }
      refusedAt = Date.now();
      return { status: 429, headers: { 'Retry-After': '1' }, text: '{"error":{"code":"rate_limited","message":"slower"}}' };
    };
    for (const i of counting(10)) alice.connection.send('count', { i });
    await arrives(10, bob);
    assert.ok(nextAt - refusedAt >= 990, `came back after ${nextAt - refusedAt} ms`);
  });

  test('several are in flight, but not many', async () => {
    const [alice, bob] = await pair('poll');
    let now = 0, most = 0;
    server.fault = ({ route }) => {
      if (route !== '/v1/send') return null;
      most = Math.max(most, ++now);
      setTimeout(() => --now, 40);
      return { delay: 40 };
    };
    for (const i of counting(60)) {
      alice.connection.send('count', { i });
      if (i % 5 === 0) await new Promise(setImmediate);
    }
    await arrives(60, bob);
    assert.ok(most > 1 && most <= 3, `${most} at once`);
  });

  test('an upload that overtakes is held, and does no harm', async () => {
    const [alice, bob] = await pair('sse');
    let uploads = 0;
    server.fault = ({ route, body }) => route === '/v1/send' && body.messages && ++uploads === 1 ? { delay: 150 } : null;
    for (const i of counting(40)) {
      alice.connection.send('count', { i });
      if (i % 10 === 0) await new Promise(setImmediate);
    }
    await arrives(40, bob);
  });
});

// Everything at once: both members switch, are cut, and lose requests, while they talk.
describe('random faults', () => {
  const seeds = process.env.SIGWAY_SEEDS ? process.env.SIGWAY_SEEDS.split(',').map(Number) : counting(12);
  for (const seed of seeds) test(`seed ${seed}`, async () => {
    const random = seeded(seed);
    const pick = (values) => values[random() * values.length | 0];
    server.random = random;
    const [alice, bob] = await pair(pick(kTransports), pick(kTransports));
    const faults = ['lose', 'lose-answer', 'repeat', { delay: 10 }, { delay: 60 }, { status: 502 }, { status: 503 }];
    server.fault = () => random() < 0.2 ? pick(faults) : null;
    const limit = random() < 0.5 ? 1500 : Infinity;
    const calm = server.fault;
    server.fault = (request) => request.text.length > limit ? { status: 413 } : calm(request);
    const switches = [];
    for (const i of counting(80)) {
      for (const one of [alice, bob]) {
        one.connection.send('count', { i, pad: 'x'.repeat(random() < 0.1 && limit === Infinity ? 3000 : 10) });
        if (random() < 0.06) switches.push(one.connection.switchTransport(pick(kTransports)).catch(() => {}));
        if (random() < 0.02) server.cut(() => random() < 0.5);
      }
      if (random() < 0.3) await new Promise((resolve) => setTimeout(resolve, random() * 20));
    }
    await Promise.race([Promise.all(switches), new Promise((resolve) => setTimeout(resolve, 3000))]);
    server.fault = () => null;
    await arrives(80, alice, bob);
    for (const one of [alice, bob]) {
      assert.equal(one.logged('reset').length, 0);
      assert.equal(one.heard.filter(({ type }) => type === 'error').length, 0);
    }
    assert.equal(server.opens.length, 2);
    assert.equal(server.rooms.get('one').members.size, 2);
  });
});
