// All that belongs to one key: cursor, turns, acknowledgements, uplink, the active carrier. When the server has forgotten the
// key, the Connection drops the whole object and makes another one, so that nothing old can leak into it.

import { backoff } from './backoff.js';
import { clock, sleep } from './clock.js';
import { isFiltered, isUnclean, ofUploads, SigwayError, verdict } from './failure.js';
import { notSigway } from './http.js';
import { kLimits, kLongest, limitsOf } from './limits.js';
import { Lines } from './lines.js';
import { Uplink } from './uplink.js';

const kUploadFailures = 4;           // in a row: the way down may live while the way up is dead
const kQuietWait = 1000;             // ms that an acknowledgement waits for a body to travel in
const kQuietLeast = 2500, kQuietUnknown = 6000, kQuietMost = 20000;    // ms, twice as long each time
const kAckDelay = 200;
const kAckEvents = 16;               // acknowledge at once beyond so many
const kRetireAfter = 2000;
const kFarewell = 500;
const kFilteredMost = 30000;         // ms for which uploads may be refused on the way until another way is looked for

export class Session {
  server = '';
  peer = '';
  cursor = 0;                // the last event that the application has heard
  active = null;
  #chosen = null;            // the carrier that is about to be
  leaving = false;           // nothing that is still to be heard matters
  limits = kLimits;
  iceServers = [];
  features = [];             // of the server, beyond the first `sigway.v1`; a name that is missing is no error
  resume = 0;                // ms for which the server keeps our place without a connection
  carriers = new Set();      // attached, or trying
  over = new AbortController();
  flights = new Set();       // uploads without messages that are under way or want to be: {began}
  #turn = 0;
  #acked = -1;               // so that one acknowledgement follows the opening, even if it is 0
  #ackTimer = null;
  #acknowledging = false;    // by an upload of its own
  #filteredSince = null;     // uploads are refused on the way
  #rests = new Set();        // what ends a pause

  // `profile` is the connection's NetworkProfile.
  constructor(key, open, settings, profile, hooks) {
    this.key = key;
    this.open = open;
    this.settings = settings;
    this.profile = profile;
    this.hooks = hooks;
    this.lines = new Lines(this);
    this.uplink = new Uplink(this);
  }

  get trips() { return this.profile.trips; }
  get cadence() { return this.profile.cadence; }
  get brief() { return this.profile.brief; }

  /** Whether the transport has proved itself on this network, or is the only one that is wanted. */
  trusts(kind) {
    return this.profile.only === kind || this.profile.trusted.has(kind);
  }

  identity() {
    return this.server ? { resume: { server: this.server } } : { open: this.open };
  }

  /** What an attach of a stream asks for. */
  asks() {
    const wishes = [this.settings.heartbeat, this.cadence.heartbeat].filter(Boolean);
    return wishes.length ? { heartbeat: Math.min(...wishes) } : {};
  }

  nextTurn(seen = 0) {
    this.#turn = Math.max(this.#turn, seen) + 1;
    return this.#turn;
  }

  welcome(welcome) {
    this.server = welcome.server;
    this.peer = welcome.peer;
    this.limits = limitsOf(welcome.limits);
    this.iceServers = welcome.ice ?? [];
    this.features = Array.isArray(welcome.features) ? welcome.features.filter((name) => typeof name === 'string') : [];
    this.resume = welcome.resume > 0 ? Math.min(kLongest, welcome.resume) : 0;
    this.cadence.serves(welcome);
    this.#turn = Math.max(this.#turn, welcome.turn);
    this.hooks.welcome();
    this.uplink.taken(welcome.up);
    this.#acknowledgeSoon();
  }

  /** What it means that another server than the session's has welcomed that carrier. While one of our own server's lives, something
   *  has sent it elsewhere. Else ours is gone, and the other one knows the key by an opening that ours was quicker to answer. */
  otherServer(carrier) {
    const isOursAlive = [...this.carriers].some((other) => other !== carrier && other.welcomed && !other.done);
    if (isOursAlive) return notSigway('a welcome by another server in the middle of the session');
    return new SigwayError('restarted', 'another server than the session\'s answers, and the session\'s does not');
  }

  // Numbers make repeats on other carriers harmless. A gap can only be a mistake: begin again from our own cursor.
  event(carrier, number, event, bytes) {
    if (this.over.signal.aborted || number <= this.cursor) return;
    if (typeof event?.type !== 'string') return carrier.end(notSigway('an event without a type'));
    if (number !== this.cursor + 1) return carrier.end(new SigwayError('gap', `event ${number} came after ${this.cursor}`));
    this.cursor = number;
    this.#acknowledgeSoon();
    if (event.re !== undefined) event.re = this.uplink.idOf(event.re);
    this.hooks.event(event, { number, transport: carrier.kind, bytes });
  }

  /** By which carrier goes what goes up: the server takes it by any that is attached, so the answer to `activate` need not be waited for. */
  get way() {
    return this.active ?? this.#chosen;
  }

  chose(carrier) {
    this.#chosen = carrier;
    this.uplink.pumpSoon();
  }

  activated(carrier) {
    const before = this.active;
    this.active = carrier;
    if (this.#chosen && this.#chosen !== carrier) this.uplink.release(this.#chosen);    // slower: what it took up may be lost
    this.#chosen = null;
    if (before) this.#retire(before);
    this.#acknowledgeSoon();
    this.uplink.pumpSoon();
  }

  // The server ends the carrier before with `moved`. What it still brings is welcome; what it took up may be lost.
  #retire(carrier) {
    this.uplink.release(carrier);
    sleep(kRetireAfter, this.over.signal).then(() => carrier.stop());
  }

  detached(carrier) {
    this.carriers.delete(carrier);
    if (carrier === this.active) this.active = null;
    if (carrier === this.#chosen) this.#chosen = null;
    this.uplink.release(carrier);    // and its connection is free
  }

  lost(carrier, error) {
    if (error.code === 'rate_limited') this.uplink.tooFast();
    this.hooks.lost(carrier, error);
  }

  // An answer that is about the session, on whichever way it came.
  broken(error) {
    const carrier = this.way;
    if (!carrier) this.hooks.lost(null, error);
    else if (error.code !== 'gone') carrier.end(error);
    else sleep(kFarewell, carrier.stopper.signal).then(() => carrier.end(error));   // it may be about to say why
  }

  roundTrip(ms) {
    this.trips.add(ms);
    this.hooks.roundTrip(ms);
  }

  // A request was not answered in time. It may have been lost; or transports that are only being tried need the connection, or the line.
  missed() {
    this.profile.learnt(this.cadence.swallowed());
    if (this.active) this.hooks.crowded();
  }

  // A poll that dies in the middle of its hold was probably cut for being held.
  pollFailed(elapsed, error) {
    if (error.code === 'deadline') this.missed();
    else if (isUnclean(error) && elapsed > 1000) this.profile.learnt(this.cadence.pollCut(elapsed));
  }

  pollHeld(wait) {
    this.profile.learnt(this.cadence.pollHeld(wait));
  }

  // Every upload. Resolves with what the server answered. `patience` is in ms.
  async send(body, patience) {
    const answer = await this.lines.send(body, patience);
    if (typeof answer?.up !== 'number') throw notSigway('the answer to an upload is none');
    return answer;
  }

  // An upload without messages; harmless to repeat, so it is, a few times.
  async upload(request, carrier) {
    const quiet = Object.keys(request).length === 0;
    if (quiet && this.#acknowledging) return;  // its answer looks again
    if (quiet) this.#acknowledging = true;
    const flight = { began: clock.now() };
    if (!quiet) this.flights.add(flight);
    try {
      await this.uplink.landing(quiet ? kQuietWait : undefined);      // one connection for all that goes up, if it is quick enough
      if (this.leaving && this.active) return;   // the upload that has just been answered was the goodbye
      if (quiet ? this.uplink.acknowledges(flight.began) : await this.uplink.carries(request)) return;
      this.flights.add(flight);
      for (let failures = 0; !carrier.done; ++failures) {
        const ack = this.cursor;
        try {
          const answer = await this.send(JSON.stringify({ key: this.key, ack, ...request }),
            Math.min(kQuietMost, this.profile.slack * this.trips.patience(kQuietLeast, kQuietUnknown) * 2 ** failures));
          this.acknowledged(ack);
          this.uplink.taken(answer.up);
          return;
        } catch (error) {
          if (carrier.done) return;
          if (verdict(error) !== 'retry') throw error;
          if (error.code === 'unsent') {
            --failures;
            continue;
          }
          if (this.isDead(carrier, error, failures + 1)) throw ofUploads(error);
          await this.rest(Math.max(error.retry ?? 0, backoff(failures)), carrier);
        }
      }
    } finally {
      this.flights.delete(flight);
      if (quiet) this.#acknowledging = false;
      if (this.cursor > this.#acked) this.#acknowledgeSoon();
      this.uplink.pumpSoon();                    // messages may have waited for this one
    }
  }

  /** A pause before that carrier tries again, of so many ms; until hurry(), or its end. */
  async rest(ms, carrier) {
    const over = new AbortController();
    const end = () => over.abort();
    this.#rests.add(end);
    carrier.stopper.signal.addEventListener('abort', end);
    await sleep(carrier.done ? 0 : ms, over.signal);
    this.#rests.delete(end);
    carrier.stopper.signal.removeEventListener('abort', end);
  }

  /** The network may be another one: what somebody on the last one asked for, an hour perhaps, does not bind. */
  hurry() {
    for (const end of this.#rests) end();
    this.uplink.hurry();
  }

  // The number to write into a request that cannot get lost without the carrier.
  acknowledging() {
    this.acknowledged(this.cursor);
    return this.cursor;
  }

  /** Whether so many failed uploads in a row, the last with that error, mean that the carrier is dead. Where something on the way refuses
   *  them the active one has a while, as the way down may live. */
  isDead(carrier, error, failures) {
    if (!isFiltered(error) || this.active !== carrier) return failures >= kUploadFailures;
    this.#filteredSince ??= clock.now();
    return clock.now() - this.#filteredSince >= kFilteredMost;
  }

  acknowledged(ack) {
    this.#filteredSince = null;
    this.#acked = Math.max(this.#acked, ack);
  }

  #acknowledgeSoon() {
    if (this.#ackTimer && this.cursor - this.#acked < kAckEvents) return;
    clearTimeout(this.#ackTimer);
    const now = this.cursor - this.#acked >= kAckEvents;
    this.#ackTimer = setTimeout(() => {
      this.#ackTimer = null;
      if (this.cursor > this.#acked && !this.over.signal.aborted) this.active?.acknowledge();
    }, now ? 0 : kAckDelay);
  }

  stop() {
    clearTimeout(this.#ackTimer);
    this.over.abort();
    this.active = null;
    for (const carrier of [...this.carriers]) carrier.stop();
    return this.uplink.abandon();
  }
}
