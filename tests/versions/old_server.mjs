// A server of the first `sigway.v1` for the clients of today: the fake one of tests/client/, which has no features, and goes away as that
// server did: each carrier ends with `draining`, without `expected`, and the next server knows nobody.

import { FakeServer } from '../client/fake_server.mjs';

export class OldServer extends FakeServer {
  ice = [];

  static async start() {
    return new OldServer().start();
  }

  async replace() {
    for (const carrier of this.carriers()) {
      // A poll was closed without an answer.
      if (carrier.kind !== 'poll') carrier.control('end', { code: 'draining', message: 'The server is shutting down; come back a little later.', retry: 1000 });
    }
    for (const carrier of this.carriers()) if (carrier.kind === 'websocket') carrier.socket.close(4012, 'draining');
    this.restart();
  }
}
