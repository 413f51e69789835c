// What members say: numbered, of the sizes that SDP and candidates have, and of every kind of character, so that what was cut,
// recoded or mixed up on the way is seen.

import { Random } from '../faults/random.mjs';

const kLetters = ['v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\n', 'a=candidate:1 1 udp 2122260223 ', 'é€😀', '"\\', 'data: x\n\n', '\u2028 '];
const kPool = 1 << 17;

// Made once, so that making and checking a message takes no time that would be measured as the client's.
const pool = makePool(new Random(7));

function makePool(random) {
  let text = '';
  while (text.length < kPool) text += random.chance(0.2) ? random.pick(kLetters) : random.next().toString(36).slice(2);
  return text;
}

export function makeMessage(seed, number, [least, most]) {
  const random = new Random(seed * 1000003 + number);
  const size = random.integer(least, most);
  const from = random.integer(0, kPool - most - 1);
  // No half of a surrogate pair at either end.
  const text = pool.slice(from, from + size).replace(/^[\udc00-\udfff]/, '').replace(/[\ud800-\udbff]$/, '');
  return { number, text };
}

// What is wrong with one that arrived, or null.
export function complaint(seed, data, sizes) {
  if (!Number.isInteger(data?.number)) return `something came that nobody said: ${JSON.stringify(data)?.slice(0, 100)}`;
  return data.text === makeMessage(seed, data.number, sizes).text ? null : `message ${data.number} was changed on the way`;
}
