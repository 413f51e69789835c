// The peer link in the page: glare, ICE restart, a mesh, what a peer may send to do harm, no leaks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browser, server } from './served.mjs';
import { inPage, openCall, phase, seesVideo, Server, visitor } from './support.mjs';

const kGlares = Number(process.env.SIGWAY_ROUNDS ?? 50);
let count = 0;

const freshRoom = (people = 2) => `${server.url}/r/link-${++count}${people > 2 ? `?people=${people}` : ''}`;

async function enter(url, options) {
  const guest = await visitor(browser, options);
  await openCall(guest.page, url);
  return guest;
}

async function pair() {
  const url = freshRoom();
  const [a, b] = [await enter(url), await enter(url)];
  await Promise.all([a, b].map(({ page }) => phase(page, 'talking')));
  return { a, b, url };
}

const isWell = (page) => inPage(page, ({ call }) => call.link.peers.every(({ state, connection }) =>
  state === 'connected' && connection.signalingState === 'stable'));

// Settled: both have nothing more to say, and the two descriptions are those of each other.
async function settled(a, b) {
  const fragments = (page) => inPage(page, ({ call }) => {
    const { connection, state } = call.link.peers[0];
    const of = (description) => /ice-ufrag:(\S+)/.exec(description?.sdp ?? '')?.[1];
    return { local: of(connection.localDescription), remote: of(connection.remoteDescription), state, signaling: connection.signalingState };
  });
  let before = '';       // the polite one may still have something to say after it gave in
  for (const deadline = Date.now() + 30000; Date.now() < deadline;) {
    const [ours, theirs] = await Promise.all([fragments(a.page), fragments(b.page)]);
    if (ours.local === theirs.remote && ours.remote === theirs.local && ours.signaling === 'stable' && theirs.signaling === 'stable'
      && ours.state === 'connected' && theirs.state === 'connected') {
      if (ours.local + ours.remote === before) return ours;
      before = ours.local + ours.remote;
    }
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  throw new Error('the two sides did not settle');
}

test(`${kGlares} times both sides offer at once`, async () => {
  const { a, b } = await pair();
  for (const { page } of [a, b]) {
    await inPage(page, ({ call }) => {
      window.offers = window.passedOver = 0;
      const { link, connection } = call;
      connection.on('sent', ({ type }) => { if (type === 'offer') ++window.offers; });
      connection.on('message', ({ type }) => {
        if (type === 'offer' && link.peers[0].connection.signalingState === 'have-local-offer') ++window.passedOver;
      });
      link.on('trouble', ({ code, message }) => { throw new Error(`${code}: ${message}`); });
    });
  }
  for (let i = 0; i < kGlares; ++i) {
    // Each holds its messages back until both have made an offer.
    const change = ({ call }, wayOfChange) => new Promise((resolve) => {
      const { connection } = call.link.peers[0];
      const send = call.connection.send.bind(call.connection);
      const held = [];
      call.connection.send = (...values) => held.push(values);
      const offered = () => {
        if (connection.signalingState !== 'have-local-offer') return;
        connection.removeEventListener('signalingstatechange', offered);
        resolve();
      };
      connection.addEventListener('signalingstatechange', offered);
      window.release = () => {
        delete call.connection.send;
        for (const values of held) send(...values);
      };
      if (wayOfChange === 'restart') call.link.peers[0].restartIce();
      else connection.addTransceiver('audio', { direction: 'inactive' });
    });
    // Sections are never taken out again, so there are not many of them.
    const way = (every) => i % every === every - 1 ? 'section' : 'restart';
    await Promise.all([inPage(a.page, change, way(10)), inPage(b.page, change, way(15))]);
    await Promise.all([a, b].map(({ page }) => page.evaluate(() => window.release())));
    await settled(a, b);
  }
  const passedOver = await Promise.all([a, b].map(({ page }) => page.evaluate(() => window.passedOver)));
  assert.ok(passedOver[0] + passedOver[1] >= kGlares, `only ${passedOver} offers crossed`);
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  await a.close();
  await b.close();
});

test('the way breaks: reconnecting, an ICE restart, and the call is back', async () => {
  const { a, b } = await pair();
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  // A way that is gone looks like this to the link. The restart itself is real.
  const before = await settled(a, b);
  for (const { page } of [a, b]) {
    await inPage(page, ({ call }) => {
      window.kept = call.link.peers[0].connection;
      Object.defineProperty(window.kept, 'connectionState', { value: 'failed', configurable: true });
      window.kept.dispatchEvent(new Event('connectionstatechange'));
      window.kept.addEventListener('icecandidate', () => { delete window.kept.connectionState; }, { once: true });
    });
  }
  assert.equal(await inPage(a.page, ({ call }) => call.link.peers[0].state), 'reconnecting');
  await a.page.locator('#banner', { hasText: 'Trying to mend it' }).waitFor();
  for (const { page } of [a, b]) {
    await page.waitForFunction(() => !Object.hasOwn(window.kept, 'connectionState'));
    await page.evaluate(() => window.kept.dispatchEvent(new Event('connectionstatechange')));
  }
  const after = await settled(a, b);
  assert.notEqual(after.local, before.local);
  assert.notEqual(after.remote, before.remote);
  assert.equal(await inPage(a.page, ({ call }) => call.link.peers[0].connection === window.kept), true);
  await a.page.waitForFunction(() => document.getElementById('banner').textContent === '');
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  await a.close();
  await b.close();
});

test('six in a mesh: everybody sees everybody, and who leaves is gone for all', async () => {
  const url = freshRoom(6);
  const guests = [];
  const tiny = { context: { viewport: { width: 640, height: 480 } } };
  for (let i = 0; i < 6; ++i) guests.push(await enter(url, tiny));
  await Promise.all(guests.map(({ page }) => seesVideo(page, 5, 90000)));
  for (const { page } of guests) assert.equal(await page.evaluate(() => openPeerConnections()), 5);
  assert.equal(await isWell(guests[0].page), true);
  await guests[2].page.click('#open-chat');
  await guests[2].page.fill('#chat-text', 'hello all');
  await guests[2].page.press('#chat-text', 'Enter');
  for (const { page } of guests) await page.locator('.line .text', { hasText: 'hello all' }).waitFor({ state: 'attached' });
  await guests[5].page.click('#leave');
  for (const { page } of guests.slice(0, 5)) {
    await page.waitForFunction(() => document.getElementById('tiles').dataset.count === '4');
    assert.equal(await page.evaluate(() => openPeerConnections()), 4);
  }
  for (const guest of guests) await guest.close();
});

test('the ICE servers of the server are those of the call, on both sides', async (t) => {
  const given = [{ urls: ['stun:127.0.0.1:9'] }, { urls: ['turn:127.0.0.1:9?transport=udp'], username: 'someone', credential: 'secret' }];
  const other = await Server.start(...given.flatMap((one) => ['--ice-server', JSON.stringify(one)]));
  t.after(() => other.stop());
  const url = `${other.url}/r/ice`;
  const [a, b] = [await enter(url), await enter(url)];
  await Promise.all([a, b].map(({ page }) => phase(page, 'talking')));
  for (const { page } of [a, b]) {
    const configured = await inPage(page, ({ call }) => call.link.peers[0].connection.getConfiguration().iceServers);
    assert.deepEqual(configured.map(({ urls, username = '', credential = '' }) => ({ urls: [urls].flat(), username, credential })),
      given.map((one) => ({ username: '', credential: '', ...one })));
  }
  await a.close();
  await b.close();
});

test('a malicious peer freezes nothing, nothing becomes markup, and it is told', async () => {
  const url = freshRoom();
  const a = await enter(url);
  await phase(a.page, 'waiting');
  const evil = await enter(`${server.url}/client/sigway.js`, { expected: [/favicon/] });   // a page of the same origin without any of ours
  // From before the first word until all has been worked off: how long the page could do nothing else at a time.
  await a.page.evaluate(() => {
    let last = performance.now();
    window.longest = window.ticks = 0;
    setInterval(() => {
      const now = performance.now();
      window.longest = Math.max(window.longest, now - last);
      last = now;
      ++window.ticks;
    }, 20);
  });
  await evil.page.evaluate(async ([room]) => {
    const { connect } = await import('/client/sigway.js');
    const connection = connect({ room, keyStore: false });
    const heard = [];
    window.heard = heard;
    connection.on('message', ({ type, data }) => heard.push({ type, data }));
    await connection.opened;
    const say = (type, data) => connection.send(type, data);
    say('offer', { sdp: 'v=0\r\nnonsense <script>alert(1)</script>' });
    say('offer', { sdp: 17 });
    say('offer', null);
    say('offer', { sdp: `v=0\r\n${'m=audio 9 RTP/AVP 0\r\n'.repeat(2000)}` });
    say('answer', { sdp: 'v=0\r\n<img src=x onerror=alert(1)>' });
    say('candidate', { candidates: 'no list' });
    say('candidate', { candidates: [null, 1, {}, { candidate: 'rubbish' }] });
    say('link', { link: { toString: 1 }, keeps: { length: 1e9 } });
    say('link-error', { code: { a: 1 }, message: ['<b>'] });
    say('renew', { call: 'many' });
    say('renew', { call: 1e300 });
    for (let i = 2; i < 300; ++i) say('renew', { call: i });
    const line = (i) => ({ candidate: `candidate:${i} 1 udp 2113937151 10.0.0.${i % 250} ${10000 + i} typ host`, sdpMLineIndex: 0 });
    for (let i = 0; i < 1000; ++i) say('candidate', { candidates: [line(i)] });
    for (let i = 0; i < 40; ++i) say('big', { text: '<b>'.repeat(20000) });
    await connection.flush();
  }, [new URL(url).pathname.slice(3)]);
  await evil.page.waitForFunction(() => {
    const codes = new Set(window.heard.filter(({ type }) => type === 'link-error').map(({ data }) => data.code));
    return ['bad_offer', 'bad_candidate', 'too_much'].every((code) => codes.has(code));
  });
  await a.page.locator('#banner', { hasText: /makes no sense here|went wrong/ }).waitFor();
  const { longest, ticks } = await a.page.evaluate(() => ({ longest: window.longest, ticks: window.ticks }));
  assert.ok(ticks > 20 && longest < 1500, `the page was frozen for ${longest} ms`);
  const told = await evil.page.evaluate(() => window.heard.filter(({ type }) => type === 'link-error').length);
  assert.ok(told <= 16, `it was told ${told} times`);
  await a.page.click('#open-signals');
  await a.page.locator('#signal-rows summary').first().waitFor();
  await a.page.locator('#signal-rows li:has(b:text-is("big")) summary').last().click();
  assert.equal(await a.page.locator('#side script, #side img, #signal-rows b b').count(), 0);
  // And somebody else can come in its place.
  await evil.close();
  const b = await enter(url);
  await a.page.waitForFunction(() => document.getElementById('call').dataset.phase === 'talking', null, { timeout: 90000 });
  await seesVideo(b.page);
  assert.equal(await a.page.evaluate(() => openPeerConnections()), 1);
  await a.close();
  await b.close();
});
