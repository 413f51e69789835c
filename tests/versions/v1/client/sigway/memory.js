// What worked on this network: the transport, how long it took to prove itself, and the cadence it needs. Kept for half an hour,
// by the server's address, because people come back from a reload more often than they change networks.

import { clock } from './clock.js';

const kLifetime = 30 * 60 * 1000;

/** The browser's own store, where it has one and lets us. */
export function browserStorage() {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;       // forbidden in this frame
  }
}

export class Memory {
  #storage;
  #slot;

  /** `storage` is like localStorage, or null: nothing is remembered. */
  constructor(storage, address) {
    this.#storage = storage;
    this.#slot = `sigway network ${address}`;
  }

  /** `{transport, proof, cadence}`, or null. */
  recall() {
    try {
      const kept = JSON.parse(this.#storage?.getItem(this.#slot) ?? 'null');
      const age = clock.wall() - kept?.at;
      return age >= 0 && age < kLifetime ? kept : null;     // a clock that was set back says nothing
    } catch {
      return null;     // not ours, or not to be read
    }
  }

  keep(what) {
    try {
      this.#storage?.setItem(this.#slot, JSON.stringify({ at: clock.wall(), ...what }));
    } catch { /* full or forbidden: the next visit begins anew */ }
  }
}
