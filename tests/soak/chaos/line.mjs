// One connection of the chaos client, plain or TLS, from an address of its own: it writes in parts of any size, reads or does
// not, and leaves in one of the ways in which clients leave.

import net from 'node:net';
import tls from 'node:tls';
import { sleep } from '../../faults/random.mjs';

const kConnectMs = 10000;

export class Line {
  received = '';
  isClosed = false;

  static async open(server, random) {
    const line = new Line();
    line.random = random;
    const localAddress = `127.0.1.${random.integer(1, 250)}`;
    line.raw = net.connect({ host: server.host, port: server.port, localAddress, noDelay: random.chance(0.5), allowHalfOpen: random.chance(0.2) });
    line.raw.on('error', () => {});
    line.raw.on('close', () => { line.isClosed = true; });
    line.socket = line.raw;
    await Promise.race([new Promise((resolve) => line.raw.once('connect', resolve).once('close', resolve)), sleep(kConnectMs)]);
    if (server.isSecure && !random.chance(0.05)) await line.#secure();
    line.socket.on('data', (bytes) => { line.received = (line.received + bytes.toString('latin1')).slice(-100000); });
    if (random.chance(0.15)) line.socket.pause();   // reads nothing
    return line;
  }

  async #secure() {
    this.socket = tls.connect({ socket: this.raw, rejectUnauthorized: false });
    this.socket.on('error', () => {});
    const { random } = this;
    if (random.chance(0.05)) return sleep(random.between(0, 50)).then(() => { this.leave(); });
    await Promise.race([new Promise((resolve) => this.socket.once('secureConnect', resolve).once('close', resolve)), sleep(kConnectMs)]);
  }

  async write(bytes) {
    const { random } = this;
    const pieces = random.chance(0.7) ? 1 : random.integer(2, 6);
    for (let i = 0, at = 0; i < pieces && !this.isClosed; ++i) {
      const end = i === pieces - 1 ? bytes.length : random.integer(at, bytes.length);
      if (end > at) this.socket.write(bytes.subarray(at, end));
      at = end;
      if (i < pieces - 1) await sleep(random.chance(0.05) ? random.between(500, 3000) : random.between(0, 30));
    }
  }

  // Resolves when the text has come, or after `patience` ms, or at the end.
  async until(pattern, patience = 1000) {
    for (const until = Date.now() + patience; Date.now() < until && !this.isClosed && !pattern.test(this.received);) await sleep(5);
  }

  leave() {
    switch (this.random.choose({ fin: 0.25, reset: 0.3, half: 0.15, deaf: 0.1 })) {
      case 'fin': this.socket.end(); break;           // TLS says close_notify first
      case 'reset': try { this.raw.resetAndDestroy(); } catch { this.raw.destroy(); } break;
      case 'half': this.raw.end(); break;             // FIN without close_notify
      case 'deaf': this.socket.pause(); this.socket.end(); break;
      default: this.raw.destroy();
    }
    // Whatever is left of it ends soon.
    setTimeout(() => { this.socket.destroy(); this.raw.destroy(); }, 2000).unref();
  }
}
