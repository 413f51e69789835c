// The server that the client is tested against, in the process: on the network of fake_network.mjs and the clock of fake_clock.mjs.

import { cut, listen, unlisten, WebSocket } from './fake_network.mjs';
import { ProtocolServer } from './protocol_server.mjs';

export class FakeServer extends ProtocolServer {
  latency = 1;              // ms each way
  WebSocket = WebSocket;

  start() {
    this.url = listen(this);
    return this;
  }

  stop() {
    super.stop();
    unlisten(this.url);
  }

  // Cuts connections without a word.
  cut(which) {
    cut(this.url, which);
  }
}
