// One round of finding a way: transports are tried at the same time on the same session. The first that is proved is activated and
// leads; a better one that is proved later takes over from it; the losers are stopped. Why so: docs/decisions/a-race-on-one-session.md.

import { clock, deadline, within } from './clock.js';
import { SigwayError, verdict } from './errors.js';
import { deferred } from './tools.js';

/** From the best to the least. */
export const kTransports = ['websocket', 'sse', 'poll'];

const kHeadStart = 300;              // ms, at the least, of what worked here before
const kHeadStartShare = 1.5;         // of the time in which it proved itself then
const kStreamDelay = 300;            // ms before an event stream is tried beside a WebSocket
const kGrace = 300;                  // ms, at the most, that a proved transport waits for a better one that has opened
const kGraceShare = 1.5, kGraceLeast = 30;
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
  const first = rest.filter((kind) => kind !== 'sse' || !rest.includes('websocket'));
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
    this.#stopper.abort();
    for (const carrier of [...this.#running.keys(), ...this.#proved]) carrier.stop();
    if (this.#activating && this.#activating !== this.leader) this.#activating.stop();
    this.first.reject(error);
    this.settled.reject(error);
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
      await within(carrier.proved.promise, this.#patience, this.#stopper.signal, `${kind}: a proof`);
      if (this.over) return;
      carrier.proof = clock.now() - this.#running.get(carrier);
      this.#running.delete(carrier);
      this.#proved.push(carrier);
      this.#consider();
    } catch (error) {
      this.#running.delete(carrier);
      this.#failed(carrier, error);
    }
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
    const { trips } = this.#session;
    try {
      if (!carrier.turn) carrier.activate(this.#session.nextTurn());
      await within(carrier.activated.promise, trips.patience(kActivationLeast, kActivationDeadline), this.#stopper.signal,
        `${carrier.kind}: the activation`);
      this.#activating = null;
      if (this.over) return;
      this.leader = carrier;
      for (const other of [...this.#running.keys()]) if (!this.#wanted(other.kind)) this.#drop(other);
      this.first.resolve(carrier);
      this.#hooks.won(carrier);      // whoever hears of it may stop this race
      this.#consider();
    } catch (error) {
      this.#activating = null;
      this.#failed(carrier, error);
    }
  }

  #drop(carrier) {
    this.#running.delete(carrier);
    carrier.dropped = true;
    if (!carrier.done) this.#hooks.dropped(carrier);
    carrier.stop();
  }

  #failed(carrier, error) {
    carrier.end(error);
    if (this.over || carrier.dropped) return;
    this.#failures.push({ kind: carrier.kind, error });
    this.#hooks.failed(carrier, error);
    // The server has spoken: another transport would hear the same.
    if (!this.leader && verdict(error) !== 'retry') return this.stop(error);
    const next = this.#steps[0];
    const idle = !this.leader && !this.#running.size && !this.#proved.length && !this.#activating;
    if (next && (next.after < Infinity || idle)) this.#begin(next);
    this.#consider();
  }

  // Is anything left to hope for?
  #conclude() {
    const planned = this.#steps.some(({ kinds, after }) => !this.leader || (after < Infinity && kinds.some((kind) => this.#wanted(kind))));
    if (this.over || this.#activating || this.#proved.length || this.#running.size || planned) return;
    if (this.leader) {
      this.#stopTimer();
      this.#stopper.abort();
      return this.settled.resolve(this.leader);
    }
    const retry = Math.max(0, ...this.#failures.map(({ error }) => error.retry ?? 0)) || undefined;
    const reasons = this.#failures.map(({ kind, error }) => `${kind}: ${error.message}`).join('; ');
    this.stop(this.#failures.length === 1 ? this.#failures[0].error : new SigwayError('unreachable', reasons, { retry }));
  }
}
