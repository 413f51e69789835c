// The scenarios that hold against every server, against the fake one; and what only that can show.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { pass } from './fake_clock.mjs';
import { FakeServer } from './fake_server.mjs';
import { makeClient } from './helpers.mjs';
import { faults, switching, transports } from './scenarios.mjs';

const start = Object.assign(() => new FakeServer().start(), { onFakeClock: true });

transports(start);
faults(start);
switching(start);

for (const transport of ['websocket', 'sse', 'poll']) describe(`${transport}, seen by the server`, () => {
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

  test('gives a sign of life when it is probed', async () => {
    const { connection, until } = client({ room: 'one' });
    await connection.opened;
    await connection.join('two');
    await until(() => connection.state === 'open');
    await pass(400);    // until nothing else is to be said
    const session = server.sessions.get(connection.key);
    const before = session.heard;
    session.active.control('probe');
    await pass(10);
    assert.ok(session.heard > before);
  });

  test('acknowledges once even when no event came', async () => {
    const { connection } = client({});
    await connection.opened;
    const session = [...server.sessions.values()][0];
    while (!session.acknowledgements) await connection.join('wake').then(() => connection.leave('wake'));
    assert.equal(session.acked > 0 || session.last === 0, true);
    const idle = client({});
    await idle.connection.opened;
    const other = server.sessions.get(idle.connection.key);
    // SSE and WebSocket say it with or after the activation, a poll with the next poll.
    await pass(1000);
    assert.ok(other.acknowledgements > 0);
  });

  test('needs nothing but simple requests, and no key in a URL', async () => {
    const { connection } = client({ room: 'one' });
    await connection.join('two');
    for (const { headers, url } of server.requests) {
      assert.ok(!url.includes(connection.key), url);
      assert.match(headers['content-type'], /^text\/plain/);
      for (const header of ['cookie', 'authorization', 'x-requested-with']) assert.equal(headers[header], undefined);
    }
  });
});
