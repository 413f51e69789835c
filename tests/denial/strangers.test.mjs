// Strangers who ask for what others hold, and addresses that ask for too much: bounded by time, by address, and by /64.
// What is asserted of a time is a bound that a busy machine cannot break: it makes the server's waits longer, not shorter.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocketMember, fetchJson, makeKey } from '../conformance/support/members.mjs';
import { RawWebSocket } from '../conformance/support/websocket.mjs';
import { attacked } from './support/target.mjs';

const kSilence = 10;              // s; what a place costs
const kTimerError = 0.5;          // s; timers are coarse
const kJoinRate = 50, kJoinBurst = 1000;

// The one member that a room has place for; counts the probes.
class Holder {
  probes = [];                    // s, when each came
  isOut = false;

  async open(server, answers) {
    this.room = makeKey();
    this.raw = await RawWebSocket.open(server);
    this.raw.send({ key: makeKey(), open: { room: this.room, capacity: 1 }, carrier: 'c', turn: 1 });
    let value;
    do value = await this.raw.json(); while (value.type !== 'ready');
    this.lastWord = performance.now() / 1000;
    this.raw.send({ ack: 2 });
    this.reading = this.#read(answers).catch(() => {});   // until it is destroyed
    return this;
  }

  async #read(answers) {
    for (;;) {
      const { control } = await this.raw.json();
      if (control === 'end') this.isOut = true;
      if (control !== 'probe') continue;
      this.probes.push(performance.now() / 1000);
      if (answers) this.raw.send('{}');
    }
  }
}

// Asks for the place again and again until it has it, or until `isOver`; true when it has it.
async function askFor(room, server, isOver) {
  const stranger = await new WebSocketMember(server).open({});
  try {
    while (!isOver()) {
      await stranger.say({ type: 'join', room, capacity: 1 });
      const { type } = await stranger.event();
      if (type === 'created' || type === 'joined') return true;
      assert.equal(type, 'full');
      await pause(20);
    }
    return false;
  } finally {
    stranger.close();
  }
}

test('a place is lost by 10 seconds of silence, however many ask for it', () => attacked([], async (target, talk) => {
  const holder = await new Holder().open(target.server, false);
  let isTaken = false;
  await Promise.all([1, 2, 3, 4, 5].map(async (i) => {
    if (await askFor(holder.room, target.from(`127.0.0.${20 + i}`), () => isTaken)) isTaken = true;
  }));
  const silence = performance.now() / 1000 - holder.lastWord;
  assert.ok(silence >= kSilence - kTimerError, `the place was lost after ${silence.toFixed(1)} s`);
  await talk.rounds(5);
  holder.raw.destroy();
}));

test('a member is probed at most once a second, and less and less often for one who is refused', () => attacked([], async (target, talk) => {
  const one = await new Holder().open(target.server, true);
  const many = await new Holder().open(target.server, true);
  const began = performance.now() / 1000;
  let isOver = false;
  const asking = [askFor(one.room, target.from('127.0.0.20'), () => isOver)];
  for (let i = 0; i < 20; ++i) asking.push(askFor(many.room, target.from(`127.0.0.${30 + i}`), () => isOver));
  await pause(7000);
  isOver = true;
  assert.deepEqual((await Promise.all(asking)).filter(Boolean), [], 'nobody gets the place of one who answers');
  assert.deepEqual([one.isOut, many.isOut], [false, false]);
  const took = ({ probes }) => probes.at(-1) - began + kTimerError;
  assert.ok(many.probes.length >= 1 && one.probes.length >= 1, 'they are probed');
  assert.ok(many.probes.length <= took(many) + 1, `${many.probes.length} probes in ${took(many).toFixed(1)} s`);
  // It waits for 1 s, 2 s, 4 s …
  assert.ok(2 ** (one.probes.length - 1) - 1 <= took(one), `${one.probes.length} probes in ${took(one).toFixed(1)} s`);
  await talk.rounds(5);
  for (const { raw } of [one, many]) raw.destroy();
}));

test('joins of one address are limited, and another one joins', () => attacked([], async (target, talk) => {
  const attacker = await new WebSocketMember(target.server).open({});
  const began = performance.now();
  let joined = 0, refused = 0;
  for (let i = 0; i < 50; ++i) {
    const names = Array.from({ length: 60 }, () => makeKey());
    await attacker.say(...names.flatMap((room) => [{ type: 'join', room }, { type: 'leave', room }]));
    for (let left = 2 * names.length; left > 0; --left) {
      const { type, code } = await attacker.event();
      if (type === 'created') ++joined;
      if (code === 'rate_limited') ++refused;
    }
  }
  const most = kJoinBurst + kJoinRate * (performance.now() - began) / 1000 + 1;
  assert.ok(joined <= most, `${joined} joins, ${most.toFixed(0)} at the most`);
  const neighbour = await new WebSocketMember(target.from('127.0.0.2')).open({ room: makeKey() });
  await neighbour.event('created');
  assert.ok(joined + refused === 3000, `${joined} joined, ${refused} refused`);
  await talk.rounds(5);
  for (const member of [attacker, neighbour]) member.close();
}));

test('an IPv6 network counts as one address', () => attacked(['--trusted-proxy', '127.0.0.1', '--max-sessions-per-address', '10'], async (target, talk) => {
  const open = async (address) => {
    const { status, json } = await fetchJson(target.server, '/v1/poll', { key: makeKey(), open: {}, wait: 0 }, { headers: { 'X-Forwarded-For': address } });
    return json.error?.code ?? status;
  };
  const answers = [];
  for (let i = 1; i <= 40; ++i) answers.push(await open(`2001:db8:0:1:${i.toString(16)}::${i}`));
  assert.equal(answers.filter((answer) => answer === 200).length, 10, `${answers}`);
  assert.equal(answers.at(-1), 'too_many_sessions');
  assert.equal(await open('2001:db8:0:2::1'), 200, 'the network beside it');
  await talk.rounds(5);
}));
