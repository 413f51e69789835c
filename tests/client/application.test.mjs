// What the client remembers of what the application asked for, what it promises, and mistakes in its use.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { connect } from '../../web/client/sigway.js';
import { pass } from './fake_clock.mjs';
import { FakeServer } from './fake_server.mjs';
import { makeClient } from './helpers.mjs';
import { client, pair, server, states } from './scene.mjs';

test('a guest makes the room anew with the places that it was told, not with those that it asked for', async () => {
  const host = client({ room: 'one', transport: 'websocket', capacity: 4 });
  await host.until(() => host.had('created'));
  const guest = client({ room: 'one', transport: 'websocket' });
  await guest.until(() => guest.had('joined'));
  server.restart();
  await guest.until(() => guest.logged('reset').length === 1);
  assert.equal(server.opens.findLast(({ key }) => key === guest.connection.key).capacity, 4);
});

test('a room that was asked for and not entered is asked for again, and opens no session', async () => {
  const alice = client({ room: 'one', transport: 'websocket' });
  await alice.until(() => alice.had('created'));
  server.silent = true;
  alice.connection.join('two').catch(() => {});
  await alice.until(() => alice.connection.pending === 1);
  await pass(50);      // it has gone out, and is not answered
  server.silent = false;
  server.restart();
  await alice.until(() => alice.heard.some(({ type, room }) => type === 'created' && room === 'two'));
  assert.deepEqual(server.opens.map(({ room }) => room), ['one', 'one']);
});

test('a join that cannot be said leaves nothing behind', async () => {
  const alice = client({ room: 'one', transport: 'websocket' });
  await alice.until(() => alice.had('created'));
  await assert.rejects(alice.connection.join('half \ud83d'), { code: 'bad_utf8' });
  assert.deepEqual(alice.connection.rooms, ['one']);
  server.restart();
  await alice.until(() => alice.logged('reset').length === 1 && alice.connection.state === 'open');
});

test('a name that was refused when the session was opened is not claimed again', async () => {
  const alice = client({ room: 'one', transport: 'websocket', name: 'taken' });
  await alice.until(() => alice.had('created'));
  server.sessions.get(alice.connection.key).emit({ type: 'error', code: 'name_taken', message: 'taken', hint: 'Take another.' });
  await alice.until(() => alice.logged('refused').length === 1);
  assert.equal(alice.connection.name, undefined);
  server.restart();
  await alice.until(() => alice.logged('reset').length === 1);
  assert.equal(server.opens.at(-1).name, undefined);
});

test('promises that nobody holds end no process', async () => {
  const unhandled = [];
  const note = (error) => unhandled.push(error);
  process.on('unhandledRejection', note);
  const alice = client({ room: 'one', transport: 'websocket' });
  await alice.until(() => alice.had('created'));
  server.silent = true;
  alice.connection.join('two');
  alice.connection.login('alice');
  alice.connection.leave('one');
  alice.connection.flush();
  alice.connection.switchTransport('nonsense');
  alice.connection.join('half \ud83d');
  server.silent = false;
  server.restart();
  await alice.until(() => alice.logged('reset').length === 1);
  alice.connection.join('three');
  alice.connection.flush();
  await alice.connection.close();
  alice.connection.join('four');
  alice.connection.logout();
  await pass(20);
  process.off('unhandledRejection', note);
  assert.deepEqual(unhandled, []);
});

// In a process of its own: what spins there would spin here.
test('who closes when the way is lost waits for nothing with flush()', () => {
  const program = `
    import './fake_clock.mjs';
    import { FakeServer } from './fake_server.mjs';
    import { makeClient } from './helpers.mjs';
    const server = await new FakeServer().start();
    const { connection, until, logged } = makeClient(server, { room: 'one', transport: 'websocket' });
    await until(() => connection.state === 'open');
    connection.on('state', ({ state }) => {
      if (state !== 'reconnecting') return;
      connection.send('count', { i: 0 });
      connection.close();
    });
    const [{ active }] = server.sessions.values();
    active.control('end', { code: 'restarted', message: '' });
    await until(() => logged('closed').length === 1);
    console.log(await connection.flush().catch(({ code }) => code));
    process.exit(0);`;
  const { stdout, error } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { cwd: new URL('.', import.meta.url), timeout: 60000, encoding: 'utf8' });
  assert.ifError(error);
  assert.match(stdout, /^(closed|reset)$/m);
});

test('a key store that throws closes the connection with what it says', async () => {
  const unhandled = [];
  const note = (error) => unhandled.push(error);
  process.on('unhandledRejection', note);
  let saved = 0;
  const keyStore = { load: () => null, clear() {}, save() { if (++saved > 1) throw new Error('full'); } };
  const alice = client({ room: 'one', transport: 'websocket', keyStore });
  await alice.until(() => alice.connection.state === 'open');
  server.restart();
  await alice.until(() => alice.connection.state === 'closed');
  await pass(20);
  process.off('unhandledRejection', note);
  assert.deepEqual(unhandled, []);
  assert.equal(alice.logged('closed')[0].message, 'full');
});

test('after close() nothing is heard but the end, and a second close() waits for the same', async () => {
  const [alice, bob] = await pair('poll');
  const before = alice.heard.length;
  const closing = alice.connection.close();
  bob.connection.send('count', { i: 0 });
  let isClosed = false;
  alice.connection.on('closed', () => { isClosed = true; });
  await alice.connection.close();
  assert.ok(isClosed);
  await closing;
  assert.equal(alice.heard.length, before);
  assert.throws(() => alice.connection.send('count', { i: 0 }), { code: 'closed' });
});

test('it closes also where so much waits that nothing more can be said, and before it was open', async () => {
  server.silent = true;
  const alice = client({ room: 'one' });
  await alice.connection.send('count', { i: 0 });
  const refused = (type, data) => {
    try {
      for (;;) alice.connection.send(type, data);
    } catch ({ code }) { return code; }
  };
  await pass(100);
  assert.equal(refused('count', 'x'.repeat(60000)), 'busy');
  assert.equal(refused('n'), 'busy');
  await alice.connection.close();
  assert.equal(alice.logged('closed')[0].code, 'left');
});

test('who closes before the first welcome hears nothing but the end, and the others that it has left', async () => {
  server.latency = 100;
  const bob = client({ room: 'one' });
  await bob.until(() => bob.connection.state === 'open');
  const alice = client({ room: 'one' });
  await pass(50);
  await alice.connection.close();
  assert.deepEqual(states(alice), ['closed']);
  assert.deepEqual(alice.logged('transport'), []);
  assert.deepEqual(alice.logged('retry'), []);
  await bob.until(() => bob.had('peer-left'));
});

test('what is misspelt is a TypeError that names what was meant', async () => {
  const alice = client({ room: 'one', transport: 'websocket' });
  const { connection } = alice;
  for (const [act, says] of [
    [() => connect({ url: server.url, rom: 'one' }), /no option 'rom'; did you mean 'room'/],
    [() => connect('one'), /options are an object, not a value of type string/],
    [() => connection.on('peer-joind', () => {}), /no event 'peer-joind'; did you mean 'peer-joined'/],
    [() => connection.on('offer', () => {}), /no event 'offer'; there are: created, /],
    [() => connection.on('joined'), /the handler is a function, not a value of type undefined/],
    [() => connection.send(), /the type is a string, not a value of type undefined/],
    [() => connection.send('x', 1, 'peer'), /\{ to: 'peer' \}/],
    [() => connection.send('x', 1, { too: 'peer' }), /no option 'too'; did you mean 'to'/],
    [() => connection.join('two', { places: 3 }), /no option 'places'; there are: capacity/],
    [() => connection.join(), /the room is a string/],
  ]) assert.throws(act, (error) => error instanceof TypeError && says.test(error.message), String(says));
  await alice.until(() => alice.connection.state === 'open');      // and none of it was said
});
