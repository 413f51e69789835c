// What an application waits for: one event, the first connection, messages in a loop; and the journal on a console.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { connect } from '../../web/client/sigway.js';
import { fakeClock, pass } from './fake_clock.mjs';
import { listen, unlisten } from './fake_network.mjs';
import { makeClient } from './helpers.mjs';
import * as scene from './scene.mjs';
import { clients, server } from './scene.mjs';

const client = (options) => scene.client({ room: 'one', transport: 'websocket', ...options });
const pair = (options) => scene.pair('websocket', options);
const say = (one, ...values) => { for (const value of values) one.connection.send('count', value); };

// ---- once, off ----

test('once: a handler hears one event, and not even that once it is taken off', async () => {
  const [alice, bob] = await pair();
  const heard = [];
  const counted = ({ data }, info) => heard.push([data, typeof info.number]);
  const dropped = () => heard.push('dropped');
  bob.connection.once('message', counted);
  bob.connection.once('message', dropped)();
  const kept = () => heard.push('kept');
  bob.connection.once('message', kept);
  bob.connection.off('message', kept);
  say(alice, 1, 2);
  await bob.until(() => bob.messages('count').length === 2);
  assert.deepEqual(heard, [[1, 'number']]);
});

test('a handler that another one has taken off hears nothing any more', async () => {
  const alice = client();
  const heard = [];
  const off = { second: () => {} };
  alice.connection.on('created', () => off.second());
  off.second = alice.connection.on('created', () => heard.push('second'));
  await alice.until(() => alice.had('created'));
  assert.deepEqual(heard, []);
});

test('once: a promise of the event', async () => {
  const alice = client();
  assert.equal((await alice.connection.once('created')).room, 'one');
});

test('once: the promise rejects by its deadline, by its signal with its reason, and when the connection is closed', async () => {
  const alice = client();
  const { connection } = alice;
  await connection.opened;
  const began = fakeClock.now;
  await assert.rejects(connection.once('ready', { deadline: 5000 }), { code: 'deadline', message: "waiting for 'ready' took longer than 5000 ms" });
  assert.equal(fakeClock.now - began, 5000);
  const stopper = new AbortController();
  const waiting = connection.once('ready', { signal: stopper.signal });
  const reason = new Error('changed my mind');
  stopper.abort(reason);
  await assert.rejects(waiting, (error) => error === reason);
  await assert.rejects(connection.once('ready', { signal: AbortSignal.abort() }), { name: 'AbortError' });
  const ready = connection.once('ready'), closed = connection.once('closed');
  await connection.close();
  await assert.rejects(ready, { code: 'left' });
  assert.equal((await closed).code, 'left');
  await assert.rejects(connection.once('ready'), { code: 'left' });
  assert.equal((await connection.once('closed')).code, 'left');
});

// ---- connect ----

const notSigway = () => listen({ latency: 1, accepts: () => false, request: (request, response) => response.writeHead(404).end('nothing here') });

test('connect: against a 404 `opened` rejects by its deadline, and says what the latest attempt met', async () => {
  const url = notSigway();
  const began = fakeClock.now;
  const { connection, until, logged } = makeClient({ url, WebSocket: server.WebSocket }, { room: 'one', deadline: 5000 }, clients);
  await assert.rejects(connection.opened, ({ code, message, cause }) => code === 'deadline' && cause.code === 'unreachable' &&
    /^connecting took longer than 5000 ms; the latest attempt: .*poll: HTTP 404/.test(message));
  assert.equal(fakeClock.now - began, 5000);
  await until(() => logged('closed').length === 1);
  assert.equal(logged('closed')[0].code, 'deadline');
  assert.equal(connection.state, 'closed');
  assert.throws(() => connection.send('count'), { code: 'closed' });
  unlisten(url);
});

test('connect: without a deadline it goes on trying', async () => {
  const url = notSigway();
  const { connection } = makeClient({ url, WebSocket: server.WebSocket }, { room: 'one' }, clients);
  await pass(10 * 60 * 1000);
  assert.equal(connection.state, 'connecting');
  unlisten(url);
});

test('connect: by its signal `opened` rejects at once with its reason, and the members hear that a half-open client has left', async () => {
  const bob = client();
  await bob.until(() => bob.connection.state === 'open');
  server.latency = 100;
  const stopper = new AbortController();
  const alice = client({ signal: stopper.signal });
  await pass(250);
  const reason = new Error('changed my mind');
  const began = fakeClock.now;
  stopper.abort(reason);
  await assert.rejects(alice.connection.opened, (error) => error === reason);
  assert.equal(fakeClock.now, began);
  await alice.until(() => alice.logged('closed').length === 1);
  const [closed] = alice.logged('closed');
  assert.equal(closed.code, 'aborted');
  assert.equal(closed.cause, reason);
  await bob.until(() => bob.had('peer-left'));
});

test('connect: with a signal that has aborted before, nothing goes out', async () => {
  const alice = client({ signal: AbortSignal.abort() });
  await assert.rejects(alice.connection.opened, { name: 'AbortError' });
  await alice.until(() => alice.logged('closed').length === 1);
  await pass(60000);
  assert.deepEqual(server.opens, []);
});

test('connect: neither a deadline nor a signal ends a connection that has been open', async () => {
  const stopper = new AbortController();
  const alice = client({ signal: stopper.signal, deadline: 3000 });
  await alice.connection.opened;
  server.cut();
  await pass(10000);
  stopper.abort();
  await pass(10000);
  assert.equal(alice.connection.state, 'open');
});

// ---- for await ----

test('for await: every message from then on, in order, also those that come while the body is busy', async () => {
  const [alice, bob] = await pair();
  say(alice, 0);
  await bob.until(() => bob.messages('count').length === 1);
  const messages = bob.connection.messages();
  say(alice, 1, 2, 3);
  const heard = [];
  for await (const { data, from } of messages) {
    assert.equal(from, alice.connection.peer);
    heard.push(data);
    if (data === 1) {
      say(alice, 4);
      await bob.until(() => bob.messages('count').length === 5);
    }
    if (data === 4) break;
  }
  assert.deepEqual(heard, [1, 2, 3, 4]);
  assert.deepEqual(await messages.next(), { value: undefined, done: true });
});

test('for await: by type, and the connection itself', async () => {
  const [alice, bob] = await pair();
  const chats = bob.connection.messages({ type: 'chat' }), all = bob.connection[Symbol.asyncIterator]();
  const nobodys = bob.connection.messages({ from: 'somebody-else' });
  alice.connection.send('count', 1);
  alice.connection.send('chat', 'hello');
  assert.equal((await chats.next()).value.data, 'hello');
  assert.deepEqual([(await all.next()).value.type, (await all.next()).value.type], ['count', 'chat']);
  nobodys.return();
  assert.equal((await nobodys.next()).done, true);
});

test('for await: ends when this side closes, and throws when others do, after what was said', async () => {
  const [alice, bob] = await pair();
  const hers = alice.connection.messages(), his = bob.connection.messages();
  say(alice, 1);
  await bob.until(() => bob.messages('count').length === 1);
  server.sessions.get(bob.connection.key).end('replaced');
  await bob.until(() => bob.connection.state === 'closed');
  await alice.connection.close();
  const heard = [];
  await assert.rejects(async () => { for await (const { data } of his) heard.push(data); }, { code: 'replaced' });
  assert.deepEqual(heard, [1]);
  for await (const message of hers) assert.fail(message.type);
  await assert.rejects(bob.connection.messages().next(), { code: 'replaced' });
});

test('for await: by its signal it throws its reason', async () => {
  const [, bob] = await pair();
  const stopper = new AbortController();
  const next = bob.connection.messages({ signal: stopper.signal }).next();
  stopper.abort();
  await assert.rejects(next, { name: 'AbortError' });
});

test('for await: who does not keep up is told, after what was kept', async () => {
  const [alice, bob] = await pair();
  const messages = bob.connection.messages({ most: 2 });
  say(alice, 1, 2, 3);
  await bob.until(() => bob.messages('count').length === 3);
  assert.deepEqual([(await messages.next()).value.data, (await messages.next()).value.data], [1, 2]);
  await assert.rejects(messages.next(), { code: 'slow_reader' });
  assert.equal((await messages.next()).done, true);
});

// ---- debug ----

test('debug: a function gets a line and the entry for all that the journal has', async () => {
  const lines = [];
  const alice = client({ debug: (line, entry) => lines.push([line, entry]) });
  await alice.until(() => alice.connection.state === 'open');
  assert.deepEqual(lines.map(([, entry]) => entry), alice.connection.journal);
  assert.ok(lines.some(([line]) => /^\d\d:\d\d:\d\d\.\d{3} active websocket proof=\d+$/.test(line)), JSON.stringify(lines));
});

test('debug: true prints on the console, and without it nothing is printed', () => {
  const program = `
    import './fake_clock.mjs';
    import { listen } from './fake_network.mjs';
    import { connect } from '../../web/client/sigway.js';
    const url = listen({ latency: 1, request: (request, response) => response.writeHead(404).end() });
    for (const debug of [true, false, undefined]) {
      console.log('debug: ' + debug);
      await connect({ url, transport: 'poll', deadline: 1000, debug }).once('closed');
    }
    process.exit(0);`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { cwd: new URL('.', import.meta.url), timeout: 60000, encoding: 'utf8' });
  const [, loud, quiet, silent] = stdout.split(/^debug: .*\n/m);
  assert.match(loud, /^sigway [\d:.]{12} failed poll: .+ \(\w+\)$/m, stderr);
  assert.equal(quiet + silent, '');
});

test('what is no signal, deadline, filter or printer is a TypeError', async () => {
  const { connection } = client();
  for (const [act, says] of [
    [() => connect({ url: server.url, deadline: '5 s' }), /connect\(\): the deadline is a positive number of milliseconds, not a value of type string/],
    [() => connect({ url: server.url, deadline: 0 }), /milliseconds, not 0/],
    [() => connect({ url: server.url, signal: new AbortController() }), /the signal is an AbortSignal, not a value of type object/],
    [() => connect({ url: server.url, debug: 'yes' }), /debug is true or a function/],
    [() => connection.once('creatd'), /no event 'creatd'; did you mean 'created'/],
    [() => connection.once('created', 3), /the handler is a function/],
    [() => connection.once('created', { timeout: 3 }), /no option 'timeout'; there are: signal, deadline/],
    [() => connection.once('created', { deadline: NaN }), /milliseconds, not NaN/],
    [() => connection.messages({ typ: 'x' }), /no option 'typ'; did you mean 'type'/],
    [() => connection.messages({ most: 0 }), /most is a positive number/],
  ]) assert.throws(act, (error) => error instanceof TypeError && says.test(error.message), String(says));
});
