// The gateway under test: a process of its own that can be replaced by another one that knows nobody.

import { fileURLToPath } from 'node:url';
import { Server } from '../faults/server.mjs';

const kBinary = process.env.SIGWAY_BINARY ?? fileURLToPath(new URL('../../build/bin/sigway', import.meta.url));
const kFlags = ['--shards', '1'];

export class Gateway {
  static async start(...flags) {
    const gateway = new Gateway();
    gateway.flags = [...kFlags, ...flags];
    gateway.server = await Server.start(kBinary, gateway.flags);
    Object.assign(gateway, { host: gateway.server.host, port: gateway.server.port });
    return Object.assign(gateway, { authority: `${gateway.host}:${gateway.port}`, url: `http://${gateway.host}:${gateway.port}` });
  }

  async restart() {
    await this.server.stop('SIGKILL');
    this.server = await Server.start(kBinary, this.flags, this.port);
  }

  // What is wrong with how it ended, or null.
  async stop() {
    const code = await this.server.stop('SIGINT');
    if (code !== 0) return `the gateway ended with ${code}: ${this.server.log.slice(0, 2000)}`;
    return null;
  }
}
