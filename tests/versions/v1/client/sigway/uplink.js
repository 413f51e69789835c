// The messages that the server has not taken yet, in order. A number is given when a message first goes out and then never
// means anything else.

import { kLeastBody } from './body_limit.js';
import { backoff, clock, deadline, sleep, soon } from './clock.js';
import { SigwayError, verdict } from './errors.js';
import { notSigway } from './http.js';
import { kLimits } from './limits.js';
import { utf8Length } from './text.js';
import { deferred } from './tools.js';

const kUploadFailures = 4;           // the way down may live while the way up is dead
const kUploadsInFlight = 2, kPiecesInFlight = 3;   // a browser gives six connections to an origin, and the stream takes one
const kOverdue = 150, kOverdueInRace = 1500;   // ms after which an upload under way does not hold up the next one
const kConnectionsInRace = 4;
const kAnswerLeast = 1200, kAnswerUnknown = 5000, kAnswerMost = 20000;
const kSlowest = 1, kUnknown = 16;   // bytes a ms that go up; too high a guess costs a try, and the next is half as large
const kImpatience = 16;              // how many times as long we wait after failures, at the most
const kOvertaken = 3, kLarger = 1.5; // times that an upload took longer than one that came later, and may have been larger
const kHeldMost = 64, kHeldBytes = 196608;    // messages that a server holds behind one that is still under way; of bytes 256 KiB
const kJoined = 65536, kGrowth = 4;  // a refusal costs a round trip and nothing else; to feel one's way costs one for each step
const kQueueBytes = 4 << 20;
const kEnvelope = 112;
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
  #speed = kUnknown;         // bytes a ms that uploads were seen to make
  #slack = 1;                // doubled where uploads were given up that may only have been slow
  #untest = () => {};
  #overdue = null;           // a timer
  #paused = null;            // a timer
  #pumping = false;          // soon
  #drained = deferred();
  #batchMost = kLimits.messages;
  #tokens;
  #filled = clock.now();

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
    this.#release(way);
    this.pumpSoon();
  }

  slowDown() {
    this.#batchMost = Math.max(1, this.#batchMost >> 1);
  }

  /** `urgent`: a request goes up in any case, so that the messages may as well go with it. */
  pump(urgent = false) {
    this.#pumping = false;
    while (!this.#paused) {
      const { way } = this.session;
      if (!way) return;
      const batch = this.#batch(way, () => this.#mayFly(urgent));
      if (!batch.length) return;
      urgent = false;
      if (way.kind === 'websocket') this.#frame(way, batch);
      else this.#upload(way, batch);
    }
  }

  /** Sends `request` in the body of messages that wait, if they are up within a round trip or so. Resolves with whether it has arrived. */
  async carries(request) {
    const { way, trips } = this.session;
    if (this.#paused || this.#slack > 1 || !way || way.kind === 'websocket') return false;
    const batch = this.#batch(way, () => true, this.#speed * (trips.smoothed ?? 0));
    return batch.length > 0 && this.#upload(way, batch, request);
  }

  #wire(way, batch) {
    for (const { entry } of batch) this.#launch(entry, way);
    return batch.map(({ entry, chunk }) => entry.wire(chunk)).join(',');
  }

  // A WebSocket that has taken a frame has delivered nothing: if it is not answered in time, is it still alive?
  #frame(way, batch) {
    const text = this.#wire(way, batch);
    for (const { chunk } of batch) chunk.via = way;
    way.frame(`{"ack":${this.session.acknowledging()},"messages":[${text}]}`);
    this.#untest();
    this.#untest = deadline(this.#patience(text.length), () => { if (!way.done) way.test(); });
  }

  // How long the answer to an upload may take.
  #patience(size) {
    return Math.min(kAnswerMost, this.session.trips.patience(kAnswerLeast, kAnswerUnknown) + this.#slack * size / this.#speed);
  }

  // One upload at a time, and a further one beside those that take long; more only where bodies must be small.
  #mayFly(urgent) {
    const began = [...this.#flights, ...this.session.flights].map((flight) => flight.began);
    if (!began.length) return true;
    const small = this.session.cadence.body.most < Infinity;
    const awaited = [...this.#flights].filter(({ overtaken }) => !overtaken).length;
    if (awaited >= (small ? kPiecesInFlight : kUploadsInFlight)) return false;
    if (urgent || small) return true;
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

  /** Resolves when an upload that is under way has been answered, or after `patience` ms, or when it takes long; at once if none is. */
  landing(patience = this.#overdueAfter) {
    return this.#flights.size ? Promise.race([this.#landing.promise, sleep(patience, this.session.over.signal)]) : Promise.resolve();
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

  // What goes next, as {entry, chunk}: the first that are on no way, of `mostBytes` at the most.
  #batch(way, mayFly, mostBytes = Infinity) {
    const byFrames = way.kind === 'websocket';
    if (!this.#queue.some((entry) => entry.isWaiting) || (!byFrames && !mayFly())) return [];
    let most = Math.min(this.#batchMost, this.session.limits.messages, this.#allowance());
    if (byFrames) most -= this.#queue.filter(({ chunks }) => chunks.some(({ via }) => via === way)).length;
    const { body } = this.session.cadence;
    const limit = Math.min(this.session.limits.body, body.most) - this.#overhead();
    // Join others not much beyond what has passed before; a first message goes whatever its size.
    const joined = byFrames ? limit : Math.min(limit, Math.max(kJoined, kGrowth * body.proven));
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
        if (batch.length >= most || (batch.length && bytes > joined) || bytes > mostBytes) return this.#spend(batch);
        batch.push({ entry, chunk });
      }
    }
    return this.#spend(batch);
  }

  #spend(batch) {
    this.#tokens -= batch.length;
    return batch;
  }

  // What stands around the messages: key, acknowledgement, and perhaps an activation.
  #overhead() {
    return this.session.key.length + kEnvelope;
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

  // Resolves with whether it was answered.
  async #upload(way, batch, more = {}) {
    const { session } = this;
    const flight = { began: clock.now(), size: 0, overtaken: false };
    const ack = session.cursor;
    const head = JSON.stringify({ key: session.key, ack, ...more }).slice(0, -1);
    const body = `${head},"messages":[${this.#wire(way, batch)}]}`;
    const size = flight.size = utf8Length(body);
    for (const { chunk } of batch) chunk.via = flight;
    this.#flights.add(flight);
    try {
      const answer = await session.settings.http.post('v1/send', body,
        { patience: this.#patience(size), signal: session.over.signal });
      if (typeof answer?.up !== 'number') throw notSigway('the answer to an upload is none');
      this.#landed(flight);
      this.#failures = 0;
      session.network.learnt(session.cadence.passed(size));
      session.acknowledged(ack);
      const took = clock.now() - flight.began;
      this.#slack = 1;
      this.#speed = Math.max(kSlowest, size / took, this.#speed / 2);
      session.roundTrip(took);
      this.taken(answer.up);
      this.#overtake(flight, took);
      // Not taken, and nothing under way that could close the gap: say it again, and whatever the server holds behind it.
      const stuck = this.#queue[0]?.chunks.every(({ via }) => via && via !== session.way);
      if (!this.#flights.size && stuck) {
        this.#release();
        this.#pause(backoff(0));
      }
      this.pump();
      return true;
    } catch (error) {
      this.#landed(flight);
      if (!session.over.signal.aborted) this.#failed(flight, error);
      return false;
    }
  }

  // What was sent later and is no smaller has been answered: an earlier upload that is still under way was probably lost without a
  // word. Its messages need not wait until that is certain.
  #overtake(landed, took) {
    for (const flight of this.#flights) {
      const age = clock.now() - flight.began;
      if (flight.began >= landed.began || flight.size > kLarger * landed.size || age < kOvertaken * took + kOverdue) continue;
      flight.overtaken = true;
      this.#release(flight);
    }
  }

  #release(way) {
    for (const entry of this.#queue) entry.release(way);
  }

  #failed(flight, error) {
    const { session } = this;
    this.#release(flight);
    if (error.status === 413) return this.#tooLarge(flight.size, error);
    if (verdict(error) !== 'retry') return session.broken(error);
    if (error.code === 'deadline') session.network.learnt(session.cadence.swallowed());
    if (flight.overtaken) return this.pump();        // they have gone again
    if (error.code === 'number_gap') {               // of what is still under way: that comes first
      if (!this.#flights.size) this.#release();      // or of what we thought the server had
      return this.#pause(backoff(0));
    }
    ++this.#failures;
    if (error.code === 'deadline') this.#slack = Math.min(kImpatience, this.#slack * 2);
    this.slowDown();
    this.#pause(Math.max(error.retry ?? 0, this.#failures === 1 ? soon() : backoff(Math.min(this.#failures - 2, 4))));
    if (this.#failures >= kUploadFailures && session.way) {
      this.#failures = 0;
      session.way.end(error);
    }
  }

  #pause(ms) {
    clearTimeout(this.#paused);
    this.#paused = setTimeout(() => {
      this.#paused = null;
      this.pump();
    }, ms);
  }

  // Nothing of the body was taken, and what follows is smaller: fewer messages, or pieces of one.
  #tooLarge(size, error) {
    this.session.network.learnt(this.session.cadence.refused(size, error.limit));
    if (size <= kLeastBody) {
      return this.session.way?.end(new SigwayError('network', `bodies of ${size} bytes are refused on the way`));
    }
    this.pump();
  }
}
