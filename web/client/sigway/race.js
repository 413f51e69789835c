// One round of finding a way: transports are tried at the same time on the same session. The first that is proved is activated and
// leads; a better one that is proved later takes over from it; the losers are stopped. Why so: docs/decisions/a-race-on-one-session.md.

import { soon } from './backoff.js';
import { clock, deadline, within } from './clock.js';
import { isPassing, noWayUp, SigwayError, verdict } from './failure.js';
import { deferred } from './tools.js';

/** From the best to the least. */
export const kTransports = ['websocket', 'sse', 'poll'];

const kHeadStart = 300;              // ms, at the least, of what worked here before
const kHeadStartShare = 1.5;         // of the time in which it proved itself then
const kStreamDelay = 300;            // ms before an event stream is tried beside a WebSocket
const kGrace = 300;                  // ms, at the most, that a proved transport waits for a better one that has opened
const kGraceShare = 1.5, kGraceLeast = 30;
const kSlow = 'the line is slow, and another one was answered';
const kSlowAnswer = 3000;            // ms without a leader, after which one attempt has the line to itself
const kSlowTrips = 4, kFlows = 1500, kLookAgain = 1000;
const kRepeats = 2;                  // of a poll that was lost, in a round
const kActivationDeadline = 8000, kActivationLeast = 3000;

const rank = (kind) => kTransports.indexOf(kind);

/** In which order to try `kinds`. A step begins `after` so many ms, or as soon as something has failed. `known` is {kind, proof}: what worked here, and in what time. Those in `aside` come last. */
export function planRace(kinds, known, aside = () => false) {
  const steps = [];
  let rest = kinds.filter((kind) => !aside(kind));
  if (!rest.length) rest = [...kinds];
  const last = kinds.filter((kind) => !rest.includes(kind));
  if (rest.includes(known?.kind)) {
    steps.push({ kinds: [known.kind], after: 0 });
    rest = rest.filter((kind) => kind !== known.kind);
  }
  const headStart = steps.length ? Math.max(kHeadStart, kHeadStartShare * (known.proof ?? 0)) : 0;
  // A poll goes before a stream, which would keep the only connection where one is served at a time.
  const first = rest.includes('websocket') ? rest.filter((kind) => kind !== 'sse') : [...rest].reverse();
  if (first.length) steps.push({ kinds: first, after: headStart });
  if (rest.length > first.length) steps.push({ kinds: ['sse'], after: kStreamDelay });
  if (last.length) steps.push({ kinds: last, after: Infinity });
  return steps;
}

export class Race {
  /** The carrier that leads. */
  leader;
  /** Resolves with the first leader; rejects when all have failed. */
  first = deferred();
  /** Resolves when nothing better than the leader is being tried any more. */
  settled = deferred();
  #steps;
  #running = new Map();      // carrier -> when it began
  #proved = [];
  #activating = null;
  #failures = [];
  #stopper = new AbortController();
  #stopTimer = () => {};
  #stopLook = () => {};
  #repeat = null;            // a function that does not, while a poll is about to be asked again
  #repeats = 0;
  #began = clock.now();
  #graceOver = false;
  #hooks;
  #session;
  #patience;

  /** `leader`: the active carrier, if only better ones shall take over. `patience`: ms in which each must be proved.
   *  `hooks`: launch(kind) gives a carrier; won(carrier); failed(carrier, error); dropped(carrier, why). */
  constructor({ session, steps, leader = null, patience, hooks }) {
    Object.assign(this, { leader });
    this.#session = session;
    this.#steps = [...steps];
    this.#patience = patience;
    this.#hooks = hooks;
    if (!leader && !session.active) this.#stopLook = deadline(kSlowAnswer, () => this.#look());
    this.#nextStep();
  }

  /** Resolves when what is about to take over has done so, or is not going to; null where nothing is. An attach may have asked for
   *  it before it was proved. */
  get succession() {
    const heirs = this.#activating ? [this.#activating] : [...this.#running.keys()].filter(({ turn, done }) => turn && !done);
    return heirs.length ? Promise.any(heirs.map(({ activated }) => activated.promise)).catch(() => {}) : null;
  }

  get over() {
    return this.#stopper.signal.aborted;
  }

  /** Ends the attempts that are under way. */
  stop(error = new SigwayError('aborted', 'the attempt was called off')) {
    if (this.over) return;
    this.#steps = [];
    this.#stopTimer();
    this.#stopLook();
    this.#forgetRepeat();
    this.#stopper.abort();
    for (const carrier of [...this.#running.keys(), ...this.#proved]) carrier.stop();
    if (this.#activating && this.#activating !== this.leader) this.#activating.stop();
    this.first.reject(error);
    this.settled.reject(error);
  }

  /** There is an active carrier, and it needs what the attempts take: they are called off. */
  narrow() {
    if (this.over) return;
    this.#steps = [];
    this.#stopTimer();
    this.#forgetRepeat();
    const attempts = [...this.#running.keys(), ...this.#proved.splice(0), ...(this.#activating ? [this.#activating] : [])];
    this.#activating = null;
    for (const carrier of attempts) if (!carrier.active) this.#drop(carrier, 'what is in use needs its connection');
    this.#conclude();
  }

  #nextStep() {
    this.#stopTimer();
    const step = this.#steps[0];
    if (!step) return;
    if (step.after === 0) this.#begin(step);
    else if (step.after < Infinity) this.#stopTimer = deadline(step.after, () => this.#begin(step));
  }

  #begin(step) {
    this.#steps.shift();
    for (const kind of step.kinds) if (!this.over && this.#wanted(kind)) this.#try(kind);
    if (!this.over) this.#nextStep();
    this.#conclude();
  }

  #wanted(kind) {
    return !this.leader || rank(kind) < rank(this.leader.kind);
  }

  async #try(kind) {
    const carrier = this.#hooks.launch(kind);
    this.#running.set(carrier, clock.now());
    carrier.start();
    try {
      await within(carrier.proved.promise, this.#patience, this.#stopper.signal, `${kind}: a proof`, () => carrier.seen);
      if (this.over) return;
      carrier.proof = (carrier.tookOver ?? clock.now()) - this.#running.get(carrier);
      this.#running.delete(carrier);
      this.#proved.push(carrier);
      carrier.activated.promise.catch((error) => this.#fell(carrier, error));
      this.#consider();
    } catch (error) {
      this.#running.delete(carrier);
      this.#failed(carrier, error);
    }
  }

  // It has ended while it waited for its turn.
  #fell(carrier, error) {
    if (!this.#proved.includes(carrier)) return;
    this.#proved = this.#proved.filter((other) => other !== carrier);
    this.#failed(carrier, error);
  }

  // Nothing carries yet, though something comes: the line is slow. (Where nothing comes either, attempts may wait for connections.)
  #look() {
    if (this.over || this.leader) return;
    const { profile, trips } = this.#session;
    // Where round trips are long all takes several of them.
    const early = this.#began + kSlowTrips * (trips.least ?? 0) - clock.now();
    if (early > 0) {
      this.#stopLook = deadline(early, () => this.#look());
      return;
    }
    const before = this.#activating;
    // A stream that came first leaves the others no connection, where one is served, nor its own confirmation. On a slow line it looks the
    // same; the next round has more time, and then it is kept.
    const stranded = before || profile.slack > 1 ? [] : [...this.#running.keys()].filter(({ isStranded }) => isStranded);
    if (stranded.length) {
      for (const carrier of stranded) carrier.end(noWayUp());      // whoever waits for its proof hears of it
      this.#stopLook = deadline(kLookAgain, () => this.#look());
      return;
    }
    const flowing = [...this.#running.keys(), ...this.#proved, ...(before ? [before] : [])].filter(({ done, seen, born }) =>
      !done && seen > born && clock.now() - seen < kFlows).sort((a, b) => rank(a.kind) - rank(b.kind));
    if (!flowing.length) {
      this.#stopLook = deadline(kLookAgain, () => this.#look());
      return;
    }
    // What is on its way to an activated one is not asked for again. Not to a stream in the first round, as it may be held back on the
    // way; while a poll may only be waiting for the one connection that a stream has. What is proved leaves it one, or needs no other.
    const isKept = before && (profile.slack > 1 || (before.kind === 'poll' && !flowing.some((carrier) => this.#proved.includes(carrier))));
    const kept = isKept ? before : flowing[0];
    profile.foundSlow();
    if (before && before !== kept) {
      this.#activating = null;
      this.#drop(before, kSlow);
    }
    this.#keep(kept);
    // It has no rival, and the server lets nothing stand by for longer than ten seconds.
    if (kept !== before && kept.welcomed && !kept.turn && this.#running.has(kept)) kept.activate(this.#session.nextTurn());
    this.#consider();
  }

  // Each carrier that is attached brings what waits for us: on a slow line one is enough.
  #keep(carrier) {
    if (this.over || this.leader || carrier.done || (this.#activating && this.#activating !== carrier)) return;
    this.#stopTimer();
    this.#forgetRepeat();
    this.#steps = this.#steps.map((step) => ({ ...step, after: Infinity }));
    const others = [...this.#running.keys(), ...this.#proved].filter((other) => other !== carrier);
    this.#proved = this.#proved.filter((other) => other === carrier);
    for (const other of others) this.#drop(other, kSlow);
  }

  // Takes the best that is proved, unless a better one is so near that a change of hands can be spared.
  #consider() {
    if (this.over || this.#activating) return;
    for (const carrier of this.#proved) if (!this.#wanted(carrier.kind)) this.#drop(carrier);
    this.#proved = this.#proved.filter((carrier) => !carrier.done).sort((a, b) => rank(a.kind) - rank(b.kind));
    const best = this.#proved[0];
    if (!best) return this.#conclude();
    const near = [...this.#running.keys()].some((carrier) => carrier.opened && rank(carrier.kind) < rank(best.kind));
    if (!near || this.#graceOver || this.leader || best.turn) return void this.#activate(best);
    this.#graceOver = true;
    deadline(Math.min(kGrace, kGraceShare * (this.#session.trips.smoothed ?? kGrace) + kGraceLeast), () => this.#consider());
  }

  async #activate(carrier) {
    this.#activating = carrier;
    this.#proved.shift();
    const { trips, profile } = this.#session;
    try {
      if (!carrier.turn) carrier.activate(this.#session.nextTurn());
      const patience = Math.min(kActivationDeadline, trips.patience(kActivationLeast, kActivationDeadline));
      const wait = (ms) => within(carrier.activated.promise, ms, this.#stopper.signal, `${carrier.kind}: the activation`, () => carrier.seen);
      // Without slack, and no longer on a slow line: the server lets it stand by for ten seconds, and what may be in its way is to be
      // gone well before.
      await wait(patience).catch((error) => {
        // What is not proved yet may hold the connection that the activation needs.
        const rivals = this.leader ? [] : [...this.#running.keys()];
        const hasOther = !rivals.length && this.#proved.length;
        if (error.code !== 'deadline' || this.leader || (hasOther && profile.slack === 1)) throw error;
        for (const rival of rivals) this.#drop(rival, 'what is to take over may need its connection');
        return wait(hasOther ? (profile.slack - 1) * patience : profile.slack * kActivationDeadline);
      });
      this.#activating = null;
      if (this.over) return;
      this.leader = carrier;
      this.#forgetRepeat();
      for (const other of [...this.#running.keys()]) if (!this.#wanted(other.kind)) this.#drop(other);
      this.first.resolve(carrier);
      this.#hooks.won(carrier);      // whoever hears of it may stop this race
      this.#consider();
    } catch (error) {
      if (this.#activating === carrier) this.#activating = null;
      this.#failed(carrier, error);
    }
  }

  #drop(carrier, why = 'a better one is in use') {
    this.#running.delete(carrier);
    carrier.dropped = true;
    if (!carrier.done) this.#hooks.dropped(carrier, why);
    carrier.stop();
  }

  #failed(carrier, error) {
    carrier.end(error);
    if (this.over || carrier.dropped) return;
    this.#failures.push({ kind: carrier.kind, error, isHeard: carrier.seen > carrier.born });
    this.#hooks.failed(carrier, error);
    // The server has spoken: another transport would hear the same.
    if (!this.leader && verdict(error) !== 'retry') return this.stop(error);
    this.#askAgain();
    const next = this.#steps[0];
    const idle = !this.leader && !this.#running.size && !this.#proved.length && !this.#activating;
    if (next && (next.after < Infinity || idle)) this.#begin(next);
    if (carrier.kind === 'poll' && isPassing(error)) this.#repeatLater();
    this.#consider();
  }

  // One request was lost, which says little of polls, and the others may take seconds to fail.
  #repeatLater() {
    const isAlone = !this.#running.size && !this.#proved.length && !this.#activating;
    if (this.over || this.leader || isAlone || this.#repeats === kRepeats) return;
    ++this.#repeats;
    this.#repeat = deadline(soon(), () => this.#askAgain());
  }

  #askAgain() {
    if (!this.#repeat) return;
    this.#forgetRepeat();
    this.#try('poll');
  }

  #forgetRepeat() {
    this.#repeat?.();
    this.#repeat = null;
  }

  // Is anything left to hope for?
  #conclude() {
    const planned = this.#steps.some(({ kinds, after }) => !this.leader || (after < Infinity && kinds.some((kind) => this.#wanted(kind))));
    if (this.over || this.#activating || this.#proved.length || this.#running.size || this.#repeat || planned) return;
    if (this.leader) {
      this.#stopTimer();
      this.#stopLook();
      this.#stopper.abort();
      return this.settled.resolve(this.leader);
    }
    const isLate = this.#failures.some(({ error }) => ['deadline', 'no_way_up'].includes(error.code));
    if (isLate && !this.#session.active) this.#session.profile.late(this.#failures.some(({ isHeard }) => isHeard));
    const retry = Math.max(0, ...this.#failures.map(({ error }) => error.retry ?? 0)) || undefined;
    const reasons = this.#failures.map(({ kind, error }) => `${kind}: ${error.message}`).join('; ');
    this.stop(this.#failures.length === 1 ? this.#failures[0].error : new SigwayError('unreachable', reasons, { retry }));
  }
}
