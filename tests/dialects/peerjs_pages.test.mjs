// npm peerjs as it is published, in Chromium windows; and examples/peerjs/ as it is. SIGWAY_PICTURES=FOLDER keeps a picture of its call.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { closeBrowser, withPages } from '../browser/support/browser.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { Line } from './support/line.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const kLibrary = here('../node_modules/peerjs/dist/peerjs.min.js');

let server, folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sigway-peerjs-'));
  cpSync(here('pages/peerjs'), folder, { recursive: true });
  cpSync(kLibrary, join(folder, 'peerjs.min.js'));
  cpSync(here('../../examples/peerjs'), join(folder, 'example'), { recursive: true });
  server = await startGateway(['--web-root', folder, '--peerjs-discovery']);
});
after(async () => {
  await closeBrowser();
  await stopGateway(server);
  rmSync(folder, { recursive: true, force: true });
});

const withWindows = (t, body) => withPages(t, (open) => body(async (name, { id = fresh(name), ...options } = {}) => {
  const guest = await open(name, server.url);
  await guest.ask((call, [wanted, more]) => call.start(wanted, more), [id, options]);
  return Object.assign(guest, { id });
}), { ignoreHTTPSErrors: true });

const isOpen = (guest, times = 1) => guest.until(({ opens }, count) => opens.length === count && opens.at(-1), times);

// A data connection from one to the other, and a text each way.
async function talk(caller, callee) {
  await caller.ask((call, id) => call.connect(id), callee.id);
  for (const guest of [caller, callee]) await guest.until(({ connection }) => connection?.open);
  for (const [from, to] of [[caller, callee], [callee, caller]]) {
    const text = `${from.name} says: žluť ${Math.random()}`;
    await from.ask((call, said) => call.send(said), text);
    await to.until(({ texts }, said) => texts.at(-1) === said, text);
  }
}

const seesVideo = (guest) => guest.until(() => {
  const video = document.querySelector('#remote');
  return video.videoWidth > 0 && video.getVideoPlaybackQuality().totalVideoFrames > 3;
});

test('data both ways, a call with video, and the list of peers', (t) => withWindows(t, async (open) => {
  const alice = await open('alice');
  const bob = await open('bob', { id: null, path: undefined });   // the server chooses its id, and the page says no path
  assert.equal(await isOpen(alice), alice.id);
  bob.id = await isOpen(bob);
  assert.match(bob.id, /^[0-9a-f-]{36}$/);

  await talk(alice, bob);
  await alice.ask((call) => call.send(new Uint8Array([0, 1, 254, 255])));
  await bob.until(({ texts }) => String(texts.at(-1)) === '0,1,254,255');
  await bob.ask((call) => call.connection.close());
  await alice.until(({ closed }) => closed === 1);

  await bob.ask((call, id) => call.dial(id), alice.id);
  for (const guest of [alice, bob]) await seesVideo(guest);

  const listed = await alice.ask((call) => call.listAllPeers());
  assert.deepEqual(listed.sort(), [alice.id, bob.id].sort());
  for (const guest of [alice, bob]) assert.deepEqual(await guest.ask(({ errors }) => errors), []);
}));

test('an id that is taken, and a peer that is not there', (t) => withWindows(t, async (open) => {
  const alice = await open('alice');
  await isOpen(alice);
  const thief = await open('thief', { id: alice.id });
  assert.equal(await thief.until(({ errors }) => errors[0]), 'unavailable-id');
  await thief.until(({ events }) => events.includes('close'));

  await alice.ask((call) => call.connect('nobody-has-this-id'));
  assert.equal(await alice.until(({ errors }) => errors[0]), 'peer-unavailable');
  const bob = await open('bob');
  await isOpen(bob);
  await talk(bob, alice);
  assert.deepEqual(await alice.ask(({ errors }) => errors), ['peer-unavailable']);
}));

test('reconnect() after a cut opens again, and brings the calls that came meanwhile', (t) => withWindows(t, async (open) => {
  const line = await Line.start(t, server);
  const alice = await open('alice', { port: line.server.port });
  const bob = await open('bob');
  await isOpen(alice);
  await isOpen(bob);
  alice.explain(/WebSocket/);   // what is cut
  line.reset();
  await alice.until(({ events }) => events.includes('disconnected'));
  line.open();
  await bob.ask((call, id) => call.connect(id), alice.id);
  await alice.ask((call) => call.peer.reconnect());
  assert.equal(await isOpen(alice, 2), alice.id);
  for (const guest of [alice, bob]) await guest.until(({ connection }) => connection?.open);
  await talk(alice, bob);

  // Also after a goodbye.
  await alice.ask((call) => { call.peer.disconnect(); call.peer.reconnect(); });
  assert.equal(await isOpen(alice, 3), alice.id);
  await talk(bob, alice);
  assert.deepEqual(await alice.ask(({ errors }) => errors), ['network']);
  assert.deepEqual(await bob.ask(({ errors }) => errors), []);
}));

test('examples/peerjs/: a call, and a hang-up', (t) => withPages(t, async (open) => {
  const kPatience = 40000;
  const enter = async (name) => {
    const guest = await open(name, 'about:blank');
    await guest.page.route('https://unpkg.com/peerjs@1.5.5/dist/peerjs.min.js', (route) => route.fulfill({ path: kLibrary }));
    await guest.page.goto(`${server.url}/example/index.html`);
    await shows(guest, 'Ready.');
    return guest;
  };
  const shows = (guest, text) => guest.page.locator('#state', { hasText: text }).waitFor({ timeout: kPatience });
  const [alice, bob] = [await enter('alice'), await enter('bob')];
  const id = await bob.page.textContent('#id');
  await alice.page.fill('#callee', id);
  await alice.page.click('#call button');
  for (const guest of [alice, bob]) {
    await shows(guest, 'In a call with');
    await guest.page.waitForFunction(() => document.getElementById('theirs').getVideoPlaybackQuality().totalVideoFrames > 3, undefined, { timeout: kPatience });
    if (process.env.SIGWAY_PICTURES) await guest.page.screenshot({ path: join(process.env.SIGWAY_PICTURES, `peerjs-${guest.name}.png`), fullPage: true });
  }
  await bob.page.click('#hang-up');
  await shows(bob, 'You have hung up.');
  await shows(alice, 'The call is over.');
}, { ignoreHTTPSErrors: true }));
