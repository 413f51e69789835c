// What this connection knows of the network it is on: what worked, what died young, which rhythm it bears. It outlives the session.

import { Cadence } from './cadence.js';
import { RoundTrip } from './clock.js';
import { Lives } from './lives.js';

const kYoung = 2;                    // times the heartbeat: who is cut before that has died young
const kMendedLife = 10000;           // renewing a stream more often than this is no remedy
const kYoungLeast = 10000;

export class Network {
  trips = new RoundTrip();
  cadence;
  lives = new Lives();
  trusted = new Set();       // transports that have proved themselves
  brief = false;             // other tabs hold the browser's connections: polls are not held
  #memory;
  #journal;
  #known = null;             // {kind, proof}: what worked last

  constructor(memory, journal) {
    this.#memory = memory;
    this.#journal = journal;
    const kept = memory.recall();
    this.cadence = new Cadence(kept?.cadence);
    if (!kept?.transport) return;
    this.#known = { kind: kept.transport, proof: kept.proof };
    this.trusted.add(kept.transport);
    journal.add('remembered', { transport: kept.transport, proof: kept.proof });
  }

  /** The transport to begin with, and how long it took to prove itself; null where the network is not known. */
  get known() {
    return this.#known && !this.lives.isAside(this.#known.kind) ? this.#known : null;
  }

  learnt(lesson) {
    if (!lesson) return;
    this.#journal.add('learnt', lesson);
    this.#keep();
  }

  /** It carries the traffic now, `proof` ms after it was tried; null: it did before, and was renewed. */
  worked(kind, proof) {
    this.trusted.add(kind);
    this.#known = { kind, proof: proof ?? this.#known?.proof };
    this.#keep();
  }

  failed(kind) {
    this.trusted.delete(kind);
  }

  /** The active carrier was cut by something on the way. */
  died({ kind }, error, age, silence, heartbeat) {
    const heldBack = error.code === 'held_back';
    const lesson = kind === 'poll' ? null : heldBack ? this.cadence.heldBack() : this.cadence.cut(kind, age, silence);
    this.learnt(lesson);
    if (heldBack) this.lives.lose(kind);      // what is held back once is held back always
    else if (age > Math.max(kYoungLeast, kYoung * heartbeat) || lesson?.renewal >= kMendedLife) return this.lives.restore(kind);
    const term = this.lives.lose(kind);
    if (term) this.#journal.add('set aside', { transport: kind, why: 'it keeps dying young', for: term });
  }

  /** It has lived long enough. */
  grewOld(kind) {
    this.lives.restore(kind);
  }

  /** Nothing worked in a whole round: nobody is to blame, and nothing is learnt from it. */
  outage() {
    this.lives.pardon();
    this.cadence.forget();
    this.#keep();
  }

  relax() {
    const lesson = this.cadence.relax();
    if (!lesson) return;
    this.#journal.add('relaxed', lesson);
    this.#keep();
  }

  #keep() {
    if (this.#known) this.#memory.keep({ transport: this.#known.kind, proof: this.#known.proof, cadence: this.cadence.learnt });
  }
}
