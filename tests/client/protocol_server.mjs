// A small server of docs/protocol.md in one process, with faults to order, to test the client against. It keeps the rules that
// a client can see on all three transports; it has no limits but those that a test asks for. Whoever extends it brings a network:
// fake_server.mjs one in the process, ../versions/old_server.mjs sockets.

import { randomBytes } from 'node:crypto';

const kReserved = new Set(['created', 'joined', 'ready', 'full', 'left', 'peer-joined', 'peer-left', 'error', 'stored']);

class Refusal extends Error {
  constructor(status, code, more = {}) {
    super(code);
    this.status = status;
    this.body = { error: { code, message: `refused: ${code}`, hint: 'Say it otherwise.', ...more } };
  }
}

class Session {
  constructor(server, key, open) {
    Object.assign(this, { server, key, open, peer: randomBytes(4).toString('hex') });
    this.openText = JSON.stringify(open);
    this.outbox = [];              // events from acked + 1 on
    this.acked = this.sent = this.up = this.turn = this.last = 0;
    this.acknowledgements = 0;     // after the opening request
    this.heard = 0;                // signs of life
    this.held = new Map();
    this.carriers = new Map();     // attached, by name
    this.finished = new Map();     // ended by the server, by name
    this.active = null;
    this.rooms = new Set();
    this.parts = new Map();        // number -> the bytes so far of a message in pieces
  }

  emit(event) {
    this.outbox.push(event);
    ++this.last;
    for (const carrier of this.receivers()) carrier.flush();
  }

  receivers() {
    return this.turn === 0 ? [...this.carriers.values()] : this.active ? [this.active] : [];
  }

  receives(carrier) {
    return this.turn === 0 || carrier === this.active;
  }

  acknowledge(ack) {
    if (ack > this.sent) throw new Refusal(409, 'bad_cursor', { expected: this.sent });
    if (ack > this.acked) {
      this.outbox.splice(0, ack - this.acked);
      this.acked = ack;
    }
  }

  // The events that a carrier at `next` has not been given.
  from(next) {
    const events = this.outbox.slice(next - this.acked - 1);
    this.sent = Math.max(this.sent, this.last);
    return events;
  }

  take(messages) {
    for (const message of messages) {
      if (message.n === undefined) message.n = this.up + 1;
      if (message.n <= this.up) continue;
      if (message.n > this.up + 1 && this.held.size >= 64) throw new Refusal(409, 'number_gap', { expected: this.up + 1 });
      const whole = message.piece === undefined ? message : this.assemble(message);
      if (!whole) continue;
      this.held.set(message.n, whole);
      for (let next; (next = this.held.get(this.up + 1)); this.run(next)) this.held.delete(++this.up);
    }
  }

  // The message of which this was the last piece, or null.
  assemble({ n, at, of, piece }) {
    if (!this.parts.has(n)) this.parts.set(n, { text: Buffer.alloc(of), missing: new Set(Array(of).keys()) });
    const { text, missing } = this.parts.get(n);
    const bytes = Buffer.from(piece);
    if (text.length !== of || at + bytes.length > of) throw new Refusal(400, 'bad_request');
    bytes.copy(text, at);
    for (let i = 0; i < bytes.length; ++i) missing.delete(at + i);
    if (missing.size) return null;
    this.parts.delete(n);
    return { n, ...JSON.parse(text), inPieces: true };
  }

  run({ n, inPieces = false, ...message }) {
    const { type, room, to, data } = message;
    this.server.taken.push({ key: this.key, n, type, pieces: inPieces });
    const refuse = (code, more) => this.emit({ type: 'error', re: n, code, message: code, hint: 'Say it otherwise.', ...more });
    if (kReserved.has(type)) refuse('bad_type');
    else if (type === 'join') this.server.join(this, room, message.capacity, n);
    else if (type === 'login') this.emit({ type: 'login', name: message.name, re: n });
    else if (type === 'leave' && room === undefined) this.end('left');
    else if (type === 'leave') this.server.leave(this, room, 'left', n);
    else {
      const where = room ?? [...this.rooms][0];
      if (where === undefined) return refuse('no_room');
      const targets = [...this.server.rooms.get(where).members.keys()].filter((member) => member !== this &&
        (to === undefined || [to].flat().includes(member.peer)));
      if (!targets.length) return to === undefined ? refuse('nobody_there') : refuse('no_such_peer', { to: [to].flat()[0] });
      for (const target of targets) target.emit({ type, room: where, from: this.peer, data });
    }
  }

  activate(carrier, turn) {
    if (turn <= this.turn) return carrier.control('standby', { turn: this.turn });
    const before = this.active;
    this.turn = turn;
    this.active = carrier;
    carrier.next = Math.max(this.acked + 1, 1);
    carrier.control('activated', { turn, next: carrier.next });
    carrier.flush();
    if (before && before !== carrier) before.end('moved');
  }

  detach(carrier) {
    if (this.carriers.get(carrier.name) === carrier) this.carriers.delete(carrier.name);
    if (this.active === carrier) this.active = null;
  }

  end(code) {
    this.server.sessions.delete(this.key);
    this.server.gone.set(this.key, code);
    for (const room of this.rooms) this.server.leave(this, room, code);
    for (const carrier of [...this.carriers.values()]) carrier.end(code);
  }
}

// What the three kinds of carriers have in common; `write` is given by each.
class Carrier {
  constructor(session, request) {
    this.session = session;
    this.server = session.server;
    this.name = request.carrier ?? 'default';
    this.heartbeat = Math.min(request.heartbeat ?? Infinity, this.server.heartbeat);
  }

  attach(request) {
    const { session } = this;
    if (request.ack !== undefined) session.acknowledge(request.ack);
    session.carriers.get(this.name)?.cut();
    session.carriers.set(this.name, this);
    this.next = session.acked + 1;
    if (request.turn > session.turn) {
      const before = session.active;
      session.turn = request.turn;
      session.active = this;
      if (before) before.end('moved');
    }
    return { server: this.server.id, peer: session.peer, carrier: this.name, active: session.active === this, turn: session.turn,
      up: session.up, next: this.next, ice: this.server.ice, heartbeat: this.heartbeat, hold: this.server.hold,
      resume: this.server.resume, limits: this.server.limits };
  }

  flush() {
    if (!this.session.receives(this)) return;
    for (const event of this.session.from(this.next)) this.event(this.next++, event);
  }

  beat(act) {
    this.timer = setInterval(() => { if (!this.server.silent) act(); }, this.heartbeat);
  }

  end(code) {
    this.session.finished.set(this.name, code);
    this.control('end', { code, message: `ended: ${code}` });
    this.cut();
  }

  cut() {
    clearInterval(this.timer);
    this.session.detach(this);
    this.close();
  }
}

class SocketCarrier extends Carrier {
  kind = 'websocket';

  constructor(session, request, socket) {
    super(session, request);
    this.socket = socket;
    this.control('welcome', this.attach(request));
    this.flush();
    this.beat(() => this.control('heartbeat', { next: this.next }));
  }

  event(number, event) { this.send(event); }
  control(control, fields) { this.send({ control, ...fields }); }
  send(value) { if (!this.server.silent) this.socket.send(JSON.stringify(value)); }
  close() { this.socket.close(4001); }
}

class StreamCarrier extends Carrier {
  kind = 'sse';

  constructor(session, request, response) {
    super(session, request);
    this.response = response;
    this.padding = request.pad ? `:${' '.repeat(request.pad)}\n\n` : '';
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Access-Control-Allow-Origin': '*' });
    response.flushHeaders();
    this.write('retry: 1000\n: sigway\n\n');
    this.control('welcome', this.attach(request));
    this.control('hello', { hello: 1 });
    this.flush();
    this.beat(() => this.write(`: heartbeat, next ${this.next}\n\n`));
  }

  // With `buffering`, nothing comes out before so many bytes are together: what some proxies do.
  write(text) {
    if (this.server.silent) return;
    this.kept = (this.kept ?? '') + text + this.padding;
    if (this.kept.length < this.server.buffering) return;
    // Split anywhere: a reader must not count on lines.
    const at = this.server.random() * this.kept.length | 0;
    this.response.write(this.kept.slice(0, at));
    this.response.write(this.kept.slice(at));
    this.kept = '';
  }

  event(number, event) { this.write(`id: ${number}\ndata: ${JSON.stringify(event)}\n\n`); }
  control(control, fields) { this.write(`event: control\ndata: ${JSON.stringify({ control, ...fields })}\n\n`); }
  close() { this.response.end(); }
}

class PollCarrier extends Carrier {
  kind = 'poll';
  n = 0;
  parked = [];
  answer = {};         // what the next answer says besides events
  lastText = '';

  poll(request, response, attaching) {
    const n = request.n ?? this.n + 1;
    if (n < this.n) return response.end();
    if (n === this.n && !this.parked.length) return response.end(this.lastText);
    if (n > this.n) {
      for (const old of this.parked) old.end();
      this.parked = [];
      this.n = n;
      if (request.ack !== undefined) this.next = Math.max(this.session.acked, Math.min(request.ack, this.session.last)) + 1;
    }
    this.parked.push(response);
    if (attaching) Object.assign(this.answer, { welcome: { ...attaching, next: undefined } });
    if (request.turn && !attaching) this.session.activate(this, request.turn);
    this.flush(attaching !== undefined);
    clearTimeout(this.timer);
    if (this.parked.length) this.timer = setTimeout(() => this.flush(true), Math.min(request.wait ?? Infinity, this.server.hold));
  }

  control(control, fields = true) {
    this.answer[control === 'end' ? 'ended' : control] = fields;
    if (fields === true) this.flush();
  }

  flush(now = false) {
    if (!this.parked.length || this.server.silent) return;
    const first = this.next;
    const events = this.session.receives(this) ? this.session.from(first) : [];
    if (!now && !events.length && !Object.keys(this.answer).length) return;
    clearTimeout(this.timer);
    this.lastText = JSON.stringify({ first, events, up: this.session.up, ...this.answer });
    this.answer = {};
    for (const response of this.parked.splice(0)) response.end(this.lastText);
  }

  close() {
    clearTimeout(this.timer);
    this.flush(true);
  }
}

export class ProtocolServer {
  id = randomBytes(6).toString('hex');
  sessions = new Map();
  gone = new Map();
  rooms = new Map();        // name -> {capacity, joins, members: Map(session -> join)}
  taken = [];               // every message that ran, in order
  requests = [];            // every HTTP request: {route, body, text}
  opens = [];               // every `open` object with its key
  ice = [{ urls: 'stun:stun.example.org' }];
  heartbeat = 25000;
  hold = 25000;
  resume = 120000;
  limits = { data: 65536, body: 262144, messages: 256 };
  silent = false;           // alive, but nothing comes out
  buffering = 0;
  random = Math.random;
  // The fault hooks. `fault` may give 'lose', 'swallow', 'lose-answer', 'repeat', {delay}, or {status, headers, text} for a request;
  // `upgrade` may give 'refuse', 'mute' (accepted, and dead) or 'deaf' (nothing gets up).
  fault = () => null;
  upgrade = () => null;

  /** Ends what it has running. */
  stop() {
    for (const session of this.sessions.values()) for (const carrier of session.carriers.values()) clearInterval(carrier.timer);
  }

  /** A WebSocket from the network: false refuses it. */
  accepts(socket) {
    const fault = this.upgrade();
    if (fault === 'refuse') return false;
    if (fault !== 'mute') this.#socket(socket, fault === 'deaf');
    return true;
  }

  carriers() {
    return [...this.sessions.values()].flatMap((session) => [...session.carriers.values()]);
  }

  // As after a crash: another server id, and nobody is known.
  restart() {
    this.id = randomBytes(6).toString('hex');
    this.sessions.clear();
    this.rooms.clear();
    this.gone.clear();
    this.cut();
  }

  join(session, name, capacity = 2, re = undefined) {
    if (session.rooms.has(name)) return session.emit({ type: 'error', re, code: 'already_joined', message: 'already joined', hint: 'Leave it first.' });
    const room = this.rooms.get(name) ?? { capacity, joins: 0, members: new Map() };
    if (room.members.size >= room.capacity) return session.emit({ type: 'full', room: name, capacity: room.capacity, re });
    this.rooms.set(name, room);
    const join = ++room.joins;
    const members = [...room.members].map(([member, number]) => ({ peer: member.peer, join: number, polite: true, suspended: false }));
    room.members.set(session, join);
    session.rooms.add(name);
    const answer = { room: name, peer: session.peer, join, capacity: room.capacity, re };
    session.emit(members.length ? { type: 'joined', ...answer, members } : { type: 'created', ...answer });
    for (const member of room.members.keys()) {
      if (member !== session) member.emit({ type: 'peer-joined', room: name, peer: session.peer, join, polite: false });
      if (room.members.size === room.capacity) member.emit({ type: 'ready', room: name });
    }
  }

  leave(session, name, reason, re) {
    const room = this.rooms.get(name);
    session.rooms.delete(name);
    if (!room?.members.delete(session)) return;
    if (!room.members.size) this.rooms.delete(name);
    for (const member of room.members.keys()) member.emit({ type: 'peer-left', room: name, peer: session.peer, reason });
    if (reason === 'left' && re) session.emit({ type: 'left', room: name, re });
  }

  find(request) {
    const { key, open, resume } = request;
    const known = this.sessions.get(key);
    if (known) {
      if (open && JSON.stringify(open) !== known.openText) throw new Refusal(409, 'open_mismatch');
      return known;
    }
    if (this.gone.has(key)) throw new Refusal(410, 'gone', { reason: this.gone.get(key) });
    if (!open) throw resume?.server && resume.server !== this.id ? new Refusal(409, 'restarted') : new Refusal(404, 'unknown_key');
    if (!/^[\w-]{22,128}$/.test(key)) throw new Refusal(400, 'bad_key');
    this.opens.push({ key, ...open });
    const session = new Session(this, key, open);
    this.sessions.set(key, session);
    this.sessions.get(open.replaces)?.end('replaced');
    if (open.room !== undefined) this.join(session, open.room, open.capacity);
    return session;
  }

  // The parts of a request that are not about attaching, in the order of the protocol.
  #act(session, request) {
    if (request.ack !== undefined) {
      session.acknowledge(request.ack);
      ++session.acknowledgements;
    }
    if (request.messages) session.take(request.messages);
    const carrier = session.carriers.get(request.carrier);
    if (carrier && request.turn) session.activate(carrier, request.turn);
    if (carrier && request.hello > (carrier.hello ?? 0)) carrier.control('hello', { hello: (carrier.hello = request.hello) + 1 });
    if (request.away) session.away = true;
  }

  #socket(ws, deaf) {
    let carrier = null;
    ws.on('error', () => {});
    ws.on('close', () => carrier?.cut());
    ws.on('message', (bytes) => {
      if (deaf) return;
      let request;
      try {
        request = JSON.parse(bytes);
        if (!carrier) {
          const session = this.find(request);
          if (session.finished.has(request.carrier)) throw new Refusal(409, session.finished.get(request.carrier));
          carrier = new SocketCarrier(session, request, ws);
        } else {
          const { session } = carrier;
          this.#act(session, request);
          if (request.messages && this.sessions.has(session.key)) carrier.control('up', { up: session.up });
        }
        ++carrier.session.heard;
        if (request.ping !== undefined) carrier.control('pong', { ping: request.ping });
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        ws.send(JSON.stringify({ control: 'error', ...error.body.error }));
        if (!carrier) ws.close(4000 + error.status, error.message);
      }
    });
  }

  /** A request from the network. */
  async request({ url, text, headers, destroy }, response) {
    const { pathname: route } = new URL(url, this.url);
    const body = JSON.parse(text);
    this.requests.push({ route, url, body, text, headers });
    const fault = this.fault({ route, body, text, count: this.requests.length });
    if (fault === 'lose') return destroy();
    if (fault === 'swallow') return;
    if (fault?.delay) await new Promise((resolve) => setTimeout(resolve, fault.delay));
    if (fault?.status) return response.writeHead(fault.status, fault.headers).end(fault.text ?? '');
    if (fault === 'repeat') this.#handle(route, JSON.parse(text), nowhere());
    if (fault === 'lose-answer') {
      this.#handle(route, body, nowhere());
      return destroy();
    }
    this.#handle(route, body, response);
  }

  #handle(route, request, response) {
    try {
      const session = this.find(request);
      ++session.heard;
      if (route === '/v1/send') {
        this.#act(session, request);
        return response.end(JSON.stringify({ up: session.up }));
      }
      const { carrier: name, turn, ...rest } = request;
      if (route === '/v1/sse') {
        if (session.finished.has(name)) return response.writeHead(204).end();
        const carrier = new StreamCarrier(session, request, response);
        response.on?.('close', () => carrier.cut());
        return;
      }
      if (session.finished.has(name)) {
        return response.end(JSON.stringify({ first: 1, events: [], ended: { code: session.finished.get(name), message: '' } }));
      }
      let carrier = session.carriers.get(name);
      if (carrier?.kind !== 'poll') {
        carrier = new PollCarrier(session, request);
        const welcome = carrier.attach(request);
        if (request.messages) session.take(request.messages);
        return carrier.poll(request, response, welcome);
      }
      this.#act(session, rest);
      carrier.poll(request, response);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      response.writeHead(error.status, { 'Content-Type': 'application/json' }).end(JSON.stringify(error.body));
    }
  }
}

// A response that nobody reads.
function nowhere() {
  const response = { writeHead: () => response, flushHeaders() {}, write() {}, end() {}, on() {} };
  return response;
}
