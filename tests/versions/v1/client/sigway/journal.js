// What was tried, why it was dropped, what was learnt: for people. The latest entries are kept.

import { clock } from './clock.js';

const kKept = 200;

export class Journal {
  entries = [];
  #tell;

  constructor(tell) {
    this.#tell = tell;
  }

  /** `what` is a word or two; `more` may have `transport`, `why`, and figures. */
  add(what, more = {}) {
    const entry = { at: clock.wall(), what };
    for (const [name, value] of Object.entries(more)) if (value !== undefined && value !== null) entry[name] = value;
    this.entries.push(entry);
    if (this.entries.length > kKept) this.entries.shift();
    this.#tell(entry);
  }
}
