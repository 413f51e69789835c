// Requests and their answers, between two clients and with one that knows nothing of them (docs/decisions/a-request-is-a-message.md).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SigwayError } from '../../web/client/sigway.js';
import { fakeClock, pass } from './fake_clock.mjs';
import * as scene from './scene.mjs';
import { server } from './scene.mjs';

const client = (options) => scene.client({ room: 'one', transport: 'websocket', ...options });
const pair = (options) => scene.pair('websocket', options);
const listened = (one) => {
  const heard = [];
  one.connection.on('message', (message) => heard.push(message));
  return heard;
};
const asked = (one, type) => one.until(() => one.messages(type).length > 0).then(() => one.messages(type).at(-1));

test('a request is answered with what the handler gives, and neither is heard as a message', async () => {
  const [alice, bob] = await pair();
  const heard = [listened(alice), listened(bob)];
  const seen = [];
  bob.connection.respond('double', async (number, message) => {
    seen.push({ ...message });
    await pass(100);
    return 2 * number;
  });
  assert.deepEqual(await Promise.all([alice.connection.request('double', 4), alice.connection.request('double', 5, { to: bob.connection.peer, room: 'one' })]), [8, 10]);
  assert.deepEqual(seen[0], { type: 'double', room: 'one', from: alice.connection.peer, data: 4 });
  assert.deepEqual(heard, [[], []]);
});

test('nothing at all can be asked and answered', async () => {
  const [alice, bob] = await pair();
  bob.connection.respond('ping', (data) => { assert.equal(data, undefined); });
  assert.equal(await alice.connection.request('ping'), undefined);
});

test('a request keeps its place among messages, also before there is a connection', async () => {
  const bob = client();
  const order = [];
  bob.connection.respond('ask', () => order.push('ask'));
  bob.connection.on('message', ({ type }) => order.push(type));
  await bob.until(() => bob.had('created'));
  const alice = client();
  alice.connection.send('before');
  const answer = alice.connection.request('ask');
  alice.connection.send('after');
  await answer;
  await bob.until(() => order.length === 3);
  assert.deepEqual(order, ['before', 'ask', 'after']);
});

test('a message that is no request is the application\'s, also of a type that is answered', async () => {
  const [alice, bob] = await pair();
  const heard = listened(bob);
  bob.connection.respond('ask', () => assert.fail('no request'));
  const own = [null, 1, [], { data: 1 }, { 'sigway.request': 7 }, { 'sigway.request': '' }, { 'sigway.request': 'id', more: 1 }, { 'sigway.response': 'id' }];
  for (const data of own) alice.connection.send('ask', data);
  await bob.until(() => bob.messages('ask').length === own.length);
  assert.deepEqual(heard.map(({ data }) => data), own);
});

test('without a handler for its type a request is a message like any other, and by its deadline the other side knows', async () => {
  const [alice, bob] = await pair();
  const heard = listened(bob);
  const began = fakeClock.now;
  await assert.rejects(alice.connection.request('ask', { text: 'well?' }), { code: 'deadline', message: "the answer to 'ask' took longer than 10000 ms" });
  assert.equal(fakeClock.now - began, 10000);
  const [{ type, data }] = heard;
  assert.deepEqual([type, Object.keys(data), data.data], ['ask', ['sigway.request', 'data'], { text: 'well?' }]);
  assert.match(data['sigway.request'], /^[\w-]{24}$/);
});

test('a client that knows only messages can answer', async () => {
  const [alice, bob] = await pair();
  bob.connection.on('message', ({ type, from, data }) => bob.connection.send(type, { 'sigway.response': data['sigway.request'], data: 'by hand' }, { to: from }));
  assert.equal(await alice.connection.request('ask'), 'by hand');
});

test('what comes after the deadline, a second answer and one to another type are not heard', async () => {
  const [alice, bob] = await pair();
  const heard = listened(alice);
  const late = assert.rejects(alice.connection.request('ask', null, { deadline: 1000 }), { code: 'deadline' });
  const { data, from } = await asked(bob, 'ask');
  const answer = (type) => bob.connection.send(type, { 'sigway.response': data['sigway.request'], data: 1 }, { to: from });
  answer('other');
  await late;
  answer('ask');
  answer('ask');
  await alice.until(() => alice.messages('ask').length === 2);
  assert.deepEqual(heard, []);
});

test('an id of somebody else\'s is no answer of ours', async () => {
  const [alice, bob] = await pair();
  const heard = listened(alice);
  const answer = alice.connection.request('ask', null, { deadline: 1000 });
  bob.connection.send('ask', { 'sigway.response': 'AAAAAAAAAAAAAAAAAAAAAAAA', data: 1 });
  await assert.rejects(answer, { code: 'deadline' });
  assert.equal(heard.length, 1);
});

test('by its signal a request rejects with its reason; one that has aborted before sends nothing', async () => {
  const [alice, bob] = await pair();
  bob.connection.respond('ask', () => new Promise(() => {}));
  const stopper = new AbortController();
  const answer = alice.connection.request('ask', null, { signal: stopper.signal, deadline: Infinity });
  await asked(bob, 'ask');
  await pass(60000);
  stopper.abort(new Error('enough'));
  await assert.rejects(answer, { message: 'enough' });
  await assert.rejects(alice.connection.request('never', null, { signal: stopper.signal }), { message: 'enough' });
  assert.ok(!server.taken.some(({ type }) => type === 'never'));
});

test('of what a handler throws only a SigwayError is told to the other side', async (t) => {
  const [alice, bob] = await pair();
  const reported = [];
  globalThis.reportError = (error) => reported.push(error.message);
  t.after(() => { delete globalThis.reportError; });
  bob.connection.respond('meant', () => { throw new SigwayError('no_quota', 'come back tomorrow'); });
  bob.connection.respond('secret', async () => { throw new Error('password 1234'); });
  bob.connection.respond('large', () => 'x'.repeat(65530));
  bob.connection.respond('cyclic', () => 1n);
  const from = bob.connection.peer;
  await assert.rejects(alice.connection.request('meant'), { name: 'SigwayError', code: 'no_quota', message: 'come back tomorrow', from });
  await assert.rejects(alice.connection.request('secret'), { code: 'failed', message: 'the handler of the request failed', from });
  await assert.rejects(alice.connection.request('large'), { code: 'too_large' });
  await assert.rejects(alice.connection.request('cyclic'), { code: 'failed' });
  assert.equal(reported[0], 'password 1234');
  assert.equal(reported.length, 2);
});

test('an error that makes no sense is still one', async () => {
  const [alice, bob] = await pair();
  bob.connection.on('message', ({ type, from, data }) => bob.connection.send(type, { 'sigway.response': data['sigway.request'], error: 7 }, { to: from }));
  await assert.rejects(alice.connection.request('ask'), { code: 'failed', message: 'the other side could not answer' });
});

test('a refusal by the server is the answer', async () => {
  const alice = client();
  await alice.until(() => alice.had('created'));
  await assert.rejects(alice.connection.request('ask'), { code: 'nobody_there' });
  await assert.rejects(alice.connection.request('ask', null, { to: 'nobody-here' }), { code: 'no_such_peer' });
  await assert.rejects(alice.connection.request('ask', 'x'.repeat(65530)), { code: 'too_large' });
});

test('after a reset a request that has gone out rejects, and one that has not goes out in the next session', async () => {
  const [alice, bob] = await pair();
  bob.connection.respond('ask', () => new Promise(() => {}));
  bob.connection.respond('later', () => 'answered');
  const out = assert.rejects(alice.connection.request('ask', null, { deadline: Infinity }), { code: 'reset' });
  await asked(bob, 'ask');
  await pass(500);
  server.restart();
  const later = new Promise((resolve, reject) => {
    alice.connection.once('state', () => alice.connection.request('later', null, { deadline: 60000 }).then(resolve, reject));
  });
  await out;
  await bob.until(() => bob.logged('reset').length === 1);
  // As bob may come back after her.
  assert.match(await later.catch(({ code }) => code), /^(answered|nobody_there)$/);
  assert.equal(server.taken.filter(({ key, type }) => key === alice.connection.key && type === 'later').length, 1);
});

// Plain messages with the envelope of a request, as somebody sends them who does not wait for answers.
const flood = (connection, type, count) => {
  for (let i = 0; i < count; ++i) connection.send(type, { 'sigway.request': `id${i}` });
};

test('a flood of requests leaves the responder room for messages of its own', async () => {
  const [alice, bob] = await pair();
  bob.connection.respond('large', () => 'x'.repeat(60000));
  flood(alice.connection, 'large', 200);
  await bob.until(() => bob.messages('large').length === 200);
  await pass(0);
  for (let i = 0; i < 16; ++i) bob.connection.send('own', 'y'.repeat(60000));
  await alice.until(() => alice.messages('own').length === 16);
});

test('of a flood of requests only so many are answered that the responder\'s own messages do not wait for long', async () => {
  const alice = client({ messageRate: 0 }), bob = client();
  await Promise.all([alice, bob].map((one) => one.until(() => one.had('ready'))));
  let most = 0, handled = 0;
  const finish = [];
  bob.connection.respond('quick', () => {
    most = Math.max(most, bob.connection.pending);
    return ++handled;
  });
  bob.connection.respond('slow', () => new Promise((resolve) => { finish.push(resolve); }));
  flood(alice.connection, 'quick', 4000);
  await bob.until(() => bob.messages('quick').length === 4000);
  assert.ok(handled > 1000 && handled < 4000, String(handled));
  assert.ok(most <= 1024, String(most));
  await bob.connection.flush();
  // No more where handlers finish all at once.
  flood(alice.connection, 'slow', 2000);
  await bob.until(() => bob.messages('slow').length === 2000);
  await pass(0);
  assert.equal(finish.length, 256);
  for (const resolve of finish) resolve();
  await pass(0);
  assert.ok(bob.connection.pending > 0 && bob.connection.pending <= 1024, String(bob.connection.pending));
  await bob.connection.flush();
  assert.equal(await alice.connection.request('quick'), handled);
});

test('of requests that a handler does not answer 256 are open at a time, each for two minutes', async () => {
  const alice = client({ messageRate: 0 }), bob = client({ messageRate: 0 });
  await Promise.all([alice, bob].map((one) => one.until(() => one.had('ready'))));
  const finish = [];
  bob.connection.respond('ask', () => new Promise((resolve) => { finish.push(resolve); }));
  const ask = () => alice.connection.request('ask', null, { deadline: Infinity });
  const heard = async (count) => {
    await bob.until(() => bob.messages('ask').length >= count);
    await pass(0);
  };
  const begun = performance.now();
  const open = Array.from({ length: 256 }, ask).map((answer) => answer.catch(({ code, message }) => ({ code, message, after: performance.now() - begun })));
  await heard(256);
  assert.equal(finish.length, 256);
  await assert.rejects(ask(), { code: 'busy', message: '256 requests wait for an answer here already; ask again later' });
  assert.equal(finish.length, 256);
  // One that is answered makes room for one.
  finish[0]('done');
  assert.equal(await open[0], 'done');
  const next = ask();
  await heard(258);
  assert.equal(finish.length, 257);
  await assert.rejects(ask(), { code: 'busy' });
  finish[256]('done too');
  assert.equal(await next, 'done too');
  const [{ code, message, after }] = await Promise.all(open.slice(1));
  assert.deepEqual([code, message], ['deadline', 'the handler of the request took longer than 120000 ms']);
  assert.ok(after >= 120000 && after < 125000, String(after));
  // What comes after that is not said, and there is room again.
  for (const resolve of finish) resolve('late');
  await pass(100);
  assert.equal(bob.connection.pending, 0);
  const again = ask();
  await heard(260);
  assert.equal(finish.length, 258);
  finish[257]('again');
  assert.equal(await again, 'again');
});

test('closing rejects what is not answered, and an answer that is too late for that is dropped', async () => {
  const [alice, bob] = await pair();
  let finish;
  bob.connection.respond('ask', () => new Promise((resolve) => { finish = resolve; }));
  const answer = assert.rejects(alice.connection.request('ask'), { code: 'closed' });
  await asked(bob, 'ask');
  await bob.connection.close();
  finish(1);
  await alice.connection.close();
  await answer;
  await assert.rejects(alice.connection.request('ask'), { code: 'closed' });
});

test('a handler is one for each type, and is taken off by what respond() gives', async () => {
  const [alice, bob] = await pair();
  const off = bob.connection.respond('ask', () => 1);
  assert.throws(() => bob.connection.respond('ask', () => 2), TypeError);
  off();
  const other = bob.connection.respond('ask', () => 3);
  off();
  assert.equal(await alice.connection.request('ask'), 3);
  other();
  await assert.rejects(alice.connection.request('ask', null, { deadline: 100 }), { code: 'deadline' });
});

test('what is misspelt is a TypeError', () => {
  const { connection } = client();
  for (const [act, says] of [
    [() => connection.request(), /request\(type, data, where\): the type is a string/],
    [() => connection.request('x', 1, 'peer'), /\{ to: 'peer' \}/],
    [() => connection.request('x', 1, { timeout: 5 }), /no option 'timeout'/],
    [() => connection.request('x', 1, { to: ['a', 'b'] }), /one peer id or @name/],
    [() => connection.request('x', 1, { deadline: -1 }), /milliseconds, not -1/],
    [() => connection.respond('x'), /the handler is a function/],
  ]) assert.throws(act, (error) => error instanceof TypeError && says.test(error.message), String(says));
  assert.throws(() => connection.request('1x'), { code: 'bad_type' });
});
