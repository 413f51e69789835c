// Engine.IO by hand: requests of Node's HTTP client and frames of npm ws, for tests of the very bytes.

import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import { WebSocket } from 'ws';
import { Inbox, within } from '../../conformance/support/patience.mjs';

const kRecordSeparator = '\x1e';

// An answer as it came: {status, type, headers, bytes, text}. A server object with `localAddress` stands for the server as that
// address sees it, one with `agent` for the server over connections that are used again.
export function request(server, method, path, body, headers = {}, patience = undefined) {
  const library = server.url.startsWith('https') ? https : http;
  return within(new Promise((resolve, reject) => {
    const options = { method, headers, agent: server.agent ?? false, rejectUnauthorized: false, localAddress: server.localAddress };
    library.request(server.url + path, options, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part)).on('error', reject).on('end', () => {
        const bytes = Buffer.concat(parts);
        resolve({ status: response.statusCode, type: response.headers['content-type'], headers: response.headers, bytes, text: bytes.toString() });
      });
    }).on('error', reject).end(body);
  }), () => `an answer to ${method} ${path}`, patience);
}

let stamps = 0;
export const stamp = () => `t${++stamps}`;

// The packets of a payload. EIO 3 counts characters as JavaScript does, and so does 0.9.
export function packetsOf(eio, text) {
  if (eio === 4) return text.split(kRecordSeparator);
  const packets = [];
  for (let rest = text; rest !== '';) {
    const [head, length] = /^(\d+):/.exec(rest) ?? assert.fail(`not a payload: ${JSON.stringify(text)}`);
    assert.ok(rest.length >= head.length + Number(length), `cut off: ${JSON.stringify(text)}`);
    packets.push(rest.slice(head.length, head.length + Number(length)));
    rest = rest.slice(head.length + Number(length));
  }
  return packets;
}

export const payloadOf = (eio, ...packets) => (eio === 4
  ? packets.join(kRecordSeparator)
  : packets.map((packet) => `${packet.length}:${packet}`).join(''));

// The event of a packet: {namespace, event, args, offset}. Only EIO 4 may have an offset, and it is the last argument.
export function eventOf(packet, arity) {
  const [, attachments, namespace, json] = /^4[25](?:(\d+)-)?(?:(\/[^,]*),)?(\[.*\])$/s.exec(packet) ?? assert.fail(`not an event: ${packet}`);
  const [event, ...args] = JSON.parse(json);
  const offset = args.length > arity ? args.pop() : undefined;
  assert.equal(args.length, arity, packet);
  return { event, args, namespace: namespace ?? '/', offset, ...(attachments && { attachments: Number(attachments) }) };
}

// A session on polling.
export class Polling {
  #packets = [];

  // Opens it and, in EIO 4, connects to the namespace `/`.
  static async open(server, eio, { query = '', connects = true } = {}) {
    const session = Object.assign(new Polling(), { server, eio, query });
    session.opening = await request(server, 'GET', session.path());
    assert.equal(session.opening.status, 200, session.opening.text);
    const [open, ...more] = packetsOf(eio, session.opening.text);
    assert.equal(open[0], '0');
    session.handshake = JSON.parse(open.slice(1));
    session.sid = session.handshake.sid;
    session.#packets = more;
    if (!connects) return session;
    if (eio === 4) await session.post('40');
    session.connected = await session.next();
    assert.match(session.connected, eio === 4 ? /^40\{"sid":"[^"]+"/ : /^40$/);
    return session;
  }

  path(t = stamp()) {
    return `/socket.io/?EIO=${this.eio}&transport=polling&t=${t}${this.query}${this.sid ? `&sid=${this.sid}` : ''}`;
  }

  get(t, patience) { return request(this.server, 'GET', this.path(t), undefined, {}, patience); }

  // A POST that is not expected to be refused.
  async post(...packets) {
    const answer = await this.postBody(payloadOf(this.eio, ...packets));
    assert.deepEqual([answer.status, answer.text], [200, 'ok'], answer.text);
    return answer;
  }

  postBody(body, headers = { 'Content-Type': 'text/plain;charset=UTF-8' }) {
    return request(this.server, 'POST', this.path(), body, headers);
  }

  // The next packet, pings of the server answered.
  async next() {
    while (this.#packets.length === 0) {
      const answer = await this.get();
      assert.equal(answer.status, 200, answer.text);
      this.#packets.push(...packetsOf(this.eio, answer.text));
    }
    const packet = this.#packets.shift();
    if (this.eio !== 4 || packet !== '2') return packet;
    await this.post('3');
    return this.next();
  }

  // The arguments of the next event of that name in the default namespace.
  async event(name, arity) {
    for (;;) {
      const packet = await this.next();
      if (!packet.startsWith('42["') && !packet.startsWith('45')) assert.fail(`${name} expected, not ${packet}`);
      if (JSON.parse(packet.slice(packet.indexOf('[')))[0] === name) return eventOf(packet, arity).args;
    }
  }

  // Creates the room or joins it.
  async enter(room) {
    await this.post(`42${JSON.stringify(['create or join', room])}`);
    for (;;) {
      const packet = await this.next();
      if (/^42\["(created|joined)"/.test(packet)) return eventOf(packet, 2).args;
      assert.match(packet, /^42\["log"/);
    }
  }

  // Whatever is left to be read, the session ends with an unknown sid.
  async ends(patience) {
    await within((async () => {
      for (;;) {
        const { status, text } = await this.get(stamp(), patience);
        if (status !== 200) return assert.deepEqual([status, text], [400, '{"code":1,"message":"Session ID unknown"}']);
      }
    })(), () => `the end of a session on polling; EIO ${this.eio}`, patience);
  }
}

// A WebSocket: frames as they come, texts and Buffers.
export class Socket {
  frames = new Inbox();

  static async open(server, path) {
    const one = new Socket();
    const socket = one.socket = new WebSocket(server.url.replace(/^http/, 'ws') + path,
      { rejectUnauthorized: false, localAddress: server.localAddress });
    one.closed = new Promise((resolve) => socket.on('close', (code, reason) => {
      one.frames.fail(new Error(`closed with ${code} ${reason}`));
      resolve({ code, reason: String(reason) });
    }));
    socket.on('message', (data, isBinary) => one.frames.put(isBinary ? data : String(data)));
    await within(new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject)), () => `a WebSocket at ${path}`);
    return one;
  }

  // A session that has never been on polling, connected to the namespace `/`.
  static async session(server, eio, query = '') {
    const one = await Socket.open(server, `/socket.io/?EIO=${eio}&transport=websocket${query}`);
    one.opening = await one.next();
    assert.equal(one.opening[0], '0');
    one.handshake = JSON.parse(one.opening.slice(1));
    if (eio === 4) one.send('40');
    one.connected = await one.next();
    assert.match(one.connected, eio === 4 ? /^40\{"sid":"[^"]+"/ : /^40$/);
    return one;
  }

  next(patience) { return this.frames.take(() => 'a frame', patience); }
  send(data) { this.socket.send(data); }
  close() { this.socket.close(); }
  ends(patience) { return within(this.closed, () => 'the close of a WebSocket', patience); }

  // The arguments of the next event of that name.
  async event(name, arity) {
    for (;;) {
      const frame = await this.next();
      if (typeof frame === 'string' && /^4[25]/.test(frame) && JSON.parse(frame.slice(frame.indexOf('[')))[0] === name) return eventOf(frame, arity).args;
      if (typeof frame !== 'string' || !frame.startsWith('42')) assert.fail(`${name} expected, not ${frame}`);
    }
  }

  async enter(room) {
    this.send(`42${JSON.stringify(['create or join', room])}`);
    for (;;) {
      const frame = await this.next();
      if (/^42\["(created|joined)"/.test(frame)) return eventOf(frame, 2).args;
      assert.match(frame, /^42\["log"/);
    }
  }
}

// What a WebSocket that is refused before its upgrade is answered.
export function refusal(server, path) {
  return within(new Promise((resolve, reject) => {
    const socket = new WebSocket(server.url.replace(/^http/, 'ws') + path, { rejectUnauthorized: false });
    socket.once('open', () => { socket.terminate(); reject(new Error(`${path} became a WebSocket`)); });
    socket.once('unexpected-response', (_, response) => {
      let text = '';
      response.on('data', (part) => { text += part; }).on('end', () => resolve({ status: response.statusCode, text }));
    });
    socket.on('error', () => {});
  }), () => `a refusal of ${path}`);
}

export const errorText = (code) => JSON.stringify({ code, message: {
  0: 'Transport unknown', 1: 'Session ID unknown', 2: 'Bad handshake method', 3: 'Bad request', 5: 'Unsupported protocol version',
}[code] });
