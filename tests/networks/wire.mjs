// HTTP that Node does not speak: HTTP/1.0 both ways, and answers on a socket that asked for an upgrade.

import net from 'node:net';
import { STATUS_CODES } from 'node:http';
import { Readable } from 'node:stream';
import { lost } from './exchange.mjs';

// Answers before the answer (RFC 9110 §15.2).
export function writeInterim(socket, statuses = []) {
  for (const status of statuses) {
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${status === 103 ? 'Link: </style.css>; rel=preload\r\n' : ''}\r\n`);
  }
}

// The end of the connection is the end of the answer.
export function writeOldStyle(socket, { status, headers, body }, version) {
  let text = `HTTP/${version} ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
  for (const [name, values] of Object.entries({ ...headers, connection: 'close' })) {
    for (const value of [values].flat()) text += `${name}: ${value}\r\n`;
  }
  socket.write(`${text}\r\n`);
  if (!(body instanceof Readable)) return socket.end(body);
  socket.on('close', () => body.destroy());
  body.on('error', () => socket.destroy());
  body.on('close', () => { if (!body.readableEnded) socket.destroy(); });     // cut, without an error
  body.pipe(socket);
}

// Asks as a proxy that knows only HTTP/1.0: a connection for each request, no chunks, no Upgrade.
export async function askOldStyle({ host, port }, { method, url, headers, body, gone }, keep) {
  const socket = keep(net.connect({ host, port }));
  gone.addEventListener('abort', () => socket.destroy());
  let text = `${method} ${url} HTTP/1.0\r\n`;
  for (const [name, value] of Object.entries(headers)) {
    if (!/^(connection|keep-alive|upgrade|transfer-encoding|content-length|sec-websocket-.*)$/.test(name)) text += `${name}: ${value}\r\n`;
  }
  socket.write(Buffer.concat([Buffer.from(`${text}content-length: ${body.length}\r\nconnection: close\r\n\r\n`, 'latin1'), body]));
  let seen = Buffer.alloc(0);
  for await (const chunk of chunksOf(socket)) {
    seen = Buffer.concat([seen, chunk]);
    const end = seen.indexOf('\r\n\r\n');
    if (end < 0) continue;
    const [first, ...lines] = seen.toString('latin1', 0, end).split('\r\n');
    const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(first) ?? [];
    if (!status) break;
    const answered = Object.fromEntries(lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    delete answered.connection;
    if (seen.length > end + 4) socket.unshift(seen.subarray(end + 4));
    return { status: Number(status), headers: answered, body: socket };
  }
  throw lost;
}

// Reading on is the caller's: a `for await` over the socket itself would destroy it at the end.
async function* chunksOf(socket) {
  for (;;) {
    const chunk = socket.read();
    if (chunk) yield chunk;
    else if (socket.readableEnded || socket.destroyed) return;
    else await new Promise((resolve) => {
      const wake = () => {
        for (const type of ['readable', 'end', 'close', 'error']) socket.off(type, wake);
        resolve();
      };
      for (const type of ['readable', 'end', 'close', 'error']) socket.on(type, wake);
    });
  }
}
