// RFC 6455 by hand: frames of every form, right and wrong, over a raw connection.

import { createHash, randomBytes } from 'node:crypto';
import { RawConnection } from './raw.mjs';

export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

export function encodeFrame(code, payload = '', { fin = true, rsv = 0, masked = true, lengthForm } = {}) {
  const body = Buffer.from(payload);
  const form = lengthForm ?? (body.length < 126 ? 7 : body.length < 65536 ? 16 : 64);
  const head = Buffer.alloc({ 7: 2, 16: 4, 64: 10 }[form]);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | code;
  head[1] = (masked ? 0x80 : 0) | { 7: body.length & 127, 16: 126, 64: 127 }[form];
  if (form === 16) head.writeUInt16BE(body.length, 2);
  if (form === 64) head.writeBigUInt64BE(BigInt(body.length), 2);
  if (!masked) return Buffer.concat([head, body]);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, body.map((byte, i) => byte ^ mask[i % 4])]);
}

export function closePayload(code, reason = '') {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return Buffer.concat([payload, Buffer.from(reason)]);
}

export function upgradeLines(server, path = '/v1/ws', key = randomBytes(16).toString('base64'), ...headers) {
  return [`GET ${path} HTTP/1.1`, `Host: ${server.authority}`, 'Connection: Upgrade', 'Upgrade: websocket',
    'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${key}`, ...headers];
}

export const acceptOf = (key) =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

export class RawWebSocket {
  static async open(server, { path = '/v1/ws', headers = [], ...options } = {}) {
    const key = randomBytes(16).toString('base64');
    const socket = new RawWebSocket();
    socket.connection = await RawConnection.open(server, options);
    socket.connection.request(upgradeLines(server, path, key, ...headers));
    socket.response = await socket.connection.responseHead();
    const { status, headers: answer } = socket.response;
    if (status !== 101) {
      socket.destroy();
      throw new Error(`no upgrade: ${status}`);
    }
    if (answer['sec-websocket-accept'] !== acceptOf(key)) throw new Error('wrong Sec-WebSocket-Accept');
    return socket;
  }

  frame(code, payload, options) {
    this.connection.write(encodeFrame(code, payload, options).toString('latin1'));
    return this;
  }

  send(value) {
    return this.frame(opcode.text, typeof value === 'string' ? value : JSON.stringify(value));
  }

  // The next frame as it is. A server's frames are never masked, and ours are never in pieces.
  async next() {
    const [first, second] = await this.connection.read(2, 'a frame');
    if (second & 0x80) throw new Error('the server masks');
    if (!(first & 0x80) || first & 0x70) throw new Error('a frame in pieces, or with reserved bits');
    let length = second & 0x7f;
    if (length === 126) length = (await this.connection.read(2)).readUInt16BE();
    else if (length === 127) length = Number((await this.connection.read(8)).readBigUInt64BE());
    return { opcode: first & 0x0f, payload: await this.connection.read(length, 'the rest of a frame') };
  }

  // The next object; the server's pings, which may come at any time, are passed over.
  async json() {
    for (;;) {
      const { opcode: code, payload } = await this.next();
      if (code === opcode.ping) continue;
      if (code !== opcode.text) throw new Error(`opcode ${code}: ${payload.toString('latin1')}`);
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
    }
  }

  // Passes over everything up to the close frame; {code, reason, before: the objects passed over}.
  async closed() {
    const before = [];
    for (;;) {
      const { opcode: code, payload } = await this.next();
      if (code === opcode.text) before.push(JSON.parse(payload.toString()));
      if (code !== opcode.close) continue;
      return { code: payload.length >= 2 ? payload.readUInt16BE() : null, reason: payload.subarray(2).toString(), before };
    }
  }

  destroy() {
    this.connection.destroy();
  }
}
