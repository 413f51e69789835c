// Proxies from Debian, as they come.

import { haproxy, nginx, squid, tinyproxy } from '../conformance/support/proxies.mjs';

const inFront = async (starting) => {
  const proxy = await starting;
  return { target: { host: proxy.host, port: proxy.port }, via: null, stop: () => proxy.stop() };
};
const explicit = async (starting, { host, port }) => {
  const proxy = await starting;
  return { target: { host, port }, via: { host: proxy.host, port: proxy.port }, stop: () => proxy.stop() };
};

export const real = {
  // Its reverse proxy as the manual's first example has it: HTTP/1.0 to the gateway, no Upgrade, buffering on.
  nginx: (gateway) => inFront(nginx(`proxy_pass http://${gateway.authority};`)),
  haproxy: (gateway) => inFront(haproxy(gateway, '10s')),
  squid: (gateway) => explicit(squid(gateway), gateway),
  tinyproxy: (gateway) => explicit(tinyproxy(gateway), gateway),
};
