// web/client/sigway.js as a member of the test sees it, in a page that can be hidden and can die.

import { WebSocket } from 'ws';
import { connect } from '../../web/client/sigway.js';

export class LibraryClient {
  #connection;
  #dead = false;
  #page = new EventTarget();

  #trace;

  // hooks: event(event, number, transport), broken(code), closed(code), trace(text)
  constructor({ url, room, capacity, replaces, transport }, random, hooks) {
    this.#trace = hooks.trace;
    this.#page.navigator = { sendBeacon: (to, body) => {
      this.#fetch(to, { method: 'POST', body }).catch(() => {});
      return true;
    } };
    this.#connection = connect({ url, room, capacity, replaces, transport, heartbeat: 1000, messageRate: 150, keyStore: false,
      page: this.#page, fetch: (...request) => this.#fetch(...request), WebSocket: this.#socketClass() });
    const connection = this.#connection;
    connection.opened.catch(() => {});
    connection.on('event', (event, { number, transport }) => { if (!this.#dead) hooks.event(event, number, transport); });
    connection.on('reset', ({ reason }) => hooks.broken(reason));
    for (const type of ['state', 'transport', 'retry']) {
      connection.on(type, (value) => hooks.trace(`${type} ${JSON.stringify(value)} ${value.reason?.message ?? ''}`));
    }
    connection.on('closed', ({ code }) => { if (!this.#dead) hooks.closed(code); });
  }

  get key() { return this.#connection.key; }
  get peer() { return this.#connection.peer; }
  get transport() { return this.#connection.state === 'open' ? this.#connection.transport : null; }
  get pending() { return this.#connection.pending; }

  send(type, data, to) { return this.#connection.send(type, data, to); }
  join(room, capacity) { this.#connection.join(room, { capacity }).catch(() => {}); }
  leave(room) { this.#connection.leave(room).catch(() => {}); }
  switchTransport(kind) { this.#connection.switchTransport(kind).catch(() => {}); }
  close() { return this.#connection.close(); }

  away() {
    this.#page.dispatchEvent(new Event('pagehide'));
  }

  // The page is shown again, or the machine is back on a network.
  back() {
    this.#page.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
    this.#page.dispatchEvent(new Event('online'));
  }

  // A page that dies says nothing: from here on the object is told, by nobody on the network, that it is over.
  kill() {
    this.#dead = true;
    this.back();
  }

  async #fetch(url, request) {
    if (this.#dead) return new Response('{"error":{"code":"left"}}', { status: 410 });
    this.#trace(`> ${url} ${request.body}`);
    try {
      const response = await fetch(url, request);
      this.#trace(`< ${response.status} of ${request.body}`);
      return response;
    } catch (error) {
      this.#trace(`< ${error.message} ${error.cause?.message} of ${request.body}`);
      throw error;
    }
  }

  #socketClass() {
    const isDead = () => this.#dead;
    const trace = this.#trace;
    return class extends WebSocket {
      constructor(url) {
        super(url);
        if (isDead()) queueMicrotask(() => this.onclose?.({ code: 4100, reason: 'left' }));
        this.on('message', (text) => trace(`<< ${text}`));
        this.on('close', (code, reason) => trace(`<< closed ${code} ${reason}`));
      }

      send(text) {
        trace(`>> ${text}`);
        super.send(text);
      }
    };
  }
}
