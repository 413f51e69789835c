// Cameras, microphones and screens: on, off, refused, missing, and on an origin to which browsers give none.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { closeVisitors, inPage, launch, openCall, phase, seesVideo, Server, visitor } from './support.mjs';

let server, browser, count = 0;
before(async () => {
  server = await Server.start('--allow-host', 'lan.example');
  browser = await launch({ flags: ['--host-resolver-rules=MAP lan.example 127.0.0.1'] });
});
afterEach(closeVisitors);
after(async () => {
  await browser?.close();
  await server?.stop();
});

const freshRoom = () => `${server.url}/r/devices-${++count}`;

async function enter(url, options, from = browser) {
  const guest = await visitor(from, options);
  await openCall(guest.page, url);
  return guest;
}

// getUserMedia as a browser answers it when people or machines say no.
const refusing = (name) => ({ init: `navigator.mediaDevices.getUserMedia = () =>
  Promise.reject(new DOMException('no', ${JSON.stringify(name)}))` });

// The one without a camera watches, listens and chats.
async function onlyReceives(guest, url) {
  const other = await enter(url);
  await Promise.all([guest, other].map(({ page }) => phase(page, 'talking')));
  await seesVideo(guest.page);
  assert.equal(await other.page.locator('#tiles .tile.blank').count(), 1);
  await guest.page.click('#open-chat');
  await guest.page.fill('#chat-text', 'I can only watch');
  await guest.page.press('#chat-text', 'Enter');
  await other.page.locator('.line .text', { hasText: 'I can only watch' }).waitFor({ state: 'attached' });
  await guest.close();
  await other.close();
}

for (const [name, words] of [['NotAllowedError', 'blocked'], ['NotFoundError', 'No camera or microphone was found'],
  ['NotReadableError', 'used by another program']]) {
  test(`no camera: ${name}`, async () => {
    const url = freshRoom();
    const guest = await enter(url, refusing(name));
    await guest.page.locator('#media-note-text', { hasText: words }).waitFor();
    assert.equal(await guest.page.locator('#self').isVisible(), false);
    await guest.page.click('#media-note-close');
    assert.equal(await guest.page.locator('#media-note').isVisible(), false);
    await onlyReceives(guest, url);
  });
}

test('a machine without devices, really', async () => {
  const bare = await launch({ devices: false });
  try {
    const url = freshRoom();
    const guest = await enter(url, {}, bare);
    await guest.page.locator('#media-note-text', { hasText: 'No camera or microphone was found' }).waitFor();
    await onlyReceives(guest, url);
  } finally {
    await bare.close();
  }
});

test('an insecure origin says why there is no camera', async () => {
  const url = freshRoom();
  const guest = await enter(url.replace('127.0.0.1', 'lan.example'));
  await guest.page.locator('#media-note-text', { hasText: 'Browsers give a camera only to secure pages, and http://lan.example' }).waitFor();
  assert.equal(await guest.page.locator('#screen').isVisible(), false);
  // Copying works without the clipboard of secure pages.
  await guest.page.click('#copy-link');
  await guest.page.locator('#copy-link', { hasText: 'Copied' }).waitFor();
  await onlyReceives(guest, url);
});

test('mute, camera off and on, at both ends', async () => {
  const url = freshRoom();
  const a = await enter(url), b = await enter(url);
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  await a.page.click('#mic');
  await b.page.locator('#tiles .hint', { hasText: 'muted' }).waitFor();
  assert.equal(await a.page.getAttribute('#mic', 'aria-pressed'), 'false');
  assert.equal(await inPage(a.page, ({ media }) => media.mic.enabled), false);
  await a.page.click('#mic');
  await b.page.waitForFunction(() => document.querySelector('#tiles .hint').textContent === '');

  await a.page.click('#camera');
  await b.page.locator('#tiles .tile.blank').waitFor();
  assert.equal(await inPage(a.page, ({ media }) => media.camera.readyState), 'ended', 'the camera is still on');
  assert.equal(await a.page.locator('#self.blank').count(), 1);
  const frames = await b.page.evaluate(() => document.querySelector('#tiles video').getVideoPlaybackQuality().totalVideoFrames);
  await a.page.click('#camera');
  await b.page.locator('#tiles .tile:not(.blank)').waitFor();
  await b.page.waitForFunction((before) => document.querySelector('#tiles video').getVideoPlaybackQuality().totalVideoFrames > before + 3, frames);
  await a.close();
  await b.close();
});

test('sharing the screen instead of the camera, and without one', async () => {
  // A headless browser has no screen to share.
  const screen = `navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 200 });
    const context = canvas.getContext('2d');
    setInterval(() => { context.fillStyle = 'hsl(' + Date.now() / 10 % 360 + ' 50% 50%)'; context.fillRect(0, 0, 640, 200); }, 100);
    return canvas.captureStream(10);
  };`;
  const wide = (page) => page.waitForFunction(() => {
    const video = document.querySelector('#tiles .tile.shared video');
    return video && video.videoWidth > 2.5 * video.videoHeight;
  });
  const url = freshRoom();
  const a = await enter(url, { init: screen });
  const b = await enter(url, { init: `${screen} navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotFoundError'));` });
  await seesVideo(b.page);
  await a.page.click('#screen');
  await wide(b.page);
  await a.page.click('#screen');
  await b.page.locator('#tiles .tile:not(.shared):not(.blank)').waitFor();
  await b.page.click('#screen');
  await wide(a.page);
  // The browser's own "Stop sharing" bar.
  await inPage(b.page, ({ media }) => { media.screen.stop(); media.screen.onended(); });
  await a.page.locator('#tiles .tile.blank').waitFor();
  await a.close();
  await b.close();
});

// Every track that the devices have given, and when they answer.
const slowDevices = `{
  const { getUserMedia } = navigator.mediaDevices;
  window.given = [];
  window.ready = Promise.resolve();
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    await window.ready;
    const stream = await getUserMedia(wanted);
    window.given.push(...stream.getTracks());
    return stream;
  };
  navigator.mediaDevices.getDisplayMedia = async () => {
    await window.ready;
    const stream = document.createElement('canvas').captureStream(1);
    window.given.push(...stream.getTracks());
    return stream;
  };
  window.holdDevices = () => { window.ready = new Promise((resolve) => { window.letDevices = resolve; }); };
  window.live = () => window.given.filter(({ readyState, kind }) => readyState === 'live' && kind === 'video').length;
}`;

test('a camera that is asked for twice is one camera', async () => {
  const a = await enter(freshRoom(), { init: slowDevices });
  await a.page.waitForFunction(() => window.given.length === 2);
  await a.page.click('#camera');
  assert.equal(await a.page.evaluate(() => window.live()), 0);
  await a.page.evaluate(() => window.holdDevices());
  await a.page.dblclick('#camera');
  await a.page.evaluate(() => window.letDevices());
  await a.page.waitForFunction(() => window.given.length === 4);
  await a.page.waitForFunction(() => window.live() === 1);
  await a.page.click('#camera');
  assert.equal(await a.page.evaluate(() => window.live()), 0, 'a camera is still on');
  await a.close();
});

test('who leaves while the devices are still being asked is not captured', async () => {
  const a = await enter(freshRoom(), { init: slowDevices });
  await a.page.waitForFunction(() => window.given.length === 2);
  await a.page.click('#camera');
  await a.page.evaluate(() => window.holdDevices());
  await a.page.click('#screen');
  await a.page.click('#camera');
  await a.page.click('#leave');
  await phase(a.page, 'ended');
  await a.page.evaluate(() => window.letDevices());
  await a.page.waitForFunction(() => window.given.length === 4);
  await a.page.waitForFunction(() => window.live() === 0, null, { timeout: 5000 });
  assert.equal(await inPage(a.page, ({ media }) => media.screen), null);
  await a.close();
});
