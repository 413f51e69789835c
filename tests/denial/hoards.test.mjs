// One address makes the server hold much in ways of which each is smaller than somebody else's only backlog. Together they are
// the most, so they give way.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchJson, makeKey } from '../conformance/support/members.mjs';
import { deafSocket, deafWebSocket, push, readIntoNowhere, textFrame } from './support/attacker.mjs';
import { MiB } from './support/load.mjs';
import { attacked } from './support/target.mjs';

const kBudget = 16 * MiB;
const kHoards = 100;
const kMessage = 60000;

// A receiver that acknowledges nothing, in a room with somebody who says `count` large messages to it.
async function backlog(server, count) {
  const room = makeKey();
  const receiver = await deafWebSocket(server, { room });
  readIntoNowhere(receiver.socket);
  const sender = await deafWebSocket(server, { room });
  readIntoNowhere(sender.socket);
  for (let n = 1; n <= count; ++n) await push(sender.socket, textFrame({ messages: [{ type: 'x', data: 'd'.repeat(kMessage) }] }), 1);
  return { key: receiver.key, sockets: [receiver.socket, sender.socket] };
}

// Resumes by polls and counts the messages that waited.
async function lettersOf(server, key) {
  let count = 0;
  for (let n = 1, received = 1; ; ++n) {
    const { status, json } = await fetchJson(server, '/v1/poll', { key, carrier: 'later', turn: 2, n, ack: received, wait: 0, ...(n === 1 && { resume: {} }) });
    assert.equal(status, 200, JSON.stringify(json));
    received += json.events.length;
    count += json.events.filter(({ type }) => type === 'x').length;
    if (n > 1 && json.events.length === 0) return count;
  }
}

test('100 sessions of one address that hold 240 KB each', () => attacked(['--memory-budget', String(kBudget)], async (target, talk) => {
  const victim = await backlog(target.from('127.0.0.2'), 16);
  await talk.rounds(5);
  const before = await target.memory();
  assert.ok(before.outbox > 16 * kMessage, `${before.outbox} bytes are the victim's backlog`);
  const sockets = [];
  for (let i = 0; i < kHoards; ++i) {
    const hoard = await backlog(target.from('127.0.0.3'), 4).catch(() => null);   // may be refused
    if (hoard) sockets.push(...hoard.sockets);
  }
  await talk.rounds(20);
  const { total } = await target.memory();
  assert.ok(total < 1.1 * kBudget, `${total} bytes are held`);
  assert.ok(await target.ended('memory') > 0, 'nobody had to give way');
  assert.equal(await lettersOf(target.from('127.0.0.2'), victim.key), 16, 'all of the backlog is still there');
  console.log(`${sockets.length / 2} of ${kHoards} came in, ${await target.ended('memory')} ended, ${(total / MiB).toFixed(1)} MiB are held; ${talk}`);
  for (const socket of [...victim.sockets, ...sockets]) socket.destroy();
}, { talk: { burst: 1 } }));

// Somebody whose 30 KB wait, and who must still be there when `attack` has filled a small budget.
const spares = (flags, attack) => attacked(flags, async (target, talk) => {
  const victim = await backlog(target.from('127.0.0.2'), 1);
  await talk.rounds(5);
  const sockets = await attack(target);
  await talk.rounds(5);
  const memory = await target.memory();
  assert.equal(await lettersOf(target.from('127.0.0.2'), victim.key), 1, 'the backlog is still there');
  console.log(`${JSON.stringify(memory)}, ${await target.ended('memory')} ended; ${talk}`);
  for (const socket of [...victim.sockets, ...sockets]) socket.destroy();
  return memory;
}, { talk: { burst: 1 } });

test('letters to names that nobody has', () => spares(['--memory-budget', '16MiB', '--shards', '1'], async (target) => {
  const sockets = [];
  for (let i = 0; i < 24; ++i) {
    const { socket } = await deafWebSocket(target.from('127.0.0.3'), {});
    readIntoNowhere(socket);
    sockets.push(socket);
    for (let n = 0; n < 20; ++n) await push(socket, textFrame({ messages: [{ type: 'x', to: `@nobody-${i}-${n}`, data: 'd'.repeat(kMessage) }] }), 1);
  }
  const { mailbox } = await target.memory();
  assert.ok(mailbox > 2 * kMessage && mailbox <= 4 * MiB, `${mailbox} bytes of letters, a quarter of the budget is the most`);
  return sockets;
}));

test('2,600 sessions with 3 KB each', () => spares(['--memory-budget', '8MiB', '--max-sessions-per-address', '5000', '--max-connections-per-address', '5000'], async (target) => {
  const attacker = target.from('127.0.0.3');
  const { socket } = await deafWebSocket(attacker, {});
  readIntoNowhere(socket);
  for (let i = 0; i < 2600; i += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, at) => fetchJson(attacker, '/v1/poll', { key: makeKey(), open: { name: `small-${i + at}` }, wait: 0, n: 1, ack: 0 })));
    for (let at = 0; at < 50; ++at) await push(socket, textFrame({ messages: [{ type: 'x', to: `@small-${i + at}`, data: 'd'.repeat(3000) }] }), 1);
  }
  return [socket];
}));

test('half bodies that one client sends through a trusted proxy', () => spares(['--memory-budget', '8MiB', '--trusted-proxy', '127.0.0.4'], async (target) => {
  const half = Buffer.from(`POST /v1/send HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 10.0.0.66\r\nContent-Length: 15000\r\n\r\n${'{'.padEnd(12000)}`);
  const sockets = [];
  for (let i = 0; i < 900; i += 50) {
    const some = await Promise.all(Array.from({ length: 50 }, () => deafSocket(target.from('127.0.0.4')).catch(() => null)));
    await Promise.all(some.filter(Boolean).map((socket) => push(socket, half, 1)));
    sockets.push(...some.filter(Boolean));
  }
  return sockets;
}));
