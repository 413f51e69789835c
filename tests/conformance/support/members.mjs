// A member of a room by each of the three transports, with nothing in it but what docs/protocol.md
// says. Each has: say(message…) numbers and sends; event() is the next event; request(object) sends
// a request as it is and resolves with what was wrong about it, or null.

import { randomBytes } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { WebSocket } from 'ws';
import { Inbox, within } from './patience.mjs';

export const makeKey = () => randomBytes(18).toString('base64url');

// How a client connects. A server object with `localAddress` stands for the server as that address sees it.
const connectOptions = ({ localAddress }) => ({ agent: false, rejectUnauthorized: false, localAddress });

// A request by Node's own HTTP client.
export function fetchJson(server, path, body, { method = 'POST', headers = {} } = {}) {
  const library = server.url.startsWith('https') ? https : http;
  const text = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return within(new Promise((resolve, reject) => {
    const request = library.request(server.url + path, { ...connectOptions(server), method, headers }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part)).on('error', reject).on('end', () => {
        const answer = { status: response.statusCode, headers: response.headers, text: Buffer.concat(parts).toString() };
        if (/json/.test(response.headers['content-type'])) answer.json = JSON.parse(answer.text);
        resolve(answer);
      });
    });
    request.on('error', reject);
    request.end(text);
  }), () => `an answer to ${method} ${path}`);
}

class Member {
  key = makeKey();
  said = 0;
  received = 0;
  up = 0;
  events = new Inbox();

  constructor(server) {
    this.server = server;
  }

  numbered(messages) {
    return messages.map((message) => ({ n: ++this.said, ...message }));
  }

  async event(type) {
    const event = await this.events.take(() => `the event ${type ?? ''} on ${this.constructor.name}`);
    if (type && event.type !== type) throw new Error(`${type} expected, not ${JSON.stringify(event)}`);
    return event;
  }

  // Uploads over HTTP, whatever the way down is.
  async request(fields) {
    const body = typeof fields === 'string' || Buffer.isBuffer(fields) ? fields : { key: this.key, ...fields };
    const { status, json } = await fetchJson(this.server, '/v1/send', body);
    // Two answers on two connections may come in the other order.
    if (status === 200) this.up = Math.max(this.up, json.up);
    return status === 200 ? null : { status, ...json.error };
  }

  async say(...messages) {
    const error = await this.request({ ack: this.received, messages: this.numbered(messages) });
    if (error) throw new Error(JSON.stringify(error));
  }
}

export class WebSocketMember extends Member {
  #controls = new Inbox();

  async open(open) {
    this.socket = new WebSocket(`${this.server.url.replace(/^http/, 'ws')}/v1/ws`, 'sigway.v1',
      { rejectUnauthorized: false, localAddress: this.server.localAddress });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
    this.socket.on('error', (error) => this.events.fail(error));
    this.socket.on('message', (bytes) => this.#take(JSON.parse(bytes)));
    await within(new Promise((resolve) => this.socket.once('open', resolve)), () => 'a WebSocket');
    this.socket.send(JSON.stringify({ key: this.key, open, carrier: 'ws', turn: 1 }));
    this.welcome = await this.#controls.take(() => 'welcome');
    if (this.welcome.control !== 'welcome') throw new Error(JSON.stringify(this.welcome));
    return this;
  }

  #take(value) {
    if (value.control === undefined) {
      this.received += 1;
      this.socket.send(JSON.stringify({ ack: this.received }));
      this.events.put(value);
    } else if (!['heartbeat', 'activated', 'probe'].includes(value.control)) {
      this.#controls.put(value);
    } else if (value.control === 'probe') {
      this.socket.send('{}');
    }
  }

  // Controls come in the order of what they answer, so a ping after the request ends its answers.
  async request(fields) {
    this.socket.send(typeof fields === 'string' || Buffer.isBuffer(fields) ? fields : JSON.stringify(fields), { binary: false });
    this.socket.send(JSON.stringify({ ping: 1 }));
    let error = null;
    for (;;) {
      const control = await this.#controls.take(() => 'the answer to a frame');
      if (control.control === 'pong') return error;
      if (control.control === 'up') this.up = control.up;
      if (control.control === 'error') error = control;
    }
  }

  close() {
    this.socket.terminate();
  }
}

// Events of the HTML standard's format out of a response of Node's HTTP client.
export function readEventStream(response, take) {
  let rest = '';
  response.setEncoding('utf8');
  response.on('data', (text) => {
    rest += text;
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      const block = rest.slice(0, end).split('\n');
      rest = rest.slice(end + 2);
      const event = { comments: [] };
      for (const line of block) {
        const [, name, value] = /^([a-z]*): ?(.*)$/s.exec(line) ?? [];
        if (name === undefined) throw new Error(`not a line of an event stream: ${JSON.stringify(line)}`);
        if (name === '') event.comments.push(value); else event[name] = value;
      }
      take(event);
    }
  });
}

export class EventStreamMember extends Member {
  async open(open) {
    const library = this.server.url.startsWith('https') ? https : http;
    const welcome = new Inbox();
    this.stream = library.request(`${this.server.url}/v1/sse`, { ...connectOptions(this.server), method: 'POST' });
    this.stream.on('error', (error) => { this.events.fail(error); welcome.fail(error); });
    this.stream.on('response', (response) => {
      response.on('error', (error) => this.events.fail(error));
      response.on('close', () => this.events.fail(new Error('the stream ended')));
      readEventStream(response, (event) => {
        if (event.event === 'control') {
          const control = JSON.parse(event.data);
          if (control.control === 'welcome') welcome.put(control);
          if (control.control === 'probe') this.request({}).catch((error) => this.events.fail(error));
        } else if (event.data !== undefined) {
          if (Number(event.id) !== this.received + 1) throw new Error(`event ${event.id} after ${this.received}`);
          this.received += 1;
          // A session nothing of which was ever acknowledged ends, and a stream may never say anything else.
          if (this.received === 1) this.request({ ack: 1 }).catch((error) => this.events.fail(error));
          this.events.put(JSON.parse(event.data));
        }
      });
    });
    this.stream.end(JSON.stringify({ key: this.key, open, carrier: 'sse', turn: 1 }));
    this.welcome = await welcome.take(() => 'welcome on a stream');
    return this;
  }

  close() {
    this.stream.destroy();
  }
}

export class PollMember extends Member {
  #n = 0;

  async open(open) {
    const { welcome } = await this.#poll({ open, turn: 1, wait: 0 });
    this.welcome = welcome;
    this.#run();
    return this;
  }

  async #poll(fields) {
    const { status, json } = await fetchJson(this.server, '/v1/poll',
      { key: this.key, carrier: 'poll', n: ++this.#n, ack: this.received, ...fields });
    if (status !== 200) throw new Error(JSON.stringify(json));
    if (json.first !== this.received + 1) throw new Error(`event ${json.first} after ${this.received}`);
    for (const event of json.events) {
      this.received += 1;
      this.events.put(event);
    }
    return json;
  }

  async #run() {
    while (!this.isClosed) {
      try {
        await this.#poll({ wait: 5000 });
      } catch (error) {
        this.events.fail(error);
        return;
      }
    }
  }

  close() {
    this.isClosed = true;
  }
}

export const kTransports = { websocket: WebSocketMember, sse: EventStreamMember, poll: PollMember };

// Three clients in one room, one by each transport, that have nothing to do with what is tested.
export class Bystanders {
  #round = 0;

  static async start(server) {
    const bystanders = new Bystanders();
    bystanders.members = [];
    const room = `bystanders-${makeKey()}`;
    for (const Transport of Object.values(kTransports)) {
      bystanders.members.push(await new Transport(server).open({ room, capacity: 3 }));
    }
    for (const [i, member] of bystanders.members.entries()) {
      await member.event(i === 0 ? 'created' : 'joined');
      for (let later = i + 1; later < 3; ++later) await member.event('peer-joined');
      await member.event('ready');
    }
    return bystanders;
  }

  // Everybody says something to everybody, and it arrives, once, and with nothing else beside it.
  async areUnharmed() {
    const round = ++this.#round;
    for (const member of this.members) {
      await member.say({ type: 'hello', data: { round } });
      for (const other of this.members) {
        if (other === member) continue;
        const event = await other.event('hello');
        if (event.from !== member.welcome.peer || event.data.round !== round) throw new Error(JSON.stringify(event));
      }
    }
  }

  stop() {
    for (const member of this.members) member.close();
  }
}
