// What happens around the connection: the page is hidden, frozen, shown again or left, the machine sleeps, the network goes and comes.

import { clock } from './clock.js';

const kPulse = 5000;                 // how often we look whether we have slept
const kSlept = 8000;
const kLongHidden = 10000;

export class Surroundings {
  #page;
  #connection;
  #hooks;
  #pulse;
  #drift = clock.wall() - clock.now();
  #due = Infinity;
  #hiddenAt = null;
  #hasSaidAway = false;
  #handlers = {
    pageshow: ({ persisted }) => {
      this.#hasSaidAway = false;
      if (persisted) this.#hooks.thawed();
    },
    online: () => this.#hooks.changed('online again'),
    offline: () => this.#hooks.offline(),
    visibilitychange: () => this.#visibility(),
  };
  // Firefox kills the script that runs while somebody navigates, even in the middle of this listener, without an exception. The
  // next listener runs: so there are two.
  #goodbyes = ['first', 'spare'].map(() => () => {
    if (this.#hasSaidAway) return;
    this.#hooks.away();
    this.#hasSaidAway = true;
  });
  #networkChanged = () => this.#hooks.changed('another network');

  /** `page` is the window, or what a test gives in its place; null where there is none. `hooks`: away(), thawed(), offline(),
   *  changed(why): the network may be another one, woke(why): what was connected may not be any more. */
  constructor(page, hooks) {
    this.#page = page;
    this.#hooks = hooks;
    for (const [type, handler] of Object.entries(this.#handlers)) page?.addEventListener(type, handler);
    for (const goodbye of this.#goodbyes) page?.addEventListener('pagehide', goodbye);
    this.#connection = page?.navigator?.connection;
    this.#connection?.addEventListener?.('change', this.#networkChanged);
    this.#beat();
  }

  beacon(url, text) {
    this.#page?.navigator?.sendBeacon?.(url, text);
  }

  stop() {
    clearTimeout(this.#pulse);
    for (const [type, handler] of Object.entries(this.#handlers)) this.#page?.removeEventListener(type, handler);
    for (const goodbye of this.#goodbyes) this.#page?.removeEventListener('pagehide', goodbye);
    this.#connection?.removeEventListener?.('change', this.#networkChanged);
  }

  // A machine that sleeps stops this timer, and perhaps the clock as well; then the time of day has run ahead of it. A hidden tab's
  // timers are late by a minute at the most, and nothing is wrong with its connections.
  #beat() {
    const drift = clock.wall() - clock.now();
    const slept = Math.max(clock.now() - this.#due, drift - this.#drift);
    this.#drift = drift;
    if (slept > (this.#hiddenAt === null ? kSlept : 8 * kSlept)) this.#hooks.woke(`slept for ${Math.round(slept / 1000)} s`);
    this.#due = clock.now() + kPulse;
    this.#pulse = setTimeout(() => this.#beat(), kPulse);
    this.#pulse.unref?.();
  }

  #visibility() {
    if (this.#page.document?.visibilityState === 'hidden') {
      this.#hiddenAt ??= clock.now();
      return;
    }
    const hidden = this.#hiddenAt === null ? 0 : clock.now() - this.#hiddenAt;
    this.#hiddenAt = null;
    if (hidden > kLongHidden) this.#hooks.woke(`was hidden for ${Math.round(hidden / 1000)} s`);
  }
}
