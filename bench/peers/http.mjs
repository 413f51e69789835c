// What the servers on Node have in common.

import { createServer } from 'node:http';

/** An HTTP server that ends no connection on its own account. */
export function createHttpServer(handler) {
  const server = createServer({ keepAliveTimeout: 3_600_000, noDelay: true }, handler);
  server.maxRequestsPerSocket = 0;
  return server;
}

export function announce(server) {
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => console.log(`listening on ${server.address().port}`));
}
