// The dialects whose clients acknowledge nothing: plain broadcast and the login guide. Each attack has a pair of the same
// dialect beside it, in the attacked room or by the attacked name, and the native pairs of talk.mjs.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { EventSourceClient, WsClient, post, withQuery } from '../dialects/support/clients.mjs';
import { WebSocketMember, fetchJson, makeKey } from '../conformance/support/members.mjs';
import { Inbox, within } from '../conformance/support/patience.mjs';
import { RawWebSocket } from '../conformance/support/websocket.mjs';
import { RawConnection, readIntoNowhere } from './support/attacker.mjs';
import { MiB, isSanitized, scaled } from './support/load.mjs';
import { slowReader } from './support/slow_reader.mjs';
import { attacked } from './support/target.mjs';

const get = (server, path, headers) => fetchJson(server, path, undefined, { method: 'GET', headers });
const all = (count, make) => Promise.all(Array.from({ length: count }, (_, i) => make(i)));

// Makes `count` things, some at once.
async function inTurn(count, make, atOnce = 20) {
  const made = [];
  for (let i = 0; i < count; i += atOnce) made.push(...await all(Math.min(atOnce, count - i), (at) => make(i + at)));
  return made;
}

// The server has been told of something when it answers what came after it.
async function until(is, what) {
  await within((async () => { while (!await is()) await pause(50); })(), () => what);
}

// 64 members of a room with echo. Each has heard itself, so it is in the room, which an open WebSocket does not say.
async function fillRoom(server, path) {
  const members = await inTurn(64, () => WsClient.open(server, path));
  await Promise.all(members.map(async (member, i) => {
    member.say(`in ${i}`);
    while (await member.next() !== `in ${i}`);
  }));
  return members;
}
const isGreeting = (text) => text.startsWith('in ');

// -- A reader that is slow

const kOutbox = MiB;
const kBudget = 64 * MiB;
const kAtOnce = 64;
const kSent = scaled(16 * 1024);   // messages of a kilobyte: more than the kernel takes in advance
const kUpgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`];
const kFilling = '.'.repeat(1000);

// Says numbered messages as fast as the members that read take them. Each of them hears all of every sender, in order.
async function talkFast(senders, readers, count, sample) {
  const heard = readers.map(() => senders.map(() => 0));
  for (let said = 0; said < count; said += kAtOnce) {
    for (let n = said; n < said + kAtOnce; ++n) senders.forEach((sender, s) => sender.say(`${s} ${n} ${kFilling}`));
    for (const [r, reader] of readers.entries()) {
      for (let i = 0; i < kAtOnce * senders.length; ++i) {
        const [s, n] = (await reader.next()).split(' ').map(Number);
        assert.equal(n, heard[r][s]++, `reader ${r}: the messages of sender ${s} in order`);
      }
    }
    if (said % (16 * kAtOnce) === 0) await sample();
  }
}

for (const [transport, headers] of [['a WebSocket', kUpgrade], ['a stream', []]]) {
  for (const [how, rate] of [['drips 100 bytes a second', 100], ['reads nothing', 0]]) {
    for (const count of [1, 3]) {
      test(`${transport} in a broadcast room ${how}: ${count} fast sender${count > 1 ? 's' : ''}`, () =>
        attacked(['--outbox-limit', String(kOutbox), '--memory-budget', String(kBudget)], async (target, talk) => {
          const { server } = target;
          const path = `/raw/${makeKey()}`;
          const readers = [await WsClient.open(server, path), await EventSourceClient.open(server, path)];
          const senders = await all(count, () => WsClient.open(server, withQuery(path, { echo: 0 })));
          // Senders hear each other. Nothing of that is needed.
          for (const { inbox } of senders) inbox.put = () => {};
          const sessions = async () => (await target.metrics()).sigway_sessions;
          const others = await sessions();
          const slow = await slowReader(server, path, 1, rate, headers);
          await until(async () => await sessions() === others + 1, 'the slow member');
          const before = target.resident;
          let most = 0;
          await talkFast(senders, readers, Math.ceil(kSent / count), async () => {
            const { outbox, total } = await target.memory();
            most = Math.max(most, outbox);
            assert.ok(total < kBudget / 2, `${total} bytes are held`);
          });
          await talk.rounds(5);
          // What is held for the slow one is bounded by its share; what for the others, by what is on its way.
          assert.ok(most < 3 * kOutbox, `the outboxes held ${most} bytes`);
          target.grewByLess(before, 24 * MiB);
          const { outbox } = await target.memory();
          if (count === 1) {
            assert.equal(await target.ended('slow_consumer'), 0, 'one sender fills half of an outbox, and is told so by nothing more');
            if (!isSanitized) assert.ok(outbox > 0.4 * kOutbox, `the slow one has its half: ${outbox}`);
            assert.ok(outbox < 0.7 * kOutbox, `${outbox} bytes for the slow one`);
          } else if (!isSanitized) {
            assert.equal(await target.ended('slow_consumer'), 1, 'many senders fill an outbox, and the slow one ends');
          }
          slow.stop();
          for (const client of [...readers, ...senders]) client.close();
          await slow.exit;
        }));
    }
  }
}

for (const [what, message] of [['short', 'x'], ['empty', '']]) {
  test(`a reader hears any number of ${what} messages`, () => attacked(['--outbox-limit', String(kOutbox)], async (target, talk) => {
    const path = `/raw/${makeKey()}`;
    const stream = await EventSourceClient.open(target.server, path);
    let heard = 0;
    const wanted = new Inbox();
    stream.inbox.put = () => { if (++heard % kAtOnce === 0) wanted.put(heard); };
    const sender = await WsClient.open(target.server, withQuery(path, { echo: 0 }));
    for (let said = 0; said < scaled(24 * 1024); said += kAtOnce) {
      for (let i = 0; i < kAtOnce; ++i) sender.say(message);
      await wanted.take(() => `message ${said + kAtOnce}; ${heard} were heard`);
    }
    const { outbox } = await target.memory();
    assert.ok(outbox < 192 * 1024, `${outbox} bytes are kept`);
    await talk.rounds(1);
    stream.close();
    sender.close();
  }));
}

test('a room of 64 with echo and a fast sender', () => attacked([], async (target, talk) => {
  const path = `/raw/${makeKey()}`;
  const members = await fillRoom(target.server, path);
  const count = scaled(512);
  for (let said = 0; said < count; said += kAtOnce) {
    for (let n = said; n < said + kAtOnce; ++n) members[0].say(`${n} ${kFilling}`);
    for (const [at, member] of members.entries()) {
      for (let n = said; n < said + kAtOnce; ++n) {
        let text;
        do text = await member.next(() => `message ${n} at member ${at}`); while (isGreeting(text));
        assert.equal(parseInt(text), n);
      }
    }
  }
  await talk.rounds(5);
  assert.equal(await target.ended('slow_consumer'), 0);
  for (const member of members) member.close();
}));

// -- Many sessions

test('streams that say they have seen what nobody has', () => attacked([], async (target, talk) => {
  const member = await WsClient.open(target.server, '/raw/streams');
  const answers = {};
  await inTurn(scaled(600), async (i) => {
    const id = i % 3 === 0 ? `${makeKey()}.${i}` : i % 3 === 1 ? '\u00ff'.repeat(i) : `${'k'.repeat(i)}.${'9'.repeat(i)}`;
    const path = i % 20 === 0 ? '/raw/streams' : `/raw/${makeKey()}`;
    const stream = await RawConnection.open(target.server);
    stream.request([`GET ${path} HTTP/1.1`, 'Host: localhost', `Last-Event-ID: ${id}`]);
    const { status } = await stream.responseHead();
    answers[status] = (answers[status] ?? 0) + 1;
    stream.destroy();
  });
  assert.deepEqual(Object.keys(answers), ['200'], `each begins anew: ${JSON.stringify(answers)}`);
  member.say('goes on');
  assert.equal(await member.next(), 'goes on');
  await talk.rounds(5);
  member.close();
}));

test('a thousand rooms', () => attacked([], async (target, talk) => {
  const before = target.resident;
  const began = performance.now();
  const answers = { 200: 0, 429: 0 };
  await inTurn(1600, async () => ++answers[(await get(target.server, `/raw/${makeKey()}?next=1&wait=0`)).status]);
  const most = 1001 + 50 * (performance.now() - began) / 1000;
  assert.ok(answers[200] >= 1000 && answers[200] <= most, `${JSON.stringify(answers)}: no more than ${most.toFixed(0)} rooms of one address`);
  assert.equal(answers[200] + answers[429], 1600, JSON.stringify(answers));
  target.grewByLess(before, 24 * MiB);
  const elsewhere = await WsClient.open(target.server, '/raw/talk', { localAddress: '127.0.0.2' });
  elsewhere.say('not disturbed');
  assert.equal(await elsewhere.next(), 'not disturbed');
  await talk.rounds(5);
  elsewhere.close();
}));

// -- Login

class LoginClient {
  static async open(server, name, options) {
    const client = Object.assign(new LoginClient(), { name, client: await WsClient.open(server, '/login', options) });
    if (name !== undefined) assert.deepEqual(await client.login(name), { type: 'login', success: true });
    return client;
  }

  async login(name) {
    this.say({ type: 'login', name });
    return this.next();
  }

  say(message) { this.client.say(JSON.stringify(message)); }
  async next() { return JSON.parse(await this.client.next()); }
  get heard() { return this.client.inbox; }
  close() { this.client.close(); }
}

const kOffer = { type: 'offer', sdp: 'v=0\r\n'.repeat(1000) };

// An offer, its answer, a candidate.
async function call(a, b) {
  a.say({ type: 'offer', offer: kOffer, name: b.name });
  assert.deepEqual(await b.next(), { type: 'offer', offer: kOffer, name: a.name });
  b.say({ type: 'answer', answer: { type: 'answer', sdp: a.name }, name: a.name });
  assert.deepEqual(await a.next(), { type: 'answer', answer: { type: 'answer', sdp: a.name }, name: b.name });
  a.say({ type: 'candidate', candidate: { candidate: 'c' }, name: b.name });
  assert.deepEqual(await b.next(), { type: 'candidate', candidate: { candidate: 'c' }, name: a.name });
}

test('offers to names that nobody has fill the share of their address, and of nobody else', () => attacked(['--mailbox-total-bytes', '8MiB'], async (target, talk) => {
  const refused = (await all(8, async (at) => {
    const client = await LoginClient.open(target.server, `filler-${at}`);
    for (let i = 0; i < 100; ++i) client.say({ type: 'offer', offer: 'x'.repeat(20000), name: `nobody-${at}-${i >> 3}` });
    // What becomes of an offer is said a turn of the server after it was taken, or two.
    let count = 0;
    for (let i = 0; i < 3; ++i) {
      client.say({ type: `end ${i}` });
      for (let message; message !== `Command not found: end ${i}`;) {
        const answer = await client.next();
        assert.equal(answer.type, 'error');
        ({ message } = answer);
        if (!message.startsWith('Command')) ++count;
      }
    }
    client.close();
    return count;
  })).reduce((sum, count) => sum + count, 0);
  assert.ok(refused > 0, 'the mailboxes are full for this address');
  assert.ok((await target.memory()).mailbox < 4 * MiB);

  const neighbour = await LoginClient.open(target.server, 'neighbour', { localAddress: '127.0.0.2' });
  neighbour.say({ type: 'offer', offer: kOffer, name: 'later' });
  await pause(200);
  const later = await LoginClient.open(target.server, 'later', { localAddress: '127.0.0.2' });
  assert.deepEqual(await later.next(), { type: 'offer', offer: kOffer, name: 'neighbour' });
  await talk.rounds(5);
  neighbour.close();
  later.close();
}));

test('the last words of many that close at once', () => attacked(['--outbox-limit', String(kOutbox)], async (target, talk) => {
  const [a, b] = await all(2, (i) => LoginClient.open(target.server, `pair-${i}`, { localAddress: '127.0.0.2' }));
  const victim = await LoginClient.open(target.server, 'victim', { localAddress: '127.0.0.3' });
  const callers = await inTurn(scaled(800), (i) => LoginClient.open(target.server, `caller-${i}`));
  for (const caller of callers) caller.say({ type: 'answer', answer: 1, name: 'victim' });
  for (let i = 0; i < callers.length; ++i) assert.equal((await victim.next()).type, 'answer');
  await call(a, b);
  for (const caller of callers) caller.client.cut();
  await call(a, b);
  const gone = new Set();
  for (let i = 0; i < callers.length; ++i) {
    const { type, name } = await victim.next();
    assert.equal(type, 'leave');
    gone.add(name);
  }
  assert.equal(gone.size, callers.length, 'each once');
  await call(a, victim);
  await talk.rounds(5);
  for (const client of [a, b, victim]) client.close();
}));

test('a storm of leaves at somebody who reads nothing', () => attacked(['--outbox-limit', String(kOutbox)], async (target, talk) => {
  const [a, b] = await all(2, (i) => LoginClient.open(target.server, `pair-${i}`, { localAddress: '127.0.0.2' }));
  const victim = await RawWebSocket.open(target.server, { path: '/login', localAddress: '127.0.0.3' });
  victim.send({ type: 'login', name: 'victim' });
  assert.deepEqual(await victim.json(), { type: 'login', success: true });
  victim.connection.socket.pause();
  const before = target.resident;
  const stormers = await all(8, (i) => LoginClient.open(target.server, `storm-${i}-${'x'.repeat(40)}`));
  for (const { heard } of stormers) heard.put = () => {};
  for (let i = 0; i < scaled(8000); ++i) {
    for (const stormer of stormers) stormer.say({ type: 'leave', name: 'victim' });
    if (i % 500 === 0) await call(a, b);
  }
  await call(a, b);
  target.grewByLess(before, 24 * MiB);
  assert.equal(await target.ended('slow_consumer'), 0, 'strangers do not end it');
  victim.connection.socket.resume();
  // What comes late is behind what was on its way.
  assert.equal((await victim.json()).type, 'leave');
  await talk.rounds(5);
  for (const client of [a, b, ...stormers]) client.close();
  victim.destroy();
}));

test('a native message with thousands of candidates', () => attacked([], async (target, talk) => {
  const [a, b] = await all(2, (i) => LoginClient.open(target.server, `pair-${i}`, { localAddress: '127.0.0.2' }));
  const victim = await LoginClient.open(target.server, 'victim', { localAddress: '127.0.0.3' });
  const before = target.resident;
  const sender = await new WebSocketMember(target.server).open({ name: 'n'.repeat(64) });
  await sender.say({ type: 'candidate', to: '@victim', data: Array(32000).fill(1) });
  await sender.say({ type: 'offer', to: '@victim', data: 'the end' });
  let frames = 0;
  while ((await victim.next()).type === 'candidate') ++frames;
  assert.equal(frames, 256);
  target.grewByLess(before, 8 * MiB);
  await call(a, b);
  await talk.rounds(5);
  sender.close();
  for (const client of [a, b, victim]) client.close();
}));

for (const transport of ['a WebSocket', 'a stream that is cut']) {
  test(`${transport} takes a name and says nothing more: the name is free after the probe timeout`, () => attacked(['--probe-timeout', '2s'], async (target, talk) => {
    const [a, b] = await all(2, (i) => LoginClient.open(target.server, `pair-${i}`, { localAddress: '127.0.0.2' }));
    if (transport === 'a WebSocket') {
      const stalled = await RawWebSocket.open(target.server, { path: '/login' });
      stalled.send({ type: 'login', name: 'taken' });
      assert.deepEqual(await stalled.json(), { type: 'login', success: true });
      readIntoNowhere(stalled.connection.socket);   // and answers no ping
    } else {
      const stream = await EventSourceClient.open(target.server, '/login');
      await stream.say('{"type":"login","name":"taken"}');
      assert.deepEqual(JSON.parse(await stream.next()), { type: 'login', success: true });
      stream.close();
    }
    const began = performance.now();
    const next = await LoginClient.open(target.server, undefined, { localAddress: '127.0.0.3' });
    const took = () => performance.now() - began;
    while (!(await next.login('taken')).success) {
      // An event stream that is open counts as a sign of life, until its end is seen.
      assert.ok(took() < 60000, `the name was still taken after ${took()} ms`);
      await pause(500);
    }
    console.log(`${transport}: free after ${(took() / 1000).toFixed(1)} s, with a probe timeout of 2 s`);
    next.name = 'taken';
    await call(a, next);
    await call(a, b);
    await talk.rounds(5);
    for (const client of [a, b, next]) client.close();
  }));
}

// -- Keys

test('a key of one dialect opens nothing in another one', () => attacked([], async (target, talk) => {
  const { server } = target;
  const room = makeKey();
  const owner = await EventSourceClient.open(server, `/raw/${room}`);
  const login = await EventSourceClient.open(server, '/login');
  const native = await new WebSocketMember(server).open({ room });
  await native.event('joined');
  const keys = { raw: owner.key, login: login.key, native: native.key };
  const asks = {
    raw: (key) => [post(server, `/raw/${room}?key=${key}`, 'forged'), get(server, `/raw/${room}?next=1&wait=0&key=${key}`),
      get(server, `/raw/${room}?next=2&wait=0&key=${key}`), get(server, `/raw/${room}?key=${key}`)],
    login: (key) => [post(server, `/login?key=${key}`, '{"type":"login","name":"forged"}'), get(server, `/login?next=1&wait=0&key=${key}`), get(server, `/login?key=${key}`)],
    native: (key) => [fetchJson(server, '/v1/poll', { key, carrier: 'c', ack: 0, wait: 0 }), fetchJson(server, '/v1/send', { key, messages: [{ type: 'forged' }] }),
      fetchJson(server, '/v1/poll', { key, open: { room }, carrier: 'c', n: 1, wait: 0 })],
  };
  for (const [of, key] of Object.entries(keys)) {
    for (const [at, ask] of Object.entries(asks)) {
      if (of === at) continue;
      for (const { status, text } of await Promise.all(ask(key))) {
        assert.ok([404, 409].includes(status), `a key of ${of} at ${at}: ${status} ${text}`);
      }
    }
    for (const path of [`/raw/${room}`, '/login']) {
      if (path.slice(1).startsWith(of)) continue;
      const { status, text } = await get(server, path, { 'Last-Event-ID': `${key}.0` });
      assert.ok([404, 409].includes(status), `an event of ${of} at ${path}: ${status} ${text}`);
    }
  }
  // All three go on, and have heard nothing of it.
  await owner.say('mine');
  assert.equal(await owner.next(), 'mine');
  assert.deepEqual((({ type, data }) => ({ type, data }))(await native.event('message')), { type: 'message', data: 'mine' });
  await login.say('{"type":"login","name":"mine"}');
  assert.deepEqual(JSON.parse(await login.next()), { type: 'login', success: true });
  await talk.rounds(5);
  owner.close();
  login.close();
  native.close();
}));

test('a key that has ended opens another session', () => attacked([], async (target, talk) => {
  const path = `/raw/${makeKey()}`;
  const members = await fillRoom(target.server, path);
  const key = makeKey();
  for (let tries = 0; tries < 3; ++tries) {
    const { status, text } = await get(target.server, withQuery(path, { key }));
    assert.equal(status, 409, `full each time: ${text}`);
  }
  members.pop().cut();
  let stream;
  await until(async () => (stream = await EventSourceClient.open(target.server, path, { key }).catch(() => null)), 'the place that is free');
  await stream.say('in');
  assert.equal(await stream.next(), 'in');
  await talk.rounds(1);
  stream.close();
  for (const member of members) member.close();
}));
