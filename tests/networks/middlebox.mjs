// A network between one client and the gateway: a port of its own on loopback, that the client talks to as if it were the gateway.
//
//   const box = await Middlebox.start({ host, port }, [websocketRefused(403), latency(400)]);
//   … box.url … box.counts … await box.close();
//
// From the client inward: a Line for each connection (line.mjs: bytes and time), then, where a behaviour asks for it, a Proxy
// (proxy.mjs: HTTP), then the gateway, or another proxy in front of it.
//
// A behaviour is {name, says, on(box), …facts}: one way of misbehaving, stateless itself. `on` gives its hooks for one box:
//   admit(line)              a connection was made; it goes on when this resolves
//   line(line)               the connection begins: delays, rates, timers
//   exchange(request, next)  one HTTP exchange, see exchange.mjs
// The facts say what the network is then good for:
//   breaks     transports that cannot work, or do not live long, with it
//   loses      requests or connections get lost: latencies are those of a second attempt
//   noticed    ms in which a client is to notice that, where nobody says so
//   waits      ms for which a message may wait for a connection, or behind what is in the line
//   outage     for a while nothing at all gets through
//   closes     connections are not kept alive
//   delay      ms that it adds to a round trip

import net from 'node:net';
import { once } from 'node:events';
import { Random } from '../faults/random.mjs';
import { Line } from './line.mjs';
import { Proxy } from './proxy.mjs';

export class Middlebox {
  counts = { connections: 0, requests: 0, up: 0, down: 0, methods: new Set(), open: 0, mostOpen: 0 };
  requestTimes = [];        // performance.now() of each request
  #lines = new Set();
  #timers = new Set();
  #born = null;
  #closed = false;

  // target: {host, port} of the next hop. via: {host, port} of an explicit proxy between us and the target. now: the time in ms, by
  // which `age` goes.
  static async start(target, behaviours, { random = new Random(1), via = null, now = () => performance.now() } = {}) {
    const box = new Middlebox();
    Object.assign(box, { target, random, now });
    box.hooks = behaviours.map((behaviour) => behaviour.on(box));
    const exchanges = box.hooks.flatMap(({ exchange }) => exchange ?? []);
    if (exchanges.length || via) box.proxy = await Proxy.start(target, exchanges, via);
    box.server = net.createServer((socket) => box.#accept(socket)).listen(0, '127.0.0.1');
    await once(box.server, 'listening');
    box.host = '127.0.0.1';
    box.port = box.server.address().port;
    box.url = `http://127.0.0.1:${box.port}`;
    return box;
  }

  // Milliseconds since the first connection.
  get age() {
    return this.#born === null ? 0 : this.now() - this.#born;
  }

  // Whether now is in one of the [from, to] since the first connection.
  isWithin(spans) {
    return spans.some(([from, to]) => this.age >= from && this.age < to);
  }

  // Never resolves once the box is closed.
  sleep(ms) {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  after(ms, act) {
    if (this.#closed) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }

  async close() {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.server.close();
    for (const line of this.#lines) line.cut();
    await this.proxy?.close();
  }

  async #accept(near) {
    this.#born ??= this.now();
    const line = new Line(near, this);
    this.#lines.add(line);
    this.#count(1);
    line.ended.then(() => {
      this.#lines.delete(line);
      this.#count(-1);
    });
    for (const { admit } of this.hooks) await admit?.(line);
    if (line.isCut) return;
    const { host, port } = this.proxy ?? this.target;
    line.begin(net.connect({ host, port, noDelay: true }));
    for (const hooks of this.hooks) hooks.line?.(line);
  }

  #count(change) {
    if (change > 0) ++this.counts.connections;
    this.counts.open += change;
    this.counts.mostOpen = Math.max(this.counts.mostOpen, this.counts.open);
  }

  // Told by lines of what passes, so that it is counted the same whether anybody reads HTTP here or not.
  passed(direction, chunk) {
    this.counts[direction] += chunk.length;
    if (direction !== 'up') return;
    // No body and no WebSocket frame of a client begins like that: bodies are JSON, frames are masked.
    const [, method] = /^([A-Z]{3,7}) (?:\/|http)/.exec(chunk.toString('latin1', 0, 16)) ?? [];
    if (!method) return;
    ++this.counts.requests;
    this.counts.methods.add(method);
    this.requestTimes.push(performance.now());
  }
}
