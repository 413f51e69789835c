// The preview on the Join screen: no device before a person has pressed something, what is shown, what is chosen, and that the call
// begins with just that.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { closeVisitors, inPage, launch, phase, seesVideo, Server, visitor } from './support.mjs';

let server, browser, count = 0;
before(async () => {
  server = await Server.start();
  browser = await launch({ flags: ['--use-fake-device-for-media-stream=fps=10,device-count=2'] });
});
afterEach(closeVisitors);
after(async () => {
  await browser?.close();
  await server?.stop();
});

const freshRoom = () => `${server.url}/r/preview-${++count}`;

// Every question to the devices, and every track that they gave.
function watchDevices() {
  const devices = navigator.mediaDevices;
  const ask = devices.getUserMedia.bind(devices);
  window.asked = [];
  window.given = [];
  devices.getUserMedia = async (wanted) => {
    window.asked.push(wanted);
    await window.held;
    const stream = await ask(wanted);
    window.given.push(...stream.getTracks());
    return stream;
  };
  window.live = () => window.given.filter(({ readyState }) => readyState === 'live').map(({ kind }) => kind).sort();
}

async function enter(url = freshRoom(), options = {}) {
  const guest = await visitor(browser, { init: watchDevices, ...options });
  await guest.page.goto(url);
  await guest.page.locator('#join').waitFor();
  return guest;
}

const live = (page) => page.evaluate(() => window.live());
const asked = (page) => page.evaluate(() => window.asked.length);

async function preview(page) {
  await page.click('#preview-switch');
  await page.waitForFunction(() => document.querySelectorAll('#pick-mic option').length > 0);
}

test('the camera is asked for when the switch is pressed, shown, and handed to the call', async () => {
  const { page, close } = await enter();
  await page.waitForTimeout(500);
  assert.equal(await asked(page), 0);
  assert.equal(await page.locator('#preview-video').isVisible(), false);
  await preview(page);
  assert.equal(await page.getAttribute('#preview-switch', 'aria-checked'), 'true');
  await page.waitForFunction(() => document.getElementById('preview-video').videoWidth > 0);
  await page.waitForFunction(() => document.getElementById('preview-level').value > 0.2);      // the fake microphone beeps
  assert.equal(await inPage(page, ({ call }) => call), null, 'nothing is joined');
  await page.click('#join-now');
  await phase(page, 'waiting');
  assert.equal(await asked(page), 1, 'the call asks again');
  assert.deepEqual(await live(page), ['audio', 'video']);
  assert.deepEqual(await inPage(page, ({ media }) => [media.micOn, media.cameraOn, window.given.includes(media.camera)]), [true, true, true]);
  await page.waitForFunction(() => document.getElementById('self-video').videoWidth > 0);
  await page.click('#leave');
  await phase(page, 'ended');
  assert.deepEqual(await live(page), []);
  await close();
});

test('what the preview has opened is seen and heard by the other side', async () => {
  const url = freshRoom();
  const a = await enter(url), b = await enter(url);
  for (const { page } of [a, b]) {
    await preview(page);
    await page.click('#join-now');
  }
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  await a.close();
  await b.close();
});

test('who switches the preview off is not captured, and joins so', async () => {
  const { page, close } = await enter();
  await preview(page);
  await page.click('#preview-switch');
  assert.deepEqual(await live(page), []);
  assert.equal(await page.locator('#preview-open').isVisible(), false);
  assert.match(await page.locator('#preview-says').innerText(), /You join without camera and microphone/);
  await page.click('#join-now');
  await phase(page, 'waiting');
  assert.equal(await asked(page), 1);
  assert.deepEqual(await live(page), []);
  await page.click('#camera');
  await page.waitForFunction(() => String(window.live()) === 'video');
  await close();
});

test('who switches off, or joins, while the browser still asks', async () => {
  const hold = (page) => page.evaluate(() => { window.held = new Promise((resolve) => { window.letGo = resolve; }); });
  const off = await enter();
  await hold(off.page);
  await off.page.click('#preview-switch');
  await off.page.waitForFunction(() => window.asked.length === 1);
  await off.page.click('#preview-switch');
  await off.page.evaluate(() => window.letGo());
  await off.page.waitForFunction(() => window.given.length === 2);
  await off.page.waitForFunction(() => window.live().length === 0);
  await off.close();

  const joined = await enter();
  await hold(joined.page);
  await joined.page.click('#preview-switch');
  await joined.page.waitForFunction(() => window.asked.length === 1);
  await joined.page.click('#join-now');
  await phase(joined.page, 'waiting');
  await joined.page.evaluate(() => window.letGo());
  await joined.page.waitForFunction(() => document.getElementById('self-video').videoWidth > 0);
  assert.equal(await asked(joined.page), 1);
  assert.equal(await joined.page.locator('#join').isVisible(), false);
  await joined.close();
});

test('camera, microphone and speaker are chosen, kept, and used by the call', async () => {
  const { page, close } = await enter();
  await preview(page);
  assert.equal(await page.locator('#pick-camera option').count(), 2);
  assert.equal(await page.locator('#pick-speaker').isVisible(), true);
  const chosen = {};
  for (const kind of ['camera', 'mic', 'speaker']) {
    chosen[kind] = await page.locator(`#pick-${kind} option`).last().getAttribute('value');
    await page.selectOption(`#pick-${kind}`, chosen[kind]);
  }
  await page.waitForFunction(() => window.asked.length === 3 && window.live().length === 2);
  assert.deepEqual(await page.evaluate(() => window.asked.slice(1).map(({ video, audio }) => (video ?? audio).deviceId.ideal)), [chosen.camera, chosen.mic]);
  await page.click('#join-now');
  await phase(page, 'waiting');
  assert.equal(await asked(page), 3);
  await page.reload();                                    // in the middle of the call: the page asks for what was chosen
  await phase(page, 'waiting');
  await page.waitForFunction(() => window.given.length === 2);
  assert.deepEqual(await page.evaluate(() => window.asked.map(({ video, audio }) => [video.deviceId.ideal, audio.deviceId.ideal])), [[chosen.camera, chosen.mic]]);
  const other = await visitor(browser);
  await other.page.goto(page.url());
  await other.page.click('#join-now');
  await page.locator('#tiles video').waitFor({ state: 'attached' });
  await page.waitForFunction((id) => document.querySelector('#tiles video').sinkId === id, chosen.speaker);
  await other.close();
  await close();
});

test('a browser without setSinkId shows no speakers; one that refuses says why, and joining asks again', async () => {
  const { page, close } = await enter(freshRoom(), { init: `(${watchDevices})(); delete HTMLMediaElement.prototype.setSinkId;` });
  await preview(page);
  assert.equal(await page.locator('#pick-camera').isVisible(), true);
  assert.equal(await page.locator('#pick-speaker').isVisible(), false);
  await close();
  const refused = await visitor(browser, { init: `navigator.mediaDevices.getUserMedia = () => { window.asked = (window.asked ?? 0) + 1;
    return Promise.reject(new DOMException('no', 'NotAllowedError')); }` });
  await refused.page.goto(freshRoom());
  await refused.page.click('#preview-switch');
  await refused.page.locator('#preview-problem', { hasText: 'Camera and microphone are blocked' }).waitFor();
  assert.equal(await refused.page.getAttribute('#preview-switch', 'aria-checked'), 'false');
  await refused.page.click('#join-now');
  await phase(refused.page, 'waiting');
  await refused.page.locator('#media-note-text', { hasText: 'blocked' }).waitFor();
  assert.equal(await refused.page.evaluate(() => window.asked), 2);
  await refused.close();
});

test('a name is kept in this browser, cleaned and bounded; the start page leads to the preview as well', async () => {
  const { page, context, close } = await enter();
  await page.fill('#join-name', `  \u202EAda \t ${'x'.repeat(100)}`);
  await page.locator('#join-name').evaluate((input) => input.dispatchEvent(new Event('input')));
  await page.goto(`${server.url}/`);
  const name = await page.inputValue('#lobby-name');
  assert.ok(name.startsWith('Ada x') && [...name].length <= 40, name);
  await page.fill('#lobby-name', 'Grace');
  await page.fill('#room-name', `preview-${++count}`);
  await page.click('#lobby-preview');
  await page.locator('#join').waitFor();
  assert.equal(await asked(page), 0);
  assert.equal(await page.inputValue('#join-name'), 'Grace');
  assert.equal(await inPage(page, ({ call }) => call), null);
  await page.click('#join-now');
  await phase(page, 'waiting');
  assert.equal((await context.pages()).length, 1);
  await close();
});
