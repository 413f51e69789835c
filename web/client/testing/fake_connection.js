// A client of FakeServer: what the application says goes to the server in the process, and what it hears comes from there.

import { Conversation, kConnectOptions, Voice } from '../sigway/conversation.js';
import { SigwayError } from '../sigway/failure.js';
import { checkGivingUp, whenGivenUp } from '../sigway/giving_up.js';
import { kLimits } from '../sigway/limits.js';
import { messageText } from '../sigway/outgoing.js';
import { kTransports } from '../sigway/race.js';
import { utf8Length } from '../sigway/text.js';
import { deferred } from '../sigway/tools.js';
import { checkOptions } from '../sigway/words.js';

const closedError = () => new SigwayError('closed', 'the connection is closed');

export class FakeConnection extends Conversation {
  /** For the server alone. */
  fake;
  #voice;
  #server;
  #state = 'connecting';
  #transport = null;
  #mode;
  #peer = '';
  #name;
  #rooms = new Map();        // room -> capacity
  #backlog = [];             // said while there is no server
  #unheard = [];             // events while there is no network
  #answers = new Map();      // number of a join, leave, login, logout -> its promise
  #numbers = 0;
  #flying = 0;               // messages that the server has not taken yet
  #drained = [];
  #heard = 0;
  #opened = deferred();
  #closing = null;

  constructor(options, server) {
    checkOptions('connect()', options, kConnectOptions);
    checkGivingUp('connect()', options);
    const say = (message) => this.#say(message);
    const voice = new Voice(say);
    super(voice, say, (message) => this.#ask(message));
    this.#voice = voice;
    this.#server = server;
    const { room, name, capacity, transport = 'auto', signal, deadline } = options;
    this.#checkMode(transport);
    this.#mode = transport;
    this.#name = name;
    if (room !== undefined) this.#rooms.set(room, capacity);
    this.fake = this.#handle();
    const stop = whenGivenUp({ signal, deadline }, 'connecting', (reason) => {
      const isOurs = reason instanceof SigwayError;
      this.#opened.reject(reason);
      this.#server.later(() => this.#finish(isOurs ? reason : new SigwayError('aborted', `given up: ${reason?.message ?? reason}`, { cause: reason })));
    });
    this.#opened.promise.then(stop, stop);
  }

  get state() { return this.#state; }
  get transport() { return this.#transport; }
  get mode() { return this.#mode; }
  get peer() { return this.#peer; }
  get key() { return this.#peer && `key-of-${this.#peer}`; }
  get server() { return this.#peer && `fake-${this.fake.life}`; }
  get name() { return this.#name; }
  get rooms() { return [...this.#rooms.keys()]; }
  get roundTrip() { return this.#peer ? 1 : null; }
  get journal() { return []; }
  get iceServers() { return this.#peer ? this.#server.iceServers() : []; }
  get features() { return this.#peer ? [...this.#server.features()] : []; }
  get limits() { return kLimits; }
  get pending() { return this.#backlog.length + this.#flying; }
  get opened() { return this.#opened.promise; }

  async flush() {
    if (this.#closing) throw closedError();
    if (this.pending) await new Promise((resolve, reject) => { this.#drained.push({ resolve, reject }); });
  }

  async switchTransport(mode) {
    this.#checkMode(mode);
    if (this.#closing) throw closedError();
    this.#mode = mode;
    await this.#opened.promise;
    this.#carriedBy(mode);
    return this.#transport;
  }

  close() {
    this.#closing ??= new Promise((resolve) => {
      this.#server.later(() => {
        this.#finish(new SigwayError('left', 'closed by the application'));
        resolve();
      });
    });
    return this.#closing;
  }

  #checkMode(mode) {
    if (mode !== 'auto' && !kTransports.includes(mode)) throw new SigwayError('bad_transport', `no transport: ${mode}`);
  }

  // ---- The application speaks ----

  #say(message) {
    if (this.#closing) throw closedError();
    const text = messageText(message, kLimits);
    const entry = { id: ++this.#numbers, message: JSON.parse(`{${text}}`), bytes: utf8Length(text) };
    if (this.#state === 'open') this.#sendOut(entry);
    else this.#backlog.push(entry);
    return entry.id;
  }

  #sendOut({ id, message, bytes }) {
    ++this.#flying;
    this.#voice.emit('sent', message, { number: id, transport: this.#transport, bytes });
    this.#server.later(() => {
      --this.#flying;
      if (this.#state !== 'closed') this.#server.take(message, id);
      if (!this.pending) for (const { resolve } of this.#drained.splice(0)) resolve();
    });
  }

  #ask(message) {
    const answer = Object.assign(deferred(), { joins: message.type === 'join' ? message.room : undefined });
    try {
      this.#answers.set(this.#say(message), answer);
      if (message.type === 'join' && !this.#rooms.has(message.room)) this.#rooms.set(message.room, message.capacity);
      else if (message.type === 'leave') this.#rooms.delete(message.room);
    } catch (error) {
      answer.reject(error);
    }
    return answer.promise;
  }

  // ---- The server speaks ----

  #handle() {
    const self = this;
    return {
      /** The name that the server has given it. */
      holds: undefined,
      /** Which life of the server knows it. */
      life: 0,
      /** Its own network does not work. */
      isLost: false,
      get wanted() {
        const asked = new Set(self.#backlog.map(({ message }) => message.type === 'join' && message.room));
        return { name: self.#name, rooms: [...self.#rooms].filter(([room]) => !asked.has(room)) };
      },
      hear: (event) => self.#hear(event),
      goOnline: () => self.#goOnline(),
      goOffline: () => self.#goOffline(),
      finish: (code, message) => self.#finish(new SigwayError(code, message)),
    };
  }

  // As on the wire: nobody sees another's objects, and what has no value is absent.
  #hear(event) {
    if (event === null || this.#state === 'closed') return;
    const text = JSON.stringify(event);
    if (this.#state !== 'open') this.#unheard.push(text);
    else this.#tell(text);
  }

  #tell(text) {
    const event = JSON.parse(text);
    const { type, room, capacity, re } = event;
    if (event.from === undefined) {
      if (type === 'full' || type === 'left') this.#rooms.delete(room);
      else if ((type === 'created' || type === 'joined') && this.#rooms.has(room)) this.#rooms.set(room, capacity);
      else if (type === 'login') this.#name = event.name;
      else if (type === 'logout' || type === 'name-lost' || (type === 'error' && event.code === 'name_taken' && re === undefined)) this.#name = undefined;
      const answer = re !== undefined && this.#answers.get(re);
      if (answer) {
        this.#answers.delete(re);
        if (type !== 'error') answer.resolve(event);
        else {
          if (event.code !== 'already_joined') this.#rooms.delete(answer.joins);
          answer.reject(new SigwayError(event.code, event.message, event));
        }
      }
      if (type === 'error') this.#voice.requests.refused(event);
    }
    if (this.#closing) return;
    this.#voice.hear(event, { number: ++this.#heard, transport: this.#transport, bytes: utf8Length(text) });
  }

  #goOnline() {
    if (this.#state === 'open' || this.#state === 'closed') return;
    const previous = this.#peer;
    const isNew = this.fake.life !== this.#server.life();
    if (isNew) {
      this.#peer = this.#server.peer();
      this.#heard = 0;
      this.#unheard = [];
      this.fake.holds = undefined;
    }
    if (isNew && previous) this.#startAnew(previous);
    this.#carriedBy(this.#mode);
    this.#setState('open');
    this.#opened.resolve(this);
    for (const text of this.#unheard.splice(0)) this.#tell(text);
    if (isNew) this.#server.opened();
    for (const entry of this.#backlog.splice(0)) this.#sendOut(entry);
  }

  // What was said before the server went has been taken; answers to it do not come any more.
  #startAnew(previous) {
    const kept = new Set(this.#backlog.map(({ id }) => id));
    const reset = new SigwayError('reset', 'the session has ended');
    for (const [id, answer] of this.#answers) {
      if (kept.has(id)) continue;
      this.#answers.delete(id);
      answer.reject(reset);
    }
    this.#voice.requests.reset(kept);
    if (!this.#closing) this.#voice.emit('reset', { reason: 'restarted', previous, peer: this.#peer, lost: [] });
  }

  // True if that is something new.
  #goOffline() {
    if (this.#state !== 'open') return false;
    this.#setState('reconnecting');
    return true;
  }

  #carriedBy(mode) {
    const transport = mode === 'auto' ? 'websocket' : mode, previous = this.#transport;
    if (transport === previous) return;
    this.#transport = transport;
    this.#voice.emit('transport', { transport, previous });
  }

  #finish(error) {
    if (this.#state === 'closed') return;
    this.#closing ??= Promise.resolve();
    this.#server.gone(error.code);
    this.#transport = null;
    this.#setState('closed');
    const closed = new SigwayError('closed', error.message);
    for (const { reject } of [...this.#answers.values(), ...this.#drained]) reject(closed);
    this.#opened.reject(error);
    this.#voice.close(error, closed);
  }

  #setState(state) {
    const previous = this.#state;
    this.#state = state;
    this.#voice.emit('state', { state, previous });
  }
}
