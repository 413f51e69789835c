// Requests and their answers: plain messages whose data is an envelope with an id. docs/decisions/a-request-is-a-message.md.

import { report } from './emitter.js';
import { SigwayError } from './failure.js';
import { whenGivenUp } from './giving_up.js';
import { deferred, randomText, webCrypto } from './tools.js';

const kRequest = 'sigway.request', kResponse = 'sigway.response';
const kOwnBytes = 9, kIdBytes = 9;   // 12 characters each
const kDeadline = 10000;
const kMostOpen = 256, kLongestOpen = 120000;   // requests of others that wait for a handler of ours, and for how many ms

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const isId = (value) => typeof value === 'string' && /^[\w-]{1,64}$/.test(value);
const isCode = (value) => typeof value === 'string' && /^[a-z][a-z0-9_]{0,63}$/.test(value);

/** The id in the envelope of a request: `{"sigway.request": id}`, with or without `data`, and nothing else. */
function requestId(data) {
  if (!isObject(data) || !isId(data[kRequest])) return null;
  return Object.keys(data).every((name) => name === kRequest || name === 'data') ? data[kRequest] : null;
}

// What the other side says about why there is no answer, as far as it makes sense.
function failureOf(error, from) {
  const code = isCode(error?.code) ? error.code : 'failed';
  return new SigwayError(code, typeof error?.message === 'string' ? error.message : 'the other side could not answer', { from });
}

export class Requests {
  #send;
  #isBehind;
  #own = null;               // begins the ids of this connection, so that an answer that comes too late is known as ours
  #pending = new Map();      // id -> {answer, number, type}
  #responders = new Map();   // type -> handler
  #open = new Set();         // what stops the deadline of each request of others that a handler has not answered yet

  /** `send(type, data, where, isAnswer)` gives the message's number. `isBehind()`: so much waits to be sent that no more is to be answered. */
  constructor(send, isBehind) {
    this.#send = send;
    this.#isBehind = isBehind;
  }

  /** Rejects with the signal's reason, `deadline`, the code of a refusal, what the other side's handler threw, `reset` or `closed`. */
  async request(type, data, { to, room, signal, deadline = kDeadline }) {
    signal?.throwIfAborted();
    const crypto = globalThis.crypto ?? await webCrypto();
    this.#own ??= randomText(crypto, kOwnBytes);
    const id = this.#own + randomText(crypto, kIdBytes);
    const answer = deferred();
    const number = this.#send(type, { [kRequest]: id, data }, { to, room });
    this.#pending.set(id, { answer, number, type });
    const stop = whenGivenUp({ signal, deadline }, `the answer to '${type}'`, answer.reject);
    try {
      return await answer.promise;
    } finally {
      stop();
      this.#pending.delete(id);
    }
  }

  respond(type, handler) {
    if (this.#responders.has(type)) throw new TypeError(`respond('${type}'): it is answered already; take the other handler off first`);
    this.#responders.set(type, handler);
    return () => { if (this.#responders.get(type) === handler) this.#responders.delete(type); };
  }

  /** A message: true if it is a request that is answered here, or an answer to one of ours. Everything else is the application's. */
  takes(message) {
    const { type, data } = message;
    if (!isObject(data)) return false;
    const handler = this.#responders.get(type);
    const id = handler && requestId(data);
    if (id) {
      if (!this.#isBehind()) this.#answer(handler, id, message);
      return true;
    }
    const ours = data[kResponse];
    if (this.#own === null || !isId(ours) || !ours.startsWith(this.#own)) return false;
    const request = this.#pending.get(ours);
    if (request?.type !== type) return true;     // too late, or a second answer
    if (data.error === undefined) request.answer.resolve(data.data);
    else request.answer.reject(failureOf(data.error, message.from));
    return true;
  }

  /** The server has refused a message. */
  refused({ re, ...error }) {
    for (const { number, answer } of this.#pending.values()) {
      if (re !== undefined && number === re) answer.reject(new SigwayError(error.code, error.message, error));
    }
  }

  /** There is a new session with another peer id: answers to what has gone out do not find us any more. `kept` has the numbers of the others. */
  reset(kept) {
    for (const { number, answer } of this.#pending.values()) {
      if (!kept.has(number)) answer.reject(new SigwayError('reset', 'the session has ended'));
    }
  }

  end(error) {
    for (const stop of this.#open) stop();
    this.#open.clear();
    for (const { answer } of this.#pending.values()) answer.reject(error);
  }

  async #answer(handler, id, message) {
    const { type, from, name, room, data } = message;
    // What came by name is from somebody with whom we may share no room.
    const to = room === undefined && name !== undefined ? `@${name}` : from;
    const say = (more) => { if (!this.#isBehind()) this.#send(type, { [kResponse]: id, ...more }, { to, room }, true); };
    const fail = (code, reason) => {
      try {
        say({ error: { code, message: reason } });
      } catch { /* closed, or too much waits: the other side has a deadline */ }
    };
    // Others decide how many requests come, and a handler may never answer: each would be kept for good.
    if (this.#open.size >= kMostOpen) return fail('busy', `${kMostOpen} requests wait for an answer here already; ask again later`);
    let isLate = false;
    const stop = whenGivenUp({ deadline: kLongestOpen }, 'the handler of the request', ({ code, message: reason }) => {
      isLate = true;
      this.#open.delete(stop);
      fail(code, reason);
    });
    this.#open.add(stop);
    try {
      const answer = await handler(data.data, { ...message, data: data.data });
      if (!isLate) say({ data: answer });
    } catch (error) {
      // Only what was meant for the other side is told: another error may say too much.
      const isMeant = error instanceof SigwayError;
      if (!isMeant) report(error);
      if (!isLate) fail(isMeant ? error.code : 'failed', isMeant ? error.message : 'the handler of the request failed');
    } finally {
      stop();
      this.#open.delete(stop);
    }
  }
}
