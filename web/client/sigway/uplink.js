// The messages that the server has not taken yet, in order. A number is given when a message first goes out and then never
// means anything else, unless it is certain that the server has not seen it (413): only then a message can be cut into pieces,
// which shifts the numbers of those behind. That is why a body larger than any that passed goes alone.

import { SigwayError, verdict } from './errors.js';
import { kLimits } from './limits.js';
import { cutIntoPieces, utf8Length } from './text.js';
import { backoff, deferred } from './tools.js';

const kUploadFailures = 4;           // the way down may live while the way up is dead
const kUploadsInFlight = 3;          // a browser gives six connections to an origin, and the stream takes one
const kHeldMost = 64;                // messages that a server holds behind one that is still under way
const kSafeBody = 500;               // nobody was ever seen to refuse so little
const kLeastBody = 400;              // smaller than this nothing can be split
const kQueueBytes = 4 << 20;

export class Uplink {
  #queue = [];
  #bytes = 0;
  #up = 0;
  #next = 1;
  #offsets = [];             // [first wire number, id - number]: pieces make the two differ
  #flights = new Set();
  #alone = null;
  #failures = 0;
  #paused = null;            // a timer
  #pumping = false;          // soon
  #drained = deferred();
  #batchMost = kLimits.messages;
  #maxBody = Infinity;       // what the network is known to refuse
  #proven = kSafeBody;       // what it is known to let through
  #tokens;
  #filled = Date.now();

  constructor(session) {
    this.session = session;
    this.#tokens = 2 * session.settings.messageRate;
  }

  get pending() {
    return this.#queue.length;
  }

  get room() {
    return kQueueBytes - this.#bytes;
  }

  // Resolves when all that is in the queue now has been taken.
  drained() {
    return this.#queue.length ? this.#drained.promise : Promise.resolve();
  }

  push(entry) {
    this.#queue.push(entry);
    this.#bytes += entry.bytes;
    if (!this.#pumping) queueMicrotask(() => this.pump());  // what is said in one go travels together
    this.#pumping = true;
  }

  // Gives up. What is left is returned: it may or may not have arrived.
  abandon() {
    clearTimeout(this.#paused);
    this.#paused = true;
    this.#drained.reject(new SigwayError('reset', 'the session has ended; the message may not have arrived'));
    return this.#queue;
  }

  // The id that the application knows for the number that an event quotes.
  idOf(number) {
    for (let i = this.#offsets.length - 1; i >= 0; --i) {
      if (this.#offsets[i][0] <= number) return number + this.#offsets[i][1];
    }
    return number;
  }

  taken(up) {
    if (!(up > this.#up)) return;
    this.#up = up;
    this.#batchMost = Math.min(kLimits.messages, this.#batchMost * 2);
    while (this.#queue.length && this.#queue[0].n && this.#queue[0].n <= up) this.#bytes -= this.#queue.shift().bytes;
    if (!this.#queue.length) {
      this.#drained.resolve();
      this.#drained = deferred();
    }
    this.pump();
  }

  // What went by a way that has ended goes again.
  release(way) {
    for (const entry of this.#queue) if (entry.via === way) entry.via = null;
    this.pump();
  }

  slowDown() {
    this.#batchMost = Math.max(1, this.#batchMost >> 1);
  }

  pump() {
    this.#pumping = false;
    while (!this.#paused && !this.#alone) {
      const way = this.session.active;
      if (!way) return;
      const batch = this.#batch(way);
      if (!batch.length) return;
      const text = batch.map((entry) => `{"n":${entry.n},${entry.text}}`).join(',');
      for (const entry of batch) this.#launch(entry, way);
      if (way.kind === 'websocket') way.frame(`{"ack":${this.session.acknowledging()},"messages":[${text}]}`);
      else this.#upload(batch, text);
    }
  }

  // The next run of messages that are on no way.
  #batch(way) {
    const byFrames = way.kind === 'websocket';
    const start = this.#queue.findIndex((entry) => !entry.via);
    if (start < 0 || (!byFrames && this.#flights.size >= kUploadsInFlight)) return [];
    let most = Math.min(this.#batchMost, this.session.limits.messages, this.#allowance());
    if (byFrames) most -= this.#queue.filter((entry) => entry.via === way).length;
    if (start > 0 && this.#flights.size) most = Math.min(most, kHeldMost - start);
    if (most <= 0) return [];
    const limit = Math.min(this.session.limits.body, this.#maxBody) - this.#overhead();
    const batch = [];
    let bytes = 0;
    for (let i = start; i < this.#queue.length && batch.length < most && !this.#queue[i].via; ++i) {
      let entry = this.#queue[i];
      if (!entry.n && entry.bytes > limit) {
        this.#split(i, limit);
        entry = this.#queue[i];
      }
      const grown = bytes + entry.bytes + 24;
      // Join others only as far as bodies have passed before; a first message goes whatever its size.
      if (batch.length && grown > (byFrames ? limit : Math.min(limit, 2 * this.#proven))) break;
      bytes = grown;
      if (!entry.n) this.#number(entry);
      batch.push(entry);
    }
    this.#tokens -= batch.length;
    return batch;
  }

  #overhead() {
    return this.session.key.length + 64;
  }

  #allowance() {
    const rate = this.session.settings.messageRate;
    const now = Date.now();
    this.#tokens = Math.min(2 * rate, this.#tokens + Math.max(0, now - this.#filled) * rate / 1000);
    this.#filled = now;
    if (this.#tokens < 1) this.#pause(1000 / rate + 50);
    return Math.floor(this.#tokens);
  }

  #number(entry) {
    entry.n = this.#next++;
    if (!entry.id) return;   // a piece with more to come
    const offset = entry.id - entry.n;
    if (this.#offsets.at(-1)?.[1] !== offset) this.#offsets.push([entry.n, offset]);
  }

  #launch(entry, way) {
    entry.via = way;
    entry.fresh = !entry.exposed;
    entry.exposed = true;
    if (entry.message) this.session.hooks.sent(entry.message, { number: entry.n, transport: way.kind, bytes: entry.bytes });
    entry.message = null;    // told once
  }

  async #upload(batch, text) {
    const { session } = this;
    const flight = {};
    const ack = session.cursor;
    const body = `{"key":"${session.key}","ack":${ack},"messages":[${text}]}`;
    const size = utf8Length(body);
    for (const entry of batch) entry.via = flight;
    this.#flights.add(flight);
    if (size > this.#proven) this.#alone = flight;
    const started = Date.now();
    try {
      const answer = await session.settings.http.post('v1/send', body, { signal: session.over.signal });
      this.#landed(flight);
      this.#failures = 0;
      this.#proven = Math.max(this.#proven, size);
      session.acknowledged(ack);
      session.roundTrip(Date.now() - started);
      this.taken(answer?.up);
      // Not taken, and nothing under way that could close the gap: say it again.
      const stuck = this.#queue[0]?.via;
      if (!this.#flights.size && stuck && stuck !== session.active) this.#again(batch, 0, backoff(0));
      this.pump();
    } catch (error) {
      this.#landed(flight);
      if (!session.over.signal.aborted) this.#failed(batch, size, error);
    }
  }

  #landed(flight) {
    this.#flights.delete(flight);
    if (this.#alone === flight) this.#alone = null;
  }

  #failed(batch, size, error) {
    const { session } = this;
    if (error.status === 413) return this.#tooLarge(batch, size, error);
    if (verdict(error) !== 'retry') return session.broken(error);
    ++this.#failures;
    this.slowDown();
    this.#again(batch, error.retry, backoff(Math.min(this.#failures - 1, 4)));
    if (this.#failures >= kUploadFailures && session.active) {
      this.#failures = 0;
      session.active.end(error);
    }
  }

  #again(batch, retry = 0, delay = 0) {
    for (const entry of batch) entry.via = null;
    // Whatever the server holds behind the gap comes again too; it drops what it has.
    if (!this.#flights.size) for (const entry of this.#queue) entry.via = null;
    this.#pause(Math.max(retry, delay));
  }

  #pause(ms) {
    clearTimeout(this.#paused);
    this.#paused = setTimeout(() => {
      this.#paused = null;
      this.pump();
    }, ms);
  }

  #tooLarge(batch, size, error) {
    this.#maxBody = error.limit < size ? error.limit : Math.max(this.#proven < size ? this.#proven : 0, size >> 1);
    if (this.#proven >= size) this.#proven = this.#maxBody;
    for (const entry of batch) {
      entry.via = null;
      if (entry.fresh) entry.exposed = false;
    }
    if (batch.length > 1) return this.pump();
    if (this.#maxBody < kLeastBody) {
      return this.session.active?.end(new SigwayError('network', `bodies of ${size} bytes are refused on the way`));
    }
    const at = this.#queue.indexOf(batch[0]);
    if (at >= 0) {
      if (this.#queue.slice(at).some((entry) => entry.exposed)) {
        return this.session.broken(new SigwayError('unsplittable', 'a message that may be half-way is refused for its size'));
      }
      this.#next = batch[0].n;
      while (this.#offsets.length && this.#offsets.at(-1)[0] >= this.#next) this.#offsets.pop();
      for (const entry of this.#queue.slice(at)) entry.n = 0;
    }
    this.pump();             // now it is larger than the limit, and is cut
  }

  #split(at, limit) {
    const whole = this.#queue[at];          // may be a piece itself, cut when the limit was thought to be higher
    const pieces = cutIntoPieces(whole.piece ?? `{${whole.text}}`, limit - 48);
    const entries = pieces.map((piece, i) => {
      const last = i === pieces.length - 1;
      const more = !last || whole.more === true;
      const text = `${more ? '"more":true,' : ''}"piece":${JSON.stringify(piece)}`;
      return { id: last ? whole.id : 0, text, piece, more, bytes: utf8Length(text), n: 0, via: null, exposed: false,
        message: i === 0 ? whole.message : null };
    });
    this.#queue.splice(at, 1, ...entries);
    this.#bytes += entries.reduce((sum, entry) => sum + entry.bytes, 0) - whole.bytes;
  }
}
