// npm's rtcmulticonnection in Chromium windows, as it is: open, join, leave, the owner's going, passwords, full rooms, presence.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { closeBrowser, withPages } from '../browser/support/browser.mjs';
import { closeWindow } from './support/codelab_pages.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';

const kPages = fileURLToPath(new URL('pages/rtcmulti', import.meta.url));
const kExample = fileURLToPath(new URL('../../examples/rtcmulticonnection', import.meta.url));
const kLibrary = createRequire(import.meta.url).resolve('rtcmulticonnection/dist/RTCMultiConnection.js');

let server, folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sigway-rtcmulti-'));
  cpSync(kPages, folder, { recursive: true });
  cpSync(kLibrary, join(folder, 'RTCMultiConnection.js'));
  server = await startGateway(['--web-root', folder]);
});
after(async () => {
  await closeBrowser();
  await stopGateway(server);
  rmSync(folder, { recursive: true, force: true });
});

// The library sends `extra-data-updated` a second after it has connected, also when its window is closing and has dropped the socket.
const kDropped = /page error: TypeError: Cannot read properties of null \(reading 'emit'\)\s+at \S+\/RTCMultiConnection\.js:371:/;
// The same where a description of somebody who goes arrives: the connection is closed while it is taken in.
const kGone = /page error: TypeError: Cannot read properties of null \(reading 'create(Answer|Offer)'\)\s+at createOfferOrAnswer \(\S+\/RTCMultiConnection\.js:2938:/;

const withWindows = (t, body) => withPages(t, (open) => body(async (name, { id = fresh(name), ...more } = {}) => {
  const guest = await open(name, `${server.url}/?${new URLSearchParams({ id, ...more })}`);
  guest.id = id;
  guest.explain(kDropped);
  guest.explain(kGone);
  return guest;
}), { ignoreHTTPSErrors: true });

const hears = (guest, what) => guest.until(({ heard }, wanted) => heard.includes(wanted), what);
const opens = (guest, room) => guest.ask((call, where) => call.open(where), room);
const joins = (guest, room) => guest.ask((call, where) => call.join(where), room);
const presence = (guest, room) => guest.ask((call, where) => call.presence(where), room);

// Each has a data channel to each of the others.
async function areConnected(...guests) {
  for (const guest of guests) {
    for (const other of guests) if (other !== guest) await hears(guest, `open ${other.id}`);
  }
  for (const guest of guests) await guest.ask(({ connection }) => connection.send('hello'));
  for (const guest of guests) {
    for (const other of guests) if (other !== guest) await hears(guest, `message ${other.id} hello`);
  }
}

test('three: open, join, presence; the owner goes, one leaves, and the owner closes the session', (t) => withWindows(t, async (open) => {
  const room = fresh('room');
  const alice = await open('alice');
  assert.deepEqual(await presence(alice, room), [false, room, { _room: { isFull: false, isPasswordProtected: false } }]);
  assert.deepEqual(await opens(alice, room), [true, room]);
  const bob = await open('bob');
  assert.deepEqual(await presence(bob, room), [true, room, { name: alice.id, _room: { isFull: false, isPasswordProtected: false } }]);
  assert.deepEqual((await joins(bob, room)).slice(0, 2), [true, room]);
  await areConnected(alice, bob);
  const carol = await open('carol');
  assert.deepEqual((await carol.ask((call, where) => call.openOrJoin(where), room)).slice(0, 2), [true, room]);
  await areConnected(alice, bob, carol);

  await closeWindow(alice);
  for (const guest of [bob, carol]) await hears(guest, `leave ${alice.id} ${alice.id}`);
  await bob.until(({ connection }) => connection.isInitiator);
  assert.equal(await carol.ask(({ connection }) => connection.isInitiator), false);

  await carol.ask(({ connection }) => connection.leave());
  await hears(bob, `leave ${carol.id} ${carol.id}`);
  const dave = await open('dave');
  assert.deepEqual((await joins(dave, room)).slice(0, 2), [true, room]);
  await areConnected(bob, dave);

  await bob.ask(({ connection }) => connection.closeEntireSession());
  for (const guest of [bob, dave]) await hears(guest, 'closed');
  assert.equal((await presence(dave, room))[0], false);
}));

test('a password, a room that is full, and an id that is taken', (t) => withWindows(t, async (open) => {
  const room = fresh('room');
  const alice = await open('alice', { password: 'secret', most: 2 });
  assert.deepEqual(await opens(alice, room), [true, room]);
  const bob = await open('bob', { password: 'wrong' });
  assert.deepEqual(await joins(bob, room), [false, room, 'Invalid password']);
  assert.deepEqual((await presence(bob, room))[2]._room, { isFull: false, isPasswordProtected: true });
  await bob.ask(({ connection }) => { connection.password = 'secret'; });
  assert.deepEqual((await joins(bob, room)).slice(0, 2), [true, room]);
  await areConnected(alice, bob);
  const carol = await open('carol', { password: 'secret' });
  assert.deepEqual(await joins(carol, room), [false, room, 'Room full']);
  assert.deepEqual(await opens(carol, room), [false, room, 'Room not available']);

  // A second window with bob's id gets another one, and may then join.
  await closeWindow(alice);
  await hears(bob, `leave ${alice.id} ${alice.id}`);
  const double = await open('double', { id: bob.id, password: 'secret' });
  await double.ask((call, where) => { call.join(where); }, room);
  await double.until(({ connection }, { id }) => connection.userid !== id, { id: bob.id });
  double.id = await double.ask(({ connection }) => connection.userid);
  await areConnected(bob, double);
}));

test('examples/rtcmulticonnection/: two in a room with a password, and a third who does not know it', (t) => withPages(t, async (open) => {
  const example = mkdtempSync(join(tmpdir(), 'sigway-rtcmulti-'));
  cpSync(kExample, example, { recursive: true, filter: (file) => !file.includes('node_modules') });
  cpSync(kLibrary, join(example, 'node_modules/rtcmulticonnection/dist/RTCMultiConnection.js'));
  const own = await startGateway(['--web-root', example]);
  t.after(async () => { await stopGateway(own); rmSync(example, { recursive: true, force: true }); });
  const enters = async (name, password) => {
    const guest = await open(name, `${own.url}/garden`);
    guest.explain(kDropped);
    await guest.page.fill('#name', name);
    await guest.page.fill('#password', password);
    await guest.page.click('#enter button');
    return guest;
  };
  const shows = (guest, place, text) => guest.page.locator(place, { hasText: text }).waitFor({ timeout: 60000 });
  const alice = await enters('alice', 'secret');
  await shows(alice, '#state', 'The room is yours.');
  const bob = await enters('bob', 'secret');
  for (const [guest, other] of [[alice, 'bob'], [bob, 'alice']]) await shows(guest, '#said', `${other} is here.`);
  const carol = await enters('carol', 'wrong');
  await shows(carol, '#state', 'Invalid password');
  await alice.page.fill('#text', 'hello');
  await alice.page.click('#say button');
  await shows(bob, '#said', 'alice: hello');
  await alice.page.click('#leave');
  await shows(bob, '#said', 'alice has left.');
  await shows(bob, '#state', 'The room is yours.');
}, { ignoreHTTPSErrors: true }));

test('two see each other', (t) => withWindows(t, async (open) => {
  const room = fresh('room');
  const [alice, bob] = [await open('alice', { media: 1 }), await open('bob', { media: 1 })];
  assert.deepEqual(await opens(alice, room), [true, room]);
  assert.deepEqual((await joins(bob, room)).slice(0, 2), [true, room]);
  await hears(alice, `stream remote ${bob.id}`);
  await hears(bob, `stream remote ${alice.id}`);
  for (const guest of [alice, bob]) await guest.until((call) => call.isPlaying() === 2);
}));

test('a page of 0.9 with `new-channel`: the second finds the channel and calls the first, and is missed', (t) => withPages(t, async (open) => {
  const url = (name, channel) => `${server.url}/channel.html?${new URLSearchParams({ name, channel })}`;
  const channel = fresh('channel');
  const alice = await open('alice', url('alice', channel));
  await hears(alice, 'presence false');
  await hears(alice, 'in');
  const bob = await open('bob', url('bob', channel));
  await hears(bob, 'presence true');
  await hears(alice, 'hello from bob');
  await hears(bob, 'hello from alice');
  await closeWindow(bob);
  await hears(alice, 'left bob');
}, { ignoreHTTPSErrors: true }));
