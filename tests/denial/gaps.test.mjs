// Sessions that hold almost as much as they may beyond a gap, under a small budget. They, and no others, have to give it back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocketMember, fetchJson, makeKey } from '../conformance/support/members.mjs';
import { deafWebSocket, push, readIntoNowhere, textFrame } from './support/attacker.mjs';
import { MiB } from './support/load.mjs';
import { attacked } from './support/target.mjs';

const kSessions = 136;
const kHeld = 62000;     // four times in each session
const kBudget = 16 * MiB;
const kInnocents = 20;   // with 20 KB in their outboxes

async function innocents(target) {
  const sender = await new WebSocketMember(target.server).open({});
  const holders = [];
  for (let i = 0; i < kInnocents; ++i) {
    const name = `innocent-${i}`;
    const { socket, key } = await deafWebSocket(target.server, { name });
    readIntoNowhere(socket);
    await sender.say({ type: 'mail', to: `@${name}`, data: 'm'.repeat(20000) });
    holders.push({ socket, key });
  }
  sender.close();
  return holders;
}

test('136 sessions that hold 250 KB beyond a gap', () => attacked(['--memory-budget', String(kBudget)], async (target, talk) => {
  const holders = await innocents(target);
  const sockets = [];
  for (let i = 0; i < kSessions; ++i) {
    const attacker = await deafWebSocket(target.server, {}).catch(() => null);   // may be refused
    if (!attacker) continue;
    readIntoNowhere(attacker.socket);
    const messages = Array.from({ length: 4 }, (_, at) => ({ n: 2 + at, type: 'x', data: 'd'.repeat(kHeld) }));
    await push(attacker.socket, textFrame({ messages }), 1);
    sockets.push(attacker.socket);
  }
  await talk.rounds(20);
  const { total } = await target.memory();
  assert.ok(total < 1.1 * kBudget, `${total} bytes are held`);
  for (const { key } of holders) {
    const { status, text } = await fetchJson(target.server, '/v1/send', { key });
    assert.equal(status, 200, `an innocent session: ${text}`);
  }
  await target.answers('during the attack');
  const metrics = await target.metrics();
  console.log(`${sockets.length} of ${kSessions} came in, ${metrics['sigway_sessions_ended_total{reason="memory"}']} ended, ${(total / MiB).toFixed(1)} MiB are held`);
  for (const { socket } of holders) socket.destroy();
  console.log(String(talk));
  for (const socket of sockets) socket.destroy();
}, { talk: { burst: 1 } }));
