// Names of rooms: suggested, checked, in and out of the URL.

const kConsonants = 'bdfghjklmnprstvyz', kVowels = 'aeiou';
const kSyllables = [...kConsonants].flatMap((consonant) => [...kVowels].map((vowel) => consonant + vowel));   // 85
const kWords = [3, 2, 3, 2];   // syllables: 85 ** 10 names, 64.1 bits
const kMostBytes = 128;   // docs/protocol.md, Rooms

function* randomSyllables() {
  // Bytes from this number on would make the first syllables likelier than the others.
  const end = 256 - 256 % kSyllables.length;
  for (;;) {
    for (const byte of crypto.getRandomValues(new Uint8Array(16))) if (byte < end) yield kSyllables[byte % kSyllables.length];
  }
}

// A name that can be read out and that nobody can guess: whoever has the link is invited, and nobody else finds the room.
export function suggestRoom() {
  const syllables = randomSyllables();
  return kWords.map((count) => Array.from({ length: count }, () => syllables.next().value).join('')).join('-');
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

// Whether one slip of the fingers makes `b` of `a`: a letter that is missing, too many, wrong, or changed places with the next.
function isSlip(a, b) {
  if (a.length > b.length) return isSlip(b, a);
  let same = 0;
  while (same < a.length && a[same] === b[same]) ++same;
  const [rest, other] = [a.slice(same), b.slice(same)];
  if (a.length < b.length) return rest === other.slice(1);
  return rest.slice(1) === other.slice(1) || rest.length > 1 && rest[0] === other[1] && rest[1] === other[0] && rest.slice(2) === other.slice(2);
}

// `/doctr` is the room doctr to the server. The page that was meant, perhaps, or null.
export function pageMeant(room) {
  return isSlip(room.trim().toLowerCase(), 'doctor') ? '/doctor' : null;
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
