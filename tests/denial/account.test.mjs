// What /metrics shows as sigway_memory_bytes against what the process has really grown by: each part is filled with 50 to
// 100 MiB, in small pieces and in large ones, and the sum of all parts must be within 20 % of the growth.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { makeKey } from '../conformance/support/members.mjs';
import { post } from '../conformance/support/raw.mjs';
import { encodeFrame, opcode } from '../conformance/support/websocket.mjs';
import { deafSocket, deafWebSocket, getText, push, readIntoNowhere, repeated, textFrame } from './support/attacker.mjs';
import { MiB } from './support/load.mjs';
import { attacked } from './support/target.mjs';

// Few clients that hold much, so that what a connection costs besides is small against it.
const kFlags = ['--memory-budget', '4GiB', '--max-connections-per-address', '10000', '--mailbox-total-bytes', '1GiB', '--mailbox-per-sender', '100000', '--output-limit', '4MiB'];

// The server may still be at work on what it was sent.
async function settled(target) {
  for (let before = await target.memory(), tries = 100; ; --tries) {
    await pause(500);
    const now = await target.memory();
    if (tries === 0 || (now.total > 40 * MiB && Math.abs(now.total - before.total) < MiB / 4)) return now;
    before = now;
  }
}

// `fill` resolves with what must stay open; `part` is where most of it is counted.
const matches = (part, fill) => attacked(kFlags, async (target, talk) => {
  const before = { resident: target.resident, ...await target.memory() };
  const held = await fill(target);
  await talk.rounds(5);
  const memory = await settled(target);
  const growth = target.resident - before.resident;
  const counted = memory.total - before.total;
  const inMiB = `${(counted / MiB).toFixed(1)} MiB counted, ${(growth / MiB).toFixed(1)} MiB grown: ${JSON.stringify(memory)}`;
  console.log(`${part}: ${inMiB}`);
  assert.ok(counted > 40 * MiB, inMiB);
  assert.ok(memory[part] - before[part] > 0.5 * counted, inMiB);
  assert.ok(Math.abs(growth - counted) < 0.2 * growth, inMiB);
  for (const socket of held) socket.destroy();
});

async function inTurn(count, make, atOnce = 20) {
  const all = [];
  for (let i = 0; i < count; i += atOnce) {
    all.push(...await Promise.all(Array.from({ length: Math.min(atOnce, count - i) }, (_, at) => make(i + at))));
  }
  return all.flat();
}

// Half of the load in messages of 1,200 bytes, half in large ones; no two are equal.
const text = (i, size) => `${i}-${makeKey()}`.padEnd(size, 'abcdefgh');
const batches = (i) => (i % 2 === 0
  ? Array.from({ length: 8 }, (_, b) => Array.from({ length: 180 }, (_, at) => text(b * 1000 + at, 1200)))
  : Array.from({ length: 8 }, (_, b) => Array.from({ length: 3 }, (_, at) => text(b * 10 + at, 60000))));

test('the outboxes of receivers that do not acknowledge', () => matches('outbox', ({ server }) => inTurn(40, async (i) => {
  const room = makeKey();
  const receiver = await deafWebSocket(server, { room });
  readIntoNowhere(receiver.socket);
  const sender = await deafWebSocket(server, { room });
  readIntoNowhere(sender.socket);
  for (const batch of batches(i)) {
    await push(sender.socket, textFrame({ messages: batch.map((data) => ({ type: 'x', data })) }), 1);
  }
  return [receiver.socket, sender.socket];
})));

const held = (messages) => ({ server }, count) => inTurn(count, async (i) => {
  const { socket } = await deafWebSocket(server, {});
  await push(socket, textFrame({ messages: messages(i) }), 1);
  return socket;
});

test('messages beyond a gap', () => matches('inbox', (target) => held((i) => (i % 2 === 0
  ? Array.from({ length: 4 }, (_, at) => ({ n: 2 + at, type: 'x', data: text(at, 60000) }))
  : Array.from({ length: 60 }, (_, at) => ({ n: 2 + at, type: 'x', data: text(at, 1200) }))))(target, 440)));

test('pieces of messages', () => matches('inbox', (target) => held(() => Array.from({ length: 3 }, (_, at) =>
  ({ n: 1 + at, at: 0, of: 73000, piece: text(at, 72900) })))(target, 300)));

test('letters for names that nobody has', () => matches('mailbox', (target) => inTurn(24, async (i) => {
  // One address may fill a quarter of the mailboxes, one session a part of that.
  const { socket } = await deafWebSocket(target.from(`127.0.2.${i + 1}`), {});
  readIntoNowhere(socket);
  for (let name = 0; name < 10; ++name) {
    const letters = i % 2 === 0
      ? Array.from({ length: 4 }, (_, at) => ({ type: 'x', to: `@name-${i}-${name}`, data: text(at, 60000) }))
      : Array.from({ length: 60 }, (_, at) => ({ type: 'x', to: `@name-${i}-${name}`, data: text(at, 4000) }));
    await push(socket, textFrame({ messages: letters }), 1);
  }
  return socket;
})));

test('half frames', () => matches('input', ({ server }) => inTurn(300, async () => {
  const { socket } = await deafWebSocket(server, {});
  await push(socket, encodeFrame(opcode.text, `{"messages":[{"type":"x","data":"${'d'.repeat(250000)}`).subarray(0, 200000), 1);
  return socket;
})));

test('half bodies', () => matches('input', ({ server }) => inTurn(300, async () => {
  const socket = await deafSocket(server);
  const [lines] = post(server, '/v1/send', 'x'.repeat(250000));
  await push(socket, Buffer.from(`${lines.join('\r\n')}\r\n\r\n${'{'.padEnd(200000)}`), 1);
  return socket;
})));

// These must first fill what the kernel takes in advance, some megabytes for each connection: few of them, with much output.
const unread = (open, unit) => () => matches('output', ({ server }) => inTurn(16, async () => {
  const socket = await open(server);
  await push(socket, repeated(unit), 20 * MiB);
  return socket;
}));

test('short answers that nobody reads', unread(async (server) => (await deafWebSocket(server, {})).socket, textFrame('x')));

test('long answers that nobody reads', unread(deafSocket, getText('/metrics')));
