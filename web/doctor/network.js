// The doctor's hands: one probe each (docs/protocol.md, "Probes"), and what came of it as a plain value. Nothing here
// throws for what a network does; a browser, Node, or a test's own fetch and WebSocket will do.

const kLineEnd = '\n';
const kRateTries = 5, kRatePause = 1000;
// As the clients ask: some virus scanners hold back a stream that was not asked for by its name.
const kEventStream = { Accept: 'text/event-stream' };
const kShownHeaders = ['via', 'server', 'x-cache', 'x-cache-lookup', 'age', 'cf-ray', 'x-squid-error', 'x-sigway-probe', 'connection'];

// FNV-1a, as the server's.
export function checksum(bytes) {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

// How a request went, in a word: `answered` by a probe, `refused` by sigway itself (its error's code is there), `foreign`:
// something else answered, `redirected`, `failed`: the connection, `timeout`: nothing came.
const outcome = (kind, began, more) => ({ kind, ms: performance.now() - began, ...more });

export class Network {
  #base; #fetch; #WebSocket; #prefix; #count = 0;
  #isStopped = false;
  #stops = new Set();   // what is under way, to be stopped all at once
  asked = [];   // every echo, in a few words: what became of it

  constructor({ url, fetch = globalThis.fetch, WebSocket = globalThis.WebSocket, signal }) {
    this.#base = new URL('/', url);
    this.#fetch = (...request) => fetch(...request);
    this.#WebSocket = WebSocket;
    const stop = () => {
      this.#isStopped = true;
      for (const each of this.#stops) each();
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
    this.#prefix = Math.random().toString(36).slice(2, 12).padEnd(10, '0');   // no secret: nobody gains by guessing it
  }

  get url() { return this.#base.origin; }

  nonce() { return `${this.#prefix}-${(++this.#count).toString(36)}`; }

  #address(route, query) {
    const address = new URL(`/v1/probe/${route}`, this.#base);
    for (const [name, value] of Object.entries(query)) {
      for (const each of [value].flat()) address.searchParams.append(name, each);
    }
    return address.href;
  }

  // Aborts after `timeout`, and when the whole examination does.
  #limit(timeout) {
    const abort = new AbortController();
    const stop = () => abort.abort();
    const timer = setTimeout(stop, timeout);
    this.#stops.add(stop);
    if (this.#isStopped) stop();
    return { signal: abort.signal, done: () => { clearTimeout(timer); this.#stops.delete(stop); } };
  }

  #request(route, { method, query, body, headers }, signal) {
    return this.#fetch(this.#address(route, query), {
      method, headers, signal, body: method === 'GET' ? undefined : body,
      cache: 'no-store', credentials: 'same-origin', redirect: 'manual', referrerPolicy: 'no-referrer',
    });
  }

  // One exchange with a complete answer: echo, or hold.
  async ask(route, options = {}) {
    let result = await this.#ask(route, options);
    // Others of this address are asking too: the server's own limit is no finding.
    for (let i = 0; i < kRateTries && result.code === 'rate_limited' && !this.#isStopped; ++i) {
      await new Promise((resolve) => setTimeout(resolve, kRatePause));
      result = await this.#ask(route, options);
    }
    const { u, kind, ms, status, report } = result;
    if (route === 'echo') {
      this.asked.push({ u, method: options.method ?? 'POST', kind, ms, status, server: report?.server, request: report?.request,
        closes: /close/i.test(result.headers?.connection ?? '') });
    }
    return result;
  }

  async #ask(route, { method = 'POST', query = {}, body = '', headers = { 'content-type': 'text/plain' }, timeout = 6000, u = this.nonce() }) {
    const began = performance.now();
    const limit = this.#limit(timeout);
    let status;
    try {
      const response = await this.#request(route, { method, query: { ...query, u }, body, headers: method === 'GET' ? undefined : headers }, limit.signal);
      ({ status } = response);
      if (response.type === 'opaqueredirect' || status >= 300 && status < 400 && status !== 304) return outcome('redirected', began, { u, status });
      const text = await response.text();
      const answer = { u, status, headers: shown(response.headers), type: response.headers.get('content-type') ?? '' };
      let report = null;
      try { report = JSON.parse(text); } catch { /* somebody else's words */ }
      if (status === 200 && typeof report?.server === 'string' && typeof report.headers === 'object') return outcome('answered', began, { ...answer, report });
      if (typeof report?.error?.code === 'string') return outcome('refused', began, { ...answer, code: report.error.code });
      return outcome('foreign', began, { ...answer, text: text.slice(0, 200) });
    } catch (error) {
      return outcome(limit.signal.aborted ? 'timeout' : 'failed', began, { u, status, reason: reasonOf(error) });
    } finally {
      limit.done();
    }
  }

  // A stream of chunks as they come. `reads` are [ms, bytes in all], `lines` [n, written at, arrived at].
  async stream({ method = 'POST', type = 'events', interval, size, count, timeout }) {
    const began = performance.now();
    const limit = this.#limit(timeout);
    const seen = { asked: { type, interval, size, count }, reads: [], lines: [], bytes: 0 };
    try {
      const response = await this.#request('stream', { method, query: { type, interval, size, count, u: this.nonce() }, body: '', headers: type === 'events' ? kEventStream : {} }, limit.signal);
      Object.assign(seen, { status: response.status, head: performance.now() - began, type: response.headers.get('content-type') ?? '',
        encoding: response.headers.get('content-encoding') ?? '' });
      const wanted = type === 'events' ? 'text/event-stream' : 'text/plain';
      if (response.status !== 200 || !seen.type.startsWith(wanted) && seen.type !== '') {
        const text = await response.text().catch(() => '');
        let code;
        try { ({ code } = JSON.parse(text).error); } catch { /* not ours */ }
        return outcome(response.type === 'opaqueredirect' ? 'redirected' : code ? 'refused' : 'foreign', began, { ...seen, code });
      }
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      let rest = '';
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const at = performance.now() - began;
        seen.bytes += value.length;
        const last = seen.reads.at(-1);
        if (last && at - last[0] < 12) last[1] = seen.bytes;   // one delivery, in several pieces
        else seen.reads.push([at, seen.bytes]);
        const lines = (rest + decoder.decode(value, { stream: true })).split(kLineEnd);
        rest = lines.pop();
        for (const line of lines) {
          const [, n, written] = /\{"n":(\d+),"at":(\d+),/.exec(line) ?? [];
          if (n) seen.lines.push([Number(n), Number(written), at]);
        }
      }
      return outcome(seen.lines.at(-1)?.[0] === count - 1 ? 'complete' : 'cut', began, seen);
    } catch (error) {
      return outcome(limit.signal.aborted ? 'timeout' : seen.status ? 'cut' : 'failed', began, { ...seen, reason: reasonOf(error) });
    } finally {
      limit.done();
    }
  }

  // A WebSocket: `opened` and `greeted` in ms, `trips` of what it echoed. It lives for `life` ms with something said each
  // `interval` (0: silence, then the last words), or until it is cut. `last`: how many last words there are, each said when the one
  // before came back. Words have `size` bytes at least; the server counts only those that are nonces, and so short.
  socket({ life, interval = 0, timeout = 6000, last = 1, size = 0 }) {
    const began = performance.now();
    const now = () => performance.now() - began;
    const seen = { opened: null, greeted: null, trips: [], said: [], foreign: false, http: null };
    const address = this.#address('ws', { u: this.nonce() }).replace(/^http/, 'ws');
    return new Promise((resolve) => {
      const waiting = new Map();
      const timers = [];
      let socket = null, over = false, left = last;
      const later = (act, ms) => timers.push(setTimeout(act, ms));
      const finish = (kind, more = {}) => {
        if (over) return;
        over = true;
        timers.forEach(clearTimeout);
        this.#stops.delete(stop);
        try { socket?.close(); } catch { /* never opened */ }
        resolve(outcome(kind, began, { ...seen, unanswered: waiting.size, ...more }));
      };
      const stop = () => finish('stopped');
      const say = () => {
        const word = this.nonce().padEnd(size, '-');
        waiting.set(word, now());
        if (seen.said.length < 16 && size === 0) seen.said.push(word);
        socket.send(word);
        later(() => waiting.has(word) && finish('silent'), timeout);
      };
      const talk = () => {
        say();
        if (now() + interval < life) later(talk, interval);
      };
      if (this.#isStopped) return stop();
      this.#stops.add(stop);
      later(() => seen.opened === null && finish('timeout'), timeout);
      try {
        socket = new this.#WebSocket(address);
      } catch (error) {
        return finish('failed', { reason: reasonOf(error) });
      }
      socket.onopen = () => {
        seen.opened = now();
        if (interval > 0) talk();
        // The last word is what shows that it still lives.
        later(() => { seen.last = true; say(); }, Math.max(0, life - seen.opened));
      };
      socket.onmessage = ({ data }) => {
        const at = now();
        if (waiting.has(data)) {
          seen.trips.push(at - waiting.get(data));
          waiting.delete(data);
          if (!seen.last || waiting.size > 0) return;
          if (--left > 0) say();
          else finish(seen.foreign || seen.greeted === null ? 'foreign' : 'lived');
          return;
        }
        try {
          const greeting = JSON.parse(data);
          if (typeof greeting.server !== 'string') throw new Error('somebody else');
          seen.greeted ??= at;
          seen.server = greeting.server;
          seen.headers = greeting.headers;
        } catch {
          seen.foreign = true;
        }
      };
      socket.onerror = () => {};   // a close follows
      socket.onclose = ({ code }) => finish(seen.opened === null ? 'failed' : 'cut', { code });
    });
  }
}

function shown(headers) {
  const found = {};
  for (const name of kShownHeaders) {
    const value = headers.get(name);
    if (value !== null) found[name] = value.slice(0, 256);
  }
  return found;
}

const reasonOf = (error) => String(error?.cause?.code ?? error?.cause?.message ?? error?.message ?? error);
