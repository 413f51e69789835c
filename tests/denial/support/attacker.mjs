// What attacks have in common: connections that write as much as the server takes, and read only if they are told to.

import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { RawConnection, post } from '../../conformance/support/raw.mjs';
import { RawWebSocket, opcode } from '../../conformance/support/websocket.mjs';
import { makeKey } from '../../conformance/support/members.mjs';
import { within } from '../../conformance/support/patience.mjs';

const kStuckMs = 700;   // a server that has taken nothing for so long has stopped reading

// A plain TCP connection that reads nothing.
export async function deafSocket({ host, port, localAddress }) {
  const socket = net.connect({ host, port, localAddress });
  socket.on('error', () => {});
  socket.pause();
  await within(new Promise((resolve) => socket.once('connect', resolve)), () => 'a connection');
  return socket;
}

// Writes `chunk` again and again until the server has taken `bytes`, takes no more, has closed, or `seconds` are over.
export async function push(socket, chunk, bytes, { seconds = 10, stuckMs = kStuckMs } = {}) {
  const until = Date.now() + seconds * 1000;
  let taken = 0;
  while (taken < bytes && !socket.destroyed && Date.now() < until) {
    const isTaken = await Promise.race([
      new Promise((resolve) => socket.write(chunk, (error) => resolve(!error))),
      pause(stuckMs, false),
    ]);
    if (!isTaken) break;
    taken += chunk.length;
  }
  return taken;
}

// So many copies of it that they fill about `bytes`.
export function repeated(unit, bytes = 65536) {
  const one = Buffer.from(unit);
  return Buffer.concat(Array(Math.max(1, Math.floor(bytes / one.length))).fill(one));
}

export const getText = (path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

// With a mask of zeros: an attack must not cost its client more than the server.
export function textFrame(value) {
  const body = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  const length = body.length < 126 ? [body.length] : body.length < 65536 ? [126, body.length >> 8, body.length & 255]
    : [127, 0, 0, 0, 0, body.length >> 24, (body.length >> 16) & 255, (body.length >> 8) & 255, body.length & 255];
  return Buffer.concat([Buffer.from([0x80 | opcode.text, 0x80 | length[0], ...length.slice(1), 0, 0, 0, 0]), body]);
}

// A WebSocket with a session whose first events have been read; from then on it reads nothing. {socket, key, welcome}
export async function deafWebSocket(server, open = { room: makeKey() }) {
  const raw = await RawWebSocket.open(server, { localAddress: server.localAddress });
  const key = makeKey();
  raw.send({ key, open, carrier: 'c', turn: 1 });
  const welcome = await raw.json();
  const first = Object.keys(open).length > 0 ? await raw.json() : null;
  raw.send({ ack: first ? 1 : 0 });
  const { socket } = raw.connection;
  socket.pause();
  return { socket, key, welcome, raw };
}

// The same connection, read into nowhere.
export function readIntoNowhere(socket) {
  socket.removeAllListeners('data');
  socket.on('data', () => {});
  socket.resume();
}

// A request with a body on a connection of its own, whose answer is not read.
export async function deafPost(server, path, body) {
  const socket = await deafSocket(server);
  const [lines, bytes] = post(server, path, JSON.stringify(body));
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  socket.write(bytes);
  return socket;
}

export { RawConnection };
