// Messages for an application that reads them with `for await`.

import { SigwayError } from './failure.js';
import { whenGivenUp } from './giving_up.js';

const kInboxMost = 1024;             // messages that wait for a reader

/** What the emitter says from now on under `message`, as far as it is of that type, room and sender. Ends with the connection, and
 *  fails where the connection was ended by others. `end` is why it has ended before. */
export function openInbox(emitter, { type, room, from, signal, most = kInboxMost }, end) {
  if (!(most > 0)) throw new TypeError(`messages(options): most is a positive number, not ${most}`);
  const stops = [];
  const inbox = new Inbox(most, () => { for (const stop of stops.splice(0)) stop(); });
  const isWanted = (message) => [[type, message.type], [room, message.room], [from, message.from]].every(([wanted, is]) => wanted === undefined || wanted === is);
  const ended = (error) => inbox.end(error.code === 'left' ? null : error);
  if (end) ended(end);
  else {
    stops.push(emitter.on('message', (message) => { if (isWanted(message)) inbox.put(message); }), emitter.on('closed', ended));
    const stop = whenGivenUp({ signal }, 'reading', (reason) => inbox.end(reason));
    stops.push(stop);
  }
  return inbox;
}

/** An async iterator over what is put in. It ends by `end()`; with an error it throws that once everything before has been read. */
class Inbox {
  #most;
  #stop;                     // told once, when nothing more is wanted
  #messages = [];
  #readers = [];             // {resolve, reject} of those who wait for a message
  #isOver = false;
  #error = null;

  constructor(most, stop) {
    this.#most = most;
    this.#stop = stop;
  }

  [Symbol.asyncIterator]() { return this; }

  put(message) {
    if (this.#isOver) return;
    if (this.#readers.length) this.#readers.shift().resolve({ value: message, done: false });
    else if (this.#messages.length < this.#most) this.#messages.push(message);
    else this.end(new SigwayError('slow_reader', `${this.#most} messages wait to be read`));
  }

  end(error = null) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stop();
    const readers = this.#readers.splice(0);
    if (error === null) for (const { resolve } of readers) resolve({ value: undefined, done: true });
    else if (!readers.length) this.#error = { reason: error };
    else {
      readers.shift().reject(error);
      for (const { resolve } of readers) resolve({ value: undefined, done: true });
    }
  }

  next() {
    if (this.#messages.length) return Promise.resolve({ value: this.#messages.shift(), done: false });
    if (this.#error) {
      const { reason } = this.#error;
      this.#error = null;
      return Promise.reject(reason);
    }
    if (this.#isOver) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => { this.#readers.push({ resolve, reject }); });
  }

  // By `break`, `return` or an exception in the loop's body.
  return(value) {
    this.#messages = [];
    this.#error = null;
    this.end();
    return Promise.resolve({ value, done: true });
  }
}
