// The journal for a console: one line for each entry.

import { typeName } from './words.js';

/** What prints entries: on the console for `true`, or by the application's function. */
export function debugPrinter(debug) {
  if (debug !== true && typeof debug !== 'function') throw new TypeError(`connect(): debug is true or a function, not ${typeName(debug)}`);
  const print = debug === true ? (line) => console.log(`sigway ${line}`) : debug;
  return (entry) => print(journalLine(entry), entry);
}

/** `20:15:00.250 failed sse: the head took longer than 3000 ms (deadline)`; figures follow as `name=value`. */
export function journalLine({ at, what, transport, why, code, ...figures }) {
  const time = new Date(at).toISOString().slice(11, 23);
  const reason = `${why === undefined ? '' : `: ${why}`}${code === undefined ? '' : ` (${code})`}`;
  const rest = Object.entries(figures).map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join('');
  return `${time} ${what}${transport === undefined ? '' : ` ${transport}`}${reason}${rest}`;
}
