// Everything that is left to chance comes from here, so that a seed gives the same plan again; only real time does not repeat.

export class Random {
  #state;

  constructor(seed) {
    this.#state = seed | 0;
  }

  // mulberry32: 0 <= x < 1.
  next() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  chance(probability) { return this.next() < probability; }
  between(least, most) { return least + this.next() * (most - least); }
  integer(least, most) { return Math.floor(this.between(least, most + 1)); }
  pick(list) { return list[Math.floor(this.next() * list.length)]; }

  // Small values are as likely as large ones: 1 to 10 as often as 1,000 to 10,000.
  magnitude(least, most) { return Math.floor(least * (most / least) ** this.next()); }

  // {name: weight}; what the weights leave of 1 is null.
  choose(weights) {
    let left = this.next();
    for (const [name, weight] of Object.entries(weights)) if ((left -= weight) < 0) return name;
    return null;
  }

  // A generator of its own for a part, so that what one part draws does not shift the others.
  fork() { return new Random(Math.floor(this.next() * 4294967296)); }
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
