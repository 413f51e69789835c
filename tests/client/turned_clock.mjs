// A clock that is turned by hand, for whoever imports it: before each test it stands at 1000, after it the real one is back.

import { afterEach, beforeEach, mock } from 'node:test';
import { clock } from '../../web/client/sigway/clock.js';

const kReal = { ...clock };
const kMocked = ['setTimeout'];
const kOptions = process.versions.node.startsWith('18.') ? kMocked : { apis: kMocked };

export let now;

beforeEach(() => {
  now = 1000;
  mock.timers.enable(kOptions);
  Object.assign(clock, { now: () => now, wall: () => 1e12 + now });
});

afterEach(() => {
  mock.timers.reset();
  Object.assign(clock, kReal);
});

/** In steps, as a timer that is late by more than a second has slept. */
export function pass(ms) {
  for (; ms > 0; ms -= 100) {
    now += Math.min(ms, 100);
    mock.timers.tick(Math.min(ms, 100));
  }
}

/** The machine sleeps: no timer is heard of it. */
export function sleep(ms) {
  now += ms;
}
