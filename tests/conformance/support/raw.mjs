// A socket on which a test writes what it likes, and a reader of HTTP answers that forgives nothing.
// It shares no code with Node's HTTP client, which could not send most of what is tried here.

import net from 'node:net';
import tls from 'node:tls';
import { within } from './patience.mjs';

const kHeadEnd = '\r\n\r\n';

export class RawConnection {
  #bytes = Buffer.alloc(0);
  #ended = false;
  #wake = [];

  static async open(server, { secure = server.url.startsWith('https'), ...options } = {}) {
    const connection = new RawConnection();
    const socket = secure
      ? tls.connect({ host: server.host, port: server.port, rejectUnauthorized: false, ...options })
      : net.connect({ host: server.host, port: server.port, ...options });
    connection.socket = socket;
    const end = () => { connection.#ended = true; connection.#notify(); };
    socket.on('data', (bytes) => {
      connection.#bytes = Buffer.concat([connection.#bytes, bytes]);
      connection.#notify();
    });
    socket.on('end', end).on('close', end).on('error', end);
    await within(new Promise((resolve, reject) => {
      socket.once(secure ? 'secureConnect' : 'connect', resolve).once('error', reject);
    }), () => 'a connection');
    socket.setNoDelay(true);
    return connection;
  }

  write(bytes) {
    if (!this.socket.destroyed) this.socket.write(bytes, 'latin1');
    return this;
  }

  // A head of these lines, then the body as it is.
  request(lines, body = '') {
    return this.write(`${lines.join('\r\n')}${kHeadEnd}`).write(body);
  }

  destroy() {
    this.socket.destroy();
  }

  #notify() {
    for (const wake of this.#wake.splice(0)) wake();
  }

  // What has arrived and was not read yet.
  get pending() {
    return this.#bytes.toString('latin1');
  }

  async #more(what) {
    if (this.#ended) throw new Error(`the connection ended before ${what}; unread: ${this.pending.slice(0, 200)}`);
    await within(new Promise((resolve) => this.#wake.push(resolve)), () => what);
  }

  async read(count, what = `${count} bytes`) {
    while (this.#bytes.length < count) await this.#more(what);
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }

  async readUntil(mark, what) {
    for (;;) {
      const at = this.#bytes.indexOf(mark, 0, 'latin1');
      if (at >= 0) return (await this.read(at + mark.length)).toString('latin1');
      await this.#more(what ?? JSON.stringify(mark));
    }
  }

  // Resolves with what came until the server ended the connection.
  async ended() {
    while (!this.#ended) await within(new Promise((resolve) => this.#wake.push(resolve)), () => 'the end of the connection');
    return (await this.read(this.#bytes.length)).toString('latin1');
  }

  async responseHead() {
    const text = await this.readUntil(kHeadEnd, 'the head of an answer');
    const [line, ...fields] = text.slice(0, -kHeadEnd.length).split('\r\n');
    const [, version, status] = /^(HTTP\/1\.[01]) (\d{3}) [ -~]*$/.exec(line) ?? [];
    if (!status) throw new Error(`not a status line: ${JSON.stringify(line)}`);
    const headers = {};
    for (const field of fields) {
      const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t -~\x80-\xff]*)$/.exec(field) ?? [];
      if (!name) throw new Error(`not a header: ${JSON.stringify(field)}`);
      const key = name.toLowerCase();
      if (key in headers && (key === 'content-length' || key === 'transfer-encoding')) throw new Error(`two of ${key}`);
      headers[key] = key in headers ? `${headers[key]}, ${value}` : value;
    }
    return { version, status: Number(status), headers };
  }

  // `isHead`: the request was HEAD, whose answer has no body whatever its headers say.
  async response({ isHead = false } = {}) {
    const response = await this.responseHead();
    const { status, headers } = response;
    let body = '';
    if (!isHead && status >= 200 && status !== 204 && status !== 304) {
      if (headers['transfer-encoding'] === 'chunked') {
        if ('content-length' in headers) throw new Error('both lengths in an answer');
        for (let chunk = await this.chunk(); chunk !== null; chunk = await this.chunk()) body += chunk;
      } else if ('content-length' in headers) {
        body = (await this.read(Number(headers['content-length']), 'the body of an answer')).toString('latin1');
      } else {
        body = await this.ended();
      }
    }
    response.body = Buffer.from(body, 'latin1').toString('utf8');
    if (body && headers['content-type']?.startsWith('application/json')) response.json = JSON.parse(response.body);
    return response;
  }

  // The next chunk of a chunked body; null at its end.
  async chunk() {
    const line = await this.readUntil('\r\n', 'a chunk');
    if (!/^[0-9A-Fa-f]+\r\n$/.test(line)) throw new Error(`not a chunk: ${JSON.stringify(line)}`);
    const size = parseInt(line, 16);
    const data = (await this.read(size)).toString('latin1');
    if ((await this.read(2)).toString('latin1') !== '\r\n') throw new Error('a chunk is longer than it says');
    return size === 0 ? null : data;
  }
}

export function post(server, path, body, ...headers) {
  const bytes = Buffer.from(body);
  return [[`POST ${path} HTTP/1.1`, `Host: ${server.authority}`, `Content-Length: ${bytes.length}`, ...headers], bytes];
}

export function get(server, path, ...headers) {
  return [[`GET ${path} HTTP/1.1`, `Host: ${server.authority}`, ...headers]];
}

// One request on a connection of its own.
export async function exchange(server, lines, body = '', options = {}) {
  const connection = await RawConnection.open(server);
  try {
    return await connection.request(lines, body).response(options);
  } finally {
    connection.destroy();
  }
}
