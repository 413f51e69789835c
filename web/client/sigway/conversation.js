// What the application says and hears, whatever carries it: the methods that Connection and the fake of testing.js have in common.

import { Emitter, nextEvent } from './emitter.js';
import { checkGivingUp } from './giving_up.js';
import { openInbox } from './inbox.js';
import { Requests } from './requests.js';
import { unheld } from './tools.js';
import { checkEvent, checkHandler, checkMessageType, checkOptions, checkWhere, typeName } from './words.js';

export const kConnectOptions = ['url', 'room', 'name', 'capacity', 'transport', 'WebSocket', 'fetch', 'replaces', 'keyStore', 'heartbeat', 'messageRate',
  'memory', 'locks', 'page', 'signal', 'deadline', 'debug'];
const kEvents = ['created', 'joined', 'full', 'ready', 'left', 'place-lost', 'peer-joined', 'peer-named', 'peer-suspended', 'peer-resumed',
  'peer-left', 'login', 'logout', 'name-lost', 'stored', 'event', 'message', 'refused', 'sent', 'state', 'transport', 'roundtrip', 'journal',
  'retry', 'reset', 'closed'];

/** Tells the application. */
export class Voice {
  requests;
  end = null;                // why it is closed
  #emitter = new Emitter();

  /** `say(message, isAnswer)` sends and gives the number. `isBehind()`: so much waits that requests get no answer. */
  constructor(say, isBehind = () => false) {
    this.requests = new Requests((type, data, { to, room }, isAnswer) => say({ type, to, room, data }, isAnswer), isBehind);
  }

  get emitter() { return this.#emitter; }

  emit(...values) { this.#emitter.emit(...values); }

  /** An event of the session. */
  hear(event, info) {
    const { type, from } = event;
    this.emit('event', event, info);
    if (from === undefined) this.emit(type === 'error' ? 'refused' : type, event, info);
    else if (!this.requests.takes(event)) this.emit('message', event, info);
  }

  /** Nothing comes any more; `closed` is what rejects that which waits. */
  close(error, closed) {
    this.requests.end(closed);
    this.end = error;
    this.emit('closed', error);
  }
}

export class Conversation {
  #voice;
  #say;
  #ask;

  /** `say(message)` gives the number, `ask(message)` a promise of the answer. */
  constructor(voice, say, ask) {
    this.#voice = voice;
    this.#say = say;
    this.#ask = ask;
  }

  on(type, handler) {
    checkEvent('on()', type, kEvents);
    checkHandler(`on('${type}')`, handler);
    return this.#voice.emitter.on(type, handler);
  }

  // With a handler as `on`, but for one event; without one a promise of the event.
  once(type, handler) {
    checkEvent('once()', type, kEvents);
    if (handler !== undefined && (handler === null || typeof handler !== 'object')) {
      checkHandler(`once('${type}')`, handler);
      return this.#voice.emitter.once(type, handler);
    }
    const options = handler ?? {};
    checkOptions(`once('${type}', options)`, options, ['signal', 'deadline']);
    checkGivingUp(`once('${type}')`, options);
    return unheld(nextEvent(this.#voice.emitter, type, options, this.#voice.end));
  }

  off(type, handler) {
    checkEvent('off()', type, kEvents);
    this.#voice.emitter.off(type, handler);
  }

  // What is said from now on, for `for await`.
  messages(options = {}) {
    checkOptions('messages(options)', options, ['type', 'room', 'from', 'signal', 'most']);
    checkGivingUp('messages(options)', options);
    return openInbox(this.#voice.emitter, options, this.#voice.end);
  }

  [Symbol.asyncIterator]() { return this.messages(); }

  // Gives the number by which a refusal (`refused`, with `re`) or `stored` would quote the message.
  send(type, data, where = {}) {
    checkMessageType('send(type, data, where)', type);
    checkWhere('send(type, data, where)', where, ['to', 'room']);
    const { to, room } = where;
    return this.#say({ type, to, room, data });
  }

  // Resolves with what a handler of `respond` gives on the other side.
  request(type, data, where = {}) {
    checkMessageType('request(type, data, where)', type);
    checkWhere('request(type, data, where)', where, ['to', 'room', 'signal', 'deadline']);
    checkGivingUp('request(type, data, where)', where);
    if (Array.isArray(where.to)) throw new TypeError('request(type, data, where): `to` is one peer id or @name, not an array');
    return unheld(this.#voice.requests.request(type, data, where));
  }

  respond(type, handler) {
    checkMessageType('respond(type, handler)', type);
    checkHandler(`respond('${type}')`, handler);
    return this.#voice.requests.respond(type, handler);
  }

  // Resolves with `created`, `joined` or `full`.
  join(room, options = {}) {
    if (typeof room !== 'string') throw new TypeError(`join(room): the room is a string, not ${typeName(room)}`);
    checkOptions('join(room, options)', options, ['capacity']);
    return this.#ask({ type: 'join', room, capacity: options.capacity });
  }

  leave(room) {
    return room === undefined ? this.close() : this.#ask({ type: 'leave', room });
  }

  login(name) {
    return this.#ask({ type: 'login', name });
  }

  logout() {
    return this.#ask({ type: 'logout' });
  }
}
