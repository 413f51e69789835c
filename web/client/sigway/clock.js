// A clock that nobody sets, and timers that know when they have slept.

import { SigwayError } from './failure.js';

const kLate = 1000;                  // a timer so late has slept, with its tab or with its machine
const kSecondChance = 1000;
const kHeardMost = 4;

/** `now` in milliseconds since some moment, `wall` since 1970. Replaced by tests. */
export const clock = { now: () => performance.now(), wall: () => Date.now() };

/** Calls `act` after `ms`, and gives a function that prevents it. If we slept meanwhile, what came in that time is heard first:
 *  the network is not to blame for our sleep. */
export function deadline(ms, act) {
  let due = clock.now() + ms, forgiven = false, timer;
  const check = () => {
    if (forgiven || clock.now() - due < kLate) return act();
    forgiven = true;
    due = clock.now() + kSecondChance;
    timer = setTimeout(check, kSecondChance);
  };
  timer = setTimeout(check, ms);
  return () => clearTimeout(timer);
}

/** Calls `act` once nothing has been heard for `ms`, and after `most` ms in any case. `heard` gives when something last came. Gives a
 *  function that prevents it. */
export function quiet(ms, most, heard, act) {
  const latest = clock.now() + most;
  let cancel;
  const check = () => {
    const left = Math.min(heard() + ms, latest) - clock.now();
    if (left > 0) cancel = deadline(left, check);
    else act();
  };
  cancel = deadline(ms, check);
  return () => cancel();
}

export function sleep(ms, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const wake = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal?.addEventListener('abort', wake);
  });
}

/** `promise`, or an error after `ms`. With `heard`, which gives when something last came: after `ms` without, and after four times as
 *  long in any case. */
export function within(promise, ms, signal, what, heard = () => -Infinity) {
  return new Promise((resolve, reject) => {
    const abort = () => settle(reject, new SigwayError('aborted', `${what} was given up`));
    const settle = (way, value) => {
      stop();
      signal?.removeEventListener('abort', abort);
      way(value);
    };
    const stop = quiet(ms, kHeardMost * ms, heard, () => settle(reject, new SigwayError('deadline', `${what} took longer than ${ms} ms`)));
    if (signal?.aborted) return abort();
    signal?.addEventListener('abort', abort);
    promise.then((value) => settle(resolve, value), (error) => settle(reject, error));
  });
}
