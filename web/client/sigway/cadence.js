// The rhythm that this network bears. Cuts teach how long silence and how long a response may last here; then the next attach asks for
// shorter heartbeats, the polls for shorter holds, streams are renewed before they are cut, and padded where small blocks are held
// back. What was asked for is taken back slowly, by half at a time, after undisturbed minutes.
//
// Every figure is null until something was learnt: the server's own setting is right then.

import { BodyLimit, kLeastBody } from './body_limit.js';
import { clock } from './clock.js';
import { kLongest } from './limits.js';

const kLeastHeartbeat = 1000;        // the server refuses less
const kLeastHold = 1000, kLossyHold = 1000;
const kHeldWhereLost = 3;            // polls in a row that were held for as long as they may, where a loss has shortened that: it may be over
const kLeastLife = 1500;
const kOldAge = 10 * 60 * 1000;      // what dies so late did not die of its age; the server ends streams itself then
const kLeastSilence = 1500;          // a shorter pause is none
const kSilenceShare = 60, kAgeShare = 70, kHoldShare = 75;   // percent of what was cut
const kAlike = 0.8;                  // two cuts so close in age have one cause
const kPads = [0, 1100, 4200];       // just beyond the blocks that are worth filling
const kLargestBody = 1 << 18;
const kCalm = 5 * 60 * 1000, kRelax = 1.5;

const share = (ms, percent) => Math.round(ms * percent / 100);

export class Cadence {
  heartbeat;                 // ms between the server's signs of life
  hold;                      // ms that a poll is held
  life;                      // {kind: ms after which a stream is renewed}
  pad;                       // bytes of comment after each burst on an event stream
  body = new BodyLimit();
  single;                    // one connection is served at a time
  #server = { heartbeat: 25000, hold: 25000 };
  #ages = new Map();         // kind or 'hold' -> the last two ages at a cut
  #blamed = false;           // whether the last cut was laid on silence
  #lossy = false;            // the hold comes of requests that were lost
  #held = 0;
  #before = null;            // to take a lesson back
  #calmSince = clock.now();

  constructor(kept) {
    this.#set(kept ?? {});
  }

  // What was kept may be anything: whatever makes no sense in it is ignored.
  #set({ heartbeat, hold, life, pad, body, single }) {
    const figure = (value, least) => Number.isFinite(value) && value >= least ? value : null;
    this.heartbeat = figure(heartbeat, kLeastHeartbeat);
    this.hold = figure(hold, kLeastHold);
    this.life = { websocket: figure(life?.websocket, kLeastLife), sse: figure(life?.sse, kLeastLife) };
    this.pad = kPads.includes(pad) ? pad : 0;
    this.body.set(body < kLargestBody ? figure(body, kLeastBody) : null);
    this.single = single === true;
  }

  /** What to remember. */
  get learnt() {
    const { heartbeat, hold, life, pad, body, single } = this;
    return { heartbeat, hold, life: { ...life }, pad, body: body.most < Infinity ? body.most : null, single };
  }

  /** The server's own settings, from a welcome; what was asked for does not exceed them. */
  serves({ heartbeat, hold }) {
    if (!this.heartbeat && heartbeat > 0) this.#server.heartbeat = Math.min(kLongest, heartbeat);
    if (hold > 0) this.#server.hold = Math.min(kLongest, hold);
  }

  /** For how long a poll may be held. */
  get wait() {
    return Math.min(this.hold ?? Infinity, this.#server.hold);
  }

  // Each lesson below gives what is to be noted of it, or null.

  /** A stream or a WebSocket was cut at this age, after so much silence. */
  cut(kind, age, silence) {
    this.#disturbed();
    if (age < kOldAge && this.#alike(kind, age)) {
      if (this.#blamed) this.heartbeat = this.#before.heartbeat;    // heartbeats did not help: it is age
      this.#blamed = false;
      const life = Math.max(kLeastLife, share(this.#shortest(kind), kAgeShare));
      if (life >= (this.life[kind] ?? Infinity)) return null;
      this.life[kind] = life;
      return { transport: kind, why: `cut twice at the age of ${Math.round(age)} ms`, renewal: life };
    }
    const heartbeat = Math.max(kLeastHeartbeat, share(silence, kSilenceShare));
    this.#blamed = silence >= kLeastSilence && heartbeat < 0.9 * (this.heartbeat ?? this.#server.heartbeat);
    if (!this.#blamed) return null;
    this.heartbeat = heartbeat;
    return { transport: kind, why: `cut after ${Math.round(silence)} ms of silence`, heartbeat };
  }

  /** A poll was cut after so much of its hold. */
  pollCut(held) {
    this.#disturbed();
    if (!this.#alike('hold', held)) return null;
    const hold = Math.max(kLeastHold, share(this.#shortest('hold'), kHoldShare));
    if (hold >= this.wait) return null;
    this.hold = hold;
    this.#lossy = false;
    return { transport: 'poll', why: `answers are cut after ${Math.round(held)} ms`, hold };
  }

  /** A request was swallowed, and nothing told us so. A poll that is lost is missed when its hold is over: keep it short. */
  swallowed() {
    this.#disturbed();
    this.#held = 0;
    if (this.wait <= kLossyHold) return null;
    this.hold = kLossyHold;
    this.#lossy = true;
    return { why: 'requests get lost without a word', hold: kLossyHold };
  }

  /** A poll was held for all of `asked` ms, and then answered. */
  pollHeld(asked) {
    if (!this.#lossy || asked < this.wait || ++this.#held < kHeldWhereLost) return null;
    this.#held = 0;
    const hold = 2 * this.wait;
    this.hold = hold < this.#server.hold ? hold : null;
    this.#lossy = this.hold !== null;
    return { transport: 'poll', why: 'polls are answered again', hold: this.wait };
  }

  /** An event stream was held back on the way. */
  heldBack() {
    this.#before ??= this.learnt;
    const pad = kPads[kPads.indexOf(this.pad) + 1];
    if (pad === undefined) {
      this.pad = 0;
      return null;
    }
    this.pad = pad;
    return { transport: 'sse', why: 'streams are held back', pad };
  }

  /** A body of this size was refused, maybe with the limit. */
  refused(size, limit) {
    return this.body.refused(size, limit) ? { why: `a body of ${size} bytes was refused`, body: this.body.most } : null;
  }

  /** A body of this size has passed. */
  passed(size) {
    return this.body.passed(size) ? { why: `a body of ${size} bytes passed`, body: this.body.most } : null;
  }

  /** An upload waits until a poll gives its connection up. */
  servedSingly() {
    if (this.single) return null;
    this.#disturbed();
    this.single = true;
    return { why: 'uploads wait while a poll is held', single: true };
  }

  /** The whole network was away: what the last cut seemed to teach is taken back. */
  forget() {
    if (this.#before) this.#set(this.#before);
    this.#before = null;
    this.#ages.clear();
    this.#blamed = false;
  }

  /** To be called now and then. After undisturbed minutes everything is tried a little wider. */
  relax() {
    if (clock.now() - this.#calmSince < kCalm) return null;
    this.#calmSince = clock.now();
    const before = JSON.stringify(this.learnt);
    const widen = (value, most) => value && value * kRelax < most ? Math.round(value * kRelax) : null;
    this.#set({ heartbeat: widen(this.heartbeat, this.#server.heartbeat), hold: widen(this.hold, this.#server.hold),
      life: { websocket: widen(this.life.websocket, kOldAge), sse: widen(this.life.sse, kOldAge) },
      pad: kPads[kPads.indexOf(this.pad) - 1], body: widen(this.learnt.body, kLargestBody) });
    return JSON.stringify(this.learnt) === before ? null : { why: 'minutes without a disturbance', ...this.learnt };
  }

  #disturbed() {
    this.#calmSince = clock.now();
    if (!this.#blamed) this.#before = this.learnt;
  }

  #alike(what, age) {
    const ages = [...this.#ages.get(what) ?? [], age].slice(-2);
    this.#ages.set(what, ages);
    return ages.length === 2 && Math.min(...ages) >= kAlike * Math.max(...ages);
  }

  #shortest(what) {
    return Math.min(...this.#ages.get(what));
  }
}
