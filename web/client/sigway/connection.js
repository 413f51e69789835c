// What the application holds: rooms, names, messages and their answers. Which transport carries them is the business of Steering.

import { within } from './clock.js';
import { Conversation, kConnectOptions, Voice } from './conversation.js';
import { debugPrinter } from './debug.js';
import { SigwayError, verdict } from './failure.js';
import { checkGivingUp, whenGivenUp } from './giving_up.js';
import { Http } from './http.js';
import { Journal } from './journal.js';
import { browserKeyStore } from './key_store.js';
import { kLimits, kMessageRate } from './limits.js';
import { browserStorage, Memory } from './memory.js';
import { NetworkProfile } from './network_profile.js';
import { messageText, Outgoing } from './outgoing.js';
import { kTransports } from './race.js';
import { browserLocks } from './seats.js';
import { Session } from './session.js';
import { Steering } from './steering.js';
import { Surroundings } from './surroundings.js';
import { utf8Length } from './text.js';
import { deferred, makeKey, unheld } from './tools.js';
import { checkOptions } from './words.js';

const kCloseWait = 1500;
const kOnlineJitter = 500;           // many come back together
// Others decide how many requests come, and each may be larger to answer than to ask: answers leave room for what we say ourselves.
const kSparedBytes = 1 << 20, kMostBehind = 1024;

export class Connection extends Conversation {
  #voice;
  #options;
  #settings;
  #store;
  #journal = new Journal((entry) => this.#voice.emit('journal', entry));
  #profile;
  #steering;
  #surroundings;
  #session = null;
  #state = 'connecting';
  #transport = null;
  #name;
  #rooms = new Map();         // room -> {capacity, entered}: those to be in, also after a reset; what was answered, or else asked
  #backlog = [];              // said before there was a session
  #answers = new Map();       // id -> promise of a join, leave, login, logout
  #nextId = 1;
  #everOpen = false;
  #renewed = null;            // promise of the next session
  #reset = null;              // what to tell the application once the new session is there
  #opened = deferred();
  #nextOpen = deferred();     // of the next carrier that takes over
  #closing = null;            // the promise of `close`, or true
  #ended = null;              // of the last carrier, while closing
  #trouble = null;            // why the latest attempts failed

  constructor(options) {
    const say = (message, isAnswer = false) => this.#say(message, isAnswer ? kSparedBytes : 0).id;
    const voice = new Voice(say, () => this.pending >= kMostBehind);
    super(voice, say, (message) => this.#ask(message));
    this.#voice = voice;
    checkOptions('connect()', options, kConnectOptions);
    checkGivingUp('connect()', options);
    if (options.debug) voice.emitter.on('journal', debugPrinter(options.debug));
    const fetch = options.fetch ?? globalThis.fetch;
    const WebSocket = options.WebSocket ?? globalThis.WebSocket;
    const base = new URL(options.url ?? globalThis.location?.origin ?? '');
    base.protocol = base.protocol.replace(/^ws/, 'http');
    if (!base.pathname.endsWith('/')) base.pathname += '/';
    this.#options = options;
    this.#settings = { http: new Http(base, (url, init) => fetch(url, init)), WebSocket, heartbeat: options.heartbeat,
      messageRate: options.messageRate === 0 ? 1e6 : options.messageRate ?? kMessageRate };
    this.#checkMode(options.transport ?? 'auto');
    this.#name = options.name;
    if (options.room !== undefined) this.#rooms.set(options.room, { capacity: options.capacity, entered: true });
    const storage = options.memory === undefined ? browserStorage() : options.memory || null;
    this.#profile = new NetworkProfile(new Memory(storage, base.href), this.#journal);
    this.#steering = new Steering({ settings: this.#settings, mode: options.transport ?? 'auto', profile: this.#profile,
      journal: this.#journal, locks: options.locks ?? browserLocks(base.href), hooks: this.#steeringHooks() });
    const page = options.page ?? (typeof document === 'undefined' ? null : globalThis);
    this.#surroundings = new Surroundings(options.page === null ? null : page, this.#surroundingHooks());
    this.#store = options.keyStore === undefined ? browserKeyStore(`sigway ${base.href} ${options.room ?? ''}`)
      : options.keyStore || null;
    const { signal, deadline } = options;
    if (signal?.aborted) this.#giveUp(signal.reason);
    else this.#start();
    if (signal || deadline) {
      const stop = whenGivenUp({ signal, deadline }, 'connecting', (reason) => this.#giveUp(reason));
      this.#opened.promise.then(stop, stop);
    }
  }

  get state() { return this.#state; }
  get transport() { return this.#transport; }
  get mode() { return this.#steering.mode; }
  get peer() { return this.#session?.peer ?? ''; }
  get key() { return this.#session?.key ?? ''; }
  get server() { return this.#session?.server ?? ''; }
  get name() { return this.#name; }
  get rooms() { return [...this.#rooms.keys()]; }
  get roundTrip() { return this.#profile.trips.last; }
  get journal() { return [...this.#journal.entries]; }
  get iceServers() { return this.#session?.iceServers ?? []; }
  get features() { return [...this.#session?.features ?? []]; }
  get limits() { return this.#session?.limits ?? kLimits; }
  get pending() { return this.#session ? this.#session.uplink.pending : this.#backlog.length; }
  get opened() { return this.#opened.promise; }

  // Resolves when the server has taken all that was said so far.
  flush() {
    const drained = async () => {
      while (this.#backlog.length) {
        if (this.#closing) throw new SigwayError('closed', 'the connection is closed');
        await (this.#renewed ?? this.opened);
      }
      await this.#session?.uplink.drained();
    };
    return unheld(drained());
  }

  // Resolves when the call goes over the new transport. When that does not work it rejects, and the old one goes on.
  switchTransport(mode) {
    const moved = async () => {
      this.#checkMode(mode);
      if (this.#closing) throw new SigwayError('closed', 'the connection is closed');
      return this.#steering.switchTo(mode, () => this.#nextOpen.promise);
    };
    return unheld(moved());
  }

  // Leaves the room and ends the session. Nothing is heard from now on but the end.
  close() {
    this.#closing ??= this.#close(new SigwayError('left', 'closed by the application'));
    return Promise.resolve(this.#closing);
  }

  // Before it was open for the first time; later nobody asks.
  #giveUp(reason) {
    if (this.#closing) return;
    const why = `${reason?.message ?? reason}`;
    const error = reason instanceof SigwayError
      ? new SigwayError(reason.code, this.#trouble ? `${why}; the latest attempt: ${this.#trouble.message}` : why, { cause: this.#trouble ?? undefined })
      : new SigwayError('aborted', `given up: ${why}`, { cause: reason });
    this.#opened.reject(reason instanceof SigwayError ? error : reason);
    // Handlers are put on in the turn of connect().
    this.#closing = Promise.resolve().then(() => this.#close(error));
  }

  async #close(reason) {
    const session = this.#session;
    let left = false;
    if (session && (session.way || !session.server)) {
      session.leaving = true;
      session.uplink.push(this.#entry({ type: 'leave' }));
      const ended = this.#ended = deferred();
      await within(Promise.race([session.uplink.drained(), ended.promise]), kCloseWait, session.over.signal, 'leaving')
        .then(() => { left = true; }, () => {});
    }
    if (session && !left) {
      // Nobody to wait for: say it once more, and let the server's patience do the rest.
      session.settings.http.post('v1/send', JSON.stringify({ key: session.key, messages: [{ type: 'leave' }] }),
        { patience: kCloseWait, keepalive: true }).catch(() => {});
    }
    this.#finish(reason);
  }

  // -- speaking --

  // `spared`: bytes of the queue that it leaves for other messages.
  #say(message, spared = 0) {
    if (this.#closing) throw new SigwayError('closed', 'the connection is closed');
    const entry = this.#entry(message, this.#session ? this.#session.uplink.room - spared : undefined);
    if (this.#session) this.#session.uplink.push(entry);
    else this.#backlog.push(entry);
    return entry;
  }

  #ask(message) {
    const { type, room, capacity } = message;
    const answer = Object.assign(deferred(), { joins: type === 'join' ? room : undefined });
    try {
      this.#answers.set(this.#say(message).id, answer);
      if (type === 'join' && !this.#rooms.has(room)) this.#rooms.set(room, { capacity, entered: false });
      else if (type === 'leave') this.#rooms.delete(room);
    } catch (error) {
      answer.reject(error);
    }
    return answer.promise;
  }

  // `room`: bytes that it may have. What we say by ourselves always finds room: the goodbye, and rooms to join again.
  #entry(message, room = Infinity) {
    const text = messageText(message, this.limits);
    if (room < utf8Length(text)) throw new SigwayError('busy', 'too much waits to be sent');
    return new Outgoing(this.#nextId++, message, text);
  }

  // -- hearing --

  #heard(event, info) {
    const { type, room, re } = event;
    if (event.from === undefined) {
      if (type === 'full' || type === 'left' || type === 'place-lost') this.#rooms.delete(room);
      else if (type === 'created' || type === 'joined') this.#entered(event);
      else if (type === 'login') this.#name = event.name;
      else if (type === 'error' && event.code === 'name_taken' && re === undefined) this.#name = undefined;    // the one that we opened with
      else if (type === 'logout' || type === 'name-lost') this.#name = undefined;
      const answer = re !== undefined && this.#answers.get(re);
      if (answer) {
        this.#answers.delete(re);
        if (type === 'error') {
          if (event.code !== 'already_joined') this.#rooms.delete(answer.joins);
          answer.reject(new SigwayError(event.code, event.message, event));
        } else answer.resolve(event);
      }
      if (type === 'error') this.#voice.requests.refused(event);
    }
    if (this.#closing) return;
    this.#voice.hear(event, info);
  }

  // A room is made anew, after a restart, as it was, by whoever comes first.
  #entered({ room, capacity }) {
    if (this.#rooms.has(room)) this.#rooms.set(room, { capacity, entered: true });
  }

  #sessionHooks(session) {
    const current = (act) => (...values) => { if (session() === this.#session && !this.#isClosed) act(...values); };
    const open = (act) => current((...values) => { if (!this.#closing) act(...values); });
    return {
      event: current((event, info) => this.#heard(event, info)),
      sent: open((message, info) => this.#voice.emit('sent', message, info)),
      roundTrip: open((ms) => this.#voice.emit('roundtrip', ms)),
      lost: current((carrier, error) => this.#lost(carrier, error)),
      crowded: current(() => this.#steering.crowded()),
      welcome: open(() => {
        if (!this.#reset) return;
        const told = { ...this.#reset, peer: this.peer };
        this.#reset = null;
        this.#voice.emit('reset', told);
      }),
    };
  }

  // -- coming and going --

  get #isClosed() { return this.#state === 'closed'; }

  async #start() {
    try {
      const replaces = this.#options.replaces ?? await this.#store?.load();
      await this.#newSession(replaces);
      this.#steering.run();
    } catch (error) {
      this.#finish(error);
    }
  }

  async #newSession(replaces) {
    const key = await makeKey();
    if (this.#closing) return;
    this.#store?.save(key);
    const asked = new Set(this.#backlog.map(({ joins }) => joins));
    const rooms = [...this.#rooms].filter(([each]) => !asked.has(each));
    // A session is opened in a room that we were in: what else was asked for may be refused, and that must not end it.
    const [room, first] = rooms.find(([, { entered }]) => entered) ?? [];
    const others = rooms.filter(([each]) => each !== room);
    const open = { room, capacity: first?.capacity, name: this.#name, replaces: replaces || undefined };
    const session = this.#session = new Session(key, open, this.#settings, this.#profile, this.#sessionHooks(() => session));
    for (const [other, { capacity }] of others) session.uplink.push(this.#entry({ type: 'join', room: other, capacity }));
    for (const entry of this.#backlog.splice(0)) session.uplink.push(entry.begin());
  }

  #steeringHooks() {
    return {
      session: async () => {
        await this.#renewed;
        return this.#session;
      },
      open: (kind) => { if (!this.#closing) this.#nowOpen(kind); },
      retry: (plan) => {
        this.#trouble = plan.reason;
        if (!this.#closing) this.#voice.emit('retry', plan);
      },
      reconnecting: () => { if (this.#everOpen && !this.#closing) this.#setState('reconnecting'); },
      broken: async (error, session) => {
        if (session !== this.#session || this.#isClosed) return;
        if (verdict(error) === 'close') this.#finish(error);
        else await this.#startAnew(error);
      },
    };
  }

  #nowOpen(kind) {
    const previous = this.#transport;
    this.#transport = kind;
    if (previous !== kind) this.#voice.emit('transport', { transport: kind, previous });
    this.#everOpen = true;
    this.#setState('open');
    this.#opened.resolve(this);
    this.#nextOpen.resolve(kind);
    this.#nextOpen = deferred();
  }

  // The active carrier has ended, or the server has disowned the session.
  #lost(carrier, error) {
    if (this.#closing) return error.code === 'left' ? this.#ended?.resolve() : this.#ended?.reject(error);
    if (this.#steering.isMoving(error)) return;
    this.#steering.lost(carrier, error);
    const meaning = verdict(error);
    if (meaning === 'close') return this.#finish(error);
    if (this.#everOpen && error.code !== 'stream_limit') this.#setState('reconnecting');
    if (this.#isClosed) return;        // by whoever was told
    if (meaning === 'reset') this.#startAnew(error).then(() => this.#steering.recover(carrier, error));
    else this.#steering.recover(carrier, error);
  }

  // The server does not know the session any more: another key, the same rooms, a new peer id.
  #startAnew(error) {
    const session = this.#session;
    if (!session) return this.#renewed;
    this.#journal.add('reset', { why: error.message, code: error.code });
    this.#session = null;     // what is said meanwhile waits in the backlog
    const left = session.stop();
    this.#backlog = left.filter((entry) => !entry.exposed);      // what has not gone out cannot have arrived
    const kept = new Set(this.#backlog.map((entry) => entry.id));
    for (const [id, answer] of this.#answers) {
      if (kept.has(id)) continue;
      this.#answers.delete(id);
      answer.reject(new SigwayError('reset', 'the session has ended'));
    }
    this.#voice.requests.reset(kept);
    if (this.#everOpen || session.cursor > 0) {
      const lost = left.filter((entry) => !kept.has(entry.id)).map((entry) => entry.id);
      this.#reset = { reason: error.code, previous: session.peer || this.#reset?.previous,
        lost: [...this.#reset?.lost ?? [], ...lost] };
    }
    this.#renewed = this.#newSession().catch((error) => this.#finish(error));    // a key store of the application's may throw
    return this.#renewed;
  }

  #finish(error) {
    if (this.#isClosed) return;
    this.#closing ??= true;
    this.#session?.stop();
    this.#steering.stop();
    this.#surroundings.stop();
    this.#store?.clear();
    this.#journal.add('closed', { why: error.message, code: error.code });
    this.#transport = null;
    this.#setState('closed');
    const closed = new SigwayError('closed', error.message);
    for (const answer of this.#answers.values()) answer.reject(closed);
    this.#opened.reject(error);
    this.#nextOpen.reject(closed);
    this.#voice.close(error, closed);
  }

  #setState(state) {
    if (state === this.#state) return;
    const previous = this.#state;
    this.#state = state;
    this.#voice.emit('state', { state, previous });
  }

  #checkMode(mode) {
    if (mode !== 'auto' && !kTransports.includes(mode)) throw new SigwayError('bad_transport', `no transport: ${mode}`);
    if (mode === 'websocket' && !this.#settings.WebSocket) {
      throw new SigwayError('bad_transport', 'there is no WebSocket here: pass a constructor');
    }
  }

  // A page that goes may come back (reload, back/forward cache): it says `away`, not `leave`.
  #surroundingHooks() {
    return {
      away: () => {
        const session = this.#session;
        if (!session?.server) return;
        this.#surroundings.beacon(session.settings.http.url('v1/send'), JSON.stringify({ key: session.key, ack: session.cursor, away: true }));
      },
      thawed: () => {
        this.#session?.active?.end(new SigwayError('frozen', 'the page was frozen'));
        this.#steering.hurry();
      },
      offline: () => this.#journal.add('offline'),
      changed: (why) => setTimeout(() => { if (!this.#isClosed) this.#steering.test(why); }, Math.random() * kOnlineJitter),
      woke: (why) => { if (!this.#isClosed) this.#steering.test(why); },
    };
  }
}
