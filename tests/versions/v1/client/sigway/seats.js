// Over HTTP/1.1 a browser gives six connections to a server, and all its tabs share them: six tabs with a stream or a held poll each, and
// nothing else gets through. So a tab that holds a connection takes one of three seats, which are Web Locks; who finds none asks briefly
// and often instead, until a seat is free. A WebSocket needs no seat, nor does HTTP/2.

const kSeats = 3;

/** The browser's locks where they are needed, or null. */
export function browserLocks(address) {
  if (typeof document === 'undefined') return null;
  const ours = globalThis.performance?.getEntriesByType?.('resource').filter(({ name }) => name.startsWith(address)) ?? [];
  if (/^h[23]/.test(ours.at(-1)?.nextHopProtocol ?? '')) return null;
  return globalThis.navigator?.locks ?? null;
}

export class Seats {
  #locks;
  #address;
  #changed;
  #wanted = null;       // an AbortController while we sit or wait
  #release = () => {};

  /** `locks` are Web Locks or null: no limit is known. `changed(seated)` is called when we get a seat, and when there is none. */
  constructor(locks, address, changed) {
    this.#locks = locks;
    this.#address = address;
    this.#changed = changed;
  }

  /** A connection is to be held. Harmless to repeat. */
  async take() {
    if (!this.#locks || this.#wanted) return;
    const wanted = this.#wanted = new AbortController();
    const names = Array.from({ length: kSeats }, (_, i) => `sigway seat ${i} of ${this.#address}`);
    try {
      for (const name of names) if (await this.#sit(wanted, name, { ifAvailable: true })) return;
      if (wanted.signal.aborted) return;
      this.#changed(false);
      const stopWaiting = new AbortController();
      wanted.signal.addEventListener('abort', () => stopWaiting.abort());
      await Promise.any(names.map((name) => this.#sit(wanted, name, { signal: stopWaiting.signal })));
      stopWaiting.abort();
    } catch { /* we left, or locks are forbidden here */ }
  }

  // Resolves with true when we sit, with false when the seat was taken.
  #sit(wanted, name, options) {
    return new Promise((resolve, reject) => {
      this.#locks.request(name, options, (lock) => {
        if (!lock || wanted.signal.aborted || wanted.seated) return resolve(false);
        wanted.seated = true;
        return new Promise((release) => {
          this.#release = release;
          this.#changed(true);
          resolve(true);
        });
      }).catch(reject);
    });
  }

  /** None is held any more. */
  leave() {
    this.#wanted?.abort();
    this.#wanted = null;
    this.#release();
    this.#release = () => {};
  }
}
