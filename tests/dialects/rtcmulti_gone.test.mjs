// What becomes of the id and the room of a client of RTCMultiConnection that was cut.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { within } from '../conformance/support/patience.mjs';
import { request, Socket } from './support/engine.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { Line } from './support/line.mjs';
import { enter, heardFrom, joinRoom, kMessage, meet, openRoom } from './support/rtcmulti.mjs';

let server;
before(async () => { server = await startGateway(['--probe-timeout', '1s']); });
after(() => stopGateway(server));

const kReconnects = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };

const exists = async (user, room) => (await user.ask('check-presence', room))[0];
const connects = (user) => within(new Promise((resolve) => user.socket.once('connect', resolve)), () => `${user.id} to be back`);
const isCut = (user) => within(new Promise((resolve) => (user.socket.connected ? user.socket.once('disconnect', resolve) : resolve())), () => `${user.id} to be cut`);

for (const transports of [['websocket'], ['polling']]) {
  test(`a client of 4.8 by ${transports} that was cut goes on where it was, and misses nothing`, async (t) => {
    const line = await Line.start(t, server);
    const [alice, bob] = [await enter(t, line.server, {}, { transports, ...kReconnects }), await enter(t, server)];
    const room = fresh('room');
    assert.deepEqual(await openRoom(alice, room), [true]);
    assert.deepEqual(await joinRoom(bob, room), [true]);
    await meet(alice, bob);
    line.reset();
    await isCut(alice);
    for (let number = 0; number < 20; ++number) bob.says(alice, { number });
    const back = connects(alice);
    line.open();
    await back;
    assert.ok(alice.socket.recovered);
    for (let number = 0; number < 20; ++number) assert.equal((await alice.next(kMessage))[0].message.number, number);
    assert.deepEqual(await alice.ask('set-password', 'x'), [true, room, null]);
    alice.says(bob, { number: 2 });
    assert.deepEqual(await bob.next(kMessage), heardFrom(alice, bob, { number: 2 }).slice(1));
    bob.only(['user-connected', alice.id], heardFrom(alice, bob, { number: 1 }), heardFrom(alice, bob, { number: 2 }));
  });
}

test('an older client that was cut is missed at once', async (t) => {
  const line = await Line.start(t, server);
  const [alice, bob] = [await enter(t, line.server, {}, { version: '2.5' }), await enter(t, server)];
  await meet(alice, bob);
  line.reset();
  assert.deepEqual(await bob.next('user-disconnected'), [alice.id]);
  await meet(await enter(t, server, { userid: alice.id }), bob);
});

for (const version of ['2.5', '4.8']) {
  test(`the id of a client of ${version} that does not answer goes to whoever asks for it`, async (t) => {
    const line = await Line.start(t, server);
    const [alice, bob] = [await enter(t, line.server, {}, { version }), await enter(t, server)];
    const room = fresh('room');
    assert.deepEqual(await openRoom(alice, room), [true]);
    assert.deepEqual(await joinRoom(bob, room), [true]);
    await meet(alice, bob);
    line.stall();
    await pause(500);   // what was heard a moment ago counts as an answer
    const again = await enter(t, server, { userid: alice.id, extra: { again: true } });
    assert.deepEqual(await bob.next('user-disconnected'), [alice.id]);
    assert.deepEqual(await bob.next('set-isInitiator-true'), [room]);
    await meet(bob, again);
    assert.deepEqual(await bob.ask('get-remote-user-extra-data', again.id), [{ again: true }]);
  });
}

test('the id of a client that answers stays its own, however often others ask', async (t) => {
  const alice = await enter(t, server);
  for (let i = 0; i < 3; ++i) {
    const other = await enter(t, server, { userid: alice.id });
    assert.equal((await other.next('userid-already-taken'))[0], alice.id);
  }
  await meet(await enter(t, server), alice);
});

test('a room whose only client was cut is free, and a place in a full one', async (t) => {
  const line = await Line.start(t, server);
  const [alice, bob] = [await enter(t, line.server, { maxParticipantsAllowed: 2 }, kReconnects), await enter(t, server)];
  const room = fresh('room');
  assert.deepEqual(await openRoom(alice, room), [true]);
  line.reset();
  while (await exists(bob, room));
  assert.deepEqual(await joinRoom(bob, room), [false, 'Room not available']);
  const back = connects(alice);
  line.open();
  await back;
  assert.equal(await exists(bob, room), true);
  assert.deepEqual(await joinRoom(bob, room), [true]);
  const carol = await enter(t, server);
  assert.deepEqual(await joinRoom(carol, room), [false, 'Room full']);
  line.reset();
  while ((await joinRoom(carol, room))[0] === false);
  assert.deepEqual(await bob.next('set-isInitiator-true'), [room]);
  line.open();
  assert.equal((await alice.next('closed-entire-session'))[0], room);
  assert.ok(alice.socket.recovered);
  assert.deepEqual(await alice.ask('set-password', 'x'), [null, null, 'Did not join any room yet']);
});

test('who comes back to a room that a stranger has opened since hears that its own has ended', async (t) => {
  const line = await Line.start(t, server);
  const [alice, bob] = [await enter(t, line.server, {}, kReconnects), await enter(t, line.server, {}, kReconnects)];
  const stranger = await enter(t, server);
  const room = fresh('room');
  assert.deepEqual(await openRoom(alice, room), [true]);
  assert.deepEqual(await joinRoom(bob, room), [true]);
  line.reset();
  while ((await openRoom(stranger, room))[0] === false);
  line.open();
  for (const each of [alice, bob]) {
    assert.equal((await each.next('closed-entire-session'))[0], room);
    assert.ok(each.socket.recovered);
  }
});

test('a client whose messages the rate refuses is gone, also if it could come back: nobody is left with half of what it did', async (t) => {
  const limited = await startGateway(['--message-rate', '10']);
  t.after(() => stopGateway(limited));
  const [alice, bob] = [await enter(t, limited), await enter(t, limited)];
  for (let round = 0; round < 1000; ++round) {
    alice.says(bob, { round });
    alice.emit('disconnect-with', bob.id);
  }
  await alice.closed;
  const isThere = async () => (await bob.ask(kMessage, { remoteUserId: 'system', message: { detectPresence: true, userid: alice.id }, sender: bob.id }))[0];
  await within((async () => { while (await isThere()) await pause(20); })(), () => `${alice.id} to be gone`);
  // What alice's session has said in its end comes last.
  const of = (event) => bob.heard.filter(([name, id]) => name === event && id === alice.id).length;
  assert.ok(of('user-connected') > 0);
  const isToldAll = () => of('user-connected') === of('user-disconnected');
  await within((async () => { while (!isToldAll()) await pause(20); })(), () => `bob to hear of the end of ${alice.id}`);
  const carol = await enter(t, limited);
  carol.says(bob, 'last');
  while ((await bob.next(kMessage))[0].message !== 'last');
  assert.ok(isToldAll());
  for (const user of [bob, carol]) user.close();
});

test('a client that goes while it waits for its id leaves nothing behind', async (t) => {
  const patient = await startGateway(['--probe-timeout', '100s']);
  t.after(() => stopGateway(patient));
  const until = (line) => within((async () => {
    while (!(await request(patient, 'GET', '/metrics')).text.includes(`\n${line}\n`)) await pause(20);
  })(), () => line);
  const line = await Line.start(t, patient);
  const alice = await enter(t, line.server);
  line.stall();
  await pause(1100);   // what was heard in the last second counts as an answer
  const bob = await Socket.open(patient, `/socket.io/?EIO=4&transport=websocket&userid=${alice.id}&msgEvent=m`);
  await bob.next();
  bob.send('40');
  await until('sigway_sessions 2');
  bob.socket.terminate();
  await until('sigway_sessions_ended_total{reason="left"} 1');
});
