// Mistakes of spelling that plain JavaScript would let pass in silence.

import { SigwayError } from './failure.js';

/** Throws a TypeError for an option that `where` does not know, and names the one that was probably meant. */
export function checkOptions(where, options, known) {
  if (options === null || typeof options !== 'object') throw new TypeError(`${where}: options are an object, not ${typeName(options)}`);
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new TypeError(`${where}: there is no option '${name}'${meant(name, known)}`);
  }
}

/** The same for the name of an event. */
export function checkEvent(where, name, known) {
  if (!known.includes(name)) throw new TypeError(`${where}: there is no event '${String(name)}'${meant(String(name), known)}`);
}

export function checkMessageType(where, type) {
  if (typeof type !== 'string') throw new TypeError(`${where}: the type is a string, not ${typeName(type)}`);
  if (!/^[A-Za-z][A-Za-z0-9._:-]{0,63}$/.test(type)) throw new SigwayError('bad_type', `no message type: ${type}`);
}

/** Where a message goes to. */
export function checkWhere(where, value, known) {
  if (typeof value === 'string') throw new TypeError(`${where}: whom to send to is said as { to: '${value}' }`);
  checkOptions(where, value, known);
}

export function checkHandler(where, handler) {
  if (typeof handler !== 'function') throw new TypeError(`${where}: the handler is a function, not ${typeName(handler)}`);
}

export const typeName = (value) => value === null ? 'null' : Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;

function meant(name, known) {
  const [nearest] = known.map((word) => ({ word, far: distance(name.toLowerCase(), word.toLowerCase()) })).sort((a, b) => a.far - b.far);
  const isNear = nearest.far <= Math.max(1, Math.floor(nearest.word.length / 3));
  return isNear ? `; did you mean '${nearest.word}'?` : `; there are: ${known.join(', ')}`;
}

// How many letters have to be put in, taken out or changed (Levenshtein).
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; ++i) {
    const next = [i];
    for (let j = 1; j <= b.length; ++j) next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}
