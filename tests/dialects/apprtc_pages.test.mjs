// examples/apprtc/, a client of AppRTC, in Chromium windows: with itself, and in one call with sigway's own demo page, whoever comes
// first. The example is as strict about roles as the original: one who calls takes no offer. SIGWAY_PICTURES=FOLDER keeps a picture.

import { after, before, test } from 'node:test';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closeBrowser, withPages } from '../browser/support/browser.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';

const kPictures = process.env.SIGWAY_PICTURES;
const kPatience = 60000;
const kGone = 'The other one has left.';
const pathOf = (name) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

// The demo page's folder with the example beside it, as client.html.
let server, folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sigway-apprtc-'));
  cpSync(pathOf('web'), folder, { recursive: true });
  cpSync(pathOf('examples/apprtc/call.js'), join(folder, 'apprtc.js'));
  writeFileSync(join(folder, 'apprtc.html'), readFileSync(pathOf('examples/apprtc/index.html'), 'utf8').replace('/call.js', '/apprtc.js'));
  server = await startGateway(['--web-root', folder]);
});
after(async () => {
  await closeBrowser();
  await stopGateway(server);
  rmSync(folder, { recursive: true, force: true });
});

// Two cores encode and decode everything.
function smallPictures() {
  const devices = navigator.mediaDevices;
  const getUserMedia = devices.getUserMedia.bind(devices);
  devices.getUserMedia = ({ video, ...rest }) => getUserMedia({ ...rest, ...(video ? { video: { width: 160, height: 120, frameRate: 8 } } : {}) });
}

const withWindows = (t, body) => withPages(t, body, { ignoreHTTPSErrors: true });

async function openPage(open, name, url) {
  const guest = await open(name, 'about:blank');
  await guest.page.addInitScript(smallPictures);
  await guest.page.goto(server.url + url);
  return guest;
}
const openClient = (open, name, room) => openPage(open, name, `/apprtc.html?room=${room}`);
async function openDemo(open, name, link) {
  const guest = await openPage(open, name, link);
  await guest.page.click('#join-now');
  return guest;
}

const shows = (guest, text) => guest.page.locator('#state', { hasText: text }).waitFor({ timeout: kPatience });
const isAlone = (client) => shows(client, 'You are the first one.');
const phase = (demo, wanted) => demo.page.waitForFunction((name) => document.getElementById('call').dataset.phase === name, wanted, { timeout: kPatience });
const moves = (guest, selector) => guest.page.waitForFunction((which) =>
  [...document.querySelectorAll(which)].some((video) => video.videoWidth > 0 && video.getVideoPlaybackQuality().totalVideoFrames > 3), selector, { timeout: kPatience });

// Moving pictures of the other one.
async function clientIsInCall(client) {
  await shows(client, 'The call: connected');
  await moves(client, '#theirs');
}
async function demoIsInCall(demo) {
  await phase(demo, 'talking');
  await moves(demo, '.tile video');
}

test('a client was first, and the demo page comes, goes, and comes again', (t) => withWindows(t, async (open) => {
  const room = fresh('mixed');
  const client = await openClient(open, 'client', room);
  await isAlone(client);
  const demo = await openDemo(open, 'demo', `/r/${room}`);
  await Promise.all([clientIsInCall(client), demoIsInCall(demo)]);
  if (kPictures) await client.page.screenshot({ path: join(kPictures, 'apprtc-client.png'), fullPage: true });
  await demo.page.click('#leave');
  await shows(client, kGone);
  const again = await openDemo(open, 'demo-again', `/r/${room}`);
  await Promise.all([clientIsInCall(client), demoIsInCall(again)]);
}));

test('the demo page was first, and clients come and go', (t) => withWindows(t, async (open) => {
  const room = fresh('mixed');
  const demo = await openDemo(open, 'demo', `/r/${room}`);
  await phase(demo, 'waiting');
  const client = await openClient(open, 'client', room);
  await Promise.all([clientIsInCall(client), demoIsInCall(demo)]);
  await client.page.close({ runBeforeUnload: true });
  await phase(demo, 'waiting');
  const again = await openClient(open, 'client-again', room);
  await Promise.all([clientIsInCall(again), demoIsInCall(demo)]);
  await again.page.click('#hang-up');
  await shows(again, 'You have hung up.');
  await phase(demo, 'waiting');
}));

test('two clients: a call, a third one, a hang-up, a reload, and the link of the room', (t) => withWindows(t, async (open) => {
  const room = fresh('two');
  const alice = await openClient(open, 'alice', room);
  await isAlone(alice);
  const bob = await openClient(open, 'bob', room);
  await Promise.all([clientIsInCall(alice), clientIsInCall(bob)]);
  const carol = await openClient(open, 'carol', room);
  await shows(carol, 'Two are in this room already.');
  await alice.page.click('#hang-up');
  await shows(alice, 'You have hung up.');
  await shows(bob, kGone);
  await alice.page.reload();
  await Promise.all([clientIsInCall(alice), clientIsInCall(bob)]);
  await alice.page.close();
  await shows(bob, kGone);
  const demo = await openDemo(open, 'demo', `/apprtc/r/${room}`);
  await Promise.all([clientIsInCall(bob), demoIsInCall(demo)]);
}));
