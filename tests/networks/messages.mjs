// What members say: numbered, of the sizes that SDP and candidates have, and of every kind of character, so that what was cut,
// recoded or mixed up on the way is seen.

import { Random } from '../faults/random.mjs';

const kLetters = ['v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\n', 'a=candidate:1 1 udp 2122260223 ', 'é€😀', '"\\', 'data: x\n\n', '\u2028 '];

export function makeMessage(seed, number, [least, most]) {
  const random = new Random(seed * 1000003 + number);
  const size = random.integer(least, most);
  let text = '';
  while (text.length < size) text += random.chance(0.2) ? random.pick(kLetters) : random.next().toString(36).slice(2);
  return { number, text: text.slice(0, size).toWellFormed?.() ?? text.slice(0, size).replace(/[\ud800-\udbff]$/, '') };
}

// What is wrong with one that arrived, or null.
export function complaint(seed, data, sizes) {
  const wanted = makeMessage(seed, data?.number, sizes);
  if (typeof data?.number !== 'number' || data.text === wanted.text) return null;
  return `message ${data.number} was changed on the way`;
}
