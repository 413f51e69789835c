// What people do and see, in the order in which they might: every state of the call page.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { until } from '../support/until.mjs';
import { closeVisitors, inPage, kPatience, launch, openCall, phase, pressJoin, Relay, seesVideo, Server, visitor } from './support.mjs';

const kReloads = Number(process.env.SIGWAY_ROUNDS ?? 20);
let server, browser, count = 0;
before(async () => {
  server = await Server.start('--suspend-after', '1s', '--drain-time', '0s');
  browser = await launch();
});
afterEach(closeVisitors);
after(async () => {
  await browser?.close();
  await server?.stop();
});

const freshRoom = () => `${server.url}/r/room-${++count}`;
const text = (page, selector) => page.locator(selector).innerText();
const seesText = (page, selector, wanted) => page.locator(selector, { hasText: wanted }).first().waitFor();

async function enter(url, options) {
  const guest = await visitor(browser, options);
  await openCall(guest.page, url);
  return guest;
}

async function pair(options) {
  const url = freshRoom();
  const [a, b] = [await enter(url, options), await enter(url, options)];
  await Promise.all([a, b].map(({ page }) => phase(page, 'talking')));
  return { a, b, url };
}

// Resolves when the card's title says that from now on, however shortly.
const says = (page, wanted) => page.evaluate(([text, patience]) => new Promise((resolve, reject) => {
  const title = document.getElementById('status-title');
  setTimeout(reject, patience, new Error(`no title with ${text}`));
  const look = () => { if (title.textContent.includes(text) && title.checkVisibility()) resolve(); };
  new MutationObserver(look).observe(document.body, { attributes: true, childList: true, characterData: true, subtree: true });
}), [wanted, kPatience]);

// Resolves when the page is in a phase from now on, however shortly.
const passes = (page, wanted) => page.evaluate(([name, patience]) => new Promise((resolve, reject) => {
  const call = document.getElementById('call');
  setTimeout(reject, patience, new Error(`no ${name}`));
  new MutationObserver(() => { if (call.dataset.phase === name) resolve(); }).observe(call, { attributeFilter: ['data-phase'] });
}), [wanted, kPatience]);

async function say(page, words) {
  if (!await page.locator('#chat').isVisible()) await page.click('#open-chat');
  await page.fill('#chat-text', words);
  await page.press('#chat-text', 'Enter');
}

test('from the start page into a room with a name of one\'s own', async () => {
  const { page, close } = await enter(`${server.url}/`);
  assert.match(await page.inputValue('#room-name'), /^([b-z][aeiou]){3}-([b-z][aeiou]){2}-([b-z][aeiou]){3}-([b-z][aeiou]){2}$/);
  const suggested = await page.inputValue('#room-name');
  await page.click('#another');
  assert.notEqual(await page.inputValue('#room-name'), suggested);
  for (const [name, problem] of [['', /Give the room a name/], ['a/b', /slash/], ['a\\b', /slash/], ['é'.repeat(65), /too long/], ['..', /Dots/]]) {
    await page.fill('#room-name', name);
    await page.press('#room-name', 'Enter');
    assert.match(await text(page, '#room-problem'), problem);
    assert.equal(await page.getAttribute('#room-name', 'aria-invalid'), 'true');
  }
  await page.fill('#room-name', 'Café 100% <b>مرحبا</b>🎈?#&'.replace('</', '<'));
  await page.click('button[type=submit]');
  await phase(page, 'waiting');
  assert.equal(await text(page, '#room-title'), 'Café 100% <b>مرحبا<b>🎈?#&');
  assert.equal(await page.inputValue('#share-link'), page.url());
  await close();
});

test('a suggested name fits on the start page and over the call, on a phone and on a desk', async () => {
  // Of 5,000 suggested names 4,990 are narrower than these.
  for (const name of ['mupujo-mono-bodema-boko', 'zuvate-goma-mekahi-domo']) {
    for (const [width, height] of [[360, 740], [1280, 800]]) {
      const { page, close } = await enter(`${server.url}/`);
      await page.setViewportSize({ width, height });
      const fits = (selector) => page.$eval(selector, (one) => one.scrollWidth <= one.clientWidth && one.scrollHeight <= one.clientHeight);
      await page.fill('#room-name', name);
      assert.ok(await fits('#room-name'), `${name} is cut at ${width}`);
      await page.click('button[type=submit]');
      await phase(page, 'waiting');
      assert.equal(await text(page, '#room-title'), name);
      assert.ok(await fits('#room-title'), `${name} is cut over the call at ${width}`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `the page is too wide at ${width}`);
      await close();
    }
  }
});

test('a bare path becomes a room', async () => {
  const { page, close } = await enter(`${server.url}/short`);
  await phase(page, 'waiting');
  assert.equal(new URL(page.url()).pathname, '/r/short');
  await close();
});

test('an address that names no room says so', async () => {
  const { page, close } = await enter(`${server.url}/r/${'x'.repeat(129)}`);
  await seesText(page, '#room-problem', 'too long');
  await close();
});

test('waiting, copying the link, connecting, in call, chat, leaving, joining again', async () => {
  const url = freshRoom();
  const a = await enter(url, { context: { permissions: ['camera', 'microphone', 'clipboard-read', 'clipboard-write'] } });
  await phase(a.page, 'waiting');
  assert.equal(await text(a.page, '#status-title'), 'Waiting for the other side');
  await a.page.click('#share-copy');
  await seesText(a.page, '#share-copy', 'Copied');
  assert.equal(await a.page.evaluate(() => navigator.clipboard.readText()), url);

  const b = await enter(url);
  await Promise.all([a, b].map(({ page }) => phase(page, 'talking')));
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  assert.equal(await a.page.locator('#status').isVisible(), false);

  const nasty = '<img src=x onerror=alert(1)> \u202Eevil & مرحبا 🎈';
  await say(a.page, nasty);
  await seesText(b.page, '#chat-count', '1');
  await b.page.click('#open-chat');
  assert.equal(await b.page.locator('.line .text').innerText(), nasty);
  assert.equal(await b.page.locator('.line img').count(), 0);
  await say(b.page, 'x'.repeat(4000));
  await a.page.locator('.line:not(.own) .text').waitFor();
  assert.equal((await a.page.locator('.line:not(.own) .text').innerText()).length, 4000);

  await b.page.click('#leave');
  await phase(b.page, 'ended');
  await phase(a.page, 'waiting');
  assert.equal(await text(a.page, '#status-title'), 'You are alone here');
  assert.equal(await b.page.evaluate(() => openPeerConnections()), 0);
  assert.equal(await inPage(b.page, ({ media }) => media.camera), null);
  await b.page.click('#status-actions button');
  await Promise.all([a, b].map(({ page }) => phase(page, 'talking')));
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  for (const { page } of [a, b]) assert.equal(await page.evaluate(() => openPeerConnections()), 1);
  await a.close();
  await b.close();
});

test('who joins again at once sees nothing of the call before', async () => {
  const { a, b } = await pair();
  await a.page.click('#open-signals');
  await a.page.locator('#signal-rows b', { hasText: 'answer' }).first().waitFor();
  await a.page.evaluate(async () => {
    const { page } = await import('/app/main.js');
    window.left = new Promise((resolve) => { page.call.connection.on('closed', resolve); });
    document.getElementById('leave').click();
    document.querySelector('#status-actions button').click();
    window.shown = new Set();
    const look = () => window.shown.add(document.getElementById('call').dataset.phase).add(document.getElementById('badge-name').textContent);
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
    await window.left;
  });
  await Promise.all([a, b].map(({ page }) => phase(page, 'talking')));
  assert.equal(await a.page.locator('#controls button:disabled').count(), 0);
  const shown = await a.page.evaluate(() => [...window.shown]);
  for (const of of ['ended', 'Ended']) assert.ok(!shown.includes(of), `${shown}`);
  const recorded = await inPage(a.page, ({ signals }) => signals.entries.length);
  assert.ok(await a.page.locator('#signal-rows > li').count() <= recorded, 'rows of the call before');
  assert.equal(await a.page.locator('#signal-rows b', { hasText: 'leave' }).count(), 0);
  await a.close();
  await b.close();
});

test('who floods the chat is cut short, and heard again at once: what it says of its microphone anyway', async () => {
  const { a, b } = await pair();
  await inPage(b.page, ({ call }) => { for (let i = 0; i < 1000; ++i) call.chat(`line ${i}`); });
  await seesText(a.page, '#banner', 'come too fast');
  await b.page.click('#mic');
  await a.page.locator('#tiles .hint', { hasText: 'muted' }).waitFor({ timeout: 5000 });
  await new Promise((resolve) => { setTimeout(resolve, 500); });
  await say(b.page, 'sorry');
  await a.page.locator('.line .text', { hasText: 'sorry' }).waitFor({ state: 'attached', timeout: 5000 });
  assert.ok(await a.page.locator('.line').count() < 100);
  await a.close();
  await b.close();
});

test('a third one finds the room full, waits, and comes in', async () => {
  const { a, b, url } = await pair();
  const c = await enter(url);
  await phase(c.page, 'full');
  assert.equal(await text(c.page, '#status-title'), 'This room is full');
  await c.page.click('#status-actions button');
  await seesText(c.page, '#status-title', 'Waiting for a place');
  await a.page.click('#leave');
  await Promise.all([b, c].map(({ page }) => phase(page, 'talking')));
  await Promise.all([b, c].map(({ page }) => seesVideo(page)));
  for (const guest of [a, b, c]) await guest.close();
});

test(`${kReloads} reloads in the middle of a call`, async () => {
  const { a, b } = await pair();
  for (let i = 0; i < kReloads; ++i) {
    const [reloaded, other] = i % 2 ? [a, b] : [b, a];
    // Wherever the reload comes: in a running call, or while it is still being set up.
    if (i % 3 === 0) await Promise.all([a, b].map(({ page }) => seesVideo(page)));
    const linking = i % 3 === 1 ? passes(other.page, 'linking') : null;
    await reloaded.page.reload();
    await linking;
    await Promise.all([a, b].map(({ page }) => phase(page, 'talking')));
  }
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  for (const { page } of [a, b]) {
    assert.equal(await page.evaluate(() => openPeerConnections()), 1);
    assert.equal(await page.locator('#tiles .tile').count(), 1);
  }
  await a.close();
  await b.close();
});

test('the other side learns of a reload while it lasts', async () => {
  const { a, b } = await pair();
  await b.page.route('**/client/sigway.js', async (route) => {
    await seesText(a.page, '#banner', 'is reloading it').catch(() => {});
    await route.continue();
  }, { times: 1 });
  const reloading = says(a.page, 'reloading');
  await b.page.reload({ waitUntil: 'commit' });
  await seesText(a.page, '#banner', 'closed the page or is reloading it');
  await reloading;
  await Promise.all([a, b].map(({ page }) => phase(page, 'talking')));
  await a.close();
  await b.close();
});

const kLateIcon = [/icon\.svg/];     // Chromium asks for it in the name of the page that has come in its place

test('a page that is closed counts as gone after a while, and is back when it comes back', async () => {
  const { a, b } = await pair({ expected: kLateIcon });
  await b.page.goto('about:blank');
  await seesText(a.page, '#banner', 'closed the page or is reloading it');
  await seesText(a.page, '#status-title', 'The other side has left');
  assert.equal(await a.page.getAttribute('#call', 'data-phase'), 'waiting');
  assert.equal(await a.page.locator('#tiles .tile').count(), 0);
  assert.equal(await a.page.locator('#share-link').isVisible(), true);
  assert.equal(await text(a.page, '#banner'), '');
  await b.page.goBack();
  await pressJoin(b.page);
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  for (const { page } of [a, b]) assert.equal(await page.evaluate(() => openPeerConnections()), 1);
  await a.close();
  await b.close();
});

test('who opens the link when everybody has closed the page is not told of a call that connects', async () => {
  const url = freshRoom();
  const a = await enter(url, { expected: kLateIcon });
  await phase(a.page, 'waiting');
  await a.page.goto('about:blank');
  const b = await enter(url);
  await seesText(b.page, '#status-title', 'The other side has left');
  await a.page.goBack();
  await pressJoin(a.page);
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  await a.close();
  await b.close();
});

test('a way that is not found: the page says so, and goes on looking', async () => {
  const url = freshRoom();
  // Its first connection looks for relays only, of which there are none. What the page waits, a test does not.
  const hopeless = { init: () => {
    const Native = window.RTCPeerConnection, later = window.setTimeout;
    let first = true;
    window.RTCPeerConnection = class extends Native {
      constructor(configuration) {
        super(first ? { ...configuration, iceTransportPolicy: 'relay' } : configuration);
        first = false;
      }
    };
    window.setTimeout = (act, ms, ...rest) => later(act, ms === 15000 ? 1500 : ms, ...rest);
  } };
  const a = await enter(url, hopeless);
  await phase(a.page, 'waiting');
  await a.page.evaluate(() => {
    window.titles = new Set();
    new MutationObserver(() => window.titles.add(document.getElementById('status-title').textContent))
      .observe(document.getElementById('status'), { subtree: true, childList: true, characterData: true });
  });
  const b = await enter(url);
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  const titles = await a.page.evaluate(() => [...window.titles]);
  for (const title of ['Connecting the call', 'Still looking for a way']) assert.ok(titles.includes(title), `${title} is not in ${titles}`);
  for (const { page } of [a, b]) assert.equal(await page.evaluate(() => openPeerConnections()), 1);
  await a.close();
  await b.close();
});

test('a call goes over each transport in turn without being disturbed', async () => {
  const { a, b } = await pair();
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  const names = { sse: 'Event stream', poll: 'Long-polling', websocket: 'WebSocket' };
  const before = await inPage(a.page, ({ call }) => { window.kept = call.link.peers[0].connection; return call.link.peers.length; });
  assert.equal(before, 1);
  const since = () => inPage(a.page, ({ call }) => ({ at: call.transportSince.getTime(),
    said: call.transportSince.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }) }));
  for (const mode of ['sse', 'poll', 'websocket', 'auto']) {
    const previous = await since();
    await a.page.click('#badge');
    await a.page.check(`input[name=transport][value=${mode}]`);
    await seesText(a.page, '#badge-name', names[mode] ?? 'WebSocket');
    await a.page.waitForFunction(() => !document.getElementById('transport').hasAttribute('aria-busy'));
    const { at, said } = await since();
    assert.ok(mode === 'auto' ? at === previous.at : at > previous.at, `${mode} since ${said}`);   // auto has the best one already
    assert.equal(await text(a.page, '#badge-since'), `since ${said.slice(0, 5)}`);
    assert.equal(await text(a.page, '#fact-changed'), said);
    assert.equal(await a.page.getAttribute('#badge', 'title'), `${names[mode] ?? 'WebSocket'} since ${said}`);
    assert.equal(await inPage(a.page, ({ call }) => call.connection.mode), mode);
    assert.equal(await a.page.isChecked(`input[value=${mode}]`), true);
    assert.equal(await text(a.page, '#fact-transport'), mode === 'auto' ? 'WebSocket, chosen automatically' : names[mode]);
    await a.page.keyboard.press('Escape');
    // Signaling works there too.
    await inPage(b.page, ({ call }) => {
      const { connection } = call.link.peers[0];
      window.fragment = () => /ice-ufrag:(\S+)/.exec(connection.remoteDescription.sdp)[1];
      window.before = window.fragment();
    });
    await inPage(a.page, ({ call }) => call.link.peers[0].restartIce());
    await b.page.waitForFunction(() => window.fragment() !== window.before);
    await say(a.page, `over ${mode}`);
    await b.page.locator('.line .text', { hasText: `over ${mode}` }).waitFor({ state: 'attached' });
    assert.equal(await inPage(a.page, ({ call }) => call.link.peers[0].connection === window.kept && window.kept.connectionState), 'connected');
  }
  await a.page.click('#badge');
  await a.page.locator('#fact-trip', { hasText: / ms$/ }).waitFor();
  await a.close();
  await b.close();
});

test('a peer that is cut off is suspended, comes back, and the call has gone on', async (t) => {
  const relay = await Relay.start(server);
  t.after(() => relay.stop());
  const a = await enter(freshRoom());
  const b = await enter(a.page.url().replace(server.url, relay.url), { expected: [/ERR_|WebSocket connection/] });
  await Promise.all([a, b].map(({ page }) => phase(page, 'talking')));
  await inPage(b.page, ({ call }) => { window.kept = call.link.peers[0].connection; });
  relay.open = false;
  await seesText(b.page, '#banner', 'cannot be reached');
  await seesText(a.page, '#banner', 'lost its connection to the server');
  assert.equal(await a.page.getAttribute('#call', 'data-phase'), 'talking');
  relay.open = true;
  await Promise.all([a, b].map(({ page }) => page.waitForFunction(() => document.getElementById('banner').textContent === '')));
  assert.equal(await inPage(b.page, ({ call }) => call.link.peers[0].connection === window.kept), true);
  await a.close();
  await b.close();
});

test('the server drains and another one takes its place: the same call goes on', async () => {
  const expected = [/WebSocket connection to|ERR_CONNECTION|503|404|409/];
  const { a, b } = await pair({ expected });
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  for (const { page } of [a, b]) await inPage(page, ({ call }) => { window.kept = call.link.peers[0].connection; });
  await server.stop('SIGTERM');
  await Promise.all([a, b].map(({ page }) => seesText(page, '#banner', 'The server is restarting')));
  await server.restart();
  await Promise.all([a, b].map(({ page }) => page.waitForFunction(() => document.getElementById('banner').textContent === '')));
  for (const { page } of [a, b]) {
    await phase(page, 'talking');
    assert.equal(await inPage(page, ({ call }) => call.link.peers.length === 1 && call.link.peers[0].connection === window.kept), true);
  }
  // And signaling reaches the other side again.
  await inPage(a.page, ({ call }) => call.link.peers[0].restartIce());
  await say(a.page, 'still here');
  await b.page.locator('.line .text', { hasText: 'still here' }).waitFor({ state: 'attached' });
  await b.page.click('#leave');
  await phase(a.page, 'waiting');
  await a.close();
  await b.close();
});

test('no server at all: the page says so, and comes in when there is one', async () => {
  const a = await visitor(browser, { expected: [/ERR_|WebSocket connection/] });
  let reachable = false;
  await a.page.route('**/v1/**', (route) => reachable ? route.continue() : route.abort());
  await a.page.routeWebSocket('**/v1/ws', (socket) => reachable ? socket.connectToServer() : socket.close());
  await openCall(a.page, freshRoom());
  await seesText(a.page, '#status-text', 'cannot be reached yet');
  reachable = true;
  await phase(a.page, 'waiting');
  await a.close();
});

test('echo: one person sees a whole call, on two transports', async () => {
  const a = await enter(`${server.url}/r/echo`);
  await phase(a.page, 'talking');
  await seesVideo(a.page);
  await say(a.page, 'anybody there?');
  await a.page.locator('.line:not(.own) .text', { hasText: 'anybody there?' }).waitFor();
  const onTransports = (...wanted) => until(a.page, async (names) => {
    const { page: { call, echo } } = await import('/app/main.js');
    return `${[call.connection.transport, echo.connection.transport]}` === `${names}`;
  }, wanted, { timeout: kPatience });
  await onTransports('websocket', 'sse');
  for (const [mode, other] of [['sse', 'websocket'], ['poll', 'websocket'], ['websocket', 'sse']]) {
    await inPage(a.page, ({ call }, name) => call.connection.switchTransport(name), mode);
    await onTransports(mode, other);
  }
  const other = await enter(`${server.url}/r/echo`);   // has an echo of its own
  await phase(other.page, 'talking');
  await a.page.reload();
  await phase(a.page, 'talking');
  await a.page.click('#leave');
  await phase(a.page, 'ended');
  assert.equal(await a.page.evaluate(() => openPeerConnections()), 0);
  await a.close();
  await other.close();
});

test('echo: where event streams are blocked it comes by another way', async () => {
  const a = await visitor(browser, { expected: [/ERR_FAILED/] });
  await a.page.route('**/v1/sse**', (route) => route.abort());
  await openCall(a.page, `${server.url}/r/echo`);
  await phase(a.page, 'talking');
  await seesVideo(a.page);
  await until(a.page, async () => {
    const { page: { call, echo } } = await import('/app/main.js');
    return call.connection.transport === 'websocket' && echo.connection.transport === 'poll';
  }, null, { timeout: kPatience });
  await a.close();
});
