// A network in the process, on the clock of fake_clock.mjs: `fetch` and a WebSocket that lead to servers of the tests (fake_server.mjs),
// without sockets. What is sent arrives after the server's latency, in order. An address that nobody has refuses connections.

import './fake_clock.mjs';

const servers = new Map();           // host -> server
let count = 0;

/** The address of `server`: {latency, request(request, response), upgrade(socket) or null to refuse}. */
export function listen(server) {
  const host = `server-${++count}.test`;
  servers.set(host, { server, links: new Set() });
  return `http://${host}`;
}

export function unlisten(url) {
  const { host } = new URL(url);
  cut(url);
  servers.delete(host);
}

/** Breaks the connections for which `which` holds, without a word. */
export function cut(url, which = () => true) {
  for (const link of [...servers.get(new URL(url).host)?.links ?? []]) if (which(link)) link.destroy();
}

// One connection: what goes either way keeps its order, and nothing arrives after it has broken.
class Link {
  isOpen = true;
  #ends = [];                // told that it has broken

  constructor(host) {
    this.host = servers.get(host);
    this.host?.links.add(this);
  }

  later(act) {
    setTimeout(() => { if (this.isOpen) act(); }, this.host?.server.latency ?? 0);
  }

  onBreak(act) { this.#ends.push(act); }

  close() {
    this.isOpen = false;
    this.host?.links.delete(this);
  }

  // Either side hears of it a moment later.
  destroy() {
    if (!this.isOpen) return;
    this.close();
    setTimeout(() => { for (const end of this.#ends) end(); }, this.host?.server.latency ?? 0);
  }
}

// The server's side of one exchange, as far as node:http's ServerResponse is used.
class FakeResponse {
  status = 200;
  headers = {};
  isOver = false;
  #link;
  #head;
  #handlers = [];
  #body = null;              // the controller of a stream that is under way
  #headSent = false;

  constructor(link, head) {
    this.#link = link;
    this.#head = head;
  }

  on(type, act) {
    if (type === 'close') this.#handlers.push(act);
    return this;
  }

  closed() {
    for (const act of this.#handlers.splice(0)) act();
  }

  writeHead(status, headers = {}) {
    Object.assign(this, { status, headers });
    return this;
  }

  flushHeaders() {
    if (this.#headSent) return;
    this.#headSent = true;
    const { status, headers } = this;
    this.#link.later(() => {
      const stream = new ReadableStream({ start: (body) => { this.#body = body; } });
      this.#link.onBreak(() => this.#body.error(new TypeError('terminated')));
      this.#head(new Response(stream, { status, headers }));
    });
  }

  write(text) {
    if (text === '' || this.isOver) return;
    this.flushHeaders();
    this.#link.later(() => this.#body.enqueue(new TextEncoder().encode(text)));
  }

  end(text = '') {
    if (this.isOver) return this;
    if (this.#headSent) this.write(text);
    this.isOver = true;
    const { status } = this;
    this.#link.later(() => {
      this.#link.close();
      if (this.#headSent) this.#body.close();
      else {
        const isEmpty = status === 204 || status === 304;
        const headers = isEmpty ? this.headers : { 'Content-Length': String(new TextEncoder().encode(text).length), ...this.headers };
        this.#head(new Response(isEmpty ? null : text, { status, headers }));
      }
      this.closed();
    });
    return this;
  }
}

/** Like the platform's, to the servers of this file. */
export async function fetch(url, init = {}) {
  const request = new Request(url, { ...init, signal: undefined });
  const { host, pathname, search } = new URL(url);
  const link = new Link(host);
  const { signal } = init;
  const broken = () => new TypeError('fetch failed', { cause: new Error(link.host ? 'the connection broke' : 'connection refused') });
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const response = new FakeResponse(link, resolve);
    link.onBreak(() => {
      reject(broken());
      response.isOver = true;
      response.closed();
    });
    signal?.addEventListener('abort', () => {
      reject(signal.reason);
      link.destroy();
    });
    if (!link.host) return link.destroy();
    link.later(() => link.host.server.request({ method: request.method, url: pathname + search, text: init.body ?? '',
      headers: Object.fromEntries(request.headers), destroy: () => link.destroy() }, response));
  });
}

// Handlers by name, with the one method of node:events that servers use.
class Ear {
  #handlers = new Map();

  on(type, act) {
    this.#handlers.set(type, [...this.#handlers.get(type) ?? [], act]);
    return this;
  }

  tell(type, ...values) {
    for (const act of this.#handlers.get(type) ?? []) act(...values);
  }
}

// The server's end of a WebSocket, as far as `ws` is used.
class ServerSocket extends Ear {
  #link;
  #client;

  constructor(link, client) {
    super();
    this.#link = link;
    this.#client = client;
  }

  send(text) { this.#link.later(() => this.#client.receive(String(text))); }

  close(code = 1005, reason = '') {
    this.#link.later(() => {
      this.#link.close();
      this.tell('close');
      this.#client.over(code, reason);
    });
  }

  terminate() { this.#link.destroy(); }
}

/** Like the platform's, to the servers of this file. */
export class WebSocket {
  readyState = 0;
  #handlers = {};
  #link;
  #server = null;

  constructor(url) {
    this.url = url;
    this.#link = new Link(new URL(url).host);
    this.#link.onBreak(() => this.#broken());
    if (!this.#link.host) return this.#link.destroy();
    this.#link.later(() => {
      this.#server = new ServerSocket(this.#link, { receive: (text) => this.#handlers.message?.({ data: text }), over: (...why) => this.#over(...why) });
      if (this.#link.host.server.accepts(this.#server) === false) return this.#link.destroy();
      this.#link.later(() => {
        this.readyState = 1;
        this.#handlers.open?.({});
      });
    });
  }

  get onopen() { return this.#handlers.open; }
  set onopen(act) { this.#handlers.open = act; }
  get onmessage() { return this.#handlers.message; }
  set onmessage(act) { this.#handlers.message = act; }
  get onclose() { return this.#handlers.close; }
  set onclose(act) { this.#handlers.close = act; }
  get onerror() { return this.#handlers.error; }
  set onerror(act) { this.#handlers.error = act; }

  send(text) { this.#link.later(() => this.#server.tell('message', text)); }

  close(code = 1005) {
    if (this.readyState > 1) return;
    this.readyState = 2;
    this.#link.later(() => {
      this.#link.close();
      this.#server?.tell('close');
      this.#over(code, '');
    });
  }

  #over(code, reason) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#handlers.close?.({ code, reason });
  }

  #broken() {
    this.#server?.tell('close');
    if (this.readyState === 0) this.#handlers.error?.({});
    this.#over(1006, '');
  }
}

// What a test wraps is this one.
globalThis.fetch = fetch;
