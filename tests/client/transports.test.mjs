// What must hold on each transport when nothing goes wrong.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { FakeServer } from './fake_server.mjs';
import { counting, makeClient, numbers } from './helpers.mjs';

for (const transport of ['websocket', 'sse', 'poll']) describe(transport, () => {
  let server, clients;
  const client = (options) => makeClient({ url: server.url, transport, ...options }, clients);

  beforeEach(async () => {
    server = await new FakeServer().start();
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
    assert.deepEqual(connection.iceServers, server.ice);
    assert.deepEqual(connection.rooms, ['one']);
    assert.equal(typeof connection.roundTrip, 'number');
    assert.match(connection.key, /^[\w-]{24}$/);
    assert.deepEqual({ ...server.opens[0], key: 0 }, { key: 0, room: 'one', name: 'alice', capacity: 3 });
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
    await new Promise((resolve) => { const look = () => other.acknowledgements ? resolve() : setTimeout(look, 5); look(); });
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

  test('needs nothing but simple requests, and no key in a URL', async () => {
    const { connection } = client({ room: 'one' });
    await connection.join('two');
    for (const { headers } of server.requests) {
      assert.match(headers['content-type'], /^text\/plain/);
      for (const header of ['cookie', 'authorization', 'x-requested-with']) assert.equal(headers[header], undefined);
    }
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
