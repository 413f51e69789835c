// Names of rooms: suggested, checked, in and out of the URL.

const kFirst = ['amber', 'autumn', 'bold', 'bright', 'calm', 'clear', 'cosy', 'early', 'gentle', 'golden', 'green', 'kind', 'light',
  'lucky', 'mellow', 'merry', 'mild', 'misty', 'northern', 'open', 'patient', 'plain', 'quick', 'quiet', 'rosy', 'silver', 'sunny',
  'swift', 'tall', 'warm', 'wide', 'young'];
const kSecond = ['bay', 'beacon', 'bridge', 'brook', 'canyon', 'cedar', 'cliff', 'cloud', 'cove', 'delta', 'dune', 'falcon', 'fern',
  'field', 'forest', 'garden', 'harbor', 'heron', 'hill', 'island', 'lake', 'lantern', 'maple', 'meadow', 'oak', 'orchard', 'otter',
  'pine', 'river', 'robin', 'valley', 'willow'];
const kMostBytes = 128;   // docs/protocol.md, Rooms

const pick = (list) => list[crypto.getRandomValues(new Uint32Array(1))[0] % list.length];

// A million of them, so that a suggested room is empty.
export function suggestRoom() {
  const number = 100 + crypto.getRandomValues(new Uint32Array(1))[0] % 900;
  return `${pick(kFirst)}-${pick(kSecond)}-${number}`;
}

// What is wrong with the name, as a sentence, or an empty string.
export function roomProblem(name) {
  if (!name.trim()) return 'Give the room a name.';
  if (/[\p{Cc}\p{Cs}]/u.test(name)) return 'The name has a control character in it.';
  if (/[/\\]/.test(name)) return 'A slash or backslash cannot be part of the name.';
  if (/^\.{1,2}$/.test(name)) return 'Dots alone are no name.';
  if (new TextEncoder().encode(name).length > kMostBytes) return `The name is too long: at most ${kMostBytes} bytes.`;
  return '';
}

export function roomPath(name, capacity = 2) {
  return `/r/${encodeURIComponent(name)}${capacity > 2 ? `?people=${capacity}` : ''}`;
}

// The room that the address names: {room, capacity}, {problem}, or null on the start page.
export function roomOf(location) {
  const found = /^\/r\/([^/]*)$/.exec(location.pathname);
  if (!found) return null;
  let room;
  try {
    room = decodeURIComponent(found[1]);
  } catch {
    return { problem: 'The address has a broken percent sign in it.' };
  }
  const problem = roomProblem(room);
  if (problem) return { problem };
  const people = Number(new URLSearchParams(location.search).get('people'));
  return { room, capacity: Number.isInteger(people) ? Math.min(6, Math.max(2, people)) : 2 };
}
