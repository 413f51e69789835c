// Names are shared: a native client and a user of the login guide call each other, each in its own words.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { kTransports } from '../conformance/support/members.mjs';
import { CurlClient, PollClient, WsClient } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { hears, isQuiet, login, tell, told, user } from './support/talk.mjs';
import { Wscat } from './support/terminal.mjs';

const kOffer = { type: 'offer', sdp: 'v=0\r\ns=žluť\r\n' };
const kAnswer = { type: 'answer', sdp: 'v=0\r\n' };
const kCandidate = { candidate: 'candidate:1 1 udp 1 127.0.0.1 9 typ host', sdpMid: '0' };

let server;
before(async () => { server = await startGateway(['--probe-timeout', '2s']); });
after(() => stopGateway(server));

async function nativeUser(t, Transport, name = fresh('native')) {
  const native = await new Transport(server).open({ name });
  t.after(() => native.close());
  assert.equal((await native.event('login')).name, name);
  return Object.assign(native, { user: name });
}

async function nativeHears(native, type, data, name) {
  const event = await native.event(type);
  assert.deepEqual([event.data, event.name], [data, name]);
  assert.equal(typeof event.from, 'string');
}

async function nativeHearsBye(native, name) {
  const event = await native.event('bye');
  assert.deepEqual([event.data ?? null, event.name], [null, name]);
}

// `leave` is what ends a call in this dialect; the sender's name may stand in it.
async function hearsLeave(guest, name) {
  const { type, name: from = name, ...rest } = await told(guest);
  assert.deepEqual([type, from, rest], ['leave', name, {}]);
}

const to = (guest) => `@${guest.user}`;

async function nativeCalls(native, guest) {
  await native.say({ type: 'offer', to: to(guest), data: kOffer });
  await hears(guest, { type: 'offer', offer: kOffer, name: native.user });
  await tell(guest, { type: 'answer', answer: kAnswer, name: native.user });
  await nativeHears(native, 'answer', kAnswer, guest.user);
  await candidates(native, guest);
  await native.say({ type: 'bye', to: to(guest) });
  await hearsLeave(guest, native.user);
}

async function guestCalls(guest, native) {
  await tell(guest, { type: 'offer', offer: kOffer, name: native.user });
  await nativeHears(native, 'offer', kOffer, guest.user);
  await native.say({ type: 'answer', to: to(guest), data: kAnswer });
  await hears(guest, { type: 'answer', answer: kAnswer, name: native.user });
  await candidates(native, guest);
  await tell(guest, { type: 'leave', name: native.user });
  await nativeHearsBye(native, guest.user);
}

async function candidates(native, guest) {
  for (const candidate of [kCandidate, null]) {
    await native.say({ type: 'candidate', to: to(guest), data: candidate });
    await hears(guest, { type: 'candidate', candidate, name: native.user });
    await tell(guest, { type: 'candidate', candidate, name: native.user });
    await nativeHears(native, 'candidate', candidate, guest.user);
  }
}

for (const [transport, Transport] of Object.entries(kTransports)) {
  for (const [what, Kind] of Object.entries({ 'a WebSocket': WsClient, 'curl with a stream': CurlClient, 'curl that polls': PollClient })) {
    test(`${transport} and ${what} call each other`, async (t) => {
      const native = await nativeUser(t, Transport);
      const guest = await user(t, server, fresh('guest'), { Kind });
      await nativeCalls(native, guest);
      await guestCalls(guest, native);
      await isQuiet(guest);
    });
  }
}

test('a native client and wscat call each other', async (t) => {
  const native = await nativeUser(t, kTransports.websocket);
  const guest = await user(t, server, fresh('guest'), { Kind: { open: (there, path) => Wscat.open(t, there, path) } });
  await nativeCalls(native, guest);
  await guestCalls(guest, native);
});

test('other native types arrive with their data', async (t) => {
  const native = await nativeUser(t, kTransports.websocket);
  const guest = await user(t, server, fresh('guest'));
  for (const [type, data] of [['chat', 'a text'], ['x-custom', { a: [1] }], ['message', null]]) {
    await native.say({ type, to: to(guest), data });
    await hears(guest, { type, data, name: native.user });
  }
});

test('a native client without a name: there is none in what arrives', async (t) => {
  const native = await new kTransports.websocket(server).open({});
  t.after(() => native.close());
  const guest = await user(t, server, fresh('guest'));
  await native.say({ type: 'offer', to: to(guest), data: kOffer });
  await hears(guest, { type: 'offer', offer: kOffer });
});

test('a user of the guide closes: the native client that it called hears bye', async (t) => {
  const native = await nativeUser(t, kTransports.websocket);
  const guest = await user(t, server, fresh('guest'));
  await tell(guest, { type: 'offer', offer: 1, name: native.user });
  await nativeHears(native, 'offer', 1, guest.user);
  guest.close();
  await nativeHearsBye(native, guest.user);
  const again = await user(t, server, guest.user);
  await nativeCalls(native, again);
});

test('a name is held by one of them, whatever it speaks', async (t) => {
  const native = await nativeUser(t, kTransports.websocket);
  const guest = await user(t, server, fresh('guest'));
  const late = await WsClient.open(server, '/login');
  t.after(() => late.close());
  await tell(late, { type: 'login', name: native.user });
  await hears(late, { type: 'login', success: false });
  const second = await new kTransports.websocket(server).open({});
  t.after(() => second.close());
  await second.say({ type: 'login', name: guest.user });
  assert.equal((await second.event('error')).code, 'name_taken');
  await nativeCalls(native, guest);
});

test('mail waits for a name from either side', async (t) => {
  const native = await nativeUser(t, kTransports.websocket);
  const guest = await user(t, server, fresh('guest'));
  const [nativeName, guestName] = [fresh('late'), fresh('late')];
  await native.say({ type: 'offer', to: `@${guestName}`, data: kOffer }, { type: 'candidate', to: `@${guestName}`, data: kCandidate });
  for (let n = 0; n < 2; ++n) await native.event('stored');
  await tell(guest, { type: 'offer', offer: kOffer, name: nativeName });
  await tell(guest, { type: 'candidate', candidate: kCandidate, name: nativeName });
  await isQuiet(guest);

  const lateGuest = await WsClient.open(server, '/login');
  t.after(() => lateGuest.close());
  await login(lateGuest, guestName);
  await hears(lateGuest, { type: 'offer', offer: kOffer, name: native.user });
  await hears(lateGuest, { type: 'candidate', candidate: kCandidate, name: native.user });

  const lateNative = await new kTransports.poll(server).open({ name: nativeName });
  t.after(() => lateNative.close());
  await nativeHears(lateNative, 'offer', kOffer, guest.user);
  await nativeHears(lateNative, 'candidate', kCandidate, guest.user);
  await lateNative.event('login');
});
