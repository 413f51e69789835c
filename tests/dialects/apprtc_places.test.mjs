// Who has a place in a room of AppRTC, and what becomes of it when a client is cut: nothing gets stuck, and nothing is lost that
// the wire could have carried again.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocketMember } from '../conformance/support/members.mjs';
import { answers, Collider, get, isFull, join, joinWhenFree, kBye, kOffer, message, pair, post, talk } from './support/apprtc.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { Line } from './support/line.mjs';

let server;
before(async () => { server = await startGateway(['--probe-timeout', '1s']); });
after(() => stopGateway(server));

test('a client that was cut keeps its place, and what is said meanwhile waits for it', async (t) => {
  const room = fresh('room');
  const { ids, clients: [first, second] } = await pair(t, server, room);
  await talk([first, second]);
  second.cut();
  for (const text of ['one', 'two', 'three']) first.send(text);
  await message(server, room, ids[0], 'four');
  const again = await Collider.registered(t, server, room, ids[1]);
  // What it had not confirmed comes again.
  const heard = new Set();
  while (!['one', 'two', 'three', 'four'].every((text) => heard.has(text))) heard.add(JSON.parse(await again.next()).msg);
  assert.deepEqual([...heard].filter((text) => /^one|two|three$/.test(text)), ['one', 'two', 'three']);
  await talk([first, again]);
});

test('a pong that answers no ping proves nothing: what was said comes again', async (t) => {
  const room = fresh('room');
  const [{ client_id: caller }, { client_id: callee }] = [await join(server, room), await join(server, room)];
  const first = await Collider.registered(t, server, room, caller);
  const second = await Collider.registered(t, server, room, callee, { autoPong: false });
  await talk([first, second]);
  const said = Array.from({ length: 5 }, (_, n) => `not proved: ${n}`);
  for (const text of said) {
    await talk([first, second], text);
    await pause(50);   // a ping has come for it
    for (const payload of ['', '0', '1x', 'ping']) second.socket.pong(payload);
  }
  await talk([first, second]);
  second.cut();
  const again = await Collider.registered(t, server, room, callee);
  for (const text of said) await again.hearsAtLast(text);
  first.send('anew');
  await again.hearsAtLast('anew');
  await talk([first, again]);
});

test('the same id takes over at once, also from a WebSocket that nobody has closed', async (t) => {
  const room = fresh('room');
  const { ids, clients: [first, second] } = await pair(t, server, room);
  await talk([first, second]);
  const again = await Collider.registered(t, server, room, ids[1]);
  await second.ends('Duplicated registration');
  first.send('anew');
  await again.hearsAtLast('anew');
  await talk([first, again]);
  second.close();
  await talk([first, again]);
});

test('a stalled client is found by a probe, and the next one gets its place', async (t) => {
  const room = fresh('room');
  const line = await Line.start(t, server);
  const [{ client_id: caller }, { client_id: callee }] = [await join(server, room), await join(server, room)];
  const first = await Collider.registered(t, server, room, caller);
  const stalled = await Collider.registered(t, line.server, room, callee);
  await talk([first, stalled]);
  line.stall();
  // A sign of life of the last moment counts.
  const third = await joinWhenFree(server, room);
  assert.equal(third.is_initiator, 'false');
  await first.hears(kBye);
  await talk([first, await Collider.registered(t, server, room, third.client_id)]);
  await isFull(server, room);
});

test('a page that is closed says so by 1001, and its place is free at once', async (t) => {
  const room = fresh('room');
  const { clients: [first, second] } = await pair(t, server, room);
  await talk([first, second]);
  second.socket.close(1001);
  await first.hears(kBye);
  const third = await join(server, room);
  await talk([first, await Collider.registered(t, server, room, third.client_id)]);
});

test('a client that joins and never registers goes after ten seconds', async (t) => {
  const room = fresh('room');
  const { client_id: id } = await join(server, room);
  const first = await Collider.registered(t, server, room, id);
  const { client_id: silent } = await join(server, room);
  await isFull(server, room);
  await first.hears(kBye);
  await message(server, room, id, kOffer);
  await answers(post(server, `/message/${room}/${silent}`, 'x'), 200, '{"result":"UNKNOWN_CLIENT"}');
  const second = await join(server, room);
  assert.deepEqual(second.messages, [kOffer]);
  await talk([first, await Collider.registered(t, server, room, second.client_id)]);
});

test('joins whose clients do not wait for the answer leave no place taken', async (t) => {
  const room = fresh('room');
  const line = await Line.start(t, server);
  const [{ client_id: caller }, { client_id: callee }] = [await join(server, room), await join(server, room)];
  const first = await Collider.registered(t, server, room, caller);
  const stalled = await Collider.registered(t, line.server, room, callee);
  await talk([first, stalled]);
  line.stall();
  // Some of them wait for the probe of the one that is stalled, and some get its place.
  for (let i = 0; i < 8; ++i) {
    const given = new AbortController();
    const asked = fetch(`${server.url}/apprtc/join/${room}`, { method: 'POST', signal: given.signal }).catch(() => null);
    await Promise.race([asked, pause(100)]);
    given.abort();
  }
  const third = await Collider.registered(t, server, room, (await joinWhenFree(server, room)).client_id);
  third.send('in');
  await first.hearsAtLast('in');
  await talk([first, third]);
});

test('what is said while the place is not sure is said if it is answered so, and else it is not', async (t) => {
  const room = fresh('room');
  const line = await Line.start(t, server);
  const [{ client_id: caller }, { client_id: callee }] = [await join(server, room), await join(server, room)];
  const first = await Collider.registered(t, server, room, caller);
  const stalled = await Collider.registered(t, line.server, room, callee);
  await talk([first, stalled]);
  line.stall();
  // More than may wait for the probe of the one that is stalled, whose last sign of life still counts for a moment.
  let said = [];
  for (; said.length === 0; await pause(100)) {
    const texts = Array.from({ length: 24 }, (_, n) => `${n} ${fresh('said')}`);
    const answers = await Promise.all(texts.map((text) => post(server, `/${room}/third`, text)));
    said = texts.filter((_, n) => answers[n].status === 200);
    // 410: its session has just ended, because the room was full.
    for (const { status, text } of answers) assert.ok([410, 503].includes(status) || text === 'OK\n' || text.includes(': Max room capacity reached'), `${status} ${text}`);
  }
  await first.hears(kBye);
  const heard = [];
  while (heard.length < said.length) heard.push(JSON.parse(await first.next()).msg);
  assert.deepEqual(heard.sort(), said.sort());
  await talk([first, await Collider.registered(t, server, room, 'third')]);
});

test('a room for two has one place beside a native member', async (t) => {
  const room = fresh('mixed');
  const native = await new WebSocketMember(server).open({ room });
  t.after(() => native.close());
  await native.event('created');
  const { client_id: id } = await join(server, room);
  const client = await Collider.registered(t, server, room, id);
  client.send('here');
  await native.event('peer-joined');
  await native.event('ready');
  assert.equal((await native.event('message')).data, 'here');
  await isFull(server, room);
});

test('a client is not pinged so often that its pongs were too many', async (t) => {
  const slow = await startGateway(['--message-rate', '20', '--message-burst', '20']);
  t.after(() => stopGateway(slow));
  const room = fresh('room');
  const natives = [];
  for (let n = 0; n < 3; ++n) {
    natives.push(await new WebSocketMember(slow).open({ room, capacity: 4 }));
    t.after(() => natives[n].close());
    await natives[n].event(n === 0 ? 'created' : 'joined');
  }
  const client = await Collider.registered(t, slow, room, 'client');
  for (let others = 0; others < 3;) if ((await natives[0].event()).type === 'peer-joined') ++others;
  // Together they say more than the client may, a little at a time.
  for (let n = 0; n < 150; ++n) {
    natives[n % 3].say({ type: 'message', data: `${n}` });
    await pause(25);
  }
  const heard = new Set();
  while (heard.size < 150) heard.add(JSON.parse(await client.next()).msg);
  client.send('still there');
  while ((await natives[0].event()).data !== 'still there');
});

test('drain: WebSockets are closed with 4012, and nobody joins any more', async (t) => {
  const drained = await startGateway(['--drain-time', '3s']);
  const { clients: [first, second] } = await pair(t, drained, fresh('room'));
  await talk([first, second]);
  const nobody = await Collider.open(t, drained);   // it has not registered
  drained.process.kill('SIGTERM');
  for (const client of [first, second, nobody]) assert.deepEqual(await client.closed, { code: 4012, reason: 'draining' });
  const { status, headers } = await post(drained, '/join/room').catch(() => ({ status: 503, headers: { 'retry-after': '1' } }));
  assert.deepEqual([status, headers['retry-after']], [503, '1']);
  assert.deepEqual(await drained.exit, [0, null]);
});

test('a dialect that is off has no path, and its rooms no page', async () => {
  const off = await startGateway(['--dialects', 'native']);
  assert.equal((await post(off, '/join/room')).status, 404);
  assert.equal((await get(off, '/r/room')).status, 404);
  await stopGateway(off);
});
