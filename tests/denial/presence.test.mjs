// A flood makes nobody look absent: with the time that is set by default, no member of a pair that talks is reported suspended,
// and no session ends. A pair fails at any event that it does not expect, `peer-suspended` and `peer-left` among them.
// And no member makes the server fill the outbox of another one: with its presence, which costs no message, with its name, or by
// joining and leaving again and again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocketMember, fetchJson, makeKey } from '../conformance/support/members.mjs';
import { RawConnection, post } from '../conformance/support/raw.mjs';
import { flood } from './support/flood.mjs';
import { attacked } from './support/target.mjs';

const kSuspendAfter = 10;                       // s; the default
const kFloodSeconds = 1.5 * kSuspendAfter;      // whoever is starved throughout is suspended in it

for (const kind of ['requests for a path that is not there', 'frames that are no JSON']) {
  test(`presence in a flood of ${kind}`, () => attacked(['--suspend-after', `${kSuspendAfter}s`], async (target, talk) => {
    const { host, port, url, authority } = target.server;
    await flood({ host, port, url, authority }, kind, kFloodSeconds, () => {});
    await talk.rounds(5);
    for (const reason of ['timeout', 'no_ack', 'slow_consumer']) assert.equal(await target.ended(reason), 0, reason);
  }, { talk: { burst: 1 } }));
}

// As many events as these would fill the outbox several times over.
const kOutbox = ['--outbox-limit', '128KiB'];
const kFlaps = 2000;
const kNames = 1000;
const kJoins = 900;   // less than --join-rate allows at once
const kAtOnce = 50;

// Three members: one whose line is cut, one who watches, and one on a connection that sends what the test likes.
async function threeMembers(server) {
  const room = makeKey();
  const victim = await new WebSocketMember(server).open({ room, capacity: 3 });
  const watcher = await new WebSocketMember(server).open({ room });
  const connection = await RawConnection.open(server);
  const key = makeKey();
  let polls = 0;
  let read = 0;
  const request = (path, fields) => connection.request(...post(server, path, JSON.stringify({ key, ...fields })));
  const poll = (fields = {}) => request('/v1/poll', { carrier: 'p', n: ++polls, wait: 0, ack: read, ...fields });
  const answer = async () => {
    const { status, json } = await connection.response();
    assert.equal(status, 200, JSON.stringify(json));
    read = Math.max(read, (json.first ?? 1) - 1 + (json.events?.length ?? 0));
    return json.events ?? [];
  };
  poll({ open: { room }, turn: 1 });
  await answer();
  for (let event; event?.type !== 'ready';) event = await watcher.event();
  victim.socket.terminate();
  return { room, victim, watcher, connection, request, poll, answer };
}

async function keepsItsSession(target, victim) {
  const { status, text } = await fetchJson(target.server, '/v1/send', { key: victim.key });
  assert.equal(status, 200, `who was cut is still a member: ${text}`);
  assert.equal(await target.ended('slow_consumer'), 0);
}

test('a member comes and goes without a message while another one is cut', () => attacked(kOutbox, async (target, talk) => {
  const { victim, watcher, connection, request, poll, answer } = await threeMembers(target.server);
  const began = performance.now();
  for (let flaps = 0; flaps < kFlaps; flaps += kAtOnce) {
    for (let i = 0; i < kAtOnce; ++i) {
      request('/v1/send', { away: true });
      poll();
    }
    for (let i = 0; i < 2 * kAtOnce; ++i) await answer();
  }
  await talk.rounds(5);
  await keepsItsSession(target, victim);
  request('/v1/send', { away: true });
  await answer();

  // In the end the others know that it has gone: a message comes after what they were told until then.
  let isSuspended = false;
  let told = 0;
  const hear = async () => {
    const { type } = await watcher.event();
    assert.equal(type, isSuspended ? 'peer-resumed' : 'peer-suspended');
    isSuspended = !isSuspended;
    ++told;
  };
  while (!watcher.events.isEmpty) await hear();
  const most = 5 + (performance.now() - began) / 1000;
  assert.ok(told <= most, `${told} events for ${kFlaps} times, and no more than ${most.toFixed(1)}`);
  if (!isSuspended) await hear();
  poll();
  await answer();
  await hear();
  assert.ok(!isSuspended, 'in the end they know that it is back');
  connection.destroy();
  watcher.close();
}));

test('a member takes one name after the other while another one is cut', () => attacked(kOutbox, async (target, talk) => {
  const { victim, watcher, connection, request, poll, answer } = await threeMembers(target.server);
  const began = performance.now();
  const answers = {};
  for (let names = 0; names < kNames; names += kAtOnce) {
    const messages = Array.from({ length: kAtOnce }, (_, i) =>
      ({ n: names + i + 1, type: 'login', name: `${names + i}`.padEnd(64, 'x') }));
    request('/v1/send', { messages });
    await answer();
    poll();
    for (const { type, code } of await answer()) answers[code ?? type] = (answers[code ?? type] ?? 0) + 1;
  }
  await talk.rounds(5);
  const most = 20 + (performance.now() - began) / 1000;
  assert.ok(answers.login >= 20 && answers.login <= most, `${JSON.stringify(answers)}: no more than ${most.toFixed(1)} logins`);
  await keepsItsSession(target, victim);
  for (let i = 0; i < answers.login; ++i) await watcher.event('peer-named');
  assert.ok(watcher.events.isEmpty);
  connection.destroy();
  watcher.close();
}));

test('a member joins and leaves again and again while another one is cut', () => attacked(kOutbox, async (target, talk) => {
  const { room, victim, watcher, connection, request, poll, answer } = await threeMembers(target.server);
  const began = performance.now();
  const answers = { joined: 0, rate_limited: 0 };
  for (let joins = 0; joins < kJoins;) {
    const messages = Array.from({ length: 2 * kAtOnce }, (_, i) =>
      ({ n: 2 * joins + i + 1, type: i % 2 === 0 ? 'leave' : 'join', room }));
    request('/v1/send', { messages });
    await answer();
    joins += kAtOnce;
    while (answers.joined + answers.rate_limited < joins) {
      poll({ wait: 1000 });
      for (const { type, code } of await answer()) answers[code ?? type] = (answers[code ?? type] ?? 0) + 1;
    }
  }
  await talk.rounds(5);
  const most = 134 + (performance.now() - began) / 1000;
  assert.ok(answers.joined >= 120 && answers.joined <= most, `${JSON.stringify(answers)}: no more than ${most.toFixed(1)} joins`);
  await keepsItsSession(target, victim);
  for (let i = 0; i < answers.joined; ++i) {
    for (const type of ['peer-left', 'peer-joined', 'ready']) await watcher.event(type);
  }
  connection.destroy();
  watcher.close();
}));
