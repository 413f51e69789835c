// The format of Server-Sent Events: HTML standard, section 9.2.6, as far as one server uses it.

import { notSigway } from './http.js';

const kLineMost = 1 << 20;

export class EventStream {
  #rest = '';
  #event = { name: '', data: '', id: '' };
  #onEvent;
  #onComment;

  /** `onEvent({name, data, id})`, `onComment(text)` */
  constructor(onEvent, onComment) {
    this.#onEvent = onEvent;
    this.#onComment = onComment;
  }

  /** Takes what came next; `isOver` is asked before each line. Throws where a line or an event has no end. */
  feed(text, isOver) {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop();
    for (const line of lines) {
      if (isOver()) return;
      this.#line(line.endsWith('\r') ? line.slice(0, -1) : line);
    }
    if (this.#rest.length > kLineMost) throw notSigway('a line of the event stream has no end');
  }

  #line(line) {
    const event = this.#event;
    if (line === '') {
      this.#event = { name: '', data: '', id: '' };
      if (event.data) this.#onEvent(event);
    } else if (line.startsWith(':')) {
      this.#onComment(line.slice(1));
    } else {
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
      if (field === 'data') {
        event.data += value;
        if (event.data.length > kLineMost) throw notSigway('an event of the stream has no end');
      } else if (field === 'event') event.name = value;
      else if (field === 'id') event.id = value;
    }
  }
}
