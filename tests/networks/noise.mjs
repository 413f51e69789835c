// How busy the machine is while a cell runs: how late a timer is, and a byte to a socket
// and back. Times that were measured while this took long say nothing about a network.

import net from 'node:net';
import { once } from 'node:events';

const kEvery = 40;      // ms

export class Noise {
  #times = [];
  #stopped = false;

  static async listen() {
    const noise = new Noise();
    const echo = net.createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
    await once(echo, 'listening');
    noise.#run(echo);
    return noise;
  }

  async #run(echo) {
    const socket = net.connect({ port: echo.address().port, host: '127.0.0.1', noDelay: true });
    while (!this.#stopped) {
      const due = performance.now() + kEvery;
      await new Promise((resolve) => setTimeout(resolve, kEvery));
      socket.write('x');
      await once(socket, 'data');
      this.#times.push({ at: performance.now(), took: performance.now() - due });
    }
    socket.destroy();
    echo.close();
  }

  stop() {
    this.#stopped = true;
  }

  // In ms, of 95 % since then.
  since(then) {
    const times = this.#times.filter(({ at }) => at >= then).map(({ took }) => took).sort((one, other) => one - other);
    return times[Math.floor(times.length * 0.95)] ?? 0;
  }
}
