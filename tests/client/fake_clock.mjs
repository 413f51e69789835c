// A clock for a whole test file: a file that imports this has timers, `performance.now` and `Date.now` that do not follow real time. When
// nothing is left to do the clock jumps to the next timer. A wait of minutes takes no time, and a busy machine makes nothing late.
// `Math.random` is seeded, so that a run can be had again; SIGWAY_SEED gives another one. The clock is the whole process's, and
// `node --test` has a process for each file: files that use real sockets do not import this.

import { after } from 'node:test';
import { seeded } from './helpers.mjs';

const { setImmediate } = globalThis;
const kTurns = 4;                    // of the event loop: then everything that has happened is dealt with
const kEpoch = Date.UTC(2026, 0, 1);

class FakeClock {
  now = 0;
  #timers = new Map();       // id -> {due, id, act, every}
  #count = 0;
  #isRunning = true;

  // Whole milliseconds and one at the least, as Node has it: a timer makes progress.
  set(act, ms, values, isRepeated = false) {
    const delay = ms >= 1 && ms < 2 ** 31 ? Math.trunc(ms) : 1;
    const id = ++this.#count;
    const timer = { due: this.now + delay, id, act: () => act(...values), every: isRepeated ? delay : null };
    this.#timers.set(id, timer);
    return { id, ref() { return this; }, unref() { return this; }, hasRef: () => true, [Symbol.toPrimitive]: () => id };
  }

  clear(timer) {
    this.#timers.delete(typeof timer === 'object' ? timer?.id : timer);
  }

  #step() {
    let next = null;
    for (const timer of this.#timers.values()) if (!next || timer.due < next.due) next = timer;
    if (!next) return;
    this.now = Math.max(this.now, next.due);
    if (next.every === null) this.#timers.delete(next.id);
    else next.due = this.now + next.every;
    next.act();
  }

  async run() {
    while (this.#isRunning) {
      for (let turn = 0; turn < kTurns; ++turn) await new Promise((resolve) => { setImmediate(resolve); });
      if (this.#isRunning) this.#step();
    }
  }

  /** The machine sleeps: no timer runs for so long, and then all are late. */
  sleep(ms) {
    this.now += ms;
  }

  stop() {
    this.#isRunning = false;
  }
}

export const fakeClock = new FakeClock();

Object.assign(globalThis, {
  setTimeout: (act, ms, ...values) => fakeClock.set(act, ms, values),
  setInterval: (act, ms, ...values) => fakeClock.set(act, ms, values, true),
  clearTimeout: (timer) => fakeClock.clear(timer),
  clearInterval: (timer) => fakeClock.clear(timer),
});
performance.now = () => fakeClock.now;
Date.now = () => kEpoch + fakeClock.now;
Math.random = seeded(Number(process.env.SIGWAY_SEED ?? 1));

after(() => fakeClock.stop());
fakeClock.run();

/** Resolves after so many milliseconds of this clock. */
export const pass = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
