// The real server behind a relay that makes the faults of FakeServer: {url, fault, upgrade, cut, restart, stop}.

import { spawn } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

export class RealServer {
  fault = () => null;
  upgrade = () => null;
  WebSocket = WebSocket;
  #sockets = new Set();
  #count = 0;

  constructor(binary, ...flags) {
    Object.assign(this, { binary, flags });
  }

  async start() {
    await this.#spawn();
    this.relay = http.createServer((request, response) => this.#request(request, response));
    this.relay.keepAliveTimeout = 60000;
    this.relay.on('connection', (socket) => this.#keep(socket));
    this.relay.on('upgrade', (request, socket, head) => this.#tunnel(request, socket, head));
    await new Promise((resolve) => this.relay.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${this.relay.address().port}`;
    return this;
  }

  async #spawn() {
    this.process = spawn(this.binary, ['--port', '0', '--log-level', 'warn', ...this.flags], { stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const line of createInterface({ input: this.process.stdout })) {
      const [, host, port] = /^sigway listening on http:\/\/(.*):(\d+)$/.exec(line) ?? [];
      if (port) return Object.assign(this, { host, port: Number(port) });
    }
    throw new Error(`${this.binary} did not start`);
  }

  async #kill() {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGKILL');
    await ended;
  }

  // Another process, that knows nobody.
  async restart() {
    await this.#kill();
    await this.#spawn();
    this.cut();
  }

  // The same, but as an operator does it: the old one sends its clients away and is not waited for by them.
  async replace() {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    await ended;
    await this.#spawn();
    this.cut();
  }

  async stop() {
    await this.#kill();
    const closed = new Promise((resolve) => this.relay.close(resolve));
    this.cut();
    await closed;
  }

  cut(which = () => true) {
    for (const socket of this.#sockets) if (which(socket)) socket.destroy();
  }

  #keep(socket) {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
  }

  #tunnel(request, socket, head) {
    const fault = this.upgrade();
    if (fault === 'refuse') return socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    if (fault) return;
    const up = net.connect(this.port, this.host);
    this.#keep(up);
    const lines = [`GET ${request.url} HTTP/1.1`];
    for (let i = 0; i < request.rawHeaders.length; i += 2) lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`);
    up.write(`${lines.join('\r\n')}\r\n\r\n`);
    up.write(head);
    up.pipe(socket).pipe(up);
    up.on('close', () => socket.destroy());
    socket.on('close', () => up.destroy());
  }

  async #request(request, response) {
    let text = '';
    for await (const chunk of request) text += chunk;
    const fault = this.fault({ route: request.url, text, body: text ? JSON.parse(text) : null, count: ++this.#count });
    if (fault === 'lose') return request.socket.destroy();
    if (fault?.delay) await new Promise((resolve) => setTimeout(resolve, fault.delay));
    if (fault?.status) return response.writeHead(fault.status, fault.headers).end(fault.text ?? '');
    if (fault === 'repeat') this.#forward(request, text, null);
    // The answer is lost once it is there; a stream or a held poll is cut off before.
    this.#forward(request, text, fault === 'lose-answer' ? request.socket : response);
  }

  #forward({ url, method, headers }, text, to) {
    const loses = to && !(to instanceof http.ServerResponse);
    const onward = http.request({ host: this.host, port: this.port, path: url, method, headers, agent: false });
    const lose = () => {
      if (loses) to.destroy();
      onward.destroy();
    };
    onward.on('socket', (socket) => this.#keep(socket));
    onward.on('error', () => to?.destroy());
    onward.on('response', (answer) => {
      if (loses) return lose();
      if (!to) return answer.resume();
      to.writeHead(answer.statusCode, answer.headers);
      to.flushHeaders();
      answer.on('data', (chunk) => to.write(chunk));
      answer.on('end', () => to.end());
      answer.on('error', () => to.destroy());
      to.on('close', () => onward.destroy());
    });
    if (loses || !to) setTimeout(lose, 1000).unref();   // a copy of a stream or a held poll would live for ever
    onward.end(text);
  }
}
