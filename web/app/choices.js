// What a person has chosen, kept in this browser: the name, which camera, microphone and speaker to use, how the call is shown. Without storage, as with
// all cookies blocked, it holds until the page is left.

const kKept = 'sigway choices';
const kFields = ['name', 'camera', 'mic', 'speaker', 'keys', 'corner'];
const kMostId = 512;                 // characters of a device id

/** Characters of a name. */
export const kLongestName = 40;

// Something that can be seen: the Hangul fillers count as letters, the blank of Braille as a symbol.
const kVisible = /[^\p{Default_Ignorable_Code_Point}\p{Cf}\p{Mark}\p{White_Space}\u2800]/u;

// A name as it may be shown: one line, without control characters and without the marks that turn the direction of the text around it.
// Empty where nothing of it could be seen.
export function cleanName(text) {
  if (typeof text !== 'string') return '';
  const one = text.slice(0, 8 * kLongestName).replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').replace(/[\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '')
    .replace(/\s+/g, ' ').trim();
  const name = [...one].slice(0, kLongestName).join('').trim();
  return kVisible.test(name) ? name : '';
}

// Letters of other scripts that look like those of "You", for whoever writes it with them.
const kLookalikes = { у: 'y', ү: 'y', γ: 'y', υ: 'u', ʏ: 'y', о: 'o', ο: 'o', օ: 'o', 'ᴏ': 'o', 0: 'o', ս: 'u', 'ᴜ': 'u', 'ц': 'u', 'μ': 'u' };
const folded = (text) => [...text.normalize('NFKD').toLowerCase().replace(/[\p{Mark}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, '')]
  .map((letter) => kLookalikes[letter] ?? letter).join('');
const letters = (text) => text.replace(/[^\p{L}\p{N}]/gu, '');

/** Whether somebody else's name could be taken for the label of one's own picture and lines: "You", "You (Ada)", or one's own name. */
export function looksOwn(name, own) {
  const read = folded(name), plain = letters(read) || read, mine = folded(own);
  return /^[^\p{L}\p{N}]*you(?![\p{L}\p{N}])/u.test(read) || plain === 'you' || mine !== '' && plain === (letters(mine) || mine);
}

function load() {
  try {
    const kept = JSON.parse(localStorage.getItem(kKept));
    return Object.fromEntries(kFields.filter((field) => typeof kept?.[field] === 'string').map((field) => [field, kept[field].slice(0, kMostId)]));
  } catch {
    return {};
  }
}

const chosen = load();

export const choice = (field) => field === 'name' ? cleanName(chosen.name ?? '') : chosen[field] ?? '';

export function choose(field, value) {
  chosen[field] = field === 'name' ? cleanName(value) : value;
  try {
    localStorage.setItem(kKept, JSON.stringify(chosen));
  } catch { /* it holds until the page is left */ }
}

// A field for the name, kept as it is typed.
export function nameField(input) {
  input.value = choice('name');
  input.maxLength = kLongestName;
  input.oninput = () => choose('name', input.value);
}
