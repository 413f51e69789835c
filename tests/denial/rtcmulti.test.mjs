// Clients of RTCMultiConnection that store, say and open as much as they can. Two of them talk beside each attack, as do the
// native pairs of talk.mjs.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { within } from '../conformance/support/patience.mjs';
import { fresh } from '../dialects/support/gateway.mjs';
import { enter, joinRoom, kCustom, kMessage, openRoom } from '../dialects/support/rtcmulti.mjs';
import { Socket } from '../dialects/support/engine.mjs';
import { kSeconds, MiB, scaled } from './support/load.mjs';
import { attacked } from './support/target.mjs';

const kFlags = ['--memory-budget', String(64 * MiB), '--message-rate', '0', '--max-sessions-per-address', '0', '--trusted-proxy', '127.0.0.1'];

// `attack` gets what the others get, and a pair that talks in a room of its own: `talks()` is one message each way.
const flooded = (attack) => attacked(kFlags, async (target, talk) => {
  const closing = [];
  const t = { after: (close) => closing.push(close) };
  const room = fresh('room');
  const calm = { events: { [kMessage]: 1 } };   // what strangers say to everybody is not kept
  const [ann, bob] = [await enter(t, target.server, {}, calm), await enter(t, target.server, {}, calm)];
  assert.deepEqual(await openRoom(ann, room), [true]);
  assert.deepEqual(await joinRoom(bob, room), [true]);
  let number = 0;
  const talks = async () => {
    for (const [from, to] of [[ann, bob], [bob, ann]]) {
      from.says(to, { number: ++number });
      const [{ sender, message }] = await to.next(kMessage);
      assert.deepEqual([sender, message], [from.id, { number }]);
    }
  };
  await talks();
  try {
    await attack({ t, target, talk, talks, server: target.server });
    await talks();
  } finally {
    for (const close of closing) close();
  }
});

const until = (is, what) => within((async () => { while (!await is()) await pause(50); })(), () => what);

async function users(t, server, count, profile, options = {}) {
  const all = [];
  while (all.length < count) {
    all.push(...await Promise.all(Array.from({ length: Math.min(20, count - all.length) }, () => enter(t, server, profile, { events: { logs: 1 }, ...options }))));
  }
  return all;
}

test('all that may be stored is counted, and given back', () => flooded(async ({ t, target, talks, server }) => {
  const { registry } = await target.memory();
  const count = scaled(200);
  const extra = 'x'.repeat(16000);
  const all = await users(t, server, count);
  const identifier = fresh('public');
  await Promise.all(all.map((user) => openRoom(user, fresh('room'), { identifier, extra })));
  await talks();
  const filled = await target.memory();
  assert.ok(filled.registry > registry + count * 2 * extra.length, `${filled.registry} bytes`);
  assert.ok(filled.registry < registry + count * 3 * extra.length, `${filled.registry} bytes`);
  const [rooms] = await all[0].ask('get-public-rooms', identifier);
  assert.ok(rooms.length > 0 && JSON.stringify(rooms).length <= 64 * 1024, `${rooms.length} rooms`);
  for (const user of all) user.close();
  await until(async () => (await target.memory()).registry <= registry, 'the registry to be as it was');
}));

test('rooms of one address fill its share, and not that of others', () => flooded(async ({ t, target, talks, server }) => {
  const from = (address) => ({ extraHeaders: { 'X-Forwarded-For': address } });
  const extra = 'x'.repeat(16000);
  const all = await users(t, server, 600, {}, from('198.51.100.1'));   // 2 * 16 KB each
  const opened = await Promise.all(all.map((user) => openRoom(user, fresh('room'), { extra })));
  const refused = opened.flatMap(([is], i) => (is ? [] : [all[i]]));
  assert.ok(refused.length > 50 && refused.length < 200, `${refused.length} rooms were refused`);
  assert.match((await refused[0].next('logs'))[0], /cannot store another room for clients of your address/);
  const { registry } = await target.memory();
  assert.ok(registry < 18 * MiB, `${registry} bytes`);
  const [other] = await users(t, server, 1, {}, from('198.51.100.2'));
  assert.deepEqual(await openRoom(other, fresh('room'), { extra }), [true]);
  await talks();
}));

test('a client that meets everybody, and goes', () => flooded(async ({ t, target, talks, server }) => {
  const { registry } = await target.memory();
  const all = await users(t, server, scaled(100));
  const one = await enter(t, server, {}, { events: {} });
  for (let round = 0; round < 10; ++round) {
    for (const user of all) one.says(user, { round });
    for (const user of all) one.emit('disconnect-with', user.id);
    for (const user of all) one.says(user, { round });
    await talks();
  }
  await one.ask('check-presence', 'x');
  one.close();
  await talks();
  for (const user of all) user.close();
  await until(async () => (await target.memory()).registry <= registry, 'the registry to be as it was');
}));

test('rooms that are opened, joined and left all the time', () => flooded(async ({ t, talk, talks, server }) => {
  const all = await users(t, server, 8);
  const names = [fresh('a'), fresh('b')];
  for (const end = Date.now() + kSeconds * 1000; Date.now() < end;) {
    for (const user of all) {
      for (const name of names) {
        user.emit('open-room', { sessionid: name, extra: {}, session: { data: true } });
        user.emit('join-room', { sessionid: name, extra: {} });
        user.says(name, { newParticipationRequest: true });
      }
    }
    await Promise.all(all.map((user) => user.ask('check-presence', names[0])));
    await talks();
  }
  await talk.rounds(1);
}));

test('custom events to all, of whom one reads nothing', () => flooded(async ({ t, target, talk, talks, server }) => {
  const deaf = await Socket.open(server, `/socket.io/?EIO=4&transport=websocket&userid=${fresh('deaf')}&msgEvent=m`);
  await deaf.next();
  deaf.send('40');
  await deaf.next();
  deaf.socket.pause();
  const [loud, ...all] = await users(t, server, 16);
  const before = target.resident;
  for (const end = Date.now() + kSeconds * 1000; Date.now() < end;) {
    for (let i = 0; i < 50; ++i) loud.emit(kCustom, 'x'.repeat(1000));
    await loud.ask('check-presence', 'x');
    await talks();
  }
  await talk.rounds(1);
  const { total } = await target.memory();
  assert.ok(total < 16 * MiB, `${total} bytes are held`);
  target.grewByLess(before, 48 * MiB);
  for (const user of all) assert.ok(user.socket.connected);
  deaf.socket.terminate();
}));
