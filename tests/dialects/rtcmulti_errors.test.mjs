// What bad input gets from RTCMultiConnection's server: a row of docs/dialects/rtcmulticonnection.md is a test. Two who have
// nothing to do with it are heard of in the end.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { request } from './support/engine.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { enter, heardFrom, kCustom, kMessage, meet, openRoom, roomFor } from './support/rtcmulti.mjs';

let server, neighbours, leave;
before(async () => {
  server = await startGateway();
  const closing = [];
  const scope = { after: (close) => closing.push(close) };
  leave = () => { for (const close of closing) close(); };
  neighbours = (await roomFor(scope, server, 2)).users;
});
after(async () => {
  try {
    await meet(...neighbours);
    neighbours[0].only(['user-connected', neighbours[1].id]);
    neighbours[1].only(['user-connected', neighbours[0].id], heardFrom(...neighbours, { number: 1 }));
  } finally {
    leave();
    await stopGateway(server);
  }
});

const kLong = 'x'.repeat(129);
const kLarge = 'x'.repeat(16 * 1024);

// `act` brings one sentence in the browser's console, and nothing else.
async function isLogged(t, act, pattern) {
  const { users: [alice], room } = await roomFor(t, server, 1);
  await act(alice, room);
  assert.match((await alice.next('logs'))[0], pattern);
  assert.deepEqual(await alice.ask('set-password', ''), [true, room, null]);   // it goes on
  assert.equal(alice.heard.length, 1);
}

for (const [what, userid] of [['too long', kLong], ['with control characters', 'a\nb']]) {
  test(`a userid ${what}: taken`, async (t) => {
    const alice = await enter(t, server, { userid });
    assert.match((await alice.next('logs'))[0], /userid/);
    assert.equal((await alice.next('userid-already-taken'))[0], userid);
    const room = fresh('room');
    alice.emit('open-room', { sessionid: room, extra: {} });   // is not heard
    const bob = await enter(t, server);
    assert.equal((await bob.ask('check-presence', room))[0], false);
    alice.close();
  });
}

test('no userid: the server makes one', async (t) => {
  const alice = await enter(t, server, { userid: '' });
  const room = fresh('room');
  const identifier = fresh('public');
  assert.deepEqual(await openRoom(alice, room, { identifier }), [true]);
  const [[{ owner }]] = await alice.ask('get-public-rooms', identifier);
  assert.match(owner, /^\S{8,}$/);
});

for (const [what, handshake] of [['no JSON', { extra: '{' }], ['too long', { extra: JSON.stringify(kLarge) }]]) {
  test(`extra data in the handshake that is ${what}: none`, async (t) => {
    // The head of a request has a limit of its own, below that of extra data.
    if (what === 'too long') {
      const { status } = await request(server, 'GET', `/socket.io/?EIO=4&transport=polling&userid=a&msgEvent=m&extra=${kLarge}`);
      return assert.ok(status === 431 || status === 414, String(status));
    }
    const alice = await enter(t, server, { ...handshake });
    const socket = await enter(t, server);
    // enter() writes JSON: what the server read is a text.
    assert.ok((await socket.ask('get-remote-user-extra-data', alice.id)).length === 1);
  });
}

for (const [what, msgEvent] of [['reserved', 'connect'], ['the server\'s', 'user-disconnected'], ['too long', kLong]]) {
  test(`a name of the message event that is ${what}: the usual one`, async (t) => {
    const [alice, bob] = [await enter(t, server, { msgEvent }), await enter(t, server)];
    await meet(alice, bob);
  });
}

test('maxParticipantsAllowed that is no number: 1000, and never more than --max-room-capacity', async (t) => {
  const alice = await enter(t, server, { maxParticipantsAllowed: 'many' });
  const identifier = fresh('public');
  assert.deepEqual(await openRoom(alice, fresh('room'), { identifier }), [true]);
  assert.equal((await alice.ask('get-public-rooms', identifier))[0][0].maxParticipantsAllowed, 64);
});

for (const [what, sessionid] of [['missing', undefined], ['no text', {}], ['too long', kLong], ['with control characters', 'a\nb']]) {
  test(`a sessionid that is ${what}`, async (t) => {
    for (const event of ['open-room', 'join-room']) {
      await isLogged(t, async (alice, room) => {
        assert.deepEqual(await alice.ask(event, { sessionid, extra: {} }), [false, 'Room not available']);
        assert.deepEqual(await alice.ask('set-password', ''), [true, room, null], 'it has not left its room');
      }, new RegExp(`^${event}: sessionid`));
    }
  });
}

for (const more of [{ password: kLong }, { identifier: kLong }, { session: { x: 'x'.repeat(5000) } }]) {
  test(`${Object.keys(more)} too long`, (t) => isLogged(t, async (alice) => {
    assert.deepEqual(await openRoom(alice, fresh('room'), more), [false, 'Room not available']);
  }, /^open-room: sessionid/));
}

test('extra data too long', async (t) => {
  await isLogged(t, async (alice) => assert.deepEqual(await openRoom(alice, fresh('room'), { extra: kLarge }), [false, 'Room not available']), /^extra has at most 16384/);
  await isLogged(t, (alice) => alice.emit('extra-data-updated', kLarge), /^extra has at most 16384/);
});

for (const [what, message] of [['nothing', undefined], ['no object', 1], ['without an id', { message: 1 }], ['without content', { remoteUserId: 'x' }],
  ['to an id that is no text', { remoteUserId: {}, message: 1 }]]) {
  test(`a message that is ${what}`, (t) => isLogged(t, (alice) => alice.emit(kMessage, message), /a message is \{remoteUserId/));
}

test('a request to take part that is too long', (t) => isLogged(t, (alice, room) => alice.says(room, { newParticipationRequest: true, x: kLarge }), /newParticipationRequest has at most/));

test('a request to take part by one who is not in that room', async (t) => {
  const { room, users: [alice] } = await roomFor(t, server, 1);
  const bob = await enter(t, server);
  bob.says(room, { newParticipationRequest: true });
  await meet(bob, alice);
  alice.only(['user-connected', bob.id], heardFrom(bob, alice, { number: 1 }));
});

for (const id of [undefined, {}, '', kLong]) {
  test(`changed-uuid(${JSON.stringify(id)?.slice(0, 10)})`, (t) => isLogged(t, (alice) => alice.emit('changed-uuid', id), /^changed-uuid/));
}

for (const event of [undefined, {}, '', 'connect', 'user-disconnected', kLong]) {
  test(`set-custom-socket-event-listener(${JSON.stringify(event)?.slice(0, 25)})`, (t) => isLogged(t, (alice) => alice.emit('set-custom-socket-event-listener', event), /^set-custom/));
}

test('a seventeenth custom event', (t) => isLogged(t, (alice) => { for (let i = 0; i < 17; ++i) alice.emit('set-custom-socket-event-listener', `event ${i}`); }, /16 custom events/));

test('a password that is too long', (t) => isLogged(t, async (alice) => {
  assert.deepEqual(await alice.ask('set-password', kLong), [false, null, 'Invalid password']);
}, /^set-password/));

test('events that nobody knows, and events without arguments', async (t) => {
  const { room, users: [alice] } = await roomFor(t, server, 1);
  for (const event of ['nobody knows it', 'create or join', 'message', 'check-presence', 'disconnect-with', 'get-public-rooms',
    'get-remote-user-extra-data', 'is-valid-password']) alice.emit(event);
  assert.deepEqual(await alice.ask('set-password', ''), [true, room, null]);
  alice.only();
});

test('a custom event that nobody hears', async (t) => {
  const lonely = await startGateway();
  t.after(() => stopGateway(lonely));
  const alice = await enter(t, lonely);
  alice.emit(kCustom, 1);
  assert.deepEqual(await alice.ask('check-presence', 'x'), [false, 'x', { _room: { isFull: false, isPasswordProtected: false } }]);
  alice.only();
  alice.close();
});

test('another namespace', async (t) => {
  await assert.rejects(enter(t, { url: `${server.url}/chat` }), /Invalid namespace/);
});

test('more messages than --message-rate, beyond the burst', async (t) => {
  const limited = await startGateway(['--message-rate', '10']);
  t.after(() => stopGateway(limited));
  const [alice, bob] = [await enter(t, limited, {}, { version: '2.5' }), await enter(t, limited)];
  for (let number = 0; number < 1000; ++number) alice.says(bob, { number });
  await alice.closed;
  assert.deepEqual(await bob.next('user-disconnected'), [alice.id]);
  bob.close();
});

test('a server that does not speak it, or nothing else', async (t) => {
  const path = (query) => `/socket.io/?EIO=4&transport=polling&${query}`;
  const codelab = await startGateway(['--dialects', 'socketio']);
  t.after(() => stopGateway(codelab));
  const { status, text } = await request(codelab, 'GET', path('userid=a&msgEvent=m'));
  assert.equal(status, 200, text);   // a client like any other
  const only = await startGateway(['--dialects', 'rtcmulti']);
  t.after(() => stopGateway(only));
  const refused = await request(only, 'GET', path('x=1'));
  assert.equal(refused.status, 400);
  assert.equal(JSON.parse(refused.text).error.code, 'bad_request');
  assert.equal((await request(only, 'GET', path('userid=a&msgEvent=m'))).status, 200);
});
