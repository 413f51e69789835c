// Strangers who know a name. What they send must neither end its holder nor keep others from using the mailboxes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocketMember, fetchJson } from '../conformance/support/members.mjs';
import { deafWebSocket } from './support/attacker.mjs';
import { attacked } from './support/target.mjs';

const kLetter = 'm'.repeat(60000);

// Sends letters one after another; {event type or error code: how often}.
async function sendLetters(member, count, to) {
  const answers = {};
  const take = async () => {
    const event = await member.event();
    const answer = event.code ?? event.type;
    if (event.re <= count) answers[answer] = (answers[answer] ?? 0) + 1;
    return event;
  };
  for (let i = 0; i < count; ++i) {
    await member.say({ type: 'mail', to: `@${to(i)}`, data: kLetter });
    while (!member.events.isEmpty) await take();
  }
  // What becomes of a letter is said a turn of the server after the letter was taken, or two. A message to nobody is
  // always answered: when three have been, one after another, so has the last letter.
  for (let i = 0; i < 3; ++i) {
    await member.say({ type: 'end', to: 'nobody' });
    while ((await take()).re !== member.said);
  }
  return answers;
}

test('three senders write to a name whose holder is on a slow line', () => attacked([], async (target, talk) => {
  const victim = await deafWebSocket(target.server, { name: 'victim' });
  const senders = await Promise.all([1, 2, 3].map(() => new WebSocketMember(target.server).open({})));
  const answers = await Promise.all(senders.map((sender) => sendLetters(sender, 40, () => 'victim')));
  await talk.rounds(5);
  assert.ok(answers.every(({ busy }) => busy > 0), `each sender hears busy: ${JSON.stringify(answers)}`);
  const { status, text } = await fetchJson(target.server, '/v1/send', { key: victim.key });
  assert.equal(status, 200, `the victim lives: ${text}`);
  assert.equal(await target.ended('slow_consumer'), 0);

  // It gets what was not refused, once it reads.
  const refused = answers.reduce((sum, { busy }) => sum + busy, 0);
  victim.socket.resume();
  let letters = 0;
  for (let number = 2; letters < 120 - refused; ++number) {
    const event = await victim.raw.json();
    if (event.control === undefined) {
      assert.equal(event.type, 'mail');
      victim.raw.send({ ack: number });
      ++letters;
    } else {
      --number;
    }
  }
  // The line is free, and so is the share of strangers.
  await senders[0].say({ type: 'mail', to: '@victim', data: 'at last' });
  for (;;) {
    const event = await victim.raw.json();
    if (event.control === undefined) {
      assert.equal(event.data, 'at last');
      break;
    }
  }
  victim.socket.destroy();
  for (const sender of senders) sender.close();
}));

test('eight sessions fill the mailboxes', () => attacked(['--mailbox-total-bytes', '8MiB'], async (target, talk) => {
  const senders = await Promise.all(Array.from({ length: 8 }, () => new WebSocketMember(target.server).open({})));
  const answers = await Promise.all(senders.map((sender, at) => sendLetters(sender, 32, (i) => `nobody-${at}-${i >> 2}`)));
  const refused = answers.reduce((sum, { mailbox_full: count = 0 }) => sum + count, 0);
  assert.ok(refused > 0, `the mailboxes are full for this address: ${JSON.stringify(answers)}`);

  const neighbour = await new WebSocketMember(target.from('127.0.0.2')).open({});
  await neighbour.say({ type: 'mail', to: '@somebody-else', data: kLetter });
  const event = await neighbour.event();
  assert.equal(event.type, 'stored', JSON.stringify(event));
  await talk.rounds(5);
  neighbour.close();
  for (const sender of senders) sender.close();
}));
