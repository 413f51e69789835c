// What must hold against any server of the protocol, the fake one and the real one: a suite is given a function that starts a
// server with the fault hooks of FakeServer. What only the fake server can show is guarded by `server.sessions`, and what needs its
// clock by `start.onFakeClock`.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { counting, makeClient, numbers, seeded } from './helpers.mjs';

const kTransports = ['websocket', 'sse', 'poll'];
const states = (one) => one.logged('state').map(({ state }) => state);

async function arrives(count, ...pairs) {
  await Promise.all(pairs.map((one) => one.until(() => numbers(one).length >= count, `${count} messages`)));
  for (const one of pairs) assert.deepEqual(numbers(one), counting(count));
}

// When nothing goes wrong.
export function transports(start) {
  for (const transport of kTransports) describe(transport, () => {
    let server, clients;
    const client = (options) => makeClient(server, { transport, ...options }, clients);

    beforeEach(async () => {
      server = await start();
      clients = [];
    });

    afterEach(async () => {
      await Promise.all(clients.map(({ connection }) => connection.close()));
      await server.stop();
    });

    test('opens, and says what the server said', async () => {
      const { connection, until, had, logged } = client({ room: 'one', name: 'alice', capacity: 3 });
      assert.equal(connection.state, 'connecting');
      assert.equal(await connection.opened, connection);
      assert.equal(connection.state, 'open');
      assert.equal(connection.transport, transport);
      assert.deepEqual(logged('state'), [{ state: 'open', previous: 'connecting' }]);
      assert.deepEqual(logged('transport'), [{ transport, previous: null }]);
      const created = await until(() => had('created'));
      assert.equal(created.peer, connection.peer);
      assert.equal(created.capacity, 3);
      assert.deepEqual(connection.iceServers, server.ice ?? []);
      assert.deepEqual(connection.rooms, ['one']);
      // A carrier that attached with its activation measures it later.
      if (connection.roundTrip === null) await new Promise((resolve) => { connection.on('roundtrip', resolve); });
      assert.equal(typeof connection.roundTrip, 'number');
      assert.match(connection.key, /^[\w-]{24}$/);
      if (server.opens) assert.deepEqual({ ...server.opens[0], key: 0 }, { key: 0, room: 'one', name: 'alice', capacity: 3 });
    });

    test('carries a burst both ways, once and in order', async () => {
      const alice = client({ room: 'one' }), bob = client({ room: 'one' });
      await Promise.all([alice.until(() => alice.had('ready')), bob.until(() => bob.had('ready'))]);
      for (const i of counting(150)) {
        assert.equal(alice.connection.send('count', { i }), i + 1);
        bob.connection.send('count', { i });
      }
      await alice.connection.flush();
      assert.equal(alice.connection.pending, 0);
      await Promise.all([alice, bob].map((one) => one.until(() => numbers(one).length === 150)));
      assert.deepEqual(numbers(alice), counting(150));
      assert.deepEqual(numbers(bob), counting(150));
      assert.deepEqual(bob.info.map(({ number }) => number), counting(bob.info.length).map((i) => i + 1));
      assert.ok(bob.info.every((info) => info.transport === transport && info.bytes > 0));
    });

    test('sends to one peer and through handlers by type', async () => {
      const [alice, bob, carol] = [1, 2, 3].map(() => client({ room: 'three', capacity: 3 }));
      await Promise.all([alice, bob, carol].map((one) => one.until(() => one.had('ready'))));
      const messages = [], joins = [];
      const off = bob.connection.on('message', (event) => messages.push(event.data));
      alice.connection.on('peer-joined', (event) => joins.push(event));
      alice.connection.send('offer', 'for bob', { to: bob.connection.peer, room: 'three' });
      alice.connection.send('offer', 'for both');
      await carol.until(() => carol.messages('offer').length === 1);
      await bob.until(() => bob.messages('offer').length === 2);
      assert.deepEqual(messages, ['for bob', 'for both']);
      assert.equal(carol.messages('offer')[0].from, alice.connection.peer);
      off();
      alice.connection.send('offer', 'nobody listens');
      await bob.until(() => bob.messages('offer').length === 3);
      assert.equal(messages.length, 2);
    });

    test('join, login and leave answer; a refusal quotes the number', async () => {
      const { connection, until, logged } = client({});
      assert.equal((await connection.join('a', { capacity: 5 })).capacity, 5);
      assert.equal((await connection.login('alice')).name, 'alice');
      assert.equal(connection.name, 'alice');
      const number = connection.send('offer', 1, { to: 'nobody' });
      const refused = await until(() => logged('refused')[0]);
      assert.equal(refused.re, number);
      assert.equal(refused.code, 'no_such_peer');
      assert.equal((await connection.leave('a')).type, 'left');
      assert.deepEqual(connection.rooms, []);
      await assert.rejects(connection.join('x'.repeat(3), { capacity: 1 }).then(() => { throw new Error('in'); }), { message: 'in' });
    });

    test('a third member hears full', async () => {
      const two = [client({ room: 'two' }), client({ room: 'two' })];
      await Promise.all(two.map((one) => one.until(() => one.had('ready'))));
      const third = client({ room: 'two' });
      await third.until(() => third.had('full'));
      assert.deepEqual(third.connection.rooms, []);
      assert.equal((await third.connection.join('two')).type, 'full');
    });

    test('closing leaves the room at once', async () => {
      const alice = client({ room: 'one' }), bob = client({ room: 'one' });
      await alice.until(() => alice.had('ready'));
      alice.connection.send('bye', 1);
      await alice.connection.close();
      assert.equal(alice.connection.state, 'closed');
      assert.equal(alice.logged('closed')[0].code, 'left');
      const left = await bob.until(() => bob.had('peer-left'));
      assert.equal(left.reason, 'left');
      assert.equal(bob.messages('bye').length, 1);
      assert.throws(() => alice.connection.send('late'), { code: 'closed' });
    });

    test('refuses at once what the server would never take', async () => {
      const { connection } = client({ room: 'one' });
      await connection.opened;
      assert.throws(() => connection.send('no spaces'), { code: 'bad_type' });
      assert.throws(() => connection.send('big', 'x'.repeat(65536)), { code: 'too_large' });
      assert.throws(() => connection.send('deep', JSON.parse('['.repeat(70) + ']'.repeat(70))), { code: 'too_deep' });
      assert.throws(() => connection.send('x', 1, { to: '\ud800' }), { code: 'bad_utf8' });
      assert.doesNotThrow(() => connection.send('flat', '['.repeat(200)));
    });

    test('a handler that throws does not stop the others', async () => {
      const { connection, until, had } = client({});
      const reported = [];
      globalThis.reportError = (error) => reported.push(error.message);
      let heard = false;
      connection.on('created', () => { throw new Error('mine'); });
      connection.on('created', () => { heard = true; });
      await connection.join('one');
      delete globalThis.reportError;
      assert.deepEqual(reported, ['mine']);
      assert.ok(heard && await until(() => had('created')));
    });
  });
}

// Exactly once and in order, both ways, over a network that loses, repeats, delays, refuses and cuts.
export function faults(start) {
  describe('faults', () => {
    let server, clients;

    const pair = async (transport, other = transport) => {
      const [alice, bob] = [transport, other].map((each) => makeClient(server, { room: 'one', transport: each }, clients));
      await Promise.all([alice, bob].map((one) => one.until(() => one.had('ready') && one.connection.state === 'open')));
      return [alice, bob];
    };

    beforeEach(async () => {
      server = await start();
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
        assert.equal(server.opens?.length ?? 2, 2);
        assert.equal(server.rooms?.get('one').members.size ?? 2, 2);
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
        assert.ok(server.taken?.some(({ pieces }) => pieces) ?? true);
        const refused = await alice.until(() => alice.logged('refused')[0]);
        assert.equal(refused.re, failed);
        assert.equal(alice.logged('reset').length, 0);
        assert.ok(alice.connection.pending === 0 || await alice.connection.flush() === undefined);
      });

      test('a body that is too large after others behind it have arrived, and after an answer was lost', async () => {
        const [alice, bob] = await pair('sse');
        let passed = 0;
        server.fault = ({ route, text }) => {
          if (route !== '/v1/send') return null;
          if (text.length > 900) return { status: 413, text: '<h1>no</h1>' };
          return ++passed % 4 === 1 ? 'lose-answer' : null;
        };
        for (const i of counting(12)) {
          alice.connection.send('count', { i, text: 'é"'.repeat(i % 4 === 0 ? 900 : 3) });
          if (i % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        }
        await arrives(12, bob);
        assert.equal(alice.logged('reset').length, 0);
      });

      test('a message just beyond a limit that the server names', async () => {
        const [alice, bob] = await pair('sse');
        const limit = 65800;
        server.fault = ({ text }) => text.length <= limit ? null
          : { status: 413, text: JSON.stringify({ error: { code: 'body_too_large', message: '', limit } }) };
        const big = 'x'.repeat(65500);
        alice.connection.send('count', { i: 0 });
        alice.connection.send('count', { i: 1, big });
        alice.connection.send('count', { i: 2 }, { to: [bob.connection.peer, 'y'.repeat(200)] });
        alice.connection.send('count', { i: 2 });
        await bob.until(() => numbers(bob).includes(2));
        assert.equal(bob.messages('count')[1].data.big, big);
        assert.equal(alice.logged('reset').length, 0);
      });

      test('many small messages and a tight limit: batches are split, no message is', async () => {
        const [alice, bob] = await pair('sse');
        server.fault = refuseBeyond(1100);
        for (const i of counting(150)) alice.connection.send('count', { i });
        await arrives(150, bob);
        assert.ok(!server.taken?.some(({ pieces }) => pieces));
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

      // Which uploads wait for which is a matter of short times: only the fake server's clock tells them.
      if (start.onFakeClock) test('several are in flight where one takes long, but not many', async () => {
        const [alice, bob] = await pair('poll');
        let now = 0, most = 0;
        server.fault = ({ route }) => {
          if (route !== '/v1/send') return null;
          most = Math.max(most, ++now);
          setTimeout(() => --now, 600);
          return { delay: 600 };
        };
        for (const i of counting(60)) {
          alice.connection.send('count', { i });
          if (i % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 60));
        }
        await arrives(60, bob);
        assert.ok(most > 1 && most <= 3, `${most} at once`);
      });

      if (start.onFakeClock) test('one is in flight at a time where answers are quick', async () => {
        const [alice, bob] = await pair('poll');
        let now = 0, most = 0;
        server.fault = ({ route }) => {
          if (route !== '/v1/send') return null;
          most = Math.max(most, ++now);
          setTimeout(() => --now, 20);
          return { delay: 20 };
        };
        for (const i of counting(60)) {
          alice.connection.send('count', { i });
          if (i % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
        }
        await arrives(60, bob);
        assert.equal(most, 1);
      });

      test('an upload that overtakes is held, and does no harm', async () => {
        const [alice, bob] = await pair('sse');
        let uploads = 0;
        server.fault = ({ route, body }) => route === '/v1/send' && body.messages && ++uploads === 1 ? { delay: 500 } : null;
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
        assert.equal(server.opens?.length ?? 2, 2);
        assert.equal(server.rooms?.get('one').members.size ?? 2, 2);
      });
    });
  });
}

// In the middle of a talk, in every direction.
export function switching(start) {
  describe('switching', () => {
    let server, clients;

    const pair = async (transport, other = transport) => {
      const [alice, bob] = [transport, other].map((each) => makeClient(server, { room: 'one', transport: each }, clients));
      await Promise.all([alice, bob].map((one) => one.until(() => one.had('ready') && one.connection.state === 'open')));
      return [alice, bob];
    };

    beforeEach(async () => {
      server = await start();
      clients = [];
    });

    afterEach(async () => {
      server.fault = () => null;
      await Promise.all(clients.map(({ connection }) => connection.close()));
      await server.stop();
    });

    for (const from of kTransports) for (const to of kTransports) if (from !== to) test(`${from} to ${to} in mid-talk`, async () => {
      const [alice, bob] = await pair(from);
      const talk = (first) => {
        for (const i of counting(20)) for (const one of [alice, bob]) one.connection.send('count', { i: first + i });
      };
      talk(0);
      const switched = alice.connection.switchTransport(to);
      talk(20);
      assert.equal(await switched, to);
      talk(40);
      await Promise.all([alice, bob].map((one) => one.until(() => numbers(one).length === 60)));
      for (const one of [alice, bob]) assert.deepEqual(numbers(one), counting(60));
      assert.deepEqual(alice.logged('transport').at(-1), { transport: to, previous: from });
      assert.deepEqual(states(alice), ['open'], 'nobody notices');
      const session = server.sessions?.get(alice.connection.key);
      if (session) {
        assert.deepEqual([...session.finished.values()], ['moved']);
        assert.equal(session.turn, 2);
      }
      assert.equal(alice.connection.mode, to);
    });
  });
}
