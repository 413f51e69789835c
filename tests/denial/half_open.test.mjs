// Requests and frames that never become whole. What has come of them is held, so it is counted, and under a small budget
// it is given up.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeFrame, opcode } from '../conformance/support/websocket.mjs';
import { deafSocket, deafWebSocket, push } from './support/attacker.mjs';
import { isSanitized, MiB } from './support/load.mjs';
import { attacked } from './support/target.mjs';

const kCount = isSanitized ? 100 : 2000;   // some more than fit into the budget
const kPart = 200000;
const kBudget = isSanitized ? 16 * MiB : 64 * MiB;
// What the budget does not count: two thousand connections and sessions of some KiB each, their answers, and what the
// allocator keeps. It was 504 MiB without an account of the parts.
const kBeside = 64 * MiB;

const kFrame = encodeFrame(opcode.text, `{"messages":[{"type":"x","data":"${'d'.repeat(250000)}`).subarray(0, kPart);
const kBody = Buffer.from(`POST /v1/send HTTP/1.1\r\nHost: localhost\r\nContent-Length: 250000\r\n\r\n${'{'.padEnd(kPart)}`);
const kChunked = Buffer.from(`POST /v1/send HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3d090\r\n${'{'.padEnd(kPart)}`);

const attack = (open, part) => attacked(['--memory-budget', String(kBudget), '--max-connections-per-address', '10000'], async (target, talk) => {
  const before = target.resident;
  const sockets = [];
  for (let i = 0; i < kCount; i += 50) {
    const some = await Promise.all(Array.from({ length: Math.min(50, kCount - i) }, () => open(target.server).catch(() => null)));
    await Promise.all(some.filter(Boolean).map((socket) => push(socket, part, 1)));
    sockets.push(...some.filter(Boolean));
  }
  await talk.rounds(5);
  await target.answers('during the attack');
  target.grewByLess(before, kBudget + kBeside);
  const { input, total } = await target.memory();
  assert.ok(total < 1.1 * kBudget, `${total} bytes are held, the budget is ${kBudget}`);
  assert.ok(input > kBudget / 4, `${input} bytes of input are counted`);
  console.log(String(talk));
  for (const socket of sockets) socket.destroy();
}, { talk: { burst: 1 } });

test('2,000 half WebSocket frames', () => attack(async (server) => (await deafWebSocket(server, {})).socket, kFrame));

test('2,000 half bodies', () => attack(deafSocket, kBody));

test('2,000 half bodies in chunks', () => attack(deafSocket, kChunked));
