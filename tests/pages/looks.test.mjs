// How it looks and whether everybody can use it: axe-core in every state, at three widths, light and dark; nothing wider than the
// screen; all by keyboard. With SIGWAY_PICTURES=FOLDER it keeps the pictures, and makes docs/call.png with SIGWAY_README=1.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { drawnCamera, people } from './scene.mjs';
import { closeVisitors, inPage, launch, openCall, phase, Relay, seesVideo, Server, source, visitor } from './support.mjs';
import { Terminal } from './terminal.mjs';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const pictures = process.env.SIGWAY_PICTURES;
const kWidths = [[320, 568], [768, 900], [1280, 800]];
let server, browser, count = 0;
before(async () => {
  if (pictures) await mkdir(pictures, { recursive: true });
  server = await Server.start('--suspend-after', '1s', '--drain-time', '0s');
  browser = await launch();
});
afterEach(async () => {
  Terminal.leaveAll();
  await closeVisitors();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const freshRoom = (people = 2) => `${server.url}/r/garden-${++count}${people > 2 ? `?people=${people}` : ''}`;

const onlyRelays = 'window.RTCPeerConnection = class extends RTCPeerConnection { constructor(more) { super({ ...more, iceTransportPolicy: "relay" }); } }';

const called = (name) => `localStorage.setItem('sigway choices', ${JSON.stringify(JSON.stringify({ name }))})`;

async function enter(url, options = {}) {
  const who = people[count++ % people.length];
  const guest = await visitor(browser, { init: `(${drawnCamera})(${JSON.stringify(who)}); ${called(who.name)}`, ...options });
  if (url) await openCall(guest.page, url);
  return guest;
}

// The page in this state, at all widths and in both schemes.
async function look(page, name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const [width, height] of kWidths) {
      await page.setViewportSize({ width, height });
      await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve, 50)); }));
      if (pictures) await page.screenshot({ path: path.join(pictures, `${name}-${width}-${colorScheme}.png`) });
      const wider = await page.evaluate(() => [document.documentElement.scrollWidth - innerWidth,
        ...[...document.querySelectorAll('button, input, select, h1, h2, .card, .side')].filter((one) => one.checkVisibility())
          .map((one) => one.getBoundingClientRect()).map(({ left, right }) => Math.max(right - innerWidth, -left))]);
      assert.ok(Math.max(...wider) <= 0.5, `${name} at ${width} is ${Math.max(...wider)} px too wide`);
    }
    await check(page, `${name}, ${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1000, height: 720 });
}

async function check(page, name) {
  // By the debugger, for the pages' policy lets no other script in.
  if (!await page.evaluate(() => 'axe' in window)) await page.evaluate((await import('node:fs')).readFileSync(axe, 'utf8'));
  const { violations } = await page.evaluate(() => window.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(' | ')}`), [], name);
}

test('the start page', async () => {
  const { page, close } = await enter(`${server.url}/`);
  await look(page, 'start');
  await page.click('.terminal summary');
  await page.fill('#room-name', 'a/b');
  await page.press('#room-name', 'Enter');
  await look(page, 'start-problem');
  await close();
});

test('asking before a call: a room, one with a long name, an echo, a mistyped page', async () => {
  const { page, close } = await enter();
  for (const [name, path] of [['join', '/r/garden'], ['join-long', `/r/${'w'.repeat(128)}?people=4`], ['join-echo', '/r/echo'],
    ['join-right-to-left', `/r/${encodeURIComponent('غرفة الاجتماعات الكبيرة في الطابق الثالث')}`], ['join-doctr', '/doctr']]) {
    await page.goto(server.url + path);
    await page.locator('#join').waitFor();
    await look(page, name);
  }
  await close();
});

test('the preview before a call, on and off again', async () => {
  const { page, close } = await enter();
  await page.goto(`${server.url}/r/garden`);
  await page.click('#preview-switch');
  await page.waitForFunction(() => document.getElementById('preview-video').videoWidth > 0 && document.querySelector('#pick-mic option'));
  await look(page, 'preview');
  await page.click('#preview-switch');
  await look(page, 'preview-off');
  await close();
});

test('waiting, in call, chat, signaling, transport, full, reloading, ended', async () => {
  const url = freshRoom();
  const a = await enter(url);
  await phase(a.page, 'waiting');
  await look(a.page, 'waiting');
  const b = await enter(url);
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  await look(a.page, 'call');
  await a.page.click('#viewing-open');
  await look(a.page, 'viewing');
  await a.page.click('#open-quality');
  await a.page.locator('.quality .grade:not(:empty)').waitFor();
  await look(a.page, 'quality');
  await a.page.click('#side-close');
  await a.page.click('#mic');
  await a.page.click('#camera');
  await b.page.locator('#tiles .tile.blank').waitFor();
  await look(a.page, 'call-muted');
  await look(b.page, 'call-blank');
  await a.page.click('#mic');
  await a.page.click('#camera');

  await a.page.click('#open-chat');
  for (const [guest, words] of [[a, 'Can you see the slides?'], [b, 'Yes, all good. Shall we start?'], [a, 'مرحبا بكم 🎈'], [b, 'A longer line, to see where it breaks: https://example.org/a/very/long/path/without/any/space/in/it/at/all']]) {
    if (!await guest.page.locator('#chat').isVisible()) await guest.page.click('#open-chat');
    await guest.page.fill('#chat-text', words);
    await guest.page.press('#chat-text', 'Enter');
    await (guest === a ? b : a).page.locator('.line .text', { hasText: words }).waitFor({ state: 'attached' });
  }
  await look(a.page, 'chat');
  await a.page.click('#open-signals');
  await a.page.locator('#signal-rows li:has(b:text-is("offer")) summary').first().click();
  await a.page.locator('#signal-rows li:has(b:text-is("candidate")) summary').first().click();
  await look(a.page, 'signals');
  await a.page.click('#side-close');
  await a.page.click('#badge');
  await look(a.page, 'transport');
  await a.page.keyboard.press('Escape');

  const c = await enter(url);
  await phase(c.page, 'full');
  await look(c.page, 'full');
  await c.page.click('#status-actions button');
  await look(c.page, 'full-waiting');
  await c.page.click('#leave');
  await phase(c.page, 'ended');
  await look(c.page, 'ended');
  await c.close();

  await b.page.route('**/client/sigway.js', () => {});   // a reload that takes its time
  await b.page.reload({ waitUntil: 'commit' });
  await a.page.locator('#banner', { hasText: 'closed the page or is reloading it' }).waitFor();
  await look(a.page, 'leaving');
  await a.page.locator('#status-title', { hasText: 'The other side has left' }).waitFor();
  await look(a.page, 'left');
  await a.close();
  await b.page.unrouteAll({ behavior: 'ignoreErrors' });
  await b.close();
});

test('a peer without the server, a broken way, a reload', async (t) => {
  const relay = await Relay.start(server);
  t.after(() => relay.stop());
  const url = freshRoom();
  const a = await enter(url);
  const b = await enter(url.replace(server.url, relay.url), { expected: [/ERR_|WebSocket connection/] });
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  relay.open = false;
  await a.page.locator('#banner', { hasText: 'has lost its connection to the server' }).waitFor();
  await look(a.page, 'suspended');
  await look(b.page, 'server-away');
  relay.open = true;
  await a.page.waitForFunction(() => document.getElementById('banner').textContent === '');

  await inPage(a.page, ({ call }) => {
    const { connection } = call.link.peers[0];
    connection.restartIce = () => {};                    // it is not mended
    Object.defineProperty(connection, 'connectionState', { value: 'disconnected', configurable: true });
    connection.dispatchEvent(new Event('connectionstatechange'));
  });
  await a.page.locator('#banner', { hasText: 'Trying to mend it' }).waitFor();
  await look(a.page, 'reconnecting');

  // Comes again, but finds no way: the card stays for as long as a look takes.
  await b.context.addInitScript(onlyRelays);
  await b.page.reload();
  await a.page.locator('#status-title', { hasText: 'The other side is reloading' }).waitFor();
  await look(a.page, 'reloading');
  await a.close();
  await b.close();
});

test('connecting, and no way is found', async () => {
  const url = freshRoom();
  const a = await enter(url);
  const b = await enter(url, { init: `(${drawnCamera})(${JSON.stringify(people[1])});` + `${onlyRelays};`
    + 'window.setTimeout = ((later) => (act, ms, ...rest) => later(act, ms === 15000 ? 600000 : ms, ...rest))(window.setTimeout);' });
  await phase(b.page, 'linking');
  await look(b.page, 'connecting');
  await inPage(b.page, ({ call }) => call.link.peers[0].renew());
  await b.page.locator('#status-title', { hasText: 'Still looking for a way' }).waitFor();
  await look(b.page, 'no-way');
  await a.close();
  await b.close();
});

test('four in a call', async () => {
  const url = freshRoom(4);
  const guests = [];
  for (let i = 0; i < 4; ++i) guests.push(await enter(url));
  await Promise.all(guests.map(({ page }) => seesVideo(page, 3)));
  await look(guests[0].page, 'mesh');
  for (const guest of guests) await guest.close();
});

test('the echo; long names of rooms, and such that are read from the right', async () => {
  const a = await enter(`${server.url}/r/echo`);
  await seesVideo(a.page);
  await look(a.page, 'echo');
  await a.close();
  for (const [name, room] of [['long', 'w'.repeat(128)], ['right-to-left', 'غرفة الاجتماعات الكبيرة في الطابق الثالث'], ['mixed', '\u202E<b>حديقة garden<b> 🎈 100%']]) {
    const b = await enter(`${server.url}/r/${encodeURIComponent(room)}`);
    await phase(b.page, 'waiting');
    assert.equal(await b.page.locator('#room-title').innerText(), room);
    await look(b.page, `name-${name}`);
    await b.close();
  }
});

test('without a camera; without a server', async () => {
  const expected = [/ERR_|WebSocket connection|503/];
  const url = freshRoom();
  const a = await enter(url, { expected, init: `navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))` });
  await a.page.locator('#media-note').waitFor();
  await look(a.page, 'no-camera');
  await a.page.setViewportSize({ width: 320, height: 568 });
  const { note, shown, share } = await a.page.evaluate(() => Object.fromEntries([['note', 'media-note'], ['shown', 'status'], ['share', 'share']]
    .map(([name, id]) => [name, document.getElementById(id).getBoundingClientRect().toJSON()])));
  assert.ok(share.bottom <= shown.bottom && share.bottom <= note.top, `the note is over the share card: ${JSON.stringify({ note, shown, share })}`);
  await a.page.setViewportSize({ width: 1000, height: 720 });
  const b = await enter(url, { expected });
  await seesVideo(a.page);
  await server.stop();
  await a.page.locator('#banner', { hasText: 'The server is restarting' }).waitFor();
  await look(a.page, 'draining');
  await server.restart();
  await a.page.waitForFunction(() => document.getElementById('banner').textContent === '');
  await a.close();
  await b.close();
});

test('a terminal in the room, alone and among others; after the call', async () => {
  const url = freshRoom(3);
  const a = await enter(url);
  await phase(a.page, 'waiting');
  await Terminal.join(url, 'bob');
  await a.page.locator('#status-title', { hasText: 'A terminal is here' }).waitFor();
  await look(a.page, 'terminal');
  const b = await enter(url);
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  await a.page.locator('#tiles figcaption', { hasText: 'terminal, chat only' }).waitFor();
  await look(a.page, 'terminal-call');
  Terminal.leaveAll();
  await a.page.click('#open-signals');
  await a.page.click('#leave');
  await phase(a.page, 'ended');
  await look(a.page, 'ended-signals');
  await a.close();
  await b.close();
});

test('everything by keyboard', async () => {
  const { page, close } = await enter(`${server.url}/`);
  const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.className || document.activeElement?.tagName);
  const seen = [];
  for (let i = 0; i < 9; ++i) {
    await page.keyboard.press('Tab');
    seen.push(await focused());
  }
  for (const wanted of ['skip', 'brand', 'room-name', 'another', 'capacity']) assert.ok(seen.includes(wanted), `${wanted} is not in ${seen}`);
  await page.focus('#room-name');
  await page.keyboard.press('Enter');
  await phase(page, 'waiting');
  await page.focus('#open-chat');
  await page.keyboard.press('Enter');
  assert.equal(await focused(), 'chat-text');
  await page.keyboard.press('Escape');
  assert.equal(await focused(), 'open-chat');
  await page.focus('#badge');
  await page.keyboard.press('Enter');
  await page.locator('#transport').waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowDown');
  await page.locator('#badge-name', { hasText: 'WebSocket' }).waitFor();
  assert.equal(await inPage(page, ({ call }) => call.connection.mode), 'websocket');
  await page.keyboard.press('Escape');
  assert.equal(await focused(), 'badge');
  await page.focus('#leave');
  await page.keyboard.press('Enter');
  await phase(page, 'ended');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Join again');
  await close();
});

test('the picture of the README', { skip: process.env.SIGWAY_README ? false : 'set SIGWAY_README=1 to make it' }, async () => {
  const context = { viewport: { width: 1240, height: 720 } };
  const url = `${server.url}/r/garden`;
  const a = await enter(url, { context }), b = await enter(url, { context });
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  await a.page.click('#open-signals');
  await a.page.locator('#signal-rows li:has(b:text-is("offer")) summary').first().click();
  if (await a.page.locator('#listen').isVisible()) await a.page.click('#listen');   // a drawn camera does not count as one
  await a.page.mouse.move(5, 5);
  await a.page.evaluate(() => {
    document.activeElement.blur();
    document.getElementById('signal-rows').scrollTop = 0;
  });
  await a.page.screenshot({ path: path.join(source, 'docs/call.png') });
  await a.close();
  await b.close();
});
