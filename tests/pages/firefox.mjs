// Debian's Firefox, driven by WebDriver BiDi over a WebSocket: what a call page needs of it, and no more. playwright-core drives
// only builds of its own.

import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import WebSocket from 'ws';
import { countPeerConnections, kPatience } from './support.mjs';

// Fake devices without a question, calls over loopback, and nothing that Firefox does on the network by itself.
const kPreferences = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.autoplay.default': 0,
  'media.gmp-manager.updateEnabled': false,
  'app.update.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.safebrowsing.downloads.remote.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.getAddons.cache.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};

class Bidi {
  #socket;
  #last = 0;
  #waiting = new Map();
  #listeners = new Set();

  static async connect(url) {
    const bidi = new Bidi();
    const socket = bidi.#socket = new WebSocket(url);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    socket.on('message', (data) => bidi.#heard(JSON.parse(data)));
    socket.on('close', () => {
      for (const { reject } of bidi.#waiting.values()) reject(new Error('Firefox has gone'));
      bidi.#waiting.clear();
    });
    return bidi;
  }

  #heard(message) {
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return this.#listeners.forEach((listener) => listener(message));
    this.#waiting.delete(message.id);
    if (message.type === 'success') waiting.resolve(message.result);
    else waiting.reject(new Error(`${waiting.method}: ${message.error}: ${message.message}`));
  }

  ask(method, params = {}) {
    const id = ++this.#last;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), kPatience + 30000);
      const then = (act) => (value) => { clearTimeout(timer); act(value); };
      this.#waiting.set(id, { resolve: then(resolve), reject: then(reject), method });
    });
  }

  listen(listener) {
    this.#listeners.add(listener);
  }

  close() {
    this.#socket.close();
  }
}

class FirefoxPage {
  complaints = [];
  #bidi;
  #context;
  #userContext;

  constructor(bidi, context, userContext) {
    this.#bidi = bidi;
    this.#context = context;
    this.#userContext = userContext;
    bidi.listen(({ method, params }) => {
      if (method === 'log.entryAdded' && params.level === 'error' && params.source.context === context) this.complaints.push(params.text);
    });
  }

  goto(url) {
    return this.#bidi.ask('browsingContext.navigate', { context: this.#context, url, wait: 'complete' });
  }

  reload() {
    return this.#bidi.ask('browsingContext.reload', { context: this.#context, wait: 'complete' });
  }

  // Runs `act(...values)` in the page, as if a person had just done something there. What it gives must be JSON.
  async evaluate(act, ...values) {
    const { type, result, exceptionDetails } = await this.#bidi.ask('script.callFunction', {
      target: { context: this.#context }, awaitPromise: true, userActivation: true,
      functionDeclaration: `async () => JSON.stringify(await (${act})(...${JSON.stringify(values)}))`,
    });
    if (type === 'exception') throw new Error(exceptionDetails.text);
    return result.type === 'string' ? JSON.parse(result.value) : undefined;
  }

  waitFor(act, ...values) {
    return this.evaluate(`async (...values) => {
      for (const deadline = Date.now() + ${kPatience}; Date.now() < deadline;) {
        const found = await (${act})(...values);
        if (found) return found;
        await new Promise((resolve) => { setTimeout(resolve, 50); });
      }
      throw new Error('waited in vain in phase ' + document.getElementById('call')?.dataset.phase);
    }`, ...values);
  }

  async close() {
    const violations = await this.evaluate(() => window.cspViolations);
    await this.#bidi.ask('browsingContext.close', { context: this.#context });
    await this.#bidi.ask('browser.removeUserContext', { userContext: this.#userContext });
    const all = [...this.complaints, ...violations.map((text) => `CSP: ${text}`)];
    if (all.length) throw new Error(`the page complained:\n${all.join('\n')}`);
  }
}

export class Firefox {
  #process;
  #bidi;

  static async launch() {
    const firefox = new Firefox();
    const profile = await mkdtemp(path.join(tmpdir(), 'sigway-firefox-'));
    await writeFile(path.join(profile, 'user.js'),
      Object.entries(kPreferences).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`).join(''));
    const child = firefox.#process = spawn(process.env.FIREFOX ?? 'firefox-esr',
      ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0'],
      { env: { ...process.env, HOME: profile }, stdio: ['ignore', 'ignore', 'pipe'] });
    process.once('exit', () => child.kill('SIGKILL'));
    child.once('exit', () => rm(profile, { recursive: true, force: true, maxRetries: 3 }).catch(() => {}));
    const url = await new Promise((resolve, reject) => {
      const said = [];
      child.once('error', (error) => reject(new Error(`Firefox does not start (scripts/install-deps.sh test installs it): ${error.message}`)));
      child.once('exit', (status) => reject(new Error(`Firefox ended with ${status}:\n${said.slice(-20).join('\n')}`)));
      createInterface({ input: child.stderr }).on('line', (line) => {
        said.push(line);
        const found = /WebDriver BiDi listening on (ws:\S+)/.exec(line);
        if (found) resolve(found[1]);
      });
    });
    const bidi = firefox.#bidi = await Bidi.connect(`${url}/session`);
    await bidi.ask('session.new', { capabilities: {} });
    await bidi.ask('session.subscribe', { events: ['log.entryAdded'] });
    await bidi.ask('script.addPreloadScript', { functionDeclaration: String(countPeerConnections) });
    return firefox;
  }

  // With storage of its own, as if it were another person's.
  async page() {
    const { userContext } = await this.#bidi.ask('browser.createUserContext');
    const { context } = await this.#bidi.ask('browsingContext.create', { type: 'tab', userContext });
    return new FirefoxPage(this.#bidi, context, userContext);
  }

  async close() {
    const ended = new Promise((resolve) => { this.#process.once('exit', resolve); });
    await this.#bidi.ask('browser.close').catch(() => this.#process.kill());
    await ended;
  }
}
