// The client against the real server: SIGWAY_BIN names the binary.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeClient } from './helpers.mjs';
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

  for (const transport of ['websocket', 'sse', 'poll']) {
    test(`${transport}: another server process means a new session in the same room`, async () => {
      const server = await start();
      const clients = [1, 2].map(() => makeClient({ url: server.url, room: 'one', transport }));
      const ready = () => Promise.all(clients.map((one) => one.until(() => one.heard.at(-1)?.type === 'ready')));
      await ready();
      const before = clients.map(({ connection }) => connection.peer);
      for (const one of clients) one.heard.length = 0;
      await server.restart();
      await Promise.all(clients.map((one) => one.until(() => one.logged('reset').length === 1)));
      await ready();
      clients.forEach(({ connection, logged }, i) => {
        assert.equal(logged('reset')[0].previous, before[i]);
        assert.notEqual(connection.peer, before[i]);
      });
      await Promise.all(clients.map(({ connection }) => connection.close()));
      await server.stop();
    });

    test(`${transport}: a reload takes over the place, and the peer is told`, async () => {
      const server = await start();
      const [alice, bob] = [1, 2].map(() => makeClient({ url: server.url, room: 'one', transport }));
      await Promise.all([alice, bob].map((one) => one.until(() => one.had('ready'))));
      const again = makeClient({ url: server.url, room: 'one', transport, replaces: alice.connection.key });
      await again.until(() => again.had('ready'));
      assert.equal((await bob.until(() => bob.had('peer-left'))).reason, 'replaced');
      await bob.until(() => bob.heard.at(-1)?.type === 'ready');
      assert.equal((await alice.until(() => alice.logged('closed')[0])).code, 'replaced');
      await Promise.all([bob, again].map(({ connection }) => connection.close()));
      await server.stop();
    });

    test(`${transport}: heartbeats keep it, and nothing moves`, async () => {
      const server = await new RealServer(binary, '--ping-interval', '1s', '--poll-hold', '1s').start();
      const alice = makeClient({ url: server.url, room: 'one', transport });
      await alice.connection.opened;
      await new Promise((resolve) => setTimeout(resolve, 4500));
      assert.deepEqual(alice.logged('state').map(({ state }) => state), ['open']);
      await alice.connection.close();
      await server.stop();
    });
  }

  test('auto opens on the WebSocket, and falls back where that is refused', async () => {
    const server = await start();
    const alice = makeClient({ url: server.url, room: 'one' });
    await alice.connection.opened;
    assert.equal(alice.connection.transport, 'websocket');
    server.upgrade = () => 'refuse';
    const bob = makeClient({ url: server.url, room: 'one' });
    await bob.until(() => bob.had('ready'));
    await bob.connection.opened;
    assert.equal(bob.connection.transport, 'sse');
    await Promise.all([alice, bob].map(({ connection }) => connection.close()));
    await server.stop();
  });
}
