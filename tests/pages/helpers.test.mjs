// The drop-in helpers and the examples: each page of examples/ as it is, served out of the source folder, and the one for Node.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, test } from 'node:test';
import { closeVisitors, launch, openCall, phase, seesVideo, Server, source, visitor } from './support.mjs';

let server, browser;
before(async () => {
  server = await Server.start('--web-root', source);
  browser = await launch();
});
afterEach(closeVisitors);
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function open(name, room) {
  // Only the pages of the product have an icon.
  const guest = await visitor(browser, { expected: [/favicon\.ico/] });
  await guest.page.goto(`${server.url}/examples/${name}#${room}`);
  return guest;
}

const logs = (page, words) => page.locator('#log li', { hasText: words }).first().waitFor();

test('call.html: a call in 30 lines', async () => {
  const a = await open('call.html', 'short'), b = await open('call.html', 'short');
  for (const { page } of [a, b]) {
    await page.waitForFunction(() => document.getElementById('theirs').getVideoPlaybackQuality().totalVideoFrames > 3);
    await page.locator('#said', { hasText: 'They say: hello' }).waitFor();
  }
  await b.close();
  await a.page.locator('#state', { hasText: 'reconnecting' }).waitFor();   // a page that is closed may come back
  await a.close();
});

test('simple-peer: three of them, and one that leaves', async () => {
  const guests = [];
  for (let i = 0; i < 3; ++i) guests.push(await open('simple-peer.html', 'simple'));
  const [a, b, c] = guests;
  for (const { page } of guests) {
    await page.waitForFunction(() => [...document.querySelectorAll('#log li')].filter((line) => line.textContent.startsWith('connected')).length === 2);
  }
  await b.page.fill('#text', 'hello <b>both</b>');
  await b.page.press('#text', 'Enter');
  for (const { page } of [a, c]) await logs(page, 'hello <b>both</b>');
  await c.page.evaluate(() => { location.href = 'about:blank'; });
  await a.page.reload();        // it comes again as another one
  await logs(b.page, 'one has gone: replaced');
  await b.page.waitForFunction(() => [...document.querySelectorAll('#log li')].filter((line) => line.textContent.startsWith('connected')).length === 3);
  for (const guest of guests) await guest.close();
});

test('simple-peer: a signal that makes no sense ends that one, and throws nothing at a page that does not listen', async () => {
  const a = await open('simple-peer.html', 'away');
  const ended = await a.page.evaluate(async () => {
    const { connect } = await import('../web/client/sigway.js');
    const { simplePeers } = await import('../web/client/simple-peer.js');
    const nonsense = [{ nothing: 'of it' }, null, { type: 'offer', sdp: 'v=0\r\n<b>' }, { type: 'pranswer', sdp: 17 }];
    let closed = 0;
    const connection = connect({ room: 'nonsense', capacity: 6, keyStore: false });
    simplePeers(connection, window.SimplePeer, { onpeer: (peer) => peer.on('close', () => ++closed) });
    await connection.opened;
    const others = nonsense.map((signal) => {
      const other = connect({ room: 'nonsense', keyStore: false });
      other.on('joined', () => other.send('signal', signal, { to: connection.peer }));
      return other;
    });
    for (const late = Date.now() + 20000; closed < nonsense.length && Date.now() < late;) await new Promise((resolve) => { setTimeout(resolve, 20); });
    for (const one of [connection, ...others]) await one.close();
    return closed;
  });
  assert.equal(ended, 4);
  await a.close();         // which fails if anything was thrown
});

test('openSignalingChannel: channel, send, onmessage, onopen, and the sender is excluded', async () => {
  const a = await open('signaling-channel.html', 'classic'), b = await open('signaling-channel.html', 'classic');
  for (const { page } of [a, b]) await page.waitForFunction(() => !document.getElementById('start').disabled);
  await a.page.click('#start');
  for (const { page } of [a, b]) await logs(page, 'they say: hello from afar');

  const facts = await a.page.evaluate(async () => {
    const { signalingChannels } = await import('../web/client/rtc-multi.js');
    const heard = { one: [], two: [], three: [] }, opened = [];
    const channels = signalingChannels({ channel: 'fallback' });
    const make = (name, config) => new Promise((resolve) => {
      channels({ ...config, onmessage: (data) => heard[name].push(data), onopen: () => opened.push(name), callback: resolve });
    });
    const one = await make('one', { channel: 'x <&> ü' }), two = await make('two', { channel: 'x <&> ü' }), three = await make('three');
    one.send({ n: 1 }).send('text').send([null]);
    two.send(2);
    while (heard.two.length < 3 || heard.one.length < 1) await new Promise((resolve) => { setTimeout(resolve, 20); });
    const result = { heard, opened, names: [one.channel, three.channel] };
    for (const socket of [one, two, three]) await socket.close();
    return result;
  });
  assert.deepEqual(facts, { heard: { one: [2], two: [{ n: 1 }, 'text', [null]], three: [] }, opened: ['one', 'two', 'three'],
    names: ['x <&> ü', 'fallback'] });
  await a.close();
  await b.close();
});

test('Node calls a browser, and the browser answers', async (t) => {
  // As after `npm install` there, which a test does not do.
  const folder = await mkdtemp(path.join(tmpdir(), 'sigway-example-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await mkdir(path.join(folder, 'examples'));
  await cp(path.join(source, 'examples/node'), path.join(folder, 'examples/node'), { recursive: true });
  await cp(path.join(source, 'web/client'), path.join(folder, 'web/client'), { recursive: true });
  await symlink(path.join(source, 'tests/node_modules'), path.join(folder, 'node_modules'));

  const node = spawn(process.execPath, ['call.mjs', pages.url, 'from-node'], { cwd: path.join(folder, 'examples/node'), stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => node.once('exit', resolve));
  t.after(() => node.kill('SIGKILL'));
  const lines = [];
  const reader = createInterface({ input: node.stdout });
  const says = (words) => new Promise((resolve) => {
    const look = (line) => { if (line.includes(words)) resolve(line); };
    lines.forEach(look);
    reader.on('line', look);
  });
  reader.on('line', (line) => lines.push(line));
  await says('waiting in from-node');
  const a = await visitor(browser);
  await openCall(a.page, `${pages.url}/r/from-node`);
  await phase(a.page, 'talking');
  await seesVideo(a.page);
  await a.page.locator('.line .text', { hasText: 'hello from Node' }).waitFor({ state: 'attached' });
  await a.page.click('#open-chat');
  await a.page.fill('#chat-text', 'hello Node');
  await a.page.press('#chat-text', 'Enter');
  await says('hello Node');
  await says('sends video');
  await a.page.reload();
  await says('gone (replaced)');
  await phase(a.page, 'talking');
  await seesVideo(a.page);
  node.kill('SIGINT');
  await ended;
  await phase(a.page, 'waiting');
  await a.close();
});

let pages;
before(async () => { pages = await Server.start(); });
after(() => pages?.stop());
