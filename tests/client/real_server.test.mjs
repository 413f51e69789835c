// The client against the real server: SIGWAY_BIN names the binary.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counting, makeClient, numbers } from './helpers.mjs';
import { RealServer } from './real_server.mjs';
import { faults, switching, transports } from './scenarios.mjs';

const binary = process.env.SIGWAY_BIN;
const start = () => new RealServer(binary).start();

if (!binary) {
  test('the real server', { skip: 'SIGWAY_BIN is unset: give it the path of the sigway binary' }, () => {});
} else {
  transports(start);
  faults(start);
  switching(start);

  // A test with a server of its own and clients that are closed whatever happens.
  const own = (name, flags, run) => test(name, async () => {
    const server = await new RealServer(binary, ...flags).start();
    const clients = [];
    try {
      await run(server, (options) => makeClient(server, { room: 'one', ...options }, clients));
    } finally {
      await Promise.all(clients.map(({ connection }) => connection.close()));
      await server.stop();
    }
  });

  for (const transport of ['websocket', 'sse', 'poll']) {
    own(`${transport}: without a rate of its own a client keeps to the server's, and its connection`,
      ['--message-rate', '100', '--message-burst', '200'], async (server, client) => {
        const [alice, bob] = [client({ transport, messageRate: 0 }), client({ transport: 'websocket' })];
        await Promise.all([alice, bob].map((one) => one.until(() => one.had('ready') && one.connection.state === 'open')));
        for (const i of counting(600)) alice.connection.send('count', { i });
        await bob.until(() => numbers(bob).length === 600);
        assert.deepEqual(numbers(bob), counting(600));
        const losses = alice.connection.journal.filter(({ what }) => what === 'lost');
        assert.ok(losses.length <= 3, JSON.stringify(losses));
      });

    own(`${transport}: another server process means a new session in the same room`, [], async (server, client) => {
      const two = [client({ transport }), client({ transport })];
      const ready = () => Promise.all(two.map((one) => one.until(() => one.heard.at(-1)?.type === 'ready')));
      await ready();
      const before = two.map(({ connection }) => connection.peer);
      for (const one of two) one.heard.length = 0;
      await server.restart();
      await Promise.all(two.map((one) => one.until(() => one.logged('reset').length === 1)));
      await ready();
      two.forEach(({ connection, logged }, i) => {
        assert.equal(logged('reset')[0].previous, before[i]);
        assert.notEqual(connection.peer, before[i]);
      });
    });

    own(`${transport}: a server that is replaced while both talk loses no message without a word`, ['--drain-time', '1s'], async (server, client) => {
      const two = [client({ transport }), client({ transport })];
      await Promise.all(two.map((one) => one.until(() => one.had('ready'))));
      const said = two.map(() => new Map());
      const talk = setInterval(() => two.forEach(({ connection }, i) => said[i].set(connection.send('count', { i: said[i].size }), said[i].size)), 20);
      await two[0].until(() => two[0].messages('count').length > 5);
      await server.replace();
      await Promise.all(two.map((one) => one.until(() => one.logged('reset').length === 1 && one.heard.at(-1)?.type === 'count')));
      clearInterval(talk);
      await Promise.all(two.map(({ connection }) => connection.flush()));
      for (const [i, one] of two.entries()) {
        const other = two[1 - i];
        const reported = () => [...one.logged('reset').flatMap(({ lost }) => lost), ...one.logged('refused').map(({ re }) => re)].map((id) => said[i].get(id));
        const arrived = () => other.messages('count').map(({ data }) => data.i);
        const missing = () => [...said[i].values()].filter((n) => !arrived().includes(n) && !reported().includes(n));
        await other.until(() => missing().length === 0, `nothing vanishes: ${missing()}`);
        assert.deepEqual(one.logged('reset').flatMap(({ lost }) => lost), [], 'what was not taken is said again');
        assert.deepEqual(arrived(), [...new Set(arrived())].sort((a, b) => a - b), 'once and in order');
      }
    });

    own(`${transport}: a reload takes over the place, and the peer is told`, [], async (server, client) => {
      const alice = client({ transport }), bob = client({ transport });
      await Promise.all([alice, bob].map((one) => one.until(() => one.had('ready'))));
      const again = client({ transport, replaces: alice.connection.key });
      await again.until(() => again.had('ready'));
      assert.equal((await bob.until(() => bob.had('peer-left'))).reason, 'replaced');
      await bob.until(() => bob.heard.at(-1)?.type === 'ready');
      await alice.until(() => alice.logged('closed')[0]?.code === 'replaced');
    });

    own(`${transport}: heartbeats keep it, and nothing moves`, ['--ping-interval', '1s', '--poll-hold', '1s'], async (_, client) => {
      // A machine that stands still for most of an interval may make it late: then it is tried again.
      for (let tries = 1; ; ++tries) {
        const alice = client({ transport, room: `room-${tries}` });
        await alice.connection.opened;
        let seen = performance.now(), longest = 0;
        const watch = setInterval(() => {
          longest = Math.max(longest, performance.now() - seen);
          seen = performance.now();
        }, 50);
        await new Promise((resolve) => setTimeout(resolve, 4500));
        clearInterval(watch);
        const states = alice.logged('state').map(({ state }) => state);
        if (states.length > 1 && longest > 700 && tries < 5) continue;
        assert.deepEqual(states, ['open']);
        break;
      }
    });
  }

  // It would find its session gone, which a browser's console shows as an error.
  own('nothing is asked for behind the goodbye', [], async (_, client) => {
    const bob = client({});
    let polled = 0, goodbye = null;
    const watched = async (url, init) => {
      if (String(url).endsWith('v1/poll')) ++polled;
      if (!init.body.includes('"type":"leave"')) return fetch(url, init);
      // Something comes while it is on its way.
      goodbye = { polled };
      bob.connection.send('late', 1);
      await bob.connection.flush();
      await new Promise((resolve) => setTimeout(resolve, 100));
      goodbye.polledBehind = polled - goodbye.polled;
      return fetch(url, init);
    };
    const alice = client({ transport: 'poll', fetch: watched });
    await alice.until(() => alice.had('ready') && alice.connection.state === 'open');
    for (const before = polled; polled === before;) await new Promise(setImmediate);   // the next one, which waits
    await alice.connection.close();
    await bob.until(() => bob.had('peer-left')?.reason === 'left');
    assert.equal(goodbye.polledBehind, 0);
  });

  own('auto opens on the WebSocket, and falls back where that is refused', [], async (server, client) => {
    const alice = client({});
    await alice.until(() => alice.connection.transport === 'websocket');
    server.upgrade = () => 'refuse';
    const bob = client({});
    await bob.until(() => bob.had('ready'));
    await bob.until(() => bob.connection.transport === 'sse');
  });
}
