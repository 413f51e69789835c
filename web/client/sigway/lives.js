// Which transports die young here. A transport has two lives; one is lost when it is cut soon after it took over. Without any it is
// set aside for a while in favour of a better-behaved one: a minute at first, twice as long each time. Never for ever.

import { clock } from './clock.js';

const kLives = 2;
const kFirstTerm = 60 * 1000, kLongestTerm = 10 * 60 * 1000;

export class Lives {
  #kinds = new Map();      // kind -> {lost, term, until}

  #of(kind) {
    if (!this.#kinds.has(kind)) this.#kinds.set(kind, { lost: 0, term: kFirstTerm, until: 0, isCertain: false });
    return this.#kinds.get(kind);
  }

  /** It was cut young; `isHopeless`: it loses all its lives at once. Gives for how long it is set aside, or 0. */
  lose(kind, isHopeless = false) {
    const record = this.#of(kind);
    record.lost = isHopeless ? kLives : record.lost + 1;
    if (record.lost < kLives) return 0;
    const { term } = record;
    record.lost = kLives - 1;      // when it is back, it is on probation
    record.until = clock.now() + term;
    record.term = Math.min(kLongestTerm, term * 2);
    return term;
  }

  /** It loses all its lives, and the next `pardon` does not give them back. */
  loseForCertain(kind) {
    this.#of(kind).isCertain = true;
    return this.lose(kind, true);
  }

  /** It grew old, or what killed it is known and mended. */
  restore(kind) {
    this.#kinds.delete(kind);
  }

  /** Everything failed together: an outage, and no transport's fault. */
  pardon() {
    for (const record of this.#kinds.values()) {
      if (!record.isCertain) Object.assign(record, { lost: 0, until: 0 });
      record.isCertain = false;
    }
  }

  isAside(kind) {
    return this.remaining(kind) > 0;
  }

  /** Milliseconds until it may be tried again. */
  remaining(kind) {
    return Math.max(0, (this.#kinds.get(kind)?.until ?? 0) - clock.now());
  }
}
