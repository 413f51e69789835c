// Waiting that ends: for what should happen soon, and says what was waited for when it does not.

const kPatience = Number(process.env.SIGWAY_PATIENCE ?? 60000);

export async function within(promise, what, patience = kPatience) {
  let timer;
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${patience} ms in vain for ${what()}`)), patience);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

// Values that arrive in one place and are waited for in another, in order.
export class Inbox {
  #values = [];
  #waiting = [];
  #failure = null;

  put(value) {
    const taker = this.#waiting.shift();
    if (taker) taker.resolve(value); else this.#values.push(value);
  }

  // What is there already can still be taken.
  fail(error) {
    this.#failure ??= error;
    for (const taker of this.#waiting.splice(0)) taker.reject(error);
  }

  take(what = () => 'something to arrive', patience = kPatience) {
    if (this.#values.length > 0) return Promise.resolve(this.#values.shift());
    if (this.#failure) return Promise.reject(this.#failure);
    return within(new Promise((resolve, reject) => this.#waiting.push({ resolve, reject })), what, patience);
  }

  // Forgets what has arrived and was not taken.
  clear() {
    this.#values = [];
  }

  get isEmpty() {
    return this.#values.length === 0;
  }
}
