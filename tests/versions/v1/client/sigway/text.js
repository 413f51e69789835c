// The size and shape of JSON texts.

const encoder = new TextEncoder();
export const utf8Length = (text) => encoder.encode(text).length;

// How deep arrays and objects nest in a JSON text.
export function jsonDepth(text) {
  let depth = 0, most = 0, quoted = false;
  for (let i = 0; i < text.length; ++i) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') ++i;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === '{' || c === '[') most = Math.max(most, ++depth);
    else if (c === '}' || c === ']') --depth;
  }
  return most;
}

// Cuts `text` into strings whose JSON form is at most `limit` bytes each, never through a surrogate pair.
export function cutIntoPieces(text, limit) {
  const pieces = [];
  let start = 0, at = 0, bytes = 2;
  for (const character of text) {
    const code = character.codePointAt(0);
    const cost = code < 0x80 ? (character === '"' || character === '\\' ? 2 : 1) : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (bytes + cost > limit) {
      pieces.push(text.slice(start, at));
      start = at;
      bytes = 2;
    }
    bytes += cost;
    at += character.length;
  }
  pieces.push(text.slice(start));
  return pieces;
}
