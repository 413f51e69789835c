// A TCP proxy on the way to the server, which fails as the test says. Its connections are bytes to it, TLS or not.

import { once } from 'node:events';
import net from 'node:net';
import { within } from '../../conformance/support/patience.mjs';
import { atPort } from './gateway.mjs';

export class Line {
  #pairs = new Set();
  #isOpen = true;
  #wake = () => {};
  isSwallowing = false;   // what the server says is thrown away
  swallowed = 0;

  static async start(t, server) {
    const line = new Line();
    line.listener = net.createServer((near) => line.#carry(near, server)).listen(0, '127.0.0.1');
    await once(line.listener, 'listening');
    t.after(() => { line.listener.close(); line.cut(); });
    line.server = atPort(server, line.listener.address().port);
    return line;
  }

  #carry(near, server) {
    if (!this.#isOpen) return void near.resetAndDestroy();
    const far = net.connect({ host: server.host, port: server.port, noDelay: true });
    const pair = { near, far };
    this.#pairs.add(pair);
    const end = () => { near.destroy(); far.destroy(); this.#pairs.delete(pair); };
    for (const socket of [near, far]) {
      socket.on('error', () => {}).on('close', () => { if (!pair.isStalled) end(); });
    }
    near.on('data', (bytes) => { if (!pair.isStalled) far.write(bytes); });
    far.on('data', (bytes) => {
      if (pair.isStalled) return;
      if (!this.isSwallowing) return void near.write(bytes);
      this.swallowed += bytes.length;
      this.#wake();
    });
  }

  // Everything breaks, and nobody gets through until open().
  close() {
    this.#isOpen = false;
    this.cut();
  }

  open() {
    this.#isOpen = true;
  }

  // As close(), with a reset in both directions: neither side has said goodbye.
  reset() {
    this.#isOpen = false;
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
    this.#pairs.clear();
  }

  cut() {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    this.#pairs.clear();
  }

  // Nothing passes on the connections that are there, in either direction, and no end of them either.
  stall() {
    for (const pair of this.#pairs) pair.isStalled = true;
  }

  // Resolves when the server has said something that was thrown away.
  async hasSwallowed() {
    await within((async () => {
      while (this.swallowed === 0) await new Promise((resolve) => { this.#wake = resolve; });
    })(), () => 'an answer to be lost');
  }
}
