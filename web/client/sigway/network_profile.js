// What this connection knows of the network it is on: what worked, what died young, which rhythm it bears. It outlives the session.

import { Cadence } from './cadence.js';
import { Lives } from './lives.js';
import { RoundTrip } from './round_trip.js';

const kYoung = 2;                    // times the heartbeat: who is cut before that has died young
const kMendedLife = 10000;           // renewing a stream more often than this is no remedy
const kYoungLeast = 10000;
const kSlackMost = 8, kSlackUnheard = 2, kSlackSlow = 4;
const kQuickProof = 3000;
const kManyBytes = 4096;             // fewer say little of a line's speed
const kLineBytes = 16384, kLineMost = 20000;

export class NetworkProfile {
  trips = new RoundTrip();
  cadence;
  lives = new Lives();
  trusted = new Set();       // transports that have proved themselves
  only = null;               // the one that the application wants
  slack = 1;                 // times as long for attempts: doubled by each round in which none was answered in time
  brief = false;             // other tabs hold the browser's connections: polls are not held
  #speed = Infinity;         // bytes a ms that came down
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
    if (proof !== null && proof < kQuickProof) this.slack = 1;
    this.#known = { kind, proof: proof ?? this.#known?.proof };
    this.#keep();
  }

  /** So many bytes of one answer came in so many ms. */
  came(bytes, ms) {
    if (bytes >= kManyBytes) this.#speed = bytes / Math.max(1, ms);
  }

  /** Ms for which an answer may stand behind what is on its way already, by what the line was seen to carry. */
  get queue() {
    return Math.min(kLineMost, kLineBytes / this.#speed);
  }

  /** A deadline has ended a round. `isHeard`: something came, the line is slow and not dead. */
  late(isHeard) {
    this.slack = Math.max(this.slack, Math.min(isHeard ? kSlackMost : kSlackUnheard, 2 * this.slack));
  }

  /** Nothing carries yet, though the server was heard: the line may be slow, and carry several copies of the same events. */
  foundSlow() {
    this.slack = Math.max(this.slack, kSlackSlow);
  }

  /** A transport has carried for a minute: by now round trips tell how slow the line is. */
  foundSteady() {
    this.slack = 1;
  }

  /** An attempt has failed. */
  failed(kind, { code }) {
    this.trusted.delete(kind);
    if (code === 'no_way_up') this.#setAside(kind, 'it leaves no connection for uploads', this.lives.loseForCertain(kind));
  }

  #setAside(kind, why, term) {
    if (term) this.#journal.add('set aside', { transport: kind, why, for: term });
  }

  /** The active carrier was cut by something on the way. */
  died({ kind }, error, age, silence, heartbeat) {
    if (kind === 'poll') return;              // it passes where nothing else does
    const heldBack = error.code === 'held_back';
    const isAlways = heldBack || error.code === 'no_way_up';   // what is held back once is held back always; what has the only connection keeps it
    const lesson = error.isOfUploads ? null : heldBack ? this.cadence.heldBack() : this.cadence.cut(kind, age, silence);
    this.learnt(lesson);
    const isMended = age > Math.max(kYoungLeast, kYoung * heartbeat) || lesson?.renewal >= kMendedLife;
    if (isMended && !isAlways) return this.lives.restore(kind);
    const why = heldBack ? 'it is held back' : isAlways ? 'it leaves no connection for uploads' : 'it keeps dying young';
    this.#setAside(kind, why, this.lives.lose(kind, isAlways));
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
