// The login guide, row by row, over npm ws; at /login and at / of its own port.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CurlClient, EventSourceClient, PollClient, WsClient } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { hears, isQuiet, login, tell, told, user } from './support/talk.mjs';

const kOffer = { type: 'offer', sdp: 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=žluťoučký 🚀\r\n' };
const kAnswer = { type: 'answer', sdp: 'v=0\r\ns=the answer\r\n' };
const kCandidate = { candidate: 'candidate:1 1 udp 2122260223 127.0.0.1 9 typ host', sdpMid: '0', sdpMLineIndex: 0 };

let server;
before(async () => { server = await startGateway(['--probe-timeout', '2s'], { listen: ['login'] }); });
after(() => stopGateway(server));

const pair = async (t, options) => [await user(t, server, fresh('alice'), options), await user(t, server, fresh('bob'), options)];
const client = async (t) => {
  const one = await WsClient.open(server, '/login');
  t.after(() => one.close());
  return one;
};

// The whole exchange of the guide between two users, up to the `leave` that hangs up.
async function call(caller, callee) {
  await tell(caller, { type: 'offer', offer: kOffer, name: callee.user });
  await hears(callee, { type: 'offer', offer: kOffer, name: caller.user });
  await tell(callee, { type: 'answer', answer: kAnswer, name: caller.user });
  await hears(caller, { type: 'answer', answer: kAnswer, name: callee.user });
  for (const [from, to] of [[caller, callee], [callee, caller]]) {
    for (let n = 0; n < 3; ++n) {
      await tell(from, { type: 'candidate', candidate: { ...kCandidate, sdpMLineIndex: n }, name: to.user });
      await hears(to, { type: 'candidate', candidate: { ...kCandidate, sdpMLineIndex: n }, name: from.user });
    }
  }
  await tell(caller, { type: 'leave', name: callee.user });
  await hears(callee, { type: 'leave', name: caller.user });
  for (const one of [caller, callee]) await isQuiet(one);
}

test('login, offer, answer, candidates both ways, leave', async (t) => {
  const [alice, bob] = await pair(t);
  await call(alice, bob);
  await call(bob, alice);
});

test('the same at / of a port of its own, and between that and /login', async (t) => {
  const alice = await user(t, server.own.login, fresh('alice'), { path: '/' });
  const bob = await user(t, server.own.login, fresh('bob'), { path: '/' });
  const carol = await user(t, server, fresh('carol'));
  await call(alice, bob);
  await call(carol, alice);
  await call(alice, carol);
});

for (const [what, Caller, Callee] of [['EventSource calls WebSocket', EventSourceClient, WsClient], ['WebSocket calls polling', WsClient, PollClient],
  ['polling calls polling', PollClient, PollClient], ['curl calls EventSource', CurlClient, EventSourceClient]]) {
  test(`the same JSON by other ways: ${what}`, async (t) => {
    const alice = await user(t, server, fresh('alice'), { Kind: Caller });
    const bob = await user(t, server, fresh('bob'), { Kind: Callee });
    await call(alice, bob);
  });
}

test('what is forwarded is what was sent, whatever it is', async (t) => {
  const [alice, bob] = await pair(t);
  for (const value of [null, 'text', '', 0, -1.5e-7, true, false, [], [[1, [2]], {}], {}, { a: { b: null } }, '\u2028"\\\u0000', { type: 'x', name: 'y' }]) {
    for (const type of ['offer', 'answer', 'candidate']) {
      await tell(alice, { type, [type]: value, name: bob.user });
      await hears(bob, { type, [type]: value, name: alice.user });
    }
  }
});

test('the order of fields and other fields do not matter, and the others\' are not passed on', async (t) => {
  const [alice, bob] = await pair(t);
  await tell(alice, { name: bob.user, more: { deep: [1] }, candidate: kCandidate, from: 'somebody else', type: 'candidate' });
  await hears(bob, { type: 'candidate', candidate: kCandidate, name: alice.user });
  await tell(alice, `  {"type" : "\\u006cogin-not", "name":"x"}  `);
  await hears(alice, { type: 'error', message: 'Command not found: login-not' });
});

test('a name that somebody holds who is there is refused, and the holder keeps it', async (t) => {
  const [alice, bob] = await pair(t);
  const late = await client(t);
  await tell(late, { type: 'login', name: alice.user });
  await hears(late, { type: 'login', success: false });
  await tell(bob, { type: 'offer', offer: 1, name: alice.user });
  await hears(alice, { type: 'offer', offer: 1, name: bob.user });
  await isQuiet(late);
  await login(late, fresh('another'));
});

test('logging in again: under the same name it is success, under another one the first is free', async (t) => {
  const [alice, bob] = await pair(t);
  await login(alice, alice.user);
  const [old, now] = [alice.user, fresh('renamed')];
  await login(alice, now);
  await tell(bob, { type: 'offer', offer: 'to the new name', name: now });
  await hears(alice, { type: 'offer', offer: 'to the new name', name: bob.user });
  const other = await user(t, server, old);
  await tell(alice, { type: 'offer', offer: 'from the new name', name: old });
  await hears(other, { type: 'offer', offer: 'from the new name', name: now });
  await isQuiet(alice);
});

test('__proto__, constructor and the like are names as any other', async (t) => {
  const users = [];
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'undefined', 'null', '0', ' ', 'jiří 🚀', '"quoted" \\ name', '<b>']) {
    users.push(await user(t, server, name));
  }
  for (const [i, from] of users.entries()) {
    const to = users[(i + 1) % users.length];
    await tell(from, { type: 'offer', offer: i, name: to.user });
    await hears(to, { type: 'offer', offer: i, name: from.user });
  }
  const second = await client(t);
  await tell(second, { type: 'login', name: '__proto__' });
  await hears(second, { type: 'login', success: false });
  await tell(users[0], { type: '__proto__', name: 'constructor' });
  await hears(users[0], { type: 'error', message: 'Command not found: __proto__' });
  for (const one of users) await isQuiet(one);
});

test('who has not logged in may send, and has no name in what arrives', async (t) => {
  const [alice] = await pair(t);
  const nobody = await client(t);
  for (const type of ['offer', 'answer', 'candidate']) {
    await tell(nobody, { type, [type]: 'anonymous', name: alice.user });
    await hears(alice, { type, [type]: 'anonymous' });
  }
  await tell(nobody, { type: 'leave', name: alice.user });
  await hears(alice, { type: 'leave' });
});

test('to oneself', async (t) => {
  const [alice] = await pair(t);
  await tell(alice, { type: 'offer', offer: 'an echo', name: alice.user });
  await hears(alice, { type: 'offer', offer: 'an echo', name: alice.user });
});

test('a target that is not there: silence, and its mailbox keeps offers, answers and candidates, but no leave', async (t) => {
  const [alice, bob] = await pair(t);
  const absent = fresh('absent');
  await tell(alice, { type: 'offer', offer: kOffer, name: absent });
  await tell(alice, { type: 'leave', name: absent });
  await tell(alice, { type: 'candidate', candidate: 1, name: absent });
  await tell(alice, { type: 'answer', answer: 2, name: absent });
  await isQuiet(alice);
  await tell(bob, { type: 'candidate', candidate: 3, name: absent });
  await isQuiet(bob);
  const late = await client(t);
  // The original keeps no mail, so its pages make their peer connection when they hear that they are logged in: that comes first.
  await login(late, absent);
  await hears(late, { type: 'offer', offer: kOffer, name: alice.user });
  await hears(late, { type: 'candidate', candidate: 1, name: alice.user });
  await hears(late, { type: 'answer', answer: 2, name: alice.user });
  await hears(late, { type: 'candidate', candidate: 3, name: bob.user });
  await isQuiet(late);
});

test('mail is handed over once', async (t) => {
  const [alice] = await pair(t);
  const absent = fresh('absent');
  await tell(alice, { type: 'offer', offer: 'once', name: absent });
  await isQuiet(alice);
  const first = await client(t);
  await login(first, absent);
  await hears(first, { type: 'offer', offer: 'once', name: alice.user });
  await tell(alice, { type: 'candidate', candidate: 'at once', name: absent });
  await hears(first, { type: 'candidate', candidate: 'at once', name: alice.user });
  first.close();
  await first.closed;
  const second = await user(t, server, absent);
  await isQuiet(second);
});

test('a full mailbox is told to the sender as an error, and the sender goes on', async (t) => {
  const [alice, bob] = await pair(t);
  const absent = fresh('absent');
  for (let n = 0; n < 70; ++n) await tell(alice, { type: 'candidate', candidate: n, name: absent });
  for (let n = 64; n < 70; ++n) {
    const error = await told(alice);
    assert.deepEqual(Object.keys(error), ['type', 'message']);
    assert.equal(error.type, 'error');
    assert.match(error.message, /^\S.{8,}\.$/s, 'a sentence');
  }
  await isQuiet(alice);
  await tell(alice, { type: 'offer', offer: 'still here', name: bob.user });
  await hears(bob, { type: 'offer', offer: 'still here', name: alice.user });
});

test('an unknown type, and text that is not JSON', async (t) => {
  const [alice, bob] = await pair(t);
  for (const [text, type] of [['{"type":"dance"}', 'dance'], ['{"type":"LOGIN","name":"x"}', 'LOGIN'], ['{"type":""}', ''], ['{"type":"žluť \\"q\\""}', 'žluť "q"'],
    ['hello', 'undefined'], ['', 'undefined'], ['{', 'undefined'], ['{}', 'undefined'], ['{"name":"x"}', 'undefined'], ['{"type":"offer",}', 'undefined']]) {
    await tell(alice, text);
    await hears(alice, { type: 'error', message: `Command not found: ${type}` });
  }
  await tell(alice, { type: 'offer', offer: 'as before', name: bob.user });
  await hears(bob, { type: 'offer', offer: 'as before', name: alice.user });
  await isQuiet(alice);
});
