// The main path in Firefox: with itself, and with Chromium in both orders.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Firefox } from './firefox.mjs';
import { aLook, closeVisitors, launch, moves, openCall as openCallInChromium, phase, seesVideo, Server, visitor } from './support.mjs';

let server, firefox, count = 0;
before(async () => {
  server = await Server.start('--suspend-after', '100s');    // longer than a test waits: who is away before has said so
  firefox = await Firefox.launch();
});
afterEach(closeVisitors);
after(async () => {
  await firefox?.close();
  await server?.stop();
});

const freshRoom = () => `${server.url}/r/firefox-${++count}`;

async function openCall(page, url) {
  await page.goto(url);
  await page.evaluate(() => document.getElementById('join-now').click());
}

async function enter(url) {
  const page = await firefox.page();
  await openCall(page, url);
  return page;
}

const inPhase = (page, wanted) => page.waitFor((name) => document.getElementById('call').dataset.phase === name, wanted);

const getsVideo = (page) => page.waitFor(moves, aLook());

const say = (page, words) => page.evaluate((text) => {
  if (document.getElementById('chat').hidden) document.getElementById('open-chat').click();
  document.getElementById('chat-text').value = text;
  document.getElementById('chat-form').requestSubmit();
}, words);
const hears = (page, words) => page.waitFor((text) =>
  [...document.querySelectorAll('.line:not(.own) .text')].some(({ textContent }) => textContent === text), words);

test('Firefox with Firefox: a call, chat, a reload, leaving, joining again', async () => {
  const url = freshRoom();
  const a = await enter(url);
  await inPhase(a, 'waiting');
  const b = await enter(url), both = [a, b];
  await Promise.all(both.map((page) => inPhase(page, 'talking')));
  await Promise.all(both.map(getsVideo));
  await say(a, 'hello <b>you</b> 🎈');
  await hears(b, 'hello <b>you</b> 🎈');
  await say(b, 'and you');
  await hears(a, 'and you');
  for (const page of [b, a]) {
    await page.reload();
    await Promise.all(both.map(getsVideo));
    for (const one of both) assert.equal(await one.evaluate(() => window.openPeerConnections()), 1);
  }
  await b.evaluate(() => document.getElementById('leave').click());
  await inPhase(b, 'ended');
  await inPhase(a, 'waiting');
  assert.equal(await b.evaluate(() => window.openPeerConnections()), 0);
  await b.evaluate(() => document.querySelector('#status-actions button').click());
  await Promise.all(both.map(getsVideo));
  for (const page of both) await page.close();
});

test('Firefox with Firefox: signaling over each transport in turn, with an ICE restart on each', async () => {
  const url = freshRoom();
  const a = await enter(url), b = await enter(url);
  await Promise.all([a, b].map(getsVideo));
  for (const transport of ['sse', 'poll', 'websocket']) {
    const before = await a.evaluate(async (name) => {
      const { call } = (await import('/app/main.js')).page;
      await call.connection.switchTransport(name);
      const { connection } = call.link.peers[0];
      window.fragment = () => /ice-ufrag:(\S+)/.exec(connection.remoteDescription.sdp)[1];
      const fragment = window.fragment();
      call.link.peers[0].restartIce();
      return fragment;
    }, transport);
    await a.waitFor(async (fragment) => {
      const { call } = (await import('/app/main.js')).page;
      return window.fragment() !== fragment && call.link.peers[0].state === 'connected' && call.link.peers[0].connection.signalingState === 'stable';
    }, before);
    assert.equal(await a.evaluate(async () => (await import('/app/main.js')).page.call.connection.transport), transport);
  }
  await Promise.all([a, b].map(getsVideo));
  for (const page of [a, b]) await page.close();
});

test('Firefox with Firefox: a page that is closed says that it is away', async () => {
  const url = freshRoom();
  const a = await enter(url), b = await enter(url);
  await Promise.all([a, b].map((page) => inPhase(page, 'talking')));
  await b.goto('about:blank');
  await a.waitFor(() => document.getElementById('banner').textContent.includes('closed the page or is reloading it'));
  await a.waitFor(() => document.getElementById('status-title').textContent === 'The other side has left');
  await openCall(b, url);
  await Promise.all([a, b].map(getsVideo));
  for (const page of [a, b]) await page.close();
});

for (const first of ['Firefox', 'Chromium']) {
  test(`Firefox with Chromium, ${first} being there first`, async (t) => {
    const chromium = await launch();
    t.after(() => chromium.close());
    const url = freshRoom();
    const ours = { fox: null, guest: null };
    const open = {
      Firefox: async () => { ours.fox = await enter(url); await inPhase(ours.fox, first === 'Firefox' ? 'waiting' : 'talking'); },
      Chromium: async () => {
        ours.guest = await visitor(chromium);
        await openCallInChromium(ours.guest.page, url);
        await phase(ours.guest.page, first === 'Chromium' ? 'waiting' : 'talking');
      },
    };
    for (const name of first === 'Firefox' ? ['Firefox', 'Chromium'] : ['Chromium', 'Firefox']) await open[name]();
    await Promise.all([getsVideo(ours.fox), seesVideo(ours.guest.page)]);
    await say(ours.fox, 'hello Chromium');
    await ours.guest.page.locator('.line:not(.own) .text', { hasText: 'hello Chromium' }).waitFor({ state: 'attached' });
    await ours.guest.page.click('#open-chat');
    await ours.guest.page.fill('#chat-text', 'hello Firefox');
    await ours.guest.page.press('#chat-text', 'Enter');
    await hears(ours.fox, 'hello Firefox');
    await ours.guest.page.reload();
    await Promise.all([getsVideo(ours.fox), seesVideo(ours.guest.page)]);
    await ours.guest.close();
    await ours.fox.close();
  });
}
