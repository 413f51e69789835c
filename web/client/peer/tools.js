// What the parts of the peer link share.

export const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// Resolves when the promise has settled, or after so many milliseconds; at once for a value that is no promise.
export const settled = (promise, ms) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  const done = () => { clearTimeout(timer); resolve(); };
  Promise.resolve(promise).then(done, done);
});

// Not a secret: it only tells one page's life from the next.
export const randomId = () => Array.from({ length: 4 }, () => Math.random().toString(36).slice(2, 8)).join('');

// Also why something of the other side was dropped, in words that it is told.
export class LinkError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

// Work that others can ask for without end: so much at once, then one every `each` milliseconds.
export class Pace {
  #burst;
  #each;
  #tokens;
  #filled = Date.now();

  constructor({ burst, each }) {
    this.#burst = this.#tokens = burst;
    this.#each = each;
  }

  #fill() {
    const now = Date.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filled) / this.#each);
    this.#filled = now;
  }

  // Resolves when it is its turn.
  async turn() {
    this.#fill();
    if (--this.#tokens < 0) await sleep(-this.#tokens * this.#each);
  }

  // Whether it may be now. What may not be costs nothing later.
  take() {
    this.#fill();
    if (this.#tokens < 1) return false;
    --this.#tokens;
    return true;
  }
}
