// Networks where, for a while, somebody else answers. `spans` are [from, to] in ms since the client's first connection.

import { WebSocketServer } from 'ws';
import { made } from '../exchange.mjs';

const kLogin = `<!doctype html><html><head><title>Welcome to Hotel WiFi</title></head><body><form action="/login" method="post">
<input name="room"><input name="surname"><button>Connect</button></form></body></html>`;

const meanwhile = (spans, act) => (box) => ({
  exchange: (request, next) => (box.isWithin(spans) ? act(request, next) : next()),
});
const when = (spans) => spans.map(([from, to]) => `${from / 1000} to ${to / 1000} s`).join(' and ');

export const captivePortal = (spans) => ({
  name: 'captive-portal', says: `${when(spans)}: a login page with 200 for everything`, outage: true, loses: true,
  on: meanwhile(spans, async () => made(200, 'text/html; charset=utf-8', kLogin)),
});

export const redirectLoop = (spans) => ({
  name: 'redirect-loop', says: `${when(spans)}: everything is redirected to itself`, outage: true, loses: true,
  on: meanwhile(spans, async ({ url }) => made(307, 'text/html', '', { location: url })),
});

export const wrongJson = (spans) => ({
  name: 'wrong-json', says: `${when(spans)}: 200 with JSON that is not the gateway's, whole or cut`, outage: true, loses: true,
  on: (box) => meanwhile(spans, async () => made(200, 'application/json',
    box.random.pick(['{"status":"ok"}', '[]', 'null', '42', '{"events":"none","up":"yes"}', '{"first":1,"eve', ''])))(box),
});

const kBlocked = '<html><head><title>Request Rejected</title></head><body>The requested URL was rejected. Your support ID is: 4711</body></html>';

// Also a probe that has something to say.
const isUpload = ({ method, url }) => /^\/v1\/(send|probe\/echo)(\?|$)/.test(url) && method === 'POST';

// A firewall that takes what is said for an attack, and then keeps that client from saying anything.
export const uploadsRefused = (status, spans) => ({
  name: `uploads-refused-${status}`, says: `${when(spans)}: every upload gets ${status} and a page`, outage: true, loses: true,
  on: (box) => ({
    exchange: async (request, next) => {
      if (!isUpload(request) || !box.isWithin(spans)) return next();
      return made(status, 'text/html', kBlocked, status === 429 ? { 'retry-after': '2' } : {});
    },
  }),
});

// A web server with an API of its own, and a WebSocket that echoes.
export const anotherServer = (spans) => ({
  name: 'another-server', says: `${when(spans)}: another server answers, 404 as JSON and a WebSocket that echoes`, outage: true, loses: true,
  on: meanwhile(spans, async ({ isUpgrade }) => {
    if (!isUpgrade) return made(404, 'application/json', '{"error":{"message":"No such API","status":404}}', { server: 'Tomcat' });
    return {
      take: (incoming, socket, head) => new WebSocketServer({ noServer: true }).handleUpgrade(incoming, socket, head,
        (echo) => echo.on('message', (text) => echo.send(String(text))).on('error', () => {})),
    };
  }),
});
