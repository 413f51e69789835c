// A server of the first `sigway.v1` for the clients of today: the one of tests/client/ on sockets, which has no features, and goes away as
// that server did: each carrier ends with `draining`, without `expected`, and the next server knows nobody.

import http from 'node:http';
import { WebSocketServer } from 'ws';
import { ProtocolServer } from '../client/protocol_server.mjs';

export class OldServer extends ProtocolServer {
  ice = [];
  #sockets = new Set();

  static async start() {
    const server = new OldServer();
    server.http = http.createServer((request, response) => server.#request(request, response));
    server.http.keepAliveTimeout = 60000;
    server.http.on('connection', (socket) => {
      server.#sockets.add(socket);
      socket.on('close', () => server.#sockets.delete(socket));
      socket.on('error', () => {});
    });
    const sockets = new WebSocketServer({ noServer: true });
    server.http.on('upgrade', (request, socket, head) => sockets.handleUpgrade(request, socket, head, (ws) => server.accepts(ws)));
    await new Promise((resolve) => server.http.listen(0, '127.0.0.1', resolve));
    server.url = `http://127.0.0.1:${server.http.address().port}`;
    return server;
  }

  async stop() {
    super.stop();
    this.cut();
    await new Promise((resolve) => this.http.close(resolve));
  }

  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #request(request, response) {
    let text = '';
    for await (const chunk of request) text += chunk;
    if (request.method !== 'POST') return response.writeHead(405).end();
    response.on('error', () => {});
    return this.request({ url: request.url, text, headers: request.headers, destroy: () => request.socket.destroy() }, response);
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
