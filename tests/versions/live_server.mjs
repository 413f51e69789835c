// The server of a binary, of whatever age, on one port: {url, replace(), stop()}.

import { Server } from '../faults/server.mjs';

const kFlags = ['--shards', '1', '--drain-time', '1s'];

export class LiveServer {
  static async start(binary) {
    const live = Object.assign(new LiveServer(), { binary, server: await Server.start(binary, kFlags) });
    return Object.assign(live, { port: live.server.port, url: `http://${live.server.host}:${live.server.port}` });
  }

  // As an operator does it.
  async replace() {
    await this.server.stop('SIGTERM');
    this.server = await Server.start(this.binary, kFlags, this.port);
  }

  async stop() {
    await this.server.stop('SIGKILL');
  }
}
