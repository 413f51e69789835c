// Matchbox's signaling protocol: rooms of peers with UUIDs, and rooms that are filled so many at a time.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { kTransports } from '../conformance/support/members.mjs';
import { CurlClient, EventSourceClient, WsClient, kAll } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { hears, tell, told } from './support/talk.mjs';

const kUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const kUnused = '00000000-0000-4000-8000-000000000000';

let server;
before(async () => { server = await startGateway([], { listen: ['matchbox'] }); });
after(() => stopGateway(server));

// A peer with its id, and gone after the test.
async function peer(t, path, { Kind = WsClient, at = server } = {}) {
  const made = await Kind.open(at, path);
  t.after(() => made.close());
  const { IdAssigned: uuid, ...rest } = await told(made);
  assert.match(uuid, kUuid);
  assert.deepEqual(rest, {});
  return Object.assign(made, { uuid });
}

const signal = (from, to, data) => tell(from, { Signal: { receiver: to.uuid, data } });
const hearsSignal = (one, from, data) => hears(one, { Signal: { sender: from.uuid, data } });

// All that the peer was told before has been taken: its next message is the one that it sends to itself.
async function isQuiet(one) {
  const data = fresh('fence');
  await signal(one, one, data);
  await hearsSignal(one, one, data);
}

async function peers(t, count, path, options) {
  const all = [];
  for (let i = 0; i < count; ++i) {
    const one = await peer(t, path, options);
    for (const earlier of all) await hears(earlier, { NewPeer: one.uuid });
    all.push(one);
  }
  return all;
}

test('those who are there hear of a new peer, and it hears its own id alone', async (t) => {
  const all = await peers(t, 3, `/matchbox/${fresh('room')}`);
  assert.equal(new Set(all.map(({ uuid }) => uuid)).size, 3);
  for (const one of all) await isQuiet(one);
});

test('a signal goes to its receiver alone, with its sender', async (t) => {
  const [a, b, c] = await peers(t, 3, `/matchbox/${fresh('room')}`);
  for (const data of [{ Offer: 'v=0\r\n' }, { IceCandidate: '{"candidate":"žluť"}' }, null, 'text', 0, [1, { a: [] }]]) {
    await signal(a, b, data);
    await hearsSignal(b, a, data);
    await signal(b, a, data);
    await hearsSignal(a, b, data);
  }
  a.say(`{"Signal":{"receiver":"${b.uuid.toUpperCase()}","data": 1.50e+3 }}`);
  assert.equal(await b.next(), `{"Signal":{"sender":"${a.uuid}","data":1.50e+3}}`);
  await isQuiet(c);
});

test('whoever goes, with a goodbye or without, has left', async (t) => {
  const [a, b, c] = await peers(t, 3, `/matchbox/${fresh('room')}`);
  b.close();
  for (const one of [a, c]) await hears(one, { PeerLeft: b.uuid });
  c.cut();
  await hears(a, { PeerLeft: c.uuid });
  await signal(a, b, 'nobody hears it');
  await isQuiet(a);
});

test('KeepAlive, and what is no message, are ignored', async (t) => {
  const [a, b] = await peers(t, 2, `/matchbox/${fresh('room')}`);
  for (const text of ['"KeepAlive"', '', 'hello', '{', '[]', '5', '{}', '"Signal"', '{"KeepAlive":null}', '{"Signal":5}', '{"Signal":{}}', `{"Signal":{"receiver":"${b.uuid}"}}`,
    '{"Signal":{"receiver":5,"data":1}}', '{"Signal":{"receiver":"x","data":1}}', `{"Signal":{"receiver":"${kUnused}","data":1}}`, `{"Signal":{"receiver":"{${b.uuid}}","data":1}}`,
    `{"Signal":{"receiver":"${b.uuid}","data":${'['.repeat(65)}${']'.repeat(65)}}}`]) a.say(text);
  a.say(Buffer.from(`{"Signal":{"receiver":"${b.uuid}","data":1}}`));
  await isQuiet(a);
  await isQuiet(b);
});

// -- next=N

test('next=2: peers are connected in twos', async (t) => {
  const path = `/matchbox/${fresh('lobby')}?next=2`;
  const [a, b] = await peers(t, 2, path);
  const [c, d] = await peers(t, 2, path);
  const e = await peer(t, path);
  for (const one of [a, b, c, d, e]) await isQuiet(one);
  await signal(a, b, 'within');
  await hearsSignal(b, a, 'within');
  await signal(a, c, 'across');
  await isQuiet(c);
  d.cut();
  await hears(c, { PeerLeft: d.uuid });
  const f = await peer(t, path);   // not in the place of d
  await hears(e, { NewPeer: f.uuid });
  for (const one of [a, b, c, e, f]) await isQuiet(one);
});

test('next=3: whoever leaves before all are there makes room for another', async (t) => {
  const path = `/matchbox/${fresh('lobby')}?next=3`;
  const [a, b] = await peers(t, 2, path);
  b.close();
  await hears(a, { PeerLeft: b.uuid });
  const c = await peer(t, path);
  await hears(a, { NewPeer: c.uuid });
  const d = await peer(t, path);
  for (const one of [a, c]) await hears(one, { NewPeer: d.uuid });
  await peers(t, 3, path);
  for (const one of [a, c, d]) await isQuiet(one);
});

test('next=1 is alone; the same room without next, or with another number, is another room', async (t) => {
  const room = `/matchbox/${fresh('room')}`;
  const all = [];
  for (const query of ['?next=1', '?next=1', '', '?next=2', '?next=3', '?next=64']) all.push(await peer(t, `${room}${query}`));
  for (const one of all) await isQuiet(one);
});

test('many who come at once are connected in twos, each with one other', async (t) => {
  const path = `/matchbox/${fresh('lobby')}?next=2`;
  const all = await Promise.all(Array.from({ length: 20 }, () => peer(t, path)));
  const mates = new Map();
  for (const one of all) signal(one, one, 'me');
  for (const one of all) {
    for (;;) {
      const { NewPeer: mate, Signal: own } = await told(one);
      if (own) break;
      mates.set(one.uuid, mate);
    }
  }
  // NewPeer may come after the fence of the first of two: then it is the next.
  for (const one of all) {
    const isKnown = mates.has(one.uuid) || [...mates.values()].includes(one.uuid);
    if (!isKnown) mates.set(one.uuid, (await told(one)).NewPeer);
  }
  assert.equal(mates.size, 10);
  assert.equal(new Set([...mates].flat()).size, 20, 'each in one pair');
});

// -- Every way in

for (const [what, Kind] of Object.entries(kAll)) {
  test(`${what} has an id, hears of others and signals`, async (t) => {
    const path = `/matchbox/${fresh('room')}`;
    const [a] = await peers(t, 1, path, { Kind });
    const b = await peer(t, path);
    await hears(a, { NewPeer: b.uuid });
    await signal(a, b, { Offer: 'x' });
    await hearsSignal(b, a, { Offer: 'x' });
    await signal(b, a, { Answer: 'x' });
    await hearsSignal(a, b, { Answer: 'x' });
    b.close();
    await hears(a, { PeerLeft: b.uuid });
  });
}

test('an event stream that was cut comes back to its room and misses nothing', async (t) => {
  const path = `/matchbox/${fresh('room')}`;
  const stream = await peer(t, path, { Kind: EventSourceClient });
  stream.close();
  const b = await peer(t, path);
  await signal(b, stream, 'meanwhile');
  await isQuiet(b);
  const again = await CurlClient.open(server, path, { key: stream.key, headers: { 'Last-Event-ID': stream.ids.at(-1) } });
  t.after(() => again.close());
  await hears(again, { NewPeer: b.uuid });
  await hearsSignal(again, b, 'meanwhile');
});

test('a port of its own: the room right behind the port, or none', async (t) => {
  const room = fresh('room');
  const a = await peer(t, `/${room}`, { at: server.own.matchbox });
  const b = await peer(t, `/matchbox/${room}`);
  await hears(a, { NewPeer: b.uuid });
  const c = await peer(t, `/${fresh('lobby')}?next=2`, { at: server.own.matchbox });
  const [d, e] = [await peer(t, '/', { at: server.own.matchbox }), await peer(t, '/matchbox')];
  await hears(d, { NewPeer: e.uuid });
  for (const one of [a, b, c, d, e]) await isQuiet(one);
});

test('a room of Matchbox is no room of other dialects', async (t) => {
  const name = fresh('both');
  const a = await peer(t, `/matchbox/${name}`);
  const native = await new kTransports.websocket(server).open({ room: name });
  t.after(() => native.close());
  assert.equal((await native.event('created')).room, name);
  await isQuiet(a);
});
