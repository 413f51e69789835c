// The messages that the server has not taken yet, in order. A number is given when a message first goes out and then never
// means anything else.

import { backoff, clock, deadline, sleep, soon } from './clock.js';
import { SigwayError, verdict } from './errors.js';
import { notSigway } from './http.js';
import { kLimits } from './limits.js';
import { utf8Length } from './text.js';
import { deferred } from './tools.js';

const kUploadFailures = 4;           // the way down may live while the way up is dead
const kUploadsInFlight = 3;          // a browser gives six connections to an origin, and the stream takes one
const kOverdue = 150, kOverdueInRace = 1500;   // ms after which an upload under way does not hold up the next one
const kConnectionsInRace = 4;
const kAnswerLeast = 1200, kAnswerUnknown = 5000;
const kSlowest = 4;                  // bytes a ms, until uploads were seen to be slower or faster
const kImpatience = 16;              // how many times as long we wait after failures, at the most
const kHeldMost = 64, kHeldBytes = 196608;    // messages that a server holds behind one that is still under way; of bytes 256 KiB
const kSafeBody = 500;               // nobody was ever seen to refuse so little
const kJoined = 65536, kGrowth = 4;  // a refusal costs a round trip and nothing else; to feel one's way costs one for each step
const kLeastBody = 400;              // smaller than this nothing can be split
const kQueueBytes = 4 << 20;
const kNumber = 24;                  // bytes that "n" and what stands between two messages take

export class Uplink {
  #queue = [];
  #bytes = 0;
  #up = 0;
  #next = 1;
  #offsets = [];             // [first number, id - number]: a new session numbers from 1, the application goes on
  #flights = new Set();
  #landing = deferred();     // of the next upload that is answered
  #failures = 0;
  #speed = kSlowest;         // bytes a ms that uploads were seen to make
  #slack = 1;                // doubled where uploads were given up that may only have been slow
  #untest = () => {};
  #overdue = null;           // a timer
  #paused = null;            // a timer
  #pumping = false;          // soon
  #drained = deferred();
  #batchMost = kLimits.messages;
  #maxBody;                  // what the network is known to refuse
  #proven = kSafeBody;       // what it is known to let through
  #tokens;
  #filled = clock.now();

  constructor(session) {
    this.session = session;
    this.#maxBody = session.cadence.body ?? Infinity;
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
    this.pumpSoon();         // what is said in one go travels together
  }

  /** When whoever calls is done: a poll that was just answered asks again first, and keeps its connection. */
  pumpSoon() {
    if (!this.#pumping) queueMicrotask(() => this.pump());
    this.#pumping = true;
  }

  // Gives up. What is left is returned: it may or may not have arrived.
  abandon() {
    clearTimeout(this.#paused);
    clearTimeout(this.#overdue);
    this.#untest();
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
    if (!(up > this.#up && up < this.#next)) return;    // the second is another server's figure
    this.#up = up;
    this.#untest();
    this.#batchMost = Math.min(kLimits.messages, this.#batchMost * 2);
    while (this.#queue.length && this.#queue[0].n && this.#queue[0].n <= up) this.#bytes -= this.#queue.shift().bytes;
    if (!this.#queue.length) {
      this.#drained.resolve();
      this.#drained = deferred();
    }
    this.pumpSoon();
  }

  // What went by a way that has ended goes again.
  release(way) {
    for (const entry of this.#queue) entry.release(way);
    this.pump();
  }

  slowDown() {
    this.#batchMost = Math.max(1, this.#batchMost >> 1);
  }

  /** `urgent`: a request goes up in any case, so that the messages may as well go with it. */
  pump(urgent = false) {
    this.#pumping = false;
    while (!this.#paused) {
      const way = this.session.active;
      if (!way) return;
      const batch = this.#batch(way, urgent);
      if (!batch.length) return;
      urgent = false;
      for (const { entry } of batch) this.#launch(entry, way);
      const text = batch.map(({ entry, chunk }) => entry.wire(chunk)).join(',');
      if (way.kind !== 'websocket') {
        this.#upload(batch, text);
        continue;
      }
      for (const { chunk } of batch) chunk.via = way;
      this.#frame(way, text);
    }
  }

  // A WebSocket that has taken a frame has delivered nothing: if it is not answered in time, is it still alive?
  #frame(way, text) {
    way.frame(`{"ack":${this.session.acknowledging()},"messages":[${text}]}`);
    this.#untest();
    this.#untest = deadline(this.#patience(text.length), () => { if (!way.done) way.test(); });
  }

  // How long the answer to an upload may take.
  #patience(size) {
    return this.session.trips.patience(kAnswerLeast, kAnswerUnknown) + this.#slack * size / this.#speed;
  }

  // One upload at a time, and a further one beside those that take long; many only where bodies must be small.
  #mayFly(urgent) {
    const began = [...this.#flights, ...this.session.flights].map((flight) => flight.began);
    if (!began.length) return true;
    if (this.#flights.size >= kUploadsInFlight) return false;
    if (urgent || this.#maxBody < Infinity) return true;
    const wait = this.#overdueAfter - (clock.now() - Math.max(...began));
    clearTimeout(this.#overdue);
    if (wait > 0) this.#overdue = setTimeout(() => this.pump(), wait);
    return wait <= 0;
  }

  // While several carriers are tried, each has a connection of its own already.
  get #overdueAfter() {
    const { carriers, flights } = this.session;
    const taken = carriers.size + flights.size + this.#flights.size;
    return carriers.size > 1 && taken >= kConnectionsInRace ? kOverdueInRace : kOverdue;
  }

  /** Resolves when an upload that is under way has been answered, or takes long; at once if none is. */
  landing() {
    return this.#flights.size ? Promise.race([this.#landing.promise, sleep(this.#overdueAfter)]) : Promise.resolve();
  }

  /** Whether an upload with messages has begun since that moment, or begins now because some wait: it acknowledges as well. */
  acknowledges(since) {
    this.pump(true);
    return [...this.#flights].some(({ began }) => began > since);
  }

  #landed(flight) {
    this.#flights.delete(flight);
    this.#landing.resolve();
    this.#landing = deferred();
  }

  // What goes next, as {entry, chunk}: the first that are on no way.
  #batch(way, urgent) {
    const byFrames = way.kind === 'websocket';
    if (!this.#queue.some((entry) => entry.isWaiting) || (!byFrames && !this.#mayFly(urgent))) return [];
    let most = Math.min(this.#batchMost, this.session.limits.messages, this.#allowance());
    if (byFrames) most -= this.#queue.filter(({ chunks }) => chunks.some(({ via }) => via === way)).length;
    const limit = Math.min(this.session.limits.body, this.#maxBody) - this.#overhead();
    // Join others not much beyond what has passed before; a first message goes whatever its size.
    const joined = byFrames ? limit : Math.min(limit, Math.max(kJoined, kGrowth * this.#proven));
    const reach = this.#flights.size ? kHeldMost : this.#queue.length;
    const batch = [];
    let bytes = 0, ahead = 0;
    for (const entry of this.#queue.slice(0, reach)) {
      ahead += entry.bytes;
      if (this.#flights.size && ahead > kHeldBytes) break;
      entry.fit(limit - kNumber);
      for (const chunk of entry.chunks) {
        if (chunk.via) continue;
        bytes += chunk.bytes + kNumber;
        if (batch.length >= most || (batch.length && bytes > joined)) return this.#spend(batch);
        batch.push({ entry, chunk });
      }
    }
    return this.#spend(batch);
  }

  #spend(batch) {
    this.#tokens -= batch.length;
    return batch;
  }

  #overhead() {
    return this.session.key.length + 64;
  }

  #allowance() {
    const rate = this.session.settings.messageRate;
    const now = clock.now();
    this.#tokens = Math.min(2 * rate, this.#tokens + Math.max(0, now - this.#filled) * rate / 1000);
    this.#filled = now;
    if (this.#tokens < 1) this.#pause(1000 / rate + 50);
    return Math.floor(this.#tokens);
  }

  #launch(entry, way) {
    if (!entry.n) {
      entry.n = this.#next++;
      const offset = entry.id - entry.n;
      if (this.#offsets.at(-1)?.[1] !== offset) this.#offsets.push([entry.n, offset]);
    }
    entry.exposed = true;
    if (entry.message) this.session.hooks.sent(entry.message, { number: entry.n, transport: way.kind, bytes: entry.bytes });
    entry.message = null;    // told once
  }

  async #upload(batch, text) {
    const { session } = this;
    const flight = { began: clock.now() };
    const ack = session.cursor;
    const body = `{"key":"${session.key}","ack":${ack},"messages":[${text}]}`;
    const size = utf8Length(body);
    for (const { chunk } of batch) chunk.via = flight;
    this.#flights.add(flight);
    try {
      const answer = await session.settings.http.post('v1/send', body,
        { patience: this.#patience(size), signal: session.over.signal });
      if (typeof answer?.up !== 'number') throw notSigway('the answer to an upload is none');
      this.#landed(flight);
      this.#failures = 0;
      this.#proven = Math.max(this.#proven, size);
      session.acknowledged(ack);
      const took = clock.now() - flight.began;
      this.#slack = 1;
      this.#speed = Math.max(kSlowest / 4, size / took, this.#speed / 2);
      session.roundTrip(took);
      this.taken(answer.up);
      // Not taken, and nothing under way that could close the gap: say it again.
      const stuck = this.#queue[0]?.chunks.every(({ via }) => via && via !== session.active);
      if (!this.#flights.size && stuck) this.#again(batch, 0, backoff(0));
      this.pump();
    } catch (error) {
      this.#landed(flight);
      if (!session.over.signal.aborted) this.#failed(batch, size, error);
    }
  }

  #failed(batch, size, error) {
    const { session } = this;
    if (error.status === 413) return this.#tooLarge(batch, size, error);
    if (verdict(error) !== 'retry') return session.broken(error);
    if (error.code === 'number_gap') return this.#again(batch, 0, backoff(0));   // of what is still under way: that comes first
    ++this.#failures;
    if (error.code === 'deadline') {
      this.#slack = Math.min(kImpatience, this.#slack * 2);
      session.network.learnt(session.cadence.swallowed());
    }
    this.slowDown();
    this.#again(batch, error.retry, this.#failures === 1 ? soon() : backoff(Math.min(this.#failures - 2, 4)));
    if (this.#failures >= kUploadFailures && session.active) {
      this.#failures = 0;
      session.active.end(error);
    }
  }

  #again(batch, retry = 0, delay = 0) {
    for (const { chunk } of batch) chunk.via = null;
    // Whatever the server holds behind the gap comes again too; it drops what it has.
    if (!this.#flights.size) for (const entry of this.#queue) entry.release();
    this.#pause(Math.max(retry, delay));
  }

  #pause(ms) {
    clearTimeout(this.#paused);
    this.#paused = setTimeout(() => {
      this.#paused = null;
      this.pump();
    }, ms);
  }

  // Nothing of the body was taken, and what follows is smaller: fewer messages, or pieces of one.
  #tooLarge(batch, size, error) {
    // Of several that are refused the last to be heard of may be the largest.
    this.#maxBody = Math.min(this.#maxBody, error.limit < size ? error.limit : Math.max(this.#proven < size ? this.#proven : 0, size >> 1));
    if (this.#proven >= size) this.#proven = this.#maxBody;
    this.session.network.learnt(this.session.cadence.refused(size, this.#maxBody));
    for (const { chunk } of batch) chunk.via = null;
    if (this.#maxBody < kLeastBody) {
      return this.session.active?.end(new SigwayError('network', `bodies of ${size} bytes are refused on the way`));
    }
    this.pump();
  }
}
