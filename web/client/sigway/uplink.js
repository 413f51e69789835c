// The messages that the server has not taken yet, in order. A number is given when a message first goes out and then never
// means anything else.

import { backoff, soon } from './backoff.js';
import { kLeastBody } from './body_limit.js';
import { clock, deadline, sleep } from './clock.js';
import { isFiltered, ofUploads, SigwayError, verdict } from './failure.js';
import { kLimits, kMessageRate } from './limits.js';
import { inAscii, utf8Length } from './text.js';
import { deferred } from './tools.js';

const kFilteredPause = 2000;
const kUploadsInFlight = 2, kPiecesInFlight = 3;   // a browser gives six connections to an origin, and the stream takes one
const kOverdue = 150, kOverdueInRace = 1500;   // ms after which an upload under way does not hold up the next one
const kConnectionsInRace = 4;
const kAnswerLeast = 1200, kAnswerUnknown = 5000, kAnswerMost = 20000;
const kSlowest = 1, kUnknown = 16;   // bytes a ms that go up; too high a guess costs a try, and the next is half as large
const kImpatience = 16;              // how many times as long we wait after failures, at the most
const kOvertaken = 3, kLarger = 1.5; // times that an upload took longer than one that came later, and may have been larger
const kHeldMost = 64, kHeldBytes = 196608;    // messages that a server holds behind one that is still under way; of bytes 256 KiB
const kJoined = 65536, kGrowth = 4;  // a refusal costs a round trip and nothing else; to feel one's way costs one for each step
const kLeastRate = 5;                // messages a second
const kQueueBytes = 4 << 20;
const kEnvelope = 112;
const kSwelling = 3;                 // times that a text grows in ASCII, at the most
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
  #failedAt = -Infinity;
  #speed = kUnknown;         // bytes a ms that uploads were seen to make
  #slack = 1;                // doubled where uploads were given up that may only have been slow
  #unwatch = null;           // while a WebSocket owes an answer to a frame
  #watched = 0;              // since when
  #overdue = null;           // a timer
  #paused = null;            // a timer
  #pumping = false;          // soon
  #drained = deferred();
  #isClosed = false;         // the server takes no more in this session
  #batchMost = kLimits.messages;
  #rate;                     // messages a second that go out
  #tokens;
  #filled = clock.now();

  constructor(session) {
    this.session = session;
    this.#rate = session.settings.messageRate;
    this.#tokens = 2 * this.#rate;
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

  /** The server has ended a carrier because more came than it takes: as many as any server takes from now on, or half as many. */
  tooFast() {
    this.slowDown();
    this.#rate = this.#rate > kMessageRate ? kMessageRate : Math.max(kLeastRate, this.#rate / 2);
    this.#tokens = 0;
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
    this.#forgetFrames();
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
    this.#batchMost = Math.min(kLimits.messages, this.#batchMost * 2);
    let framed = 0;
    while (this.#queue.length && this.#queue[0].n && this.#queue[0].n <= up) {
      const { bytes, chunks } = this.#queue.shift();
      this.#bytes -= bytes;
      if (chunks[0].via?.kind === 'websocket') framed += bytes;
    }
    if (framed && this.#unwatch) this.#frameSpeed(framed / Math.max(1, clock.now() - this.#watched));
    if (!this.#queue.length) {
      this.#drained.resolve();
      this.#drained = deferred();
    }
    this.#forgetFrames();
    this.#watchFrames();     // what stood behind others in a slow line has its time from now on
    this.pumpSoon();
  }

  // What went by a way that has ended goes again.
  release(way) {
    this.#release(way);
    this.#forgetFrames();
    this.#watchFrames();
    this.pumpSoon();
  }

  /** The server shuts down: it has taken what comes before that number, and nothing from there on, by whatever way it went. The rest is
   *  for the next server. */
  closedAt(number) {
    if (this.#isClosed || !Number.isSafeInteger(number) || number <= this.#up) return;
    this.#isClosed = true;
    this.taken(number - 1);
    for (const entry of this.#queue) entry.exposed = false;
    this.#forgetFrames();
  }

  /** Ends a pause. */
  hurry() {
    if (!this.#paused || this.session.over.signal.aborted) return;
    clearTimeout(this.#paused);
    this.#paused = null;
    this.pumpSoon();
  }

  slowDown() {
    this.#batchMost = Math.max(1, this.#batchMost >> 1);
  }

  /** `urgent`: a request goes up in any case, so that the messages may as well go with it. */
  pump(urgent = false) {
    this.#pumping = false;
    while (!this.#paused && !this.#isClosed) {
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
    if (this.#paused || this.#isClosed || this.#slack > 1 || !way || way.kind === 'websocket') return false;
    const batch = this.#batch(way, () => true, this.#speed * (trips.smoothed ?? 0));
    return batch.length > 0 && this.#upload(way, batch, request);
  }

  #wire(way, batch) {
    for (const { entry } of batch) this.#launch(entry, way);
    return batch.map(({ entry, chunk }) => entry.wire(chunk)).join(',');
  }

  #frame(way, batch) {
    const text = this.#wire(way, batch);
    for (const { chunk } of batch) chunk.via = way;
    way.frame(`{"ack":${this.session.acknowledging()},"messages":[${text}]}`);
    this.#watchFrames();
  }

  // A WebSocket that has taken a frame has delivered nothing: if the oldest is not answered in time, is it still alive? What is said
  // meanwhile does not begin that time anew.
  #watchFrames() {
    const { way } = this.session;
    if (this.#unwatch || way?.kind !== 'websocket') return;
    let size = 0;
    for (const { chunks } of this.#queue) {
      if (!chunks[0].via) break;             // what is under way stands before what waits
      for (const { via, bytes } of chunks) if (via === way) size += bytes;
    }
    if (!size) return;
    this.#watched = clock.now();
    this.#unwatch = deadline(this.#patience(size), () => {
      this.#unwatch = null;
      if (!way.done) way.test();
    });
  }

  // An answer that took a round trip says nothing of how slow the line is, but how fast it is at the least.
  #frameSpeed(speed) {
    const took = clock.now() - this.#watched;
    if (speed > this.#speed) this.#speed = speed;
    else if (took > 2 * (this.session.trips.smoothed ?? took)) this.#speed = Math.max(kSlowest, speed, this.#speed / 2);
  }

  #forgetFrames() {
    this.#unwatch?.();
    this.#unwatch = null;
  }

  // How long the answer to an upload may take.
  #patience(size) {
    return Math.min(kAnswerMost, this.session.profile.slack * this.session.trips.patience(kAnswerLeast, kAnswerUnknown) + this.#slack * size / this.#speed);
  }

  // One upload at a time, and a further one beside those that take long; more only where bodies must be small.
  #mayFly(urgent) {
    const { lines } = this.session;
    const began = [...this.#flights, ...this.session.flights].map((flight) => flight.began);
    if (!lines.isFree) return false;
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

  // While several carriers are tried, each has a connection of its own already. Beside a poll that is held an upload that takes much
  // longer than a round trip may be waiting for a connection, and so would the next one.
  get #overdueAfter() {
    const { carriers, flights, lines, trips, way } = this.session;
    if (way?.kind === 'poll' && trips.smoothed < kOverdue) return lines.patience;
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
    const limit = this.#limit(byFrames);
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

  // In ASCII a whole message might become larger than the server takes; pieces it puts together as they were.
  #limit(byFrames) {
    const { limits, cadence, settings } = this.session;
    if (byFrames) return limits.body - this.#overhead();
    const most = Math.min(limits.body, cadence.body.most);
    if (!settings.http.ascii) return most - this.#overhead();
    return Math.floor((Math.min(most, limits.data) - this.#overhead()) / kSwelling);
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
    const rate = this.#rate;
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
    const question = more.carrier ? null : way.question?.();
    const head = JSON.stringify({ key: session.key, ack, ...more, ...question?.fields }).slice(0, -1);
    const body = `${head},"messages":[${this.#wire(way, batch)}]}`;
    const size = flight.size = session.settings.http.ascii ? inAscii(body).length : utf8Length(body);
    for (const { chunk } of batch) chunk.via = flight;
    this.#flights.add(flight);
    try {
      const answer = await session.send(body, this.#patience(size));
      session.active?.uploadAnswered();
      this.#landed(flight);
      this.#failures = 0;
      session.profile.learnt(session.cadence.passed(size));
      session.acknowledged(ack);
      const took = clock.now() - flight.began;
      this.#slack = 1;
      this.#speed = Math.max(kSlowest, size / took, this.#speed / 2);
      this.taken(answer.up);
      question?.settle(true);
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
      question?.settle(false);
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
    if (error.code === 'draining' && error.expected) return this.closedAt(error.expected);    // events may still come
    if (error.status === 413) return this.#tooLarge(flight.size, error);
    if (verdict(error) !== 'retry') return session.broken(error);
    if (error.code === 'unsent') return this.pump();
    if (error.code === 'deadline') {
      session.missed();
      session.active?.test();      // is it the upload alone, or has the whole network gone?
    }
    if (flight.overtaken) return this.pump();        // they have gone again
    if (error.code === 'number_gap') {               // of what is still under way: that comes first
      if (!this.#flights.size) this.#release();      // or of what we thought the server had
      return this.#pause(backoff(0));
    }
    // Uploads that were lost together are one failure, or the next would wait for far too long.
    const counts = flight.began >= this.#failedAt;
    if (counts) {
      ++this.#failures;
      this.#failedAt = clock.now();
      if (error.code === 'deadline') this.#slack = Math.min(kImpatience, this.#slack * 2);
      this.slowDown();
    }
    this.#pause(Math.max(error.retry ?? 0, this.#failures === 1 ? soon()
      : backoff(Math.min(this.#failures - 2, 4), isFiltered(error) ? kFilteredPause : undefined)));
    if (counts && session.way && session.isDead(session.way, error, this.#failures)) {
      this.#failures = 0;
      session.way.end(ofUploads(error));
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
    this.session.profile.learnt(this.session.cadence.refused(size, error.limit));
    if (size <= kLeastBody) {
      return this.session.way?.end(new SigwayError('network', `bodies of ${size} bytes are refused on the way`));
    }
    this.pump();
  }
}
