// Clients of the plain dialects, each with nothing in it but what its library or curl does by itself:
//   say(message)   sends a text, or bytes as a binary message
//   next()         the next message: a text; bytes are a Buffer on a WebSocket, {"base64"} elsewhere
//   shows(message) what next() gives for that message
//   close()        goes away
// open(server, path, options): `path` has no key in it; clients over HTTP choose one.

import { spawn } from 'node:child_process';
import { EventSource } from 'eventsource';
import { WebSocket } from 'ws';
import websocket from 'websocket';
import { fetchJson, makeKey } from '../../conformance/support/members.mjs';
import { Inbox, within } from '../../conformance/support/patience.mjs';
import { isSecure } from './gateway.mjs';

export const kBinary = 'application/octet-stream';
const kCurl = ['-sS', '--noproxy', '*', ...(isSecure ? ['-k'] : [])];

export const wsUrl = (server, path) => server.url.replace(/^http/, 'ws') + path;
export const withQuery = (path, query) => `${path}${path.includes('?') ? '&' : '?'}${new URLSearchParams(query)}`;

class Client {
  inbox = new Inbox();

  next(what = () => `a message to ${this.constructor.name}`) {
    return this.inbox.take(what);
  }

  shows(message) {
    return message;
  }
}

// npm ws. `options` are those of its constructor.
export class WsClient extends Client {
  static async open(server, path, options) {
    const client = new WsClient();
    const socket = client.socket = new WebSocket(wsUrl(server, path), options);
    client.isClosed = new Promise((resolve) => socket.on('close', (code, reason) => {
      client.inbox.fail(new Error(`closed with ${code} ${reason}`));
      resolve({ code, reason: String(reason) });
    }));
    socket.on('message', (data, isBinary) => client.inbox.put(isBinary ? data : String(data)));
    await within(new Promise((resolve, reject) => socket.once('open', resolve).on('error', reject)), () => `a WebSocket at ${path}`);
    return client;
  }

  // How it was closed: {code, reason}.
  get closed() { return within(this.isClosed, () => 'the close of a WebSocket'); }
  say(message) { this.socket.send(message); }
  close() { this.socket.close(); }
  cut() { this.socket.terminate(); }
}

// npm websocket, as a page would use it. It cuts long messages into fragments.
export class W3cClient extends Client {
  static async open(server, path) {
    const client = new W3cClient();
    const socket = client.socket = new websocket.w3cwebsocket(wsUrl(server, path));
    socket.onmessage = ({ data }) => client.inbox.put(typeof data === 'string' ? data : Buffer.from(data));
    socket.onclose = ({ code, reason }) => client.inbox.fail(new Error(`closed with ${code} ${reason}`));
    await within(new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; }), () => `a WebSocket at ${path}`);
    return client;
  }

  say(message) { this.socket.send(typeof message === 'string' ? message : Uint8Array.from(message).buffer); }
  close() { this.socket.close(); }
}

// npm websocket, as a Node program would use it.
export class WebSocketClient extends Client {
  static async open(server, path) {
    const client = new WebSocketClient();
    const connector = new websocket.client();
    client.connection = await within(new Promise((resolve, reject) => {
      connector.on('connect', (connection) => {
        connection.on('message', ({ type, utf8Data, binaryData }) => client.inbox.put(type === 'utf8' ? utf8Data : binaryData));
        connection.on('close', (code, reason) => client.inbox.fail(new Error(`closed with ${code} ${reason}`)));
        resolve(connection);
      }).on('connectFailed', reject).connect(wsUrl(server, path));
    }), () => `a WebSocket at ${path}`);
    return client;
  }

  say(message) { if (typeof message === 'string') this.connection.sendUTF(message); else this.connection.sendBytes(message); }
  close() { this.connection.close(); }
}

export const base64 = (bytes) => ({ base64: Buffer.from(bytes).toString('base64') });

// One message by Node's HTTP client; gives the answer.
export function post(server, path, message) {
  const headers = { 'Content-Type': typeof message === 'string' ? 'text/plain' : kBinary };
  return fetchJson(server, path, message, { headers });
}

function expectOk({ status, text }) {
  if (status !== 200 || text !== 'ok\n') throw new Error(`a message got ${status} ${text}`);
}

// npm eventsource and POST.
export class EventSourceClient extends Client {
  ids = [];

  static async open(server, path, { sendThrough = server, key = makeKey() } = {}) {
    const client = Object.assign(new EventSourceClient(), { server: sendThrough, path, key, opened: 0 });
    const source = client.source = new EventSource(server.url + withQuery(path, { key }));
    source.addEventListener('message', ({ data, lastEventId }) => {
      client.ids.push(lastEventId);
      client.inbox.put(data);
    });
    await within(new Promise((resolve, reject) => {
      source.addEventListener('open', () => { ++client.opened; resolve(); });
      source.addEventListener('error', (error) => { if (error.code) reject(new Error(`${error.code} ${error.message}`)); });
    }), () => `an EventSource at ${path}`);
    return client;
  }

  async say(message) { expectOk(await post(this.server, withQuery(this.path, { key: this.key }), message)); }
  shows(message) { return typeof message === 'string' ? message : JSON.stringify(base64(message)); }
  close() { this.source.close(); }
}

// A curl that has ended well gives what it printed.
export async function curl(args, input) {
  const child = spawn('curl', [...kCurl, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const parts = [];
  let errors = '';
  child.stdout.on('data', (part) => parts.push(part));
  child.stderr.on('data', (text) => { errors += text; });
  child.stdin.on('error', () => {}).end(input);
  const code = await within(new Promise((resolve) => child.once('close', resolve)), () => `the end of curl ${args.at(-1)}`)
    .finally(() => child.kill('SIGKILL'));
  if (code !== 0) throw new Error(`curl ${args.join(' ')} ended with ${code}: ${errors}`);
  return Buffer.concat(parts).toString();
}

// Gives each event of a stream {id, data, comments, …} by the rules of the HTML standard, whatever ends its lines.
export function readEvents(stream, take) {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text) => {
    rest += text;
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      const event = { comments: [] };
      for (const line of rest.slice(0, end).split(/\r\n|\r|\n/)) {
        const [, name, value] = /^([a-z]*)(?:: ?(.*))?$/s.exec(line) ?? [];
        if (name === undefined) throw new Error(`not a line of an event stream: ${JSON.stringify(line)}`);
        if (name === '') event.comments.push(value);
        else event[name] = name === 'data' && event.data !== undefined ? `${event.data}\n${value ?? ''}` : value ?? '';
      }
      rest = rest.slice(end + 2);
      take(event);
    }
  });
}

// Two terminals: `curl -N` reads, `curl -d` writes.
export class CurlClient extends Client {
  ids = [];

  static async open(server, path, { key = makeKey(), headers = {} } = {}) {
    const more = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    const client = Object.assign(new CurlClient(), { url: server.url + withQuery(path, { key }), key });
    client.process = spawn('curl', [...kCurl, '-N', '--fail', ...more, client.url], { stdio: ['ignore', 'pipe', 'inherit'] });
    client.process.once('close', (code) => client.inbox.fail(new Error(`curl -N ended with ${code}`)));
    const opened = new Inbox();
    client.process.once('close', (code) => opened.fail(new Error(`curl -N ended with ${code}`)));
    readEvents(client.process.stdout, ({ id, data, comments }) => {
      opened.put(comments);
      if (data === undefined) return;
      client.ids.push(id);
      client.inbox.put(data);
    });
    client.greeting = await opened.take(() => `the comment that opens ${path}`);
    return client;
  }

  async say(message) {
    const how = typeof message === 'string' ? ['-d', message] : ['-H', `Content-Type: ${kBinary}`, '--data-binary', '@-'];
    expectOk({ status: 200, text: await curl(['--fail', ...how, this.url], typeof message === 'string' ? '' : message) });
  }

  shows(message) { return typeof message === 'string' ? message : JSON.stringify(base64(message)); }
  close() { this.process.kill(); }
}

// A terminal that asks again and again. Of what it asks and gets, `answers` keeps all.
export class PollClient extends Client {
  answers = [];

  static async open(server, path, { key = makeKey() } = {}) {
    const client = Object.assign(new PollClient(), { server, path, key });
    await client.ask(1, 0);
    client.#run();
    return client;
  }

  async ask(next, wait = 25) {
    const text = await curl(['--fail', this.server.url + withQuery(this.path, { next, key: this.key, wait })]);
    if (!/^[^\n]+\n?$/.test(text)) throw new Error(`not one line: ${JSON.stringify(text)}`);
    const answer = JSON.parse(text);
    if (answer.key !== this.key) throw new Error(`key ${this.key} expected: ${text}`);
    if (answer.next !== next + answer.messages.length) throw new Error(`next is not ${next} and the messages: ${text}`);
    this.answers.push(answer);
    return answer;
  }

  async #run() {
    try {
      for (let next = 1; !this.isClosed;) {
        const answer = await this.ask(next);
        next = answer.next;
        for (const message of answer.messages) this.inbox.put(message);
      }
    } catch (error) {
      if (!this.isClosed) this.inbox.fail(error);
    }
  }

  async say(message) { expectOk(await post(this.server, withQuery(this.path, { key: this.key }), message)); }
  shows(message) { return typeof message === 'string' ? message : base64(message); }
  close() { this.isClosed = true; }
}

export const kWebSockets = { ws: WsClient, 'W3CWebSocket': W3cClient, 'WebSocketClient': WebSocketClient };
export const kStreams = { EventSource: EventSourceClient, 'curl -N': CurlClient };
export const kAll = { ...kWebSockets, ...kStreams, 'curl, polling': PollClient };
