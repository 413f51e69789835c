// A port of loopback that nobody listens on. Whoever is told of it may find it taken a moment later.

import { once } from 'node:events';
import net from 'node:net';

export async function freePort() {
  const listener = net.createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address();
  listener.close();
  await once(listener, 'close');
  return port;
}
