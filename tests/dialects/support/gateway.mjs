// The gateway in the variant that ctest asks for: SIGWAY_TEST_TLS=1 and SIGWAY_TEST_SHARDS=N.

import assert from 'node:assert/strict';
import { Server } from '../../conformance/support/server.mjs';
import { freePort } from '../../support/free_port.mjs';

export const isSecure = process.env.SIGWAY_TEST_TLS === '1';
const kShards = process.env.SIGWAY_TEST_SHARDS ?? '1';
const kStarts = 5;

// The certificate is self-signed. Some clients of this suite have no setting for that, but all of them read this variable.
if (isSecure) {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  process.env.NODE_NO_WARNINGS = '1';
}

// `listen`: names of dialects that get a port of their own; `server.own[NAME]` is the server as it is seen there.
export async function startGateway(flags = [], { listen = [] } = {}) {
  const variant = [...(isSecure ? ['--tls-self-signed'] : []), '--shards', kShards, '--drain-time', '100ms'];
  for (let start = 1; ; ++start) {
    const ports = await Promise.all(listen.map(freePort));
    const more = listen.flatMap((name, i) => ['--listen', `${ports[i]}=${name}`]);
    try {
      const server = await Server.start([...variant, ...more, ...flags]);
      server.own = Object.fromEntries(listen.map((name, i) => [name, atPort(server, ports[i])]));
      return server;
    } catch (error) {
      if (start === kStarts || listen.length === 0) throw error;   // somebody else may have taken a port in between
    }
  }
}

// The server as it is seen through another port, a proxy's or one of --listen.
export function atPort(server, port) {
  const url = new URL(server.url);
  url.port = port;
  return Object.create(server, { url: { value: url.origin }, port: { value: port } });
}

export async function stopGateway(server) {
  assert.equal(await server.stop(), 0, server.log);
  assert.doesNotMatch(server.log, /Sanitizer|runtime error/);
}

let names = 0;
// A room or a user that no other test has.
export const fresh = (what) => `${what}-${process.pid}-${++names}`;
