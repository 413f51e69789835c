// AppRTC's room server and Collider: what clients that nobody has invited can make the server hold. A pair of AppRTC clients and
// the native pairs of talk.mjs go on beside each attack.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { makeKey } from '../conformance/support/members.mjs';
import { within } from '../conformance/support/patience.mjs';
import { Collider, pair, post, talk as talkOfPair } from '../dialects/support/apprtc.mjs';
import { MiB, scaled } from './support/load.mjs';
import { attacked } from './support/target.mjs';

const kLarge = 'x'.repeat(60000);

async function inTurn(count, make, atOnce = 20) {
  const made = [];
  for (let i = 0; i < count; i += atOnce) made.push(...await Promise.all(Array.from({ length: Math.min(atOnce, count - i) }, (_, at) => make(i + at))));
  return made;
}

async function until(is, what) {
  await within((async () => { while (!await is()) await pause(50); })(), () => what);
}

// `attack(target, server, scope)`: `server` is what the attacker's address sees.
const attack = (name, flags, body) => test(name, (t) => attacked(flags, async (target, talk) => {
  const closing = [];
  const scope = { after: (close) => closing.push(close) };
  try {
    const { clients } = await pair(scope, target.server, makeKey());
    await body(target, target.from('127.0.0.3'), scope, async () => {
      await talkOfPair(clients);
      await talk.rounds(1);
    });
    await talkOfPair(clients);
  } finally {
    for (const close of closing) close();
  }
}));

attack('a thousand joins whose clients never come', [], async (target, server, scope, others) => {
  const before = target.resident;
  const answers = {};
  await inTurn(scaled(3000), async (i) => {
    const { status, text } = await post(server, `/join/attack-${i % 1500}`);
    const outcome = status === 200 ? JSON.parse(text).result : status;
    answers[outcome] = (answers[outcome] ?? 0) + 1;
    if (i % 500 === 0) await others();
  });
  assert.ok(answers.SUCCESS > 0, JSON.stringify(answers));
  for (const outcome of Object.keys(answers)) assert.ok(['SUCCESS', 'FULL', '429'].includes(outcome), JSON.stringify(answers));
  target.grewByLess(before, 32 * MiB);
  // Nothing is left of them.
  await until(async () => (await target.metrics())['sigway_dialect_sessions{dialect="apprtc"}'] === 2, 'the end of clients that did not come');
});

attack('clients that say much while they are alone', ['--memory-budget', '16MiB', '--shards', '1'], async (target, server, scope, others) => {
  const answers = {};
  await inTurn(scaled(400), async (i) => {
    const { status, text } = await post(server, `/attack-${i % 40}/a`, kLarge);
    const outcome = `${status} ${text.slice(0, 40)}`;
    answers[outcome] = (answers[outcome] ?? 0) + 1;
    if (i % 100 === 0) await others();
  });
  const { mailbox, total } = await target.memory();
  assert.ok(mailbox <= 1.1 * MiB, `${mailbox} bytes wait: a quarter of all mailboxes is one address's`);
  assert.ok(total < 8 * MiB, `${total} bytes are held`);
  assert.ok(Object.keys(answers).some((outcome) => outcome.startsWith('500 Failed to send')), JSON.stringify(answers));
  // Another address still has its own share.
  const elsewhere = target.from('127.0.0.4');
  const { status } = await post(elsewhere, `/${makeKey()}/a`, kLarge);
  assert.equal(status, 200);
  await until(async () => (await target.memory()).mailbox === 0, 'the end of what waits');
});

attack('a client that registers and reads nothing', ['--outbox-limit', String(MiB)], async (target, server, scope, others) => {
  const room = makeKey();
  const deaf = await Collider.registered(scope, server, room, 'deaf');
  const sender = await Collider.registered(scope, server, room, 'sender');
  await talkOfPair([deaf, sender]);
  deaf.socket._socket.pause();
  const before = target.resident;
  for (let i = 0; i < scaled(600); ++i) {
    sender.send(kLarge);
    if (i % 100 === 0) await others();
  }
  await others();
  const { outbox, total } = await target.memory();
  assert.ok(outbox < 3 * MiB, `${outbox} bytes in outboxes`);
  assert.ok(total < 32 * MiB, `${total} bytes are held`);
  target.grewByLess(before, 40 * MiB);
});

attack('WebSockets that never register, and frames that are none', ['--attach-timeout', '1s', '--probe-timeout', '1s'], async (target, server, scope, others) => {
  const silent = await inTurn(scaled(200), () => Collider.open(scope, server));
  await others();
  for (const client of silent) await client.ends('Client not registered');
  const noisy = await inTurn(scaled(50), () => Collider.open(scope, server));
  for (const client of noisy) for (let i = 0; i < 100; ++i) client.tell({ cmd: 'nonsense', filling: kLarge.slice(0, 1000) });
  await others();
  for (const client of noisy) client.cut();
});

attack('ids that are registered again and again', [], async (target, server, scope, others) => {
  const room = makeKey();
  let before = null;
  for (let i = 0; i < scaled(500); ++i) {
    const client = await Collider.registered(scope, server, room, 'same');
    if (before) await before.ends('Duplicated registration');
    before = client;
    if (i % 100 === 0) await others();
  }
  const sessions = (await target.metrics())['sigway_dialect_sessions{dialect="apprtc"}'];
  assert.equal(sessions, 3);
});
