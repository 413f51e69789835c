// What the client does with a page: the unload beacon, the back/forward cache, the key that survives a reload.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { pass } from './fake_clock.mjs';
import { client as anyClient, server } from './scene.mjs';

const client = (options) => anyClient({ room: 'one', transport: 'websocket', ...options });

class Page extends EventTarget {
  beacons = [];
  navigator = { sendBeacon: (url, body) => this.beacons.push({ url, body }) > 0 };
}

// Stand-ins for sessionStorage and the Web Locks of one browser.
class Tab {
  #values = new Map();
  constructor(other) { if (other) this.#values = new Map(other.#values); }
  getItem(name) { return this.#values.get(name) ?? null; }
  setItem(name, value) { this.#values.set(name, value); }
  removeItem(name) { this.#values.delete(name); }
}

class Locks {
  #tails = new Map();
  async request(name, options, work = options) {
    const before = this.#tails.get(name) ?? Promise.resolve();
    let release;
    this.#tails.set(name, before.then(() => new Promise((resolve) => { release = resolve; })));
    const aborted = new Promise((_, reject) => options.signal?.addEventListener('abort', () => reject(new Error('AbortError'))));
    await (options.signal ? Promise.race([before, aborted]) : before);
    await null;
    try {
      return await work();
    } finally {
      release();
    }
  }
}

const kBefore = Object.getOwnPropertyDescriptor(globalThis, 'navigator');

function enter(tab, locks) {
  Object.defineProperty(globalThis, 'sessionStorage', { value: tab, configurable: true });
  Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true });
}

afterEach(() => {
  delete globalThis.sessionStorage;
  if (kBefore) Object.defineProperty(globalThis, 'navigator', kBefore);
  else delete globalThis.navigator;
});

test('a page that goes says away, as a simple request; one that comes back from the cache reconnects', async () => {
  const page = new Page();
  const { connection, until } = client({ page });
  await connection.opened;
  page.dispatchEvent(new Event('pagehide'));
  assert.equal(page.beacons[0].url, `${server.url}/v1/send`);
  assert.equal(typeof page.beacons[0].body, 'string');      // sent as text/plain
  assert.deepEqual(JSON.parse(page.beacons[0].body).away, true);
  assert.equal(JSON.parse(page.beacons[0].body).key, connection.key);
  page.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
  await until(() => connection.state === 'reconnecting');
  await until(() => connection.state === 'open');
  await connection.close();
  page.dispatchEvent(new Event('pagehide'));
  assert.equal(page.beacons.length, 1);
});

test('a browser that kills the script in mid-goodbye hears it from the next one', async () => {
  class Killer extends Page {
    kills = 1;
    navigator = { sendBeacon: (url, body) => { if (this.kills-- > 0) throw new Error('killed'); this.beacons.push({ url, body }); } };
    addEventListener(type, listener) {
      super.addEventListener(type, (event) => { try { listener(event); } catch { /* nobody hears of it */ } });
    }
  }
  const page = new Killer();
  const { connection } = client({ page });
  await connection.opened;
  page.dispatchEvent(new Event('pagehide'));
  assert.equal(page.beacons.length, 1);
  page.dispatchEvent(new Event('pageshow'));
  page.dispatchEvent(new Event('pagehide'));
  assert.equal(page.beacons.length, 2);
});

test('coming online ends the waiting', async () => {
  const page = new Page();
  server.upgrade = () => 'refuse';
  const { connection, until, logged } = client({ page });
  await until(() => logged('retry').length === 4);
  server.upgrade = () => null;
  page.dispatchEvent(new Event('online'));
  await connection.opened;
});

for (const transport of ['sse', 'poll']) test(`coming online ends what somebody on the last network asked for: an hour without ${transport}`, async () => {
  const page = new Page();
  const { connection, until } = client({ page, transport });
  await connection.opened;
  await pass(3000);
  server.fault = () => ({ status: 503, headers: { 'Retry-After': '3600' }, text: '<html>Pay first' });
  connection.send('count', { i: 0 });
  await pass(20000);
  assert.equal(connection.pending, 1);
  server.fault = () => null;
  page.dispatchEvent(new Event('online'));
  const before = performance.now();
  await connection.flush();
  assert.ok(performance.now() - before < 2000);
  const other = client({ transport: 'websocket' });
  await other.connection.opened;
  other.connection.send('count', { i: 1 });
  await until(({ messages }) => messages('count').length === 1);
  assert.ok(performance.now() - before < 4000);
});

test('a reload quotes the old key, a duplicated tab does not', async () => {
  const locks = new Locks();
  const tab = new Tab();
  enter(tab, locks);
  const first = client({});
  await first.connection.opened;
  assert.equal(server.opens[0].replaces, undefined);

  enter(new Tab(tab), locks);
  const duplicate = client({});
  await duplicate.connection.opened;
  assert.equal(server.opens[1].replaces, undefined);

  // A reload: the browser gives back the locks of the page before.
  const reloaded = new Locks();
  enter(tab, reloaded);
  const second = client({});
  await second.until(() => second.had('joined'));
  assert.equal(server.opens[2].replaces, first.connection.key);
  await first.until(() => first.connection.state === 'closed');
  assert.equal(first.logged('closed')[0].code, 'replaced');
  await second.connection.close();
  assert.deepEqual([...Array(1)].map(() => tab.getItem(`sigway ${server.url}/ one`)), [null]);
});

test('a store of the application', async () => {
  const saved = [];
  const keyStore = { load: async () => 'x'.repeat(24), save: (key) => saved.push(key), clear: () => saved.push('clear') };
  const { connection } = client({ keyStore });
  await connection.opened;
  assert.equal(server.opens[0].replaces, 'x'.repeat(24));
  await connection.close();
  assert.deepEqual(saved, [connection.key, 'clear']);
});

test('no store when it is switched off', async () => {
  const tab = new Tab();
  enter(tab, new Locks());
  const { connection } = client({ keyStore: false });
  await connection.opened;
  assert.equal(tab.getItem(`sigway ${server.url}/ one`), null);
});
