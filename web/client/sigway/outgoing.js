// One message on its way up: whole, or in pieces where bodies must be small (docs/protocol.md, "Pieces"). Its number says which
// message it is, however it was cut; so it may be cut anew whenever a body turns out to be too large.

import { SigwayError } from './failure.js';
import { kDataDepth } from './limits.js';
import { cutIntoPieces, jsonDepth, utf8Length } from './text.js';

const kFields = 64;          // bytes for "n", "at", "of" and "piece" around a piece

export class Outgoing {
  n = 0;                     // given when it first goes out
  exposed = false;           // it has gone out
  #of = 0;                   // bytes of the whole, once it is cut

  // `text` is the message's fields as JSON, without braces; `id` is its number for the application.
  constructor(id, message, text) {
    Object.assign(this, { id, message, text, bytes: utf8Length(text), joins: message.type === 'join' ? message.room : undefined });
    this.chunks = [{ text, bytes: this.bytes, at: -1, via: null }];   // `at` -1: the whole
  }

  get isWaiting() {
    return this.chunks.some(({ via }) => !via);
  }

  // Cuts what is not under way so that no chunk is larger than `limit` bytes.
  fit(limit) {
    if (this.chunks.every((chunk) => chunk.via || chunk.bytes <= limit)) return;
    this.#of ||= this.bytes + 2;
    this.chunks = this.chunks.flatMap((chunk) => chunk.via || chunk.bytes <= limit ? chunk : cut(chunk, limit));
  }

  wire({ text, at }) {
    return at < 0 ? `{"n":${this.n},${text}}` : `{"n":${this.n},"at":${at},"of":${this.#of},"piece":${JSON.stringify(text)}}`;
  }

  // What went by that way, or by any, goes again.
  release(way) {
    for (const chunk of this.chunks) if (!way || chunk.via === way) chunk.via = null;
  }

  // For a new session, which has seen nothing of it.
  begin() {
    this.n = 0;
    this.exposed = false;
    this.release();
    return this;
  }
}

function cut({ text, at }, limit) {
  const whole = at < 0 ? `{${text}}` : text;
  let place = Math.max(at, 0);
  return cutIntoPieces(whole, limit - kFields).map((piece) => {
    const chunk = { text: piece, bytes: utf8Length(JSON.stringify(piece)) + kFields, at: place, via: null };
    place += utf8Length(piece);
    return chunk;
  });
}

/** The JSON members of a message without its number. Throws what can never be sent. */
export function messageText(message, limits) {
  const fields = [];
  for (const [name, value] of Object.entries(message)) {
    const text = JSON.stringify(value);
    if (text === undefined) continue;
    if (name === 'data') {
      if (utf8Length(text) > limits.data) throw new SigwayError('too_large', `data is larger than ${limits.data} bytes`);
      if (jsonDepth(text) > kDataDepth) throw new SigwayError('too_deep', `data nests deeper than ${kDataDepth} levels`);
    } else if (/\p{Surrogate}/u.test([value].flat().join())) {
      throw new SigwayError('bad_utf8', `${name} is no well-formed text`);
    }
    fields.push(`"${name}":${text}`);
  }
  return fields.join();
}
