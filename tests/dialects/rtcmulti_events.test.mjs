// Every event and acknowledgement of RTCMultiConnection's server, by clients of Socket.IO.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fresh } from './support/gateway.mjs';
import { enter, heardFrom, joinRoom, kCustom, kMessage, meet, openRoom, own, roomFor, startServer, stopServer } from './support/rtcmulti.mjs';

let server;
before(async () => { server = await startServer(); });
after(() => stopServer(server));

const kNobody = { _room: { isFull: false, isPasswordProtected: false } };

// The original says how long the password is.
async function presence(user, room) {
  const [exists, name, extra] = await user.ask('check-presence', room);
  return [exists, name, { ...extra, _room: { ...extra._room, isPasswordProtected: Boolean(extra._room.isPasswordProtected) } }];
}

// All that these users were told has arrived: a message from each of `from` has overtaken nothing.
async function settle(from, to) {
  for (const one of from) {
    for (const other of to) {
      if (one === other) continue;
      const message = { settle: fresh('settle') };
      one.says(other, message);
      for (;;) {
        const [heard] = await other.next(kMessage);
        if (heard.message.settle === message.settle) break;
      }
    }
  }
}

const heard = (user, event) => user.heard.filter(([name]) => name === event).map(([, ...args]) => args);

describe('rooms', () => {
  test('open, presence, and an id that is in use', async (t) => {
    const [alice, bob] = [await enter(t, server), await enter(t, server)];
    const room = fresh('room');
    assert.deepEqual(await presence(bob, room), [false, room, kNobody]);
    assert.deepEqual(await openRoom(alice, room, { extra: { name: 'Alice é' } }), [true]);
    assert.deepEqual(await presence(bob, room), [true, room, { name: 'Alice é', _room: kNobody._room }]);
    assert.deepEqual(await openRoom(bob, room), [false, 'Room not available']);
    assert.deepEqual(await presence(alice, room), [true, room, { name: 'Alice é', _room: kNobody._room }]);
    for (const user of [alice, bob]) user.only();
  });

  test('join, and a room that is not there', async (t) => {
    const { room } = await roomFor(t, server, 3);
    const carol = await enter(t, server);
    assert.deepEqual(await joinRoom(carol, fresh('nowhere')), [false, 'Room not available']);
    assert.deepEqual(await joinRoom(carol, room), [true]);
    carol.only();
  });

  test('a password', async (t) => {
    const { room, users: [alice] } = await roomFor(t, server, 1, { password: 'se cret' });
    const bob = await enter(t, server);
    assert.deepEqual(await presence(bob, room), [true, room, { _room: { isFull: false, isPasswordProtected: true } }]);
    assert.deepEqual(await joinRoom(bob, room), [false, 'Invalid password']);
    assert.deepEqual(await joinRoom(bob, room, { password: 'wrong' }), [false, 'Invalid password']);
    for (const [password, where, answer] of [
      ['se cret', room, [true, room, false]],
      ['wrong', room, [false, room, 'Invalid password']],
      ['', room, [false, room, 'You did not enter the password.']],
      ['  ', room, [false, room, 'You did not enter the password.']],
      ['x', '', [false, '', 'You did not enter the room-id.']],
      ['x', 'nowhere', [false, 'nowhere', 'Room not available']],
    ]) assert.deepEqual(await bob.ask('is-valid-password', password, where), answer);
    assert.deepEqual(await joinRoom(bob, room, { password: 'se cret' }), [true]);

    assert.deepEqual(await bob.ask('set-password', 'mine'), [false, room, 'Room permission denied']);
    assert.deepEqual(await (await enter(t, server)).ask('set-password', 'mine'), [null, null, 'Did not join any room yet']);
    assert.deepEqual(await alice.ask('set-password', 'new'), [true, room, null]);
    assert.deepEqual(await bob.ask('is-valid-password', 'new', room), [true, room, false]);
    assert.deepEqual(await alice.ask('set-password', ''), [true, room, null]);
    assert.deepEqual(await bob.ask('is-valid-password', 'new', room), [false, room, 'This room do not have any password.']);
    assert.deepEqual(await joinRoom(await enter(t, server), room), [true]);
  });

  test('as many participants as its owner allows', async (t) => {
    const { room } = await roomFor(t, server, 2, { profile: { maxParticipantsAllowed: 2 } });
    const carol = await enter(t, server);
    assert.deepEqual(await joinRoom(carol, room), [false, 'Room full']);
    assert.deepEqual(await presence(carol, room), [true, room, { _room: { isFull: true, isPasswordProtected: false } }]);
  });

  test('public ones, by their identifier', async (t) => {
    const identifier = fresh('public');
    const { room, users: [alice, bob] } = await roomFor(t, server, 2, { identifier, extra: { title: 'x' }, profile: { maxParticipantsAllowed: 2 } });
    const { room: locked, users: [carol] } = await roomFor(t, server, 1, { identifier, password: 'p', session: { data: true } });
    await roomFor(t, server, 1, { identifier: fresh('other') });
    const row = { extra: { title: 'x' }, session: { audio: true, video: true }, isPasswordProtected: false };
    const [rooms] = await carol.ask('get-public-rooms', identifier);
    assert.deepEqual(rooms.map(({ maxParticipantsAllowed, ...each }) => each).sort((a, b) => a.isRoomFull - b.isRoomFull), [
      { sessionid: locked, owner: carol.id, participants: [carol.id], extra: {}, session: { data: true }, isRoomFull: false, isPasswordProtected: true },
      { sessionid: room, owner: alice.id, participants: [alice.id, bob.id], ...row, isRoomFull: true },
    ]);
    assert.deepEqual(await carol.ask('get-public-rooms', fresh('none')), [[]]);
    for (const none of ['', ' ', null]) assert.deepEqual(await carol.ask('get-public-rooms', none), [null, 'publicRoomIdentifier is required']);
    carol.close();
    await carol.closed;
    for (let left; !left || left.length > 1;) [left] = await alice.ask('get-public-rooms', identifier);
  });

  test('whoever opens or joins another one leaves the former', async (t) => {
    const { room, users: [alice, bob] } = await roomFor(t, server, 2);
    const next = fresh('room');
    assert.deepEqual(await openRoom(alice, next), [true]);
    assert.deepEqual(await bob.next('set-isInitiator-true'), [room]);
    assert.deepEqual(await joinRoom(bob, next), [true]);
    assert.equal((await presence(bob, room))[0], false);
    bob.only(['set-isInitiator-true', room]);
  });
});

describe('owners', () => {
  test('the first of those who stay becomes the owner', async (t) => {
    const { room, users: [alice, bob, carol] } = await roomFor(t, server, 3);
    alice.close();
    assert.deepEqual(await bob.next('set-isInitiator-true'), [room]);
    assert.deepEqual(await bob.ask('set-password', 'b'), [true, room, null]);
    bob.close();
    assert.deepEqual(await carol.next('set-isInitiator-true'), [room]);
    assert.deepEqual(await carol.ask('set-password', 'c'), [true, room, null]);
    assert.equal((await presence(carol, room))[0], true);
    carol.only(['set-isInitiator-true', room]);
  });

  test('a participant leaves', async (t) => {
    const { room, users: [alice, bob, carol] } = await roomFor(t, server, 3);
    bob.close();
    await bob.closed;
    await meet(alice, carol);
    alice.only(['user-connected', carol.id]);
    assert.deepEqual(await alice.ask('set-password', 'a'), [true, room, null]);
  });

  for (const [title, more] of [['it was to', { profile: { autoCloseEntireSession: true } }],
    ['it is one-way', { session: { audio: true, oneway: true } }], ['it is a broadcast', { session: { audio: true, broadcast: true } }]]) {
    test(`the room ends with its owner if ${title}`, async (t) => {
      const { room, users: [alice, bob] } = await roomFor(t, server, 2, more);
      alice.close();
      await alice.closed;
      while ((await presence(bob, room))[0]);
      bob.only();
    });
  }

  own('the owner closes the room for all', async (t) => {
    const { room, users: [alice, bob, carol] } = await roomFor(t, server, 3);
    assert.deepEqual(await bob.ask('close-entire-session'), [false, 'Room permission denied']);
    alice.emit('extra-data-updated', { name: 'Alice' });
    assert.deepEqual(await alice.ask('close-entire-session'), [true]);
    for (const user of [bob, carol]) assert.deepEqual(await user.next('closed-entire-session'), [room, { name: 'Alice' }]);
    assert.equal((await presence(bob, room))[0], false);
    assert.deepEqual(await alice.ask('close-entire-session'), [false, 'Room not available']);
    assert.deepEqual(await openRoom(bob, room), [true]);
  });
});

describe('messages', () => {
  test('the first makes both known to each other, and each carries extra data', async (t) => {
    const [alice, bob] = [await enter(t, server, { extra: { name: 'Alice' } }), await enter(t, server)];
    await meet(alice, bob, { name: 'Alice' });
    bob.says(alice, { sdp: 'v=0 é\u2028', type: 'answer' });
    assert.deepEqual(await alice.next(kMessage), heardFrom(bob, alice, { sdp: 'v=0 é\u2028', type: 'answer' }).slice(1));
    alice.says(bob, 'dropPeerConnection');
    assert.deepEqual(await bob.next(kMessage), heardFrom(alice, bob, 'dropPeerConnection', { name: 'Alice' }).slice(1));
    alice.only(['user-connected', bob.id], heardFrom(bob, alice, { sdp: 'v=0 é\u2028', type: 'answer' }));
    bob.only(['user-connected', alice.id], heardFrom(alice, bob, { number: 1 }, { name: 'Alice' }), heardFrom(alice, bob, 'dropPeerConnection', { name: 'Alice' }));
  });

  test('two hundred, in order', async (t) => {
    const [alice, bob] = [await enter(t, server), await enter(t, server)];
    for (let number = 0; number < 200; ++number) alice.says(bob, { number });
    for (let number = 0; number < 200; ++number) assert.equal((await bob.next(kMessage))[0].message.number, number);
  });

  test('to oneself: none', async (t) => {
    const [alice, bob] = [await enter(t, server), await enter(t, server)];
    alice.says(alice, { number: 1 });
    await meet(bob, alice);
    alice.only(['user-connected', bob.id], heardFrom(bob, alice, { number: 1 }));
  });

  test('by an event of another name', async (t) => {
    const events = { mine: 1 };
    const [alice, bob] = await Promise.all([1, 2].map(() => enter(t, server, { msgEvent: 'mine' }, { events })));
    alice.emit('mine', { remoteUserId: bob.id, message: { number: 1 }, sender: alice.id });
    assert.deepEqual(await bob.next('mine'), [{ remoteUserId: bob.id, message: { number: 1 }, sender: alice.id, extra: {} }]);
  });

  const kRequest = { newParticipationRequest: true, isOneWay: false, isDataOnly: true, localPeerSdpConstraints: { OfferToReceiveAudio: true } };

  test('a request to take part goes to all others in the room', async (t) => {
    const { room, users: [alice, bob, carol] } = await roomFor(t, server, 3);
    carol.says(room, kRequest);
    for (const user of [alice, bob]) {
      const [{ extra, ...message }] = await user.next(kMessage);
      assert.deepEqual(message, { remoteUserId: user.id, message: kRequest, sender: carol.id });
      user.says(carol, { readyForOffer: true });
      assert.deepEqual(await carol.next('user-connected'), [user.id]);
      assert.deepEqual(await carol.next(kMessage), heardFrom(user, carol, { readyForOffer: true }).slice(1));
    }
  });

  for (const session of [{ video: true, oneway: true }, { video: true, broadcast: true }]) {
    test(`or to its owner alone, in ${JSON.stringify(session)}`, async (t) => {
      const { room, users: [alice, bob, carol] } = await roomFor(t, server, 3, { session });
      carol.says(room, kRequest);
      assert.equal((await alice.next(kMessage))[0].sender, carol.id);
      await meet(carol, bob);
      bob.only(['user-connected', carol.id], heardFrom(carol, bob, { number: 1 }));
    });
  }

  test('a goodbye makes nobody known', async (t) => {
    const [alice, bob] = [await enter(t, server), await enter(t, server)];
    await meet(alice, bob);
    alice.says(bob, { userLeft: true });
    assert.deepEqual(await bob.next(kMessage), heardFrom(alice, bob, { userLeft: true }).slice(1));
    bob.only(['user-connected', alice.id], heardFrom(alice, bob, { number: 1 }), heardFrom(alice, bob, { userLeft: true }));
  });

  own('to nobody', async (t) => {
    const alice = await enter(t, server);
    alice.says('nobody', { number: 1 });
    assert.deepEqual(await alice.next('user-not-found'), ['nobody']);
  });

  own('in the name of somebody else', async (t) => {
    const [alice, bob, carol] = [await enter(t, server), await enter(t, server), await enter(t, server)];
    carol.says(bob, { number: 2 }, alice.id);
    assert.deepEqual(await carol.next('user-not-found'), [alice.id]);
    await meet(carol, bob);
    bob.only(['user-connected', carol.id], heardFrom(carol, bob, { number: 1 }));
  });

  test('whether somebody is there', async (t) => {
    const [alice, bob] = [await enter(t, server), await enter(t, server)];
    const detect = (userid) => alice.ask(kMessage, { remoteUserId: 'system', message: { detectPresence: true, userid }, sender: alice.id });
    assert.deepEqual(await detect(bob.id), [true, bob.id]);
    assert.deepEqual(await detect('nobody'), [false, 'nobody']);
    assert.deepEqual(await detect(alice.id), [false, alice.id]);
  });
});

describe('users', () => {
  test('who goes is missed by those whom it has met, and by nobody else', async (t) => {
    const [alice, bob, carol] = [await enter(t, server), await enter(t, server), await enter(t, server)];
    await meet(alice, bob);
    await meet(bob, carol);
    alice.close();
    // The original says it twice.
    assert.deepEqual(await bob.next('user-disconnected'), [alice.id]);
    await settle([bob], [carol]);
    assert.deepEqual(heard(carol, 'user-disconnected'), []);
  });

  test('disconnect-with', async (t) => {
    const [alice, bob] = [await enter(t, server), await enter(t, server)];
    await meet(alice, bob);
    assert.deepEqual(await alice.ask('disconnect-with', bob.id), []);
    assert.deepEqual(await alice.next('user-disconnected'), [bob.id]);
    assert.deepEqual(await bob.next('user-disconnected'), [alice.id]);
    assert.deepEqual(await alice.ask('disconnect-with', bob.id), []);
    assert.deepEqual(await alice.ask('disconnect-with', 'nobody'), []);
    await meet(bob, alice);
    assert.equal(heard(alice, 'user-disconnected').length, 1);
  });

  test('extra data', async (t) => {
    const { room, users: [alice, bob] } = await roomFor(t, server, 2);
    const carol = await enter(t, server, { extra: { name: 'Carol' } });
    assert.deepEqual(await alice.ask('get-remote-user-extra-data', carol.id), [{ name: 'Carol' }]);
    for (const none of ['nobody', '', null]) assert.deepEqual(await alice.ask('get-remote-user-extra-data', none), ['User ID does not exist']);
    await meet(alice, carol);
    alice.emit('extra-data-updated', { name: 'A' });
    for (const user of [alice, bob, carol]) assert.deepEqual(await user.next('extra-data-updated'), [alice.id, { name: 'A' }]);
    assert.deepEqual(await presence(carol, room), [true, room, { name: 'A', _room: kNobody._room }]);
    bob.emit('extra-data-updated', { name: 'B' });
    for (const user of [alice, bob]) assert.deepEqual(await user.next('extra-data-updated'), [bob.id, { name: 'B' }]);
    assert.deepEqual(await carol.ask('get-remote-user-extra-data', bob.id), [{ name: 'B' }]);
    assert.deepEqual(await presence(carol, room), [true, room, { name: 'A', _room: kNobody._room }]);
  });

  test('an id that is taken', async (t) => {
    const alice = await enter(t, server);
    const other = await enter(t, server, { userid: alice.id });
    const [taken, proposed] = await other.next('userid-already-taken');
    assert.equal(taken, alice.id);
    assert.match(proposed, /^.{3,}$/);
    const room = fresh('room');
    other.emit('open-room', { sessionid: room, extra: {} });   // is not heard
    const bob = await enter(t, server);
    await meet(bob, alice);
    assert.equal((await presence(bob, room))[0], false);
    other.only(['userid-already-taken', taken, proposed]);
  });

  test('an id that is free again', async (t) => {
    const alice = await enter(t, server);
    alice.close();
    await alice.closed;
    for (const bob = await enter(t, server); ;) {
      if ((await bob.ask(kMessage, { remoteUserId: 'system', message: { detectPresence: true, userid: alice.id }, sender: bob.id }))[0] === false) break;
    }
    const again = await enter(t, server, { userid: alice.id });
    await meet(await enter(t, server), again);
  });

  test('another id', async (t) => {
    const [alice, bob] = [await enter(t, server), await enter(t, server)];
    const before = alice.id;
    const id = fresh('renamed');
    assert.deepEqual(await alice.ask('changed-uuid', id), []);
    alice.id = id;
    await meet(alice, bob);
    await settle([bob], [alice]);
    const newcomer = await enter(t, server, { userid: before });
    await meet(newcomer, bob);
    alice.close();
    assert.deepEqual(await bob.next('user-disconnected'), [id]);
  });

  own('another id, at once and in a room, and one that is taken', async (t) => {
    const { room, users: [alice, bob] } = await roomFor(t, server, 2);
    const id = fresh('renamed');
    await meet(alice, bob);
    const before = alice.id;
    alice.emit('changed-uuid', id);
    alice.id = id;
    alice.says(bob, { number: 2 });
    assert.deepEqual(await bob.next(kMessage), heardFrom(alice, bob, { number: 2 }).slice(1));
    alice.emit('changed-uuid', bob.id);
    assert.deepEqual(await alice.next('userid-already-taken'), [bob.id, id]);
    assert.deepEqual(await alice.ask('set-password', 'x'), [true, room, null]);
    bob.says(before, { number: 3 });
    assert.deepEqual(await bob.next('user-not-found'), [before]);
    alice.close();
    assert.deepEqual(await bob.next('user-disconnected'), [id]);
  });
});

describe('custom events', () => {
  test('the one of the handshake, to all others', async (t) => {
    const [alice, bob, carol] = [await enter(t, server), await enter(t, server), await enter(t, server)];
    alice.emit(kCustom, { number: [1, 'é'] });
    for (const user of [bob, carol]) assert.deepEqual(await user.next(kCustom), [{ number: [1, 'é'] }]);
    await meet(bob, alice);
    alice.only(['user-connected', bob.id], heardFrom(bob, alice, { number: 1 }));
  });

  test('one that a client asks for', async (t) => {
    const events = { 'my event': 1, [kMessage]: 1 };
    const [alice, bob] = await Promise.all([1, 2].map(() => enter(t, server, {}, { events })));
    alice.emit('my event', 1);   // nobody knows it yet
    alice.emit('set-custom-socket-event-listener', 'my event');
    alice.emit('my event', 2);
    assert.deepEqual(await bob.next('my event'), [2]);
  });
});

for (const version of ['0.9', '1.7', '2.5', '3.1']) {
  own(`a client of Socket.IO ${version} with one of 4.8`, async (t) => {
    const alice = await enter(t, server, { extra: { name: 'é' } }, { version, transports: ['polling', 'websocket'] });
    const bob = await enter(t, server, { extra: { name: 'é' } }, { transports: ['polling'] });
    const room = fresh('room');
    assert.deepEqual(await openRoom(alice, room, { extra: { name: 'é' } }), [true]);
    assert.deepEqual(await presence(bob, room), [true, room, { name: 'é', _room: kNobody._room }]);
    assert.deepEqual(await joinRoom(bob, room, { extra: { name: 'é' } }), [true]);
    await meet(alice, bob, { name: 'é' });
    await settle([bob], [alice]);
    alice.close();
    assert.deepEqual(await bob.next('user-disconnected'), [alice.id]);
    assert.deepEqual(await bob.next('set-isInitiator-true'), [room]);
  });
}
