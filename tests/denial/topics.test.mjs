// Topics, as y-webrtc has them: whoever subscribes to as many as it may, and strangers who publish.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeKey } from '../conformance/support/members.mjs';
import { within } from '../conformance/support/patience.mjs';
import { RawWebSocket } from '../conformance/support/websocket.mjs';
import { WsClient } from '../dialects/support/clients.mjs';
import { MiB, isSanitized, scaled } from './support/load.mjs';
import { attacked } from './support/target.mjs';

const say = (client, message) => client.say(JSON.stringify(message));

// Two documents of one topic, at an address of their own.
class Pair {
  static async open(target) {
    const pair = new Pair();
    pair.topic = makeKey();
    pair.clients = await Promise.all([0, 1].map(() => WsClient.open(target.server, '/y-webrtc', { localAddress: '127.0.0.2' })));
    for (const client of pair.clients) say(client, { type: 'subscribe', topics: [pair.topic] });
    for (const client of pair.clients) {
      say(client, { type: 'ping' });
      while (JSON.parse(await client.next()).type !== 'pong');
    }
    return pair;
  }

  async talk() {
    const data = makeKey();
    for (const from of this.clients) {
      say(from, { type: 'publish', topic: this.topic, data });
      for (const client of this.clients) assert.deepEqual(JSON.parse(await client.next()), { type: 'publish', topic: this.topic, data, clients: 2 });
    }
  }

  close() { for (const client of this.clients) client.close(); }
}

const kBudget = 32 * MiB;

test('sessions that subscribe to as many long topics as they may: their address gives way', () => attacked(['--memory-budget', String(kBudget)], async (target, talk) => {
  const pair = await Pair.open(target);
  const before = target.resident;
  let ended = 0, most = 0;
  const isOver = () => ended >= 3;
  for (let sessions = 0; sessions < 60 && !isOver(); ++sessions) {
    const client = await WsClient.open(target.server, '/y-webrtc').catch(() => null);
    if (!client) continue;   // while the budget is exceeded
    client.isClosed.then(() => ++ended);
    client.inbox.put = () => {};
    for (let i = 0; i < 1024; i += 32) say(client, { type: 'subscribe', topics: Array.from({ length: 32 }, (_, at) => `${sessions} ${i + at} ${'x'.repeat(1000)}`) });
    await pair.talk();
    most = Math.max(most, (await target.memory()).topics);
  }
  await within((async () => { while (!isOver()) await pair.talk(); })(), () => 'three sessions that gave way');
  assert.ok(most < kBudget * 1.2, `${most} bytes of topics`);
  assert.ok(await target.ended('memory') >= 3);
  target.grewByLess(before, 3 * kBudget);
  await pair.talk();
  await talk.rounds(5);
  pair.close();
}, { talk: { burst: 1 } }));

test('strangers who publish to a subscriber that reads nothing neither end it nor fill the server', () => attacked(['--outbox-limit', String(MiB)], async (target, talk) => {
  const pair = await Pair.open(target);
  const deaf = await RawWebSocket.open(target.server, { path: '/y-webrtc', localAddress: '127.0.0.3' });
  deaf.send({ type: 'subscribe', topics: ['deaf'] });
  deaf.send({ type: 'ping' });
  assert.deepEqual(await deaf.json(), { type: 'pong' });
  deaf.connection.socket.pause();
  const before = target.resident;
  const strangers = await Promise.all(Array.from({ length: 4 }, () => WsClient.open(target.server, '/y-webrtc')));
  let refused = 0;
  for (const { inbox } of strangers) inbox.put = (text) => { if (text.includes('keep up')) ++refused; };
  for (let i = 0; i < scaled(4000); ++i) {
    for (const stranger of strangers) say(stranger, { type: 'publish', topic: 'deaf', data: 'x'.repeat(4000) });
    if (i % 200 === 0) await pair.talk();
  }
  await pair.talk();
  assert.ok(isSanitized || refused > 0, 'the publishers are told');
  assert.equal(await target.ended('slow_consumer'), 0, 'strangers do not end it');
  assert.ok((await target.memory()).outbox < MiB / 2);
  target.grewByLess(before, 24 * MiB);
  deaf.connection.socket.resume();
  assert.equal((await deaf.json()).topic, 'deaf');
  await talk.rounds(5);
  pair.close();
  for (const stranger of strangers) stranger.close();
  deaf.destroy();
}));

test('a topic with a thousand subscribers that come and go at once', () => attacked([], async (target, talk) => {
  const pair = await Pair.open(target);
  const count = scaled(1000);
  const clients = [];
  for (let i = 0; i < count; i += 20) {
    clients.push(...await Promise.all(Array.from({ length: Math.min(20, count - i) }, () => WsClient.open(target.server, '/y-webrtc'))));
    await pair.talk();
  }
  for (const client of clients) say(client, { type: 'subscribe', topics: ['crowd'] });
  for (const client of clients) say(client, { type: 'ping' });
  for (const client of clients) assert.equal(JSON.parse(await client.next()).type, 'pong');
  say(clients[0], { type: 'publish', topic: 'crowd', data: 1 });
  for (const client of clients) assert.equal(JSON.parse(await client.next()).clients, count);
  for (const client of clients) client.cut();
  await pair.talk();
  await within((async () => { while ((await target.memory()).topics > 4096) await pair.talk(); })(), () => 'the topics of those that are gone to be given back');
  await talk.rounds(5);
  pair.close();
}));
