// One address has many sessions, each with a smaller backlog than somebody else's only one. Together they hold the most, so they
// give way.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchJson, makeKey } from '../conformance/support/members.mjs';
import { deafWebSocket, push, readIntoNowhere, textFrame } from './support/attacker.mjs';
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
