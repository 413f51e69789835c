// How long the application waits for something: an AbortSignal, a deadline, or both.

import { deadline as after } from './clock.js';
import { SigwayError } from './failure.js';
import { typeName } from './words.js';

const kLongestTimer = 2 ** 31 - 1;   // of a platform's timer

/** Throws a TypeError for a `signal` or a `deadline` that is none. */
export function checkGivingUp(where, { signal, deadline }) {
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw new TypeError(`${where}: the signal is an AbortSignal, not ${typeName(signal)}`);
  }
  if (deadline !== undefined && !(typeof deadline === 'number' && deadline > 0)) {
    throw new TypeError(`${where}: the deadline is a positive number of milliseconds, not ${typeof deadline === 'number' ? deadline : typeName(deadline)}`);
  }
}

/**
 * Calls `act` with the signal's reason when it aborts, or with an error `deadline` after so many milliseconds, whichever comes first;
 * at once where the signal has aborted before. Gives a function that prevents it. `what` begins the error's sentence.
 */
export function whenGivenUp({ signal, deadline = Infinity }, what, act) {
  if (signal?.aborted) {
    act(signal.reason);
    return () => {};
  }
  let cancel = () => {};
  const stop = () => {
    cancel();
    signal?.removeEventListener('abort', abort);
  };
  const end = (reason) => {
    stop();
    act(reason);
  };
  const abort = () => end(signal.reason);
  signal?.addEventListener('abort', abort);
  if (deadline !== Infinity) {
    cancel = after(Math.min(deadline, kLongestTimer), () => end(new SigwayError('deadline', `${what} took longer than ${deadline} ms`)));
  }
  return stop;
}
