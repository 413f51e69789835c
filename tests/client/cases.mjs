// A shared case (cases/*.json) on the JavaScript client: what comes when, what must go out when. tests/unit/client/cases_test.cpp runs the
// same on the C++ client. cases/README.md says what a case may have.

import assert from 'node:assert/strict';
import { connect } from '../../web/client/sigway.js';
import { deferred } from '../../web/client/sigway/tools.js';
import { pass } from './fake_clock.mjs';
import { fetch, WebSocket } from './fake_network.mjs';
import { FakeServer } from './fake_server.mjs';
import { storage } from './helpers.mjs';

const kLatency = 10;                 // ms each way

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

/** Whether `body` has what `wanted` says: true and false for a field that is there or not, {count: [least, most]} for a list, else equal. */
function has(body, wanted = {}) {
  return Object.entries(wanted).every(([name, value]) => {
    const its = body?.[name];
    if (typeof value === 'boolean') return (its !== undefined) === value;
    if (isObject(value) && value.count) return its?.length >= value.count[0] && its.length <= value.count[1];
    return JSON.stringify(its) === JSON.stringify(value);
  });
}

// Connections, so many of which are served at a time, first come first served.
class Places {
  #free;
  #waiting = [];

  constructor(most) {
    this.#free = most;
  }

  /** Resolves when the request has one. It gives it back when `over` does. */
  take(over) {
    const served = deferred();
    this.#waiting.push(served);
    const leave = () => {
      const at = this.#waiting.indexOf(served);
      if (at < 0) ++this.#free;
      else this.#waiting.splice(at, 1);
      this.#serve();
    };
    over.then(leave, leave);
    this.#serve();
    return served.promise;
  }

  #serve() {
    for (; this.#free > 0 && this.#waiting.length; --this.#free) this.#waiting.shift().resolve();
  }
}

// The same answer, whose end comes so many ms after its beginning; as a long one, of which each part is heard.
function slowly(response, ms) {
  const body = new ReadableStream({ start: async (out) => {
    const bytes = new Uint8Array(await response.arrayBuffer());
    out.enqueue(bytes.slice(0, 1));
    await pass(ms);
    out.enqueue(bytes.slice(1));
    out.close();
  } });
  const headers = new Headers(response.headers);
  headers.set('Content-Length', '4096');
  return new Response(body, { status: response.status, headers });
}

class Scene {
  log = [];                  // what went out: {out, at, body}
  #rules;
  #began;
  #links = new Set();        // open streams and sockets: {die(), cut()}
  #places;

  constructor({ network = [], connections = Infinity }) {
    this.#places = new Places(connections);
    this.#rules = network.map((rule) => ({ ...rule, left: rule.count ?? Infinity }));
    this.#began = performance.now();
    this.server = new FakeServer();
    this.server.latency = kLatency;
    this.server.start();
  }

  get now() { return performance.now() - this.#began; }

  // Notes it, and gives what the network does to it.
  #goes(out, body) {
    const at = this.now;
    this.log.push({ out, at, body });
    const rule = this.#rules.find((each) => each.on === out && each.left > 0 && at >= (each.from ?? 0) && at < (each.to ?? Infinity) && has(body, each.with));
    if (rule) --rule.left;
    return rule?.do;
  }

  fetch = async (url, init) => {
    const body = JSON.parse(init.body);
    const kind = url.split('/').at(-1);
    const does = this.#goes(kind, body);
    const aborted = new Promise((_, reject) => init.signal.addEventListener('abort', () => reject(init.signal.reason)));
    aborted.catch(() => {});
    const never = new Promise(() => {});
    if (does === 'swallow') return Promise.race([never, aborted]);
    if (does === 'lose' || does?.status) {
      await Promise.race([pass(2 * kLatency), aborted]);
      if (does === 'lose') throw new TypeError('fetch failed');
      const headers = does.retryAfter ? { 'Retry-After': String(does.retryAfter) } : {};
      return new Response(typeof does.body === 'string' ? does.body : JSON.stringify(does.body), { status: does.status, headers });
    }
    if (does?.drip) return new Response(new ReadableStream({ start: async (out) => {
      while (!init.signal.aborted) {
        out.enqueue(new Uint8Array(does.bytes ?? 1).fill(32));
        await pass(does.drip);
      }
    } }), { headers: { 'Content-Length': '4096' } });
    if (does?.delay) await Promise.race([pass(does.delay), aborted]);
    const link = { isDead: false };
    const broken = new Promise((_, reject) => { link.cut = () => reject(new TypeError('terminated')); });
    broken.catch(() => {});
    this.#links.add(link);
    const left = deferred();
    const leave = () => left.resolve();
    await Promise.race([this.#places.take(Promise.race([left.promise, aborted])), aborted]);
    const response = await Promise.race([fetch(url, init), broken]).catch((error) => {
      leave();
      throw error;
    });
    if (kind !== 'sse') {
      leave();
      this.#links.delete(link);
      if (link.isDead) return Promise.race([never, aborted]);
      return does?.slow ? slowly(response, does.slow) : response;
    }
    if (!response.body) {
      leave();
      return response;
    }
    const isHeld = does === 'hold';
    const stream = new ReadableStream({ start: async (out) => {
      link.cut = () => { try { out.error(new TypeError('terminated')); } catch { /* over */ } };
      try {
        for await (const bytes of response.body) if (!link.isDead && !isHeld) out.enqueue(bytes);
        if (!link.isDead) out.close();
      } catch (error) {
        try { out.error(error); } catch { /* over */ }
      }
      leave();
    } });
    return new Response(stream, { status: response.status, headers: response.headers });
  };

  get WebSocket() {
    const scene = this;
    return class extends WebSocket {
      #does;
      #link = { cut: () => super.close() };

      constructor(url) {
        const does = scene.#goes('websocket', {});
        super(does === 'refuse' ? 'ws://nobody.test/' : url);
        this.#does = does;
        scene.#links.add(this.#link);
      }

      send(text) {
        const does = scene.#goes('frame', JSON.parse(text));
        if (this.#does !== 'mute' && does !== 'swallow' && !this.#link.isDead) super.send(text);
      }

      set onmessage(act) { super.onmessage = (event) => { if (!this.#link.isDead) act(event); }; }
      set onclose(act) { super.onclose = (event) => { if (!this.#link.isDead) act(event); }; }
    };
  }

  /** The other member of the room says something. */
  hear() {
    for (const session of this.server.sessions.values()) session.emit({ type: 'n', from: '00000000', room: 'room', data: 1 });
  }

  /** What is open gives no sign of life any more. */
  die() { for (const link of this.#links) link.isDead = true; }

  cut() {
    for (const link of this.#links) link.cut();
    this.#links.clear();
  }
}

// The entries of the log that an expectation is about.
const matching = (log, { out, with: wanted }) => log.filter((entry) => entry.out === out && has(entry.body, wanted));

function check(expected, { log, end }) {
  const told = () => `${JSON.stringify(expected)}; what went out: ${JSON.stringify(log.map(({ out, at, body }) => [at, out, JSON.stringify(body).slice(0, 160)])).slice(0, 6000)}`;
  if (expected.end) {
    for (const [name, value] of Object.entries(expected.end)) assert.deepEqual(end[name], value, `${name}: ${told()}`);
    return;
  }
  const [from, to] = expected.from !== undefined || expected.to !== undefined ? [expected.from ?? 0, expected.to ?? Infinity] : [0, Infinity];
  const found = matching(log, expected);
  if (expected.count) {
    const count = found.filter(({ at }) => at >= from && at <= to).length;
    return assert.ok(count >= expected.count[0] && count <= expected.count[1], `${count} of ${told()}`);
  }
  const entry = found[(expected.nth ?? 1) - 1];
  assert.ok(entry, `nothing like ${told()}`);
  let { at } = entry;
  if (expected.since) {
    const before = matching(log, expected.since)[(expected.since.nth ?? 1) - 1];
    assert.ok(before, `nothing to count from: ${told()}`);
    at -= before.at;
  }
  assert.ok(at >= expected.at[0] && at <= expected.at[1], `at ${at}: ${told()}`);
}

/** Runs it, and throws where the client does not do what the case expects. */
export async function runCase(one) {
  const random = Math.random;
  Math.random = () => 0.5;
  const scene = new Scene(one);
  const { remembered, ...options } = one.options ?? {};
  const memory = storage();
  if (remembered) memory.setItem(`sigway network ${scene.server.url}/`, JSON.stringify({ at: Date.now(), ...remembered }));
  const end = { closed: null, resets: [], lost: [], heard: [] };
  const connection = connect({ url: scene.server.url, room: 'room', memory, keyStore: false, fetch: scene.fetch, WebSocket: scene.WebSocket, ...options });
  try {
    connection.on('closed', (reason) => { end.closed = reason.code; });
    connection.on('reset', (reset) => {
      end.resets.push(reset.reason);
      end.lost.push(...reset.lost);
    });
    for (const { at, do: what, count = 1, size = 10, every = 0 } of one.script ?? []) {
      await pass(at - scene.now);
      if (what === 'hear') for (let i = 0; i < count; ++i) setTimeout(() => scene.hear(), i * every);
      else if (what === 'say') for (let i = 0; i < count; ++i) connection.send('n', 'x'.repeat(size));
      else if (what === 'close') connection.close();
      else scene[what]();
    }
    await pass(one.until - scene.now);
    Object.assign(end, { state: connection.state, transport: connection.transport, pending: connection.pending });
    for (const expected of one.expect) check(expected, { log: scene.log, end });
  } finally {
    connection.on('closed', () => {});
    connection.close();
    await pass(5000);
    scene.server.stop();
    Math.random = random;
  }
}
