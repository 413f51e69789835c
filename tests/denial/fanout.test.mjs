// What one request may make the server do is bounded by whom its messages are for, not only by how many they are.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deafWebSocket, push, readIntoNowhere, textFrame } from './support/attacker.mjs';
import { MiB } from './support/load.mjs';
import { attacked } from './support/target.mjs';

const kBudget = 64 * MiB;
const kSessions = 60;

// `count` messages, each to 64 names that nobody has.
function letters(session, count, data) {
  const to = Array.from({ length: 64 }, (_, i) => `@nobody-${session}-${i}`);
  return textFrame({ messages: Array.from({ length: count }, (_, i) => ({ n: i + 1, type: 'x', to, data })) });
}

test('60 frames of 256 messages for 64 names each', () => attacked(['--message-rate', '200', '--memory-budget', String(kBudget)], async (target, talk) => {
  const before = target.resident;
  const sockets = [];
  for (let i = 0; i < kSessions; ++i) {
    const { socket } = await deafWebSocket(target.from('127.0.0.3'), {});
    readIntoNowhere(socket);
    sockets.push(socket);
  }
  await Promise.all(sockets.map((socket, i) => push(socket, letters(i, 256, null), 1)));
  await talk.rounds(10);
  // 980,000 answers that a name's mailbox is full would be 200 MB.
  target.grewByLess(before, 48 * MiB);
  for (const socket of sockets) socket.destroy();
}, { talk: { burst: 1 } }));

test('large messages for 64 names each, on two shards', () => attacked(['--shards', '2', '--memory-budget', String(kBudget)], async (target, talk) => {
  const before = target.resident;
  const sockets = [];
  for (let i = 0; i < 16; ++i) {
    const { socket } = await deafWebSocket(target.from('127.0.0.3'), {});
    readIntoNowhere(socket);
    sockets.push(socket);
  }
  await Promise.all(sockets.map((socket, i) => push(socket, letters(i, 3, 'd'.repeat(60000)), 4 * MiB)));
  await talk.rounds(10);
  target.grewByLess(before, kBudget);
  const { transit } = await target.memory();
  assert.ok(transit < kBudget / 4, `${transit} bytes are still on their way`);
  for (const socket of sockets) socket.destroy();
}, { talk: { burst: 1 } }));
