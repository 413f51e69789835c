// What the application holds.

import { Emitter } from './emitter.js';
import { SigwayError, verdict } from './errors.js';
import { EventStreamCarrier } from './event_stream.js';
import { orderedFallback } from './fallback.js';
import { Http } from './http.js';
import { browserKeyStore } from './key_store.js';
import { kDataDepth, kLimits } from './limits.js';
import { Outgoing } from './outgoing.js';
import { PollCarrier } from './poll.js';
import { Session } from './session.js';
import { jsonDepth, utf8Length } from './text.js';
import { backoff, deferred, makeKey, sleep, within } from './tools.js';
import { WebSocketCarrier } from './websocket.js';

const kTransports = ['websocket', 'sse', 'poll'];
const kCarriers = { websocket: WebSocketCarrier, sse: EventStreamCarrier, poll: PollCarrier };
const kActivationDeadline = 8000;
const kShortLife = 1000;             // a stream that ended politely earlier than this waits like any other
const kMessageRate = 160;            // below the server's 200 a second and bursts of 400
const kCloseWait = 1500;

export class Connection {
  #emitter = new Emitter();
  #options;
  #settings;
  #strategy;
  #store;
  #page;
  #session = null;
  #trusted = new Set();
  #state = 'connecting';
  #transport = null;
  #mode;
  #name;
  #roundTrip = null;
  #rooms = new Map();         // room -> capacity: those to be in, also after a reset
  #backlog = [];              // said before there was a session
  #answers = new Map();       // id -> promise of a join, leave, login, logout
  #nextId = 1;
  #attempts = 0;
  #running = false;
  #wake = new AbortController();
  #callOff = new AbortController();
  #switching = null;
  #everOpen = false;
  #renewed = null;            // promise of the next session
  #reset = null;              // what to tell the application once the new session is there
  #opened = deferred();
  #closing = false;
  #ended = null;              // of the last carrier, while closing

  constructor(options) {
    const fetch = options.fetch ?? globalThis.fetch;
    const WebSocket = options.WebSocket ?? globalThis.WebSocket;
    const base = new URL(options.url ?? globalThis.location?.origin ?? '');
    base.protocol = base.protocol.replace(/^ws/, 'http');
    if (!base.pathname.endsWith('/')) base.pathname += '/';
    this.#options = options;
    this.#settings = { http: new Http(base, (url, init) => fetch(url, init)), WebSocket, heartbeat: options.heartbeat,
      messageRate: options.messageRate === 0 ? 1e6 : options.messageRate ?? kMessageRate };
    this.#strategy = options.strategy ?? orderedFallback();
    this.#mode = this.#checkMode(options.transport ?? 'auto');
    this.#name = options.name;
    if (options.room !== undefined) this.#rooms.set(options.room, options.capacity);
    this.#page = options.page ?? (typeof document === 'undefined' ? null : globalThis);
    this.#store = options.keyStore === undefined ? browserKeyStore(`sigway ${base.href} ${options.room ?? ''}`)
      : options.keyStore || null;
    for (const type of ['pagehide', 'pageshow', 'online']) this.#page?.addEventListener(type, this.#pageChanged);
    this.#start();
  }

  get state() { return this.#state; }
  get transport() { return this.#transport; }
  get mode() { return this.#mode; }
  get peer() { return this.#session?.peer ?? ''; }
  get key() { return this.#session?.key ?? ''; }
  get server() { return this.#session?.server ?? ''; }
  get name() { return this.#name; }
  get rooms() { return [...this.#rooms.keys()]; }
  get roundTrip() { return this.#roundTrip; }
  get iceServers() { return this.#session?.iceServers ?? []; }
  get limits() { return this.#session?.limits ?? kLimits; }
  get pending() { return this.#session ? this.#session.uplink.pending : this.#backlog.length; }
  get opened() { return this.#opened.promise; }

  on(type, handler) {
    return this.#emitter.on(type, handler);
  }

  off(type, handler) {
    this.#emitter.off(type, handler);
  }

  // Gives the number by which a refusal (`refused`, with `re`) or `stored` would quote the message.
  send(type, data, { to, room } = {}) {
    if (!/^[A-Za-z][A-Za-z0-9._:-]{0,63}$/.test(type)) throw new SigwayError('bad_type', `no message type: ${type}`);
    return this.#say({ type, to, room, data }).id;
  }

  // Resolves with `created`, `joined` or `full`.
  join(room, { capacity } = {}) {
    this.#rooms.set(room, capacity);
    return this.#ask({ type: 'join', room, capacity });
  }

  leave(room) {
    if (room === undefined) return this.close();
    this.#rooms.delete(room);
    return this.#ask({ type: 'leave', room });
  }

  login(name) {
    return this.#ask({ type: 'login', name });
  }

  logout() {
    return this.#ask({ type: 'logout' });
  }

  // Resolves when the server has taken all that was said so far.
  async flush() {
    while (this.#backlog.length) await this.opened;
    await this.#session?.uplink.drained();
  }

  // Resolves when the call goes over the new transport. When that does not work it rejects, and the old one goes on.
  async switchTransport(mode) {
    this.#checkMode(mode);
    if (this.#closing) throw new SigwayError('closed', 'the connection is closed');
    this.#switching?.abort();
    const before = this.#mode;
    const session = this.#session;
    this.#mode = mode;
    if (!session?.active || this.#running) {
      this.#callOff.abort();     // the attempt under way
      this.#hurry();
      return this.#whenOpen();
    }
    // In `auto` nothing behind the present one is worth a try.
    const wanted = mode === 'auto' ? this.#kinds().slice(0, this.#kinds().indexOf(this.#transport)) : [mode];
    if (!wanted.length || mode === this.#transport) return this.#transport;
    const stop = this.#switching = new AbortController();
    try {
      const strategy = mode === 'auto' ? orderedFallback() : this.#strategy;
      await this.#connect(session, strategy, wanted, stop.signal);
      return this.#transport;
    } catch (error) {
      if (mode === 'auto' && session.active) return this.#transport;
      if (this.#switching === stop) this.#mode = before;
      if (verdict(error) !== 'retry') session.broken(error);
      throw error;
    } finally {
      if (this.#switching === stop) {
        this.#switching = null;
        if (!this.#session?.active && !this.#isClosed) {
          this.#setState('reconnecting');
          this.#run(backoff(0));
        }
      }
    }
  }

  // Leaves the room and ends the session.
  async close() {
    if (this.#closing) return;
    this.#closing = true;
    const session = this.#session;
    let left = false;
    if (session && this.#state !== 'reconnecting') {
      session.uplink.push(this.#entry({ type: 'leave' }));
      const ended = this.#ended = deferred();
      await within(Promise.race([session.uplink.drained(), ended.promise]), kCloseWait, session.over.signal, 'leaving')
        .then(() => { left = true; }, () => {});
    }
    if (session && !left) {
      // Nobody to wait for: say it once more, and let the server's patience do the rest.
      session.settings.http.post('v1/send', JSON.stringify({ key: session.key, messages: [{ type: 'leave' }] }),
        { deadline: kCloseWait, keepalive: true }).catch(() => {});
    }
    this.#finish(new SigwayError('left', 'closed by the application'));
  }

  // -- speaking --

  #say(message) {
    if (this.#closing) throw new SigwayError('closed', 'the connection is closed');
    const entry = this.#entry(message);
    if (this.#session) this.#session.uplink.push(entry);
    else this.#backlog.push(entry);
    return entry;
  }

  async #ask(message) {
    const { id } = this.#say(message);
    const answer = Object.assign(deferred(), { joins: message.type === 'join' ? message.room : undefined });
    this.#answers.set(id, answer);
    return answer.promise;
  }

  #entry(message) {
    const limits = this.limits;
    const fields = [];
    for (const [name, value] of Object.entries(message)) {
      const text = JSON.stringify(value);
      if (text === undefined) continue;
      if (name === 'data') {
        if (utf8Length(text) > limits.data) throw new SigwayError('too_large', `data is larger than ${limits.data} bytes`);
        if (jsonDepth(text) > kDataDepth) throw new SigwayError('too_deep', `data nests deeper than ${kDataDepth} levels`);
      } else if (/\p{Surrogate}/u.test([value].flat().join())) {
        throw new SigwayError('bad_utf8', `${name} is no well-formed text`);
      }
      fields.push(`"${name}":${text}`);
    }
    const text = fields.join();
    const bytes = utf8Length(text);
    if (this.#session?.uplink.room < bytes) throw new SigwayError('busy', 'too much waits to be sent');
    return new Outgoing(this.#nextId++, message, text);
  }

  // -- hearing --

  #heard(event, info) {
    const { type, room, re } = event;
    if (event.from === undefined) {
      if (type === 'full' || type === 'left' || type === 'place-lost') this.#rooms.delete(room);
      else if (type === 'login') this.#name = event.name;
      else if (type === 'logout' || type === 'name-lost') this.#name = undefined;
      const answer = re !== undefined && this.#answers.get(re);
      if (answer) {
        this.#answers.delete(re);
        if (type === 'error') {
          if (event.code !== 'already_joined') this.#rooms.delete(answer.joins);
          answer.reject(new SigwayError(event.code, event.message, event));
        } else answer.resolve(event);
      }
    }
    this.#emitter.emit('event', event, info);
    if (event.from !== undefined) this.#emitter.emit('message', event, info);
    else this.#emitter.emit(type === 'error' ? 'refused' : type, event, info);
  }

  #hooks(session) {
    const current = (act) => (...values) => { if (session() === this.#session && !this.#isClosed) act(...values); };
    return {
      event: current((event, info) => this.#heard(event, info)),
      sent: current((message, info) => this.#emitter.emit('sent', message, info)),
      roundTrip: current((ms) => this.#emitter.emit('roundtrip', this.#roundTrip = ms)),
      lost: current((carrier, error) => this.#lost(carrier, error)),
      welcome: current(() => {
        if (!this.#reset) return;
        const told = { ...this.#reset, peer: this.peer };
        this.#reset = null;
        this.#emitter.emit('reset', told);
      }),
    };
  }

  // -- coming and going --

  get #isClosed() { return this.#state === 'closed'; }

  async #start() {
    try {
      const replaces = this.#options.replaces ?? await this.#store?.load();
      await this.#newSession(replaces);
      this.#run();
    } catch (error) {
      this.#finish(error);
    }
  }

  async #newSession(replaces) {
    const key = await makeKey();
    if (this.#closing) return;
    this.#store?.save(key);
    const asked = new Set(this.#backlog.map(({ message }) => message.type === 'join' ? message.room : undefined));
    const [[room, capacity] = [], ...others] = [...this.#rooms].filter(([each]) => !asked.has(each));
    const open = { room, capacity, name: this.#name, replaces: replaces || undefined };
    const session = this.#session = new Session(key, open, this.#settings, this.#trusted, this.#hooks(() => session));
    for (const [other, places] of others) session.uplink.push(this.#entry({ type: 'join', room: other, capacity: places }));
    for (const entry of this.#backlog.splice(0)) session.uplink.push(entry.begin());
  }

  // One loop at a time, until a carrier is active. What fails here is tried again for ever, but for what the server forbids.
  async #run(delay = 0, reason = null) {
    if (this.#running) return;
    this.#running = true;
    for (let failures = 0; !this.#isClosed && !this.#session?.active; ++failures) {
      if (delay > 0) {
        this.#emitter.emit('retry', { delay: Math.round(delay), reason });
        await sleep(delay, this.#wake.signal);
        if (this.#isClosed) break;
      }
      await this.#renewed;
      const session = this.#session;
      if (!session) break;    // closed meanwhile
      this.#callOff = new AbortController();
      try {
        await this.#connect(session, this.#strategy, this.#kinds(), this.#callOff.signal);
      } catch (error) {
        if (this.#callOff.signal.aborted) failures = 0;   // by switchTransport
        delay = Math.max(error.retry ?? 0, backoff(failures));
        reason = error;
        if (this.#everOpen && !this.#closing) this.#setState('reconnecting');
        if (session !== this.#session || this.#isClosed) continue;
        if (verdict(error) === 'close') this.#finish(error);
        else if (verdict(error) === 'reset') await this.#startAnew(error);
      }
    }
    this.#running = false;
  }

  async #connect(session, strategy, kinds, signal) {
    const tried = [];
    const attempt = async (kind, deadline) => {
      const carrier = new kCarriers[kind](session, `${kind[0]}${++this.#attempts}`);
      tried.push(carrier);
      carrier.start();
      try {
        await within(carrier.proved.promise, deadline, signal, `${kind}: a proof`);
        return carrier;
      } catch (error) {
        this.#trusted.delete(kind);
        carrier.end(error);
        throw error;
      }
    };
    const carrier = await strategy.connect({ kinds, attempt, signal });
    for (const other of tried) if (other !== carrier) other.end(new SigwayError('aborted', 'another transport was chosen'));
    try {
      if (!carrier.turn) carrier.activate(session.nextTurn());
      await within(carrier.activated.promise, kActivationDeadline, signal, `${carrier.kind}: the activation`);
    } catch (error) {
      carrier.end(error);
      throw error;
    }
    this.#trusted.add(carrier.kind);
    if (session.active === carrier && session === this.#session) this.#nowOpen(carrier.kind);
  }

  #nowOpen(kind) {
    const previous = this.#transport;
    this.#transport = kind;
    if (previous !== kind) this.#emitter.emit('transport', { transport: kind, previous });
    this.#everOpen = true;
    this.#setState('open');
    this.#opened.resolve(this);
  }

  // The active carrier has ended, or the server has disowned the session.
  #lost(carrier, error) {
    if (this.#closing) return error.code === 'left' ? this.#ended?.resolve() : this.#ended?.reject(error);
    const meaning = verdict(error);
    if (meaning === 'close') return this.#finish(error);
    // The news that we have moved may be quicker than the new carrier's.
    if (error.code === 'moved' && this.#switching) return;
    if (this.#everOpen && error.code !== 'stream_limit') this.#setState('reconnecting');
    if (meaning === 'reset') {
      this.#startAnew(error).then(() => this.#run(backoff(0), error));
      return;
    }
    if (this.#running || this.#switching) return;   // they look again when they are done
    const polite = error.code === 'stream_limit' && Date.now() - carrier.born > kShortLife;
    this.#run(polite ? 0 : Math.max(error.retry ?? 0, backoff(0)), error);
  }

  // The server does not know the session any more: another key, the same rooms, a new peer id.
  #startAnew(error) {
    const session = this.#session;
    if (!session) return this.#renewed;
    this.#session = null;     // what is said meanwhile waits in the backlog
    const left = session.stop();
    // Before it was ever open the application could not know of it: what has not gone out begins again.
    this.#backlog = left.filter((entry) => !this.#everOpen && !entry.exposed);
    const kept = new Set(this.#backlog.map((entry) => entry.id));
    for (const [id, answer] of this.#answers) {
      if (kept.has(id)) continue;
      this.#answers.delete(id);
      answer.reject(new SigwayError('reset', 'the session has ended'));
    }
    if (this.#everOpen || session.cursor > 0) {
      const lost = left.filter((entry) => !kept.has(entry.id)).map((entry) => entry.id);
      this.#reset = { reason: error.code, previous: session.peer || this.#reset?.previous,
        lost: [...this.#reset?.lost ?? [], ...lost] };
    }
    this.#renewed = this.#newSession();
    return this.#renewed;
  }

  #finish(error) {
    if (this.#isClosed) return;
    this.#closing = true;
    this.#session?.stop();
    this.#callOff.abort();
    this.#switching?.abort();
    this.#wake.abort();
    this.#store?.clear();
    for (const type of ['pagehide', 'pageshow', 'online']) this.#page?.removeEventListener(type, this.#pageChanged);
    this.#transport = null;
    this.#setState('closed');
    const closed = new SigwayError('closed', error.message);
    for (const answer of this.#answers.values()) answer.reject(closed);
    this.#opened.reject(error);
    this.#emitter.emit('closed', error);
  }

  #setState(state) {
    if (state === this.#state) return;
    const previous = this.#state;
    this.#state = state;
    this.#emitter.emit('state', { state, previous });
  }

  #whenOpen() {
    return new Promise((resolve, reject) => {
      const off = this.on('state', ({ state }) => {
        if (state === 'open') resolve(this.#transport);
        else if (state === 'closed') reject(new SigwayError('closed', 'the connection is closed'));
        else return;
        off();
      });
    });
  }

  #hurry() {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  #kinds() {
    if (this.#mode !== 'auto') return [this.#mode];
    return kTransports.filter((kind) => kind !== 'websocket' || this.#settings.WebSocket);
  }

  #checkMode(mode) {
    if (mode !== 'auto' && !kTransports.includes(mode)) throw new SigwayError('bad_transport', `no transport: ${mode}`);
    if (mode === 'websocket' && !this.#settings.WebSocket) {
      throw new SigwayError('bad_transport', 'there is no WebSocket here: pass a constructor');
    }
    return mode;
  }

  // A page that goes may come back (reload, back/forward cache): it says `away`, not `leave`.
  #pageChanged = ({ type, persisted }) => {
    const session = this.#session;
    if (type === 'pagehide') {
      if (!session?.server) return;
      this.#page.navigator?.sendBeacon?.(session.settings.http.url('v1/send'),
        JSON.stringify({ key: session.key, ack: session.cursor, away: true }));
    } else if (type === 'online') {
      setTimeout(() => this.#hurry(), backoff(0));
    } else if (persisted) {
      session?.active?.end(new SigwayError('network', 'the page was frozen'));
      this.#hurry();
    }
  };
}
