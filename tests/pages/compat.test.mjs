// Pages with the calls of 2013's snippets for Firebase and for PubNub's Socket.IO, in Chromium: they open a data channel to each
// other, and each call does what it did there.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { closeVisitors, launch, Server, source, visitor } from './support.mjs';

let server, browser;
before(async () => {
  server = await Server.start('--web-root', path.join(source, 'tests/pages/compat'));
  browser = await launch();
});
afterEach(closeVisitors);
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function open(page, channel) {
  const guest = await visitor(browser);
  await guest.page.goto(`${server.url}/${page}#${channel}`);
  return guest;
}

for (const page of ['firebase', 'pubnub']) {
  test(`${page}: three windows open data channels to each other`, async () => {
    const guests = [];
    for (let i = 0; i < 3; ++i) guests.push(await open(page, 'call'));
    for (const guest of guests) {
      await guest.page.waitForFunction(() => document.querySelectorAll('#log li').length === 2);
      assert.deepEqual(await guest.page.locator('#log li').allTextContents(), ['they say hello', 'they say hello']);
    }
    for (const guest of guests) await guest.close();
  });
}

// Runs in a page: keeps what the channel of that URL tells.
const listens = (page, url) => page.evaluate((at) => {
  const ref = new window.Firebase(at);
  const heard = [];
  ref.on('child_added', (child) => heard.push([child.name(), child.val()]));
  (window.refs ??= {})[at] = { ref, heard };
}, url);
const heard = (page, url, count) => page.waitForFunction(([at, wanted]) => {
  const values = window.refs[at].heard.map(([, value]) => value);
  return values.length >= wanted && values;
}, [url, count]).then((handle) => handle.jsonValue());

test('firebase: who comes later hears what is there, once and in order, until its author goes', async () => {
  const kUrl = 'https://example.firebaseIO.com/rooms/one/';
  const a = await open('firebase', 'elsewhere-a'), b = await open('firebase', 'elsewhere-b');
  await listens(a.page, kUrl);
  const names = await a.page.evaluate((at) => [1, { two: ['ž', null] }, 'three'].map((value) => window.refs[at].ref.push(value).name()), kUrl);
  assert.deepEqual([...names].sort(), names);
  await listens(b.page, kUrl.slice(0, -1));     // the same channel, with or without a slash at its end
  assert.deepEqual(await heard(b.page, kUrl.slice(0, -1), 3), [1, { two: ['ž', null] }, 'three']);
  await b.page.evaluate((at) => window.refs[at].ref.push('four'), kUrl.slice(0, -1));
  assert.deepEqual(await heard(a.page, kUrl, 4), [1, { two: ['ž', null] }, 'three', 'four']);
  const late = await a.page.evaluate((at) => new Promise((resolve) => {
    const values = [];
    window.refs[at].ref.on('child_added', (child) => { values.push(child.val()); if (values.length === 4) resolve(values); });
  }), kUrl);
  assert.deepEqual(late, [1, { two: ['ž', null] }, 'three', 'four']);
  await a.close();
  const c = await open('firebase', 'elsewhere-c');
  await listens(c.page, kUrl);
  assert.deepEqual(await heard(c.page, kUrl, 1), ['four']);
  await b.close();
  await c.close();
});

test('firebase: remove, off, and calls that it does not have', async () => {
  const kUrl = 'https://example.firebaseIO.com/removed';
  const a = await open('firebase', 'elsewhere-a'), b = await open('firebase', 'elsewhere-b'), c = await open('firebase', 'elsewhere-c');
  for (const { page } of [a, b]) await listens(page, kUrl);
  await a.page.evaluate((at) => window.refs[at].ref.push('gone'), kUrl);
  await heard(b.page, kUrl, 1);
  await b.page.evaluate((at) => new Promise((resolve) => { window.refs[at].ref.remove(resolve); }), kUrl);
  await b.page.evaluate((at) => { window.refs[at].ref.push('kept'); }, kUrl);
  await heard(a.page, kUrl, 2);
  await listens(c.page, kUrl);
  assert.deepEqual(await heard(c.page, kUrl, 1), ['kept']);
  await a.page.evaluate((at) => window.refs[at].ref.off('child_added'), kUrl);
  await c.page.evaluate((at) => { window.refs[at].ref.push('for others'); }, kUrl);
  await heard(b.page, kUrl, 3);
  assert.deepEqual(await heard(a.page, kUrl, 2), ['gone', 'kept']);
  const refusal = await a.page.evaluate((at) => { try { window.refs[at].ref.on('value', () => {}); } catch (error) { return error.message; } return ''; }, kUrl);
  assert.match(refusal, /child_added/);
  for (const guest of [a, b, c]) await guest.close();
});

test('pubnub: events, one\'s own too, on that channel and in that namespace only', async () => {
  const a = await open('pubnub', 'elsewhere-a'), b = await open('pubnub', 'elsewhere-b');
  for (const { page } of [a, b]) {
    await page.evaluate(() => new Promise((resolve) => {
      const socket = window.mine = io.connect('http://pubsub.pubnub.com/space', { channel: 'events', publish_key: 'demo' });
      const other = io.connect('http://pubsub.pubnub.com/other', { channel: 'events', publish_key: 'demo' });
      window.heard = [];
      window.otherHeard = [];
      for (const name of ['message', 'news', 'disconnect']) {
        socket.on(name, (data) => window.heard.push([name, data ?? null]));
        other.on(name, (data) => window.otherHeard.push([name, data ?? null]));
      }
      let open = 0;
      for (const one of [socket, other]) one.on('connect', () => { if (++open === 2) resolve(); });
    }));
  }
  await a.page.evaluate(() => new Promise((resolve) => { window.mine.send('text').emit('news', { a: [1, 'ž'] }, resolve); }));
  const hears = (page, wanted) => page.waitForFunction((count) => window.heard.length >= count && window.heard, wanted).then((handle) => handle.jsonValue());
  const events = [['message', 'text'], ['news', { a: [1, 'ž'] }]];
  for (const { page } of [a, b]) {
    assert.deepEqual(await hears(page, 2), events);
    assert.deepEqual(await page.evaluate(() => window.otherHeard), []);
  }
  await a.page.evaluate(() => window.mine.disconnect());
  assert.deepEqual(await hears(a.page, 3), [...events, ['disconnect', null]]);
  await a.close();
  await b.close();
});

test('pubnub: nobody can emit what the server says about members and the connection', async () => {
  const kOwn = ['connect', 'disconnect', 'reconnect', 'join', 'leave'];
  const complaints = [];
  const [a, b] = await Promise.all([open('pubnub', 'elsewhere-a'), visitor(browser, { expected: [/not sent/] })]);
  await b.page.goto(`${server.url}/pubnub#elsewhere-b`);
  b.page.on('console', (message) => complaints.push(message.text()));
  await a.page.evaluate((own) => new Promise((resolve) => {
    const socket = io.connect('http://pubsub.pubnub.com/own', { channel: 'presence' });
    window.heard = [];
    socket.on('connect', resolve);
    for (const name of [...own, 'end', 'undefined']) socket.on(name, (data) => window.heard.push([name, data ?? null]));
  }), kOwn);
  // By `emit`, and by a member that has not loaded that script.
  await b.page.evaluate(async (own) => {
    const socket = io.connect('http://pubsub.pubnub.com/own', { channel: 'presence' });
    await new Promise((resolve) => { socket.on('connect', resolve); });
    for (const name of own) socket.emit(name, { uuid: 'somebody' });
    const { signalingChannels } = await import('/client/rtc-multi.js');
    const raw = await new Promise((resolve) => { const channel = signalingChannels()({ channel: 'presence/own', onopen: () => resolve(channel) }); });
    for (const name of own) raw.send({ event: name, data: { uuid: 'somebody' } });
    for (const value of [null, 5, 'join']) raw.send(value);
    raw.send({ event: 'end' });
  }, kOwn);
  await a.page.waitForFunction(() => window.heard.some(([name]) => name === 'end'));
  const heard = await a.page.evaluate(() => window.heard);
  assert.deepEqual(heard.filter(([name, data]) => name !== 'join' || data?.uuid === 'somebody'), [['connect', null], ['end', null]]);
  assert.deepEqual(heard.filter(([name]) => name === 'join').length, 2, 'both that came');
  assert.deepEqual(complaints.map((text) => /not sent: "(\w+)"/.exec(text)?.[1]), kOwn);
  await a.close();
  await b.close();
});

test('what cannot be sent, and a channel that no room can be, are said on the console', async () => {
  const complaints = [];
  for (const [page, act] of [
    ['firebase', () => new Promise((resolve) => { new window.Firebase('https://x.firebaseIO.com/large').push('x'.repeat(70000), (error) => resolve(error.code)); })],
    ['pubnub', () => { io.connect('https://pubsub.pubnub.com/', { channel: 'large' }).send('x'.repeat(70000)); return 'too_large'; }],
    ['firebase', () => { new window.Firebase(`https://x.firebaseIO.com/${'x'.repeat(200)}`); return 'too_large'; }],
  ]) {
    const guest = await visitor(browser, { expected: [/./] });
    guest.page.on('console', (message) => complaints.push(message.text()));
    await guest.page.goto(`${server.url}/${page}#complaints-${page}`);
    const { length } = complaints;
    assert.equal(await guest.page.evaluate(act), 'too_large');
    while (complaints.length === length) await guest.page.waitForTimeout(50);
    await guest.close();
  }
  assert.match(complaints.join('\n'), /Firebase: https:\/\/x\.firebaseio\.com\/large: not sent: data is larger than 65536 bytes/);
  assert.match(complaints.join('\n'), /PubNub channel large: not sent: data is larger than 65536 bytes/);
  assert.match(complaints.join('\n'), /Firebase: https:\/\/x\.firebaseio\.com\/x+: .*room/i);
});
