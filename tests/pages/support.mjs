// The real server, one Chromium, and pages whose every complaint is kept: consoles, exceptions, CSP violations.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { until } from '../support/until.mjs';

export const source = process.env.SIGWAY_SOURCE ?? fileURLToPath(new URL('../..', import.meta.url));
const binary = process.env.SIGWAY_BINARY ?? path.join(source, 'build/bin/sigway');

export const kPatience = 90000;      // on a machine that has other things to do

const kFlags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking',
  '--allow-loopback-in-peer-connection', '--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding',
  '--disable-background-timer-throttling', '--autoplay-policy=document-user-activation-required',
  // Else pages without a camera hide their addresses behind names of multicast DNS, which a busy machine does not answer in time.
  '--disable-features=WebRtcHideLocalIpsWithMdns'];
const kFakeDevices = ['--use-fake-device-for-media-stream=fps=10', '--use-fake-ui-for-media-stream'];

export class Server {
  static async start(...flags) {
    const server = new Server();
    server.flags = flags;
    await server.#spawn('0');
    return server;
  }

  async #spawn(port) {
    this.process = spawn(binary, ['--port', port, '--log-level', 'warn', ...this.flags], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.exited = new Promise((resolve) => this.process.once('exit', resolve));
    for await (const line of createInterface({ input: this.process.stdout })) {
      const found = /^sigway listening on (https?:\/\/.*:(\d+))$/.exec(line);
      if (!found) continue;
      [, this.url, this.port] = found;
      return;
    }
    throw new Error(`${binary} did not start`);
  }

  // Another process on the same port, that knows nobody.
  async restart(signal = 'SIGKILL') {
    await this.stop(signal);
    await this.#spawn(this.port);
  }

  async stop(signal = 'SIGTERM') {
    this.process.kill(signal);
    await this.exited;
  }
}

// A way to the server that can be taken away: what runs over it is cut, and nothing new gets through.
export class Relay {
  #sockets = new Set();
  #open = true;

  static async start({ port }) {
    const relay = new Relay();
    relay.server = net.createServer((near) => {
      if (!relay.#open) return near.destroy();
      const far = net.connect(port, '127.0.0.1');
      for (const [one, other] of [[near, far], [far, near]]) {
        relay.#sockets.add(one);
        one.on('error', () => {}).on('close', () => { relay.#sockets.delete(one); other.destroy(); }).pipe(other);
      }
    });
    await new Promise((resolve) => relay.server.listen(0, '127.0.0.1', resolve));
    relay.url = `http://127.0.0.1:${relay.server.address().port}`;
    return relay;
  }

  set open(open) {
    this.#open = open;
    if (!open) for (const socket of this.#sockets) socket.destroy();
  }

  stop() {
    this.open = false;
    this.server.close();
  }
}

// `devices: false` is a machine without camera and microphone.
export async function launch({ devices = true, flags = [] } = {}) {
  const profile = await mkdtemp(path.join(tmpdir(), 'sigway-pages-'));
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [...kFlags, ...(devices ? kFakeDevices : []), ...flags], env: { ...process.env, TMPDIR: profile } });
  browser.on('disconnected', () => rm(profile, { recursive: true, force: true, maxRetries: 3 }).catch(() => {}));
  return browser;
}

// Small pictures: two cores encode and decode those of everybody.
function smallPictures() {
  const devices = navigator.mediaDevices;
  const getUserMedia = devices?.getUserMedia.bind(devices);
  if (devices) {
    devices.getUserMedia = ({ video, ...rest }) => getUserMedia({ ...rest, ...(video ? { video: { width: 160, height: 120, frameRate: 8 } } : {}) });
  }
}

// Counts RTCPeerConnections of a page, so that a test can say that none has leaked.
export function countPeerConnections() {
  const open = new Set();
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...values) {
      super(...values);
      open.add(this);
    }
    close() {
      open.delete(this);
      super.close();
    }
  };
  window.openPeerConnections = () => open.size;
  window.cspViolations = [];
  document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    window.cspViolations.push(`${violatedDirective} ${blockedURI}`));
}

const visitors = new Set();

// For afterEach: what a failed test has left open.
export async function closeVisitors() {
  for (const { context } of visitors) await context.close().catch(() => {});
  visitors.clear();
}

// A page in a context of its own. `expected`: complaints that are part of the test.
export async function visitor(browser, { expected = [], context: options = {}, init } = {}) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 720 }, permissions: ['camera', 'microphone'], ...options });
  await context.addInitScript(countPeerConnections);
  await context.addInitScript(smallPictures);
  if (init) await context.addInitScript(init);
  context.setDefaultTimeout(kPatience);
  const page = await context.newPage();
  const complaints = [];
  const complain = (text) => { if (!expected.some((pattern) => pattern.test(text))) complaints.push(text); };
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complain(`console ${message.type()}: ${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => complain(`page error: ${error?.name}: ${error?.message} ${error?.stack ?? error}`));
  page.on('crash', () => complain('crash'));
  const guest = {
    page, context, complaints,
    async close() {
      visitors.delete(guest);
      const violations = await page.evaluate(() => window.cspViolations).catch(() => []);
      await context.close();
      const all = [...complaints, ...violations.map((text) => `CSP: ${text}`)];
      if (all.length) throw new Error(`the page complained:\n${all.join('\n')}`);
    },
  };
  visitors.add(guest);
  return guest;
}

// Opens an address as a person does who wants to call: where the page asks, they press Join.
export async function openCall(page, url) {
  await page.goto(url);
  await pressJoin(page);
}

// Also after a way back to the page.
export async function pressJoin(page) {
  if (await page.locator('#join').isVisible()) await page.click('#join-now');
}

// -- what can be seen on a call page --

export const phase = (page, wanted, timeout = kPatience) =>
  page.waitForSelector(`#call[data-phase="${wanted}"]`, { state: 'attached', timeout });

// Runs `act(page, argument)` in the page with what main.js exports.
export const inPage = (page, act, argument) => page.evaluate(
  `import('/app/main.js').then(({ page }) => (${act})(page, ${JSON.stringify(argument) ?? 'undefined'}))`);

let looks = 0;

// Runs in the page: whether so many tiles show pictures that have moved since this look, by its number, began. Browsers paint no
// frame of a page that nobody looks at: what has been decoded counts.
export async function moves([wanted, look]) {
  const { page: { call } } = await import('/app/main.js');
  const before = ((window.looks ??= {})[look] ??= new WeakMap());
  // Of a connection that is closed meanwhile, Firefox never says anything.
  const never = new Promise((resolve) => { setTimeout(resolve, 2000, new Map()); });
  const moved = await Promise.all(call.link.peers.map(async ({ connection }) => {
    if (!connection) return false;
    let frames = 0;
    for (const { type, kind, framesDecoded = 0 } of (await Promise.race([connection.getStats(), never])).values()) {
      if (type === 'inbound-rtp' && kind === 'video') frames += framesDecoded;
    }
    if (!before.has(connection)) before.set(connection, frames);
    return frames > before.get(connection) + 2;
  }));
  const videos = [...document.querySelectorAll('#tiles .tile:not(.blank) video')].filter((video) => video.videoWidth > 0);
  return videos.length >= wanted && moved.filter(Boolean).length >= wanted;
}

export const aLook = (tiles = 1) => [tiles, ++looks];

// Resolves when so many tiles show moving pictures.
export const seesVideo = (page, tiles = 1, timeout = kPatience) => until(page, moves, aLook(tiles), { timeout, every: 200 });
