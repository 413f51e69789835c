// A proxy that reads HTTP and lets behaviours mistreat it, exchange by exchange (exchange.mjs).

import http from 'node:http';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { tunnelled } from '../conformance/support/proxies.mjs';
import { drop, endToEnd } from './exchange.mjs';
import { Tunnel } from './tunnel.mjs';
import { askOldStyle, writeInterim, writeOldStyle } from './wire.mjs';

export class Proxy {
  #agent = new http.Agent({ keepAlive: true });
  #sockets = new Set();

  static async start(target, exchanges, via) {
    const proxy = new Proxy();
    Object.assign(proxy, { target, exchanges, via });
    proxy.server = http.createServer({ noDelay: true }, (request, response) => proxy.#plain(request, response));
    proxy.server.on('upgrade', (request, socket, head) => proxy.#upgrade(request, socket, head));
    proxy.server.on('connection', (socket) => proxy.#keep(socket));
    Object.assign(proxy.server, { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 });
    // A WebSocket goes through an explicit proxy by CONNECT, everything else by absolute URLs: as browsers do it.
    if (via) proxy.entrance = await tunnelled(via, { ...target, authority: `${target.host}:${target.port}`, url: 'http://' });
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return Object.assign(proxy, { host: '127.0.0.1', port: proxy.server.address().port });
  }

  async close() {
    this.server.close();
    this.entrance?.close();
    this.#agent.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  #keep(socket) {
    this.#sockets.add(socket);
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    return socket;
  }

  // Through all behaviours to the gateway.
  #ask(request, from = 0) {
    const exchange = this.exchanges[from];
    if (!exchange) return this.#onward(request);
    return exchange(request, (changed = request) => this.#ask(changed, from + 1));
  }

  async #plain(incoming, response) {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    response.on('error', () => {});
    try {
      const request = await read(incoming, gone.signal);
      const answer = await this.#ask(request);
      if (answer.take) return answer.take(incoming, response.socket, Buffer.alloc(0));
      if (gone.signal.aborted) return drop(answer);
      write(answer, response);
    } catch (error) {
      this.#fail(error, incoming.socket);
    }
  }

  async #upgrade(incoming, socket, head) {
    const gone = new AbortController();
    socket.on('close', () => gone.abort());
    socket.on('error', () => {});
    try {
      const request = { ...await read(incoming, gone.signal), isUpgrade: true };
      const answer = await this.#ask(request);
      if (answer.take) return answer.take(incoming, socket, head);
      if (gone.signal.aborted) return drop(answer);
      writeInterim(socket, answer.interim);
      if (answer.tunnel) answer.tunnel.open(socket, head);
      else writeOldStyle(socket, answer, answer.version ?? '1.1');
    } catch (error) {
      this.#fail(error, socket);
    }
  }

  // A bug of a behaviour must not look like a network that loses things.
  #fail(error, socket) {
    if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError) throw error;
    socket.destroy();
  }

  #onward(request) {
    if (request.version === '1.0') return askOldStyle(this.target, request, (socket) => this.#keep(socket));
    const { method, url, body, gone, isUpgrade } = request;
    const authority = `${this.target.host}:${this.target.port}`;
    const headers = isUpgrade ? request.headers : endToEnd(request.headers);
    let options = { ...this.target, path: url };
    if (this.via) {
      headers.host = authority;
      options = isUpgrade ? { host: this.entrance.host, port: this.entrance.port, path: url }
        : { host: this.via.host, port: this.via.port, path: `http://${authority}${url}` };
    }
    return new Promise((resolve, reject) => {
      const onward = http.request({ host: options.host, port: options.port, path: options.path, method, headers,
        agent: isUpgrade ? false : this.#agent });
      onward.on('socket', (socket) => { if (!this.#sockets.has(socket)) this.#keep(socket); });
      onward.on('error', reject);
      onward.on('upgrade', ({ rawHeaders }, socket, head) => resolve({ tunnel: new Tunnel(socket, head, rawHeaders) }));
      onward.on('response', (answer) => {
        answer.on('error', () => {});
        resolve({ status: answer.statusCode, headers: endToEnd(answer.headers), body: answer });
      });
      if (gone.aborted) onward.destroy();
      gone.addEventListener('abort', () => onward.destroy());
      onward.end(body);
    });
  }
}

async function read(incoming, gone) {
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const { method, url, headers } = incoming;
  return { method, url, headers: { ...headers }, body: Buffer.concat(chunks), isUpgrade: false, version: '1.1', gone };
}

function write(answer, response) {
  const { status, headers, body, close, version } = answer;
  if (version === '1.0') return writeOldStyle(response.socket, answer, '1.0');
  writeInterim(response.socket, answer.interim);
  if (close) response.shouldKeepAlive = false;
  response.writeHead(status, headers);
  if (!(body instanceof Readable)) return response.end(body);
  if (!answer.headLater) response.flushHeaders();
  body.on('error', () => response.destroy());
  body.on('close', () => { if (!body.readableEnded) response.destroy(); });
  response.on('close', () => body.destroy());
  body.pipe(response);
}
