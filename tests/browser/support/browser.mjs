// One Chromium for all tests, a context of its own for each page, and a record of what the page and its network said.
//
//   await withPages(t, async (open) => {
//     const alice = await open('alice', url);
//     …
//   });
//
// fails when a page had an error, a warning or a failed request that nobody explained, and keeps screenshots and records then.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { until } from '../../support/until.mjs';

const kHung = 20000;
const kPatience = 40000;   // a deadline on the busiest machine, never a pause
const kOutput = process.env.SIGWAY_BROWSER_OUTPUT ?? fileURLToPath(new URL('../output', import.meta.url));
const kFlags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking',
  '--allow-loopback-in-peer-connection', '--use-fake-device-for-media-stream=fps=10', '--use-fake-ui-for-media-stream',
  '--host-resolver-rules=MAP *.test 127.0.0.1',
  // Else pages without a camera hide their addresses behind names of multicast DNS, which a busy machine does not answer in time.
  '--disable-features=WebRtcHideLocalIpsWithMdns'];

// Playwright waits without an end for a page that has hung.
function soon(promise, otherwise) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(otherwise)), kHung); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

let browser = null, profile = null;

async function theBrowser() {
  profile ??= mkdtempSync(join(tmpdir(), 'sigway-chromium-'));
  browser ??= chromium.launch({ executablePath: process.env.SIGWAY_CHROMIUM ?? '/usr/bin/chromium', args: kFlags,
    env: { ...process.env, HOME: profile, XDG_CONFIG_HOME: profile, XDG_CACHE_HOME: profile } });
  return browser;
}

export async function closeBrowser() {
  await (await browser)?.close();
  if (profile) rmSync(profile, { recursive: true, force: true });
}

// A page and everything that it and its network said.
class Guest {
  record = [];
  troubles = [];        // what nobody explained
  routes = new Map();   // path → how often it was asked for
  // A request that takes too long on a busy machine is given up and made again; so is what a page that leaves, moves or reloads
  // has under way. That nothing is lost by it is for the tests to assert.
  #explained = [/request failed: (GET|POST) \S+\/(v1\/(sse|poll|send)|socket\.io\/)\S* net::ERR_ABORTED/];

  constructor(name, page) {
    Object.assign(this, { name, page });
    page.on('console', (message) => this.#note(`console.${message.type()}`, `${message.text()} ${message.location().url ?? ''}`,
      message.type() === 'error' || message.type() === 'warning'));
    page.on('pageerror', (error) => this.#note('page error', error.stack ?? String(error), true));
    page.on('crash', () => this.#note('crash', 'the page crashed', true));
    page.on('request', (request) => this.#asked(request.method(), request.url()));
    page.on('requestfailed', (request) =>
      this.#note('request failed', `${request.method()} ${request.url()} ${request.failure()?.errorText}`, true));
    page.on('response', (response) =>
      this.#note('response', `${response.status()} ${response.request().method()} ${response.url()}`, response.status() >= 400));
    page.on('websocket', (socket) => {
      this.#asked('WS', socket.url());
      socket.on('socketerror', (error) => this.#note('WebSocket error', `${socket.url()} ${error}`, true));
      socket.on('close', () => this.#note('WebSocket closed', socket.url(), false));
    });
  }

  #asked(method, url) {
    const path = new URL(url).pathname;
    this.routes.set(path, (this.routes.get(path) ?? 0) + 1);
    this.#note('request', `${method} ${url}`, false);
  }

  #note(kind, text, isTrouble) {
    const line = `${new Date().toISOString().slice(11, 23)} ${kind}: ${text}`;
    this.record.push(line);
    if (isTrouble && !this.#explained.some((pattern) => pattern.test(line))) this.troubles.push(line);
  }

  // From here on, troubles that match `pattern` are what the test itself brings about.
  explain(pattern) {
    this.#explained.push(pattern);
  }

  // What `act`, which sees the page's window.call, gives.
  async ask(act, value) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${this.name} never answered ${act}`)), kPatience);
    });
    const answer = this.page.evaluate(`(${act})(window.call, ${JSON.stringify(value)})`);
    return Promise.race([answer, late]).finally(() => clearTimeout(timer));
  }

  // Waits until `condition`, which sees window.call, gives something true, and gives that.
  async until(condition, value, patience = kPatience) {
    try {
      const expression = `(${condition})(window.call, ${JSON.stringify(value)})`;
      return await until(this.page, `window.call && ${expression}`, undefined, { timeout: patience, every: 20 });
    } catch (error) {
      const state = await this.#state('JSON.stringify(window.call?.report() ?? null)');
      throw new Error(`${this.name} waited in vain for ${condition} ${JSON.stringify(value) ?? ''}: ${error.message}\n${state}`);
    }
  }

  // What a page that has hung says nothing of.
  #state(expression) {
    return soon(this.page.evaluate(expression), `${this.name} does not answer any more`).catch(String);
  }

  async keepEvidence(folder) {
    mkdirSync(folder, { recursive: true });
    const state = await this.#state('JSON.stringify(window.call?.report() ?? null, null, 1)');
    writeFileSync(join(folder, `${this.name}.log`), `${this.record.join('\n')}\n\n${state}\n`);
    await this.page.screenshot({ path: join(folder, `${this.name}.png`), timeout: 5000 }).catch(() => {});
  }
}

export async function withPages(t, body, { server, ...contextOptions } = {}) {
  const guests = [];
  const contexts = [];
  const open = async (name, url) => {
    const context = await (await theBrowser()).newContext({ viewport: { width: 640, height: 480 }, ...contextOptions });
    contexts.push(context);
    const guest = new Guest(name, await context.newPage());
    guests.push(guest);
    await guest.page.goto(url);
    return guest;
  };
  try {
    await body(open);
    for (const guest of guests) assert.deepEqual(guest.troubles, [], `${guest.name} had troubles that nobody explained`);
  } catch (error) {
    const folder = join(kOutput, t.name.replace(/[^A-Za-z0-9]+/g, '-'));
    for (const guest of guests) await guest.keepEvidence(folder);
    if (server?.said) writeFileSync(join(folder, 'server.log'), server.said);
    t.diagnostic(`screenshots and logs are in ${folder}`);
    throw error;
  } finally {
    for (const context of contexts) await soon(context.close(), 'a window does not close').catch((error) => t.diagnostic(error.message));
  }
}
