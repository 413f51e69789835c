// What two members of any age do with a server of any age: open, talk, ask for what rooms and names have, live through a server that is
// replaced, and leave. `server` has `url` and `replace()`.

import assert from 'node:assert/strict';
import { test } from 'node:test';

export const kTransports = ['websocket', 'sse', 'poll'];
const kMessages = 30;
const kLarge = 60000;

const counting = (from, count) => Array.from({ length: count }, (_, i) => from + i);
const inOrder = (numbers) => [...new Set(numbers)].sort((one, other) => one - other);

// Both say so many messages, of which one is large, and hear them once and in order.
async function talk(members, first) {
  const wanted = counting(first, kMessages);
  for (const number of wanted) {
    for (const member of members) member.say('count', { number, text: 'é'.repeat((number === first + 7 ? kLarge : 100) / 2) });
  }
  for (const member of members) {
    const heard = () => member.numbers.filter((number) => number >= first);
    await member.until(() => heard().length >= kMessages, `the messages from ${first} on`);
    assert.deepEqual(heard(), wanted, member.name);
  }
}

// Each answer, and each refusal, is an event with `re`.
async function ask(member) {
  const answered = (type, order) => {
    const from = member.events.length;
    member.order(order);
    return member.event(type, from);
  };
  assert.equal((await answered('created', { type: 'join', room: 'another' })).room, 'another');
  const from = member.events.length;
  const id = member.say('offer', {}, 'nobody-here');
  const refused = await member.event('error', from);
  assert.deepEqual([refused.code, refused.re], ['no_such_peer', id]);
  assert.equal((await answered('left', { type: 'leave', room: 'another' })).room, 'another');
  assert.equal((await answered('login', { type: 'login', name: `${member.name}-2` })).name, `${member.name}-2`);
}

// Both talk until each has come to the next server and has heard the other one there.
async function replaced(members, server, settles) {
  const said = members.map(() => new Map());
  let number = 1000;
  const timer = setInterval(() => {
    ++number;
    for (const [i, member] of members.entries()) said[i].set(member.say('count', { number }), number);
  }, 20);
  try {
    await Promise.all(members.map((member) => member.until(() => member.numbers.at(-1) > 1000)));
    const before = members.map(({ events }) => events.length);
    await server.replace();
    await Promise.all(members.map((member) => member.until(() => member.resets.length === 1, 'the reset')));
    await Promise.all(members.map(async (member, i) => {
      await member.event('ready', before[i]);
      const after = number;
      await member.until(() => member.numbers.at(-1) > after, 'talk with the next server');
    }));
  } finally {
    clearInterval(timer);
  }
  for (const [i, member] of members.entries()) {
    const other = members[1 - i];
    const last = number;
    await other.until(() => other.numbers.includes(last), 'the last message');
    assert.deepEqual(other.numbers, inOrder(other.numbers), `${other.name}: once and in order`);
    const reported = () => [...member.resets.flatMap(({ lost }) => lost), ...member.events.filter(({ type }) => type === 'error').map(({ re }) => re)]
      .map((id) => said[i].get(id));
    const missing = () => [...said[i].values()].filter((each) => !other.numbers.includes(each) && !reported().includes(each));
    if (settles) await other.until(() => missing().length === 0, 'what is neither delivered nor reported');
  }
}

/** `settles`: the server settles each message before it goes, so that none vanishes. */
export async function meeting({ server, alice: [startAlice, transport], bob: [startBob, bobsTransport], settles }) {
  const alice = startAlice({ name: 'alice', url: server.url, room: 'meeting', transport });
  await alice.event('created');
  const bob = startBob({ name: 'bob', url: server.url, room: 'meeting', transport: bobsTransport });
  try {
    await Promise.all([alice, bob].map((member) => member.event('ready')));
    await talk([alice, bob], 1);
    await ask(alice);
    await ask(bob);
    await replaced([alice, bob], server, settles);
    await talk([alice, bob], 100000);
    assert.equal(alice.transport(), transport);
    const from = bob.events.length;
    await alice.close();
    assert.equal((await bob.event('peer-left', from)).reason, 'left');
  } finally {
    await Promise.all([alice, bob].map((member) => member.close()));
  }
}

/** A test with a server of its own. */
export const withServer = (name, start, run) => test(name, async () => {
  const server = await start();
  try {
    await run(server);
  } finally {
    await server.stop();
  }
});
