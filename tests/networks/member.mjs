// One of the two in the room: says its messages through the client under test, and notes what it hears from the other.

import { complaint, makeMessage } from './messages.mjs';

const kNotes = 400;

export class Member {
  heard = [];                // {number, at}
  faults = [];
  notes = [];                // the last that was said about it
  said = new Map();          // number → when
  moves = [];                // {transport, at}
  readyAt = null;
  attached = new Promise((resolve) => { this.tellAttached = resolve; });
  ready = new Promise((resolve) => { this.tellReady = resolve; });
  #ids = new Map();          // id → number
  #waiting = [];             // numbers to say once the room is complete (again)
  #again = new Set();        // numbers that may arrive twice: the client said that it does not know

  // `forgives`: the gateway may forget everything, so that the session begins anew and the application says things again.
  constructor(name, { seed, sizes, forgives = false, start, tell = () => {} }, options) {
    Object.assign(this, { name, seed, sizes, forgives, tell });
    this.startedAt = performance.now();
    this.client = start({ ...options, name }, {
      attached: () => this.tellAttached(),
      ready: () => this.#complete(),
      heard: (data) => this.#hears(data),
      transport: (transport) => {
        this.moves.push({ transport, at: performance.now() });
        this.note(`transport: ${transport}`);
      },
      reset: (lost) => this.#reset(lost),
      refused: (id, code) => this.#refused(id, code),
      closed: (code, text) => this.fault(`closed: ${code} ${text}`),
      note: (text) => this.note(text),
    });
  }

  // Numbers from 1.
  say(number) {
    this.said.set(number, performance.now());
    if (this.#isComplete) this.#send(number);
    else this.#waiting.push(number);
  }

  fault(text) {
    this.note(`FAULT ${text}`);
    this.faults.push(`${this.name}: ${text}`);
    this.tell();
  }

  note(text) {
    this.notes.push(`${((performance.now() - this.startedAt) / 1000).toFixed(3)} ${text}`);
    if (this.notes.length > kNotes) this.notes.shift();
  }

  // What is missing or wrong in what it heard of the other.
  judge(other) {
    const got = new Set(this.heard.map(({ number }) => number));
    const missing = [...other.said.keys()].filter((number) => !got.has(number));
    if (missing.length) this.fault(`${missing.length} of ${other.said.size} never came: ${missing.slice(0, 5)} …`);
    const seen = new Set();
    let last = 0;
    for (const { number } of this.heard) {
      if (seen.has(number)) {
        if (!other.#again.has(number)) this.fault(`${number} came twice`);
      } else if (number < last && !other.#again.has(number)) this.fault(`${number} came after ${last}`);
      seen.add(number);
      last = Math.max(last, number);
    }
  }

  get #isComplete() { return this.readyAt !== null && !this.#forgotten; }
  #forgotten = false;

  #complete() {
    this.note('ready');
    this.readyAt ??= performance.now();
    this.#forgotten = false;
    this.tellReady();
    for (const number of this.#waiting.splice(0)) this.#send(number);
  }

  #send(number) {
    this.#ids.set(this.client.say(makeMessage(this.seed, number, this.sizes)), number);
  }

  #hears(data) {
    const wrong = complaint(this.seed, data, this.sizes);
    if (wrong) this.fault(wrong);
    this.heard.push({ number: data?.number, at: performance.now() });
    this.tell();
  }

  #reset(lost) {
    if (!this.forgives) return this.fault('the session was forgotten');
    this.#forgotten = true;
    this.#sayAgain(lost);
  }

  #refused(id, code) {
    if (!this.forgives || code !== 'nobody_there') return this.fault(`message ${this.#ids.get(id)} was refused: ${code}`);
    // It came before the other one was back.
    this.#forgotten = true;
    this.#sayAgain([id]);
  }

  #sayAgain(ids) {
    const numbers = ids.map((id) => this.#ids.get(id)).filter((number) => number !== undefined);
    for (const number of numbers) this.#again.add(number);
    this.#waiting = [...this.#waiting, ...numbers].sort((one, other) => one - other);
  }
}
