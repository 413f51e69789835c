// The names that the page suggests, without a browser: nobody can guess one, and everybody can read one out.

import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { after, before, test } from 'node:test';
import { pageMeant, roomOf, roomPath, roomProblem, suggestRoom } from '../../web/app/rooms.js';

const own = Object.getOwnPropertyDescriptor(globalThis, 'crypto');
const crypto = (value) => Object.defineProperty(globalThis, 'crypto', { value, configurable: true });
before(() => crypto(webcrypto));   // Node 18 has none by itself
after(() => { if (own) Object.defineProperty(globalThis, 'crypto', own); else delete globalThis.crypto; });

const syllablesOf = (name) => name.replaceAll('-', '').match(/../g);

test('one slip of the fingers is what makes a mistyped page, in any case', () => {
  for (const room of ['doctr', 'doctor', 'Doctor', 'DOCTR', 'docotr', 'odctor', 'docter', 'doctors', 'ddoctor', ' doctor']) assert.equal(pageMeant(room), '/doctor', room);
  for (const room of ['', 'd', 'doc', 'actor', 'factor', 'proctor', 'garden', 'doctors 2', 'rotcod', 'doctor doctor']) assert.equal(pageMeant(room), null, room);
});

test('a name is pronounceable, a path as it is, and short enough to read out', () => {
  for (let i = 0; i < 1000; ++i) {
    const name = suggestRoom();
    assert.match(name, /^([bdfghjklmnprstvyz][aeiou]){3}-([bdfghjklmnprstvyz][aeiou]){2}-([bdfghjklmnprstvyz][aeiou]){3}-([bdfghjklmnprstvyz][aeiou]){2}$/);
    assert.ok(name.length <= 24, name);
    assert.equal(roomProblem(name), '');
    assert.equal(roomPath(name), `/r/${name}`);
    assert.deepEqual(roomOf({ pathname: roomPath(name), search: '' }), { room: name, capacity: 2 });
  }
});

test('at least 64 bits, each from crypto.getRandomValues, and no syllable likelier than another', () => {
  // Each value of the first byte, before bytes that all mean one syllable: the first syllable of the name is its, unless it is
  // thrown away, because values that are left over would favour some.
  const firstOf = (value) => {
    crypto({ getRandomValues: (bytes) => { bytes.fill(0); bytes[0] = value; return bytes; } });
    return syllablesOf(suggestRoom())[0];
  };
  const counts = new Map();
  for (let value = 0; value < 256; ++value) counts.set(firstOf(value), (counts.get(firstOf(value)) ?? 0) + 1);
  const usual = firstOf(0);
  const others = [...counts].filter(([syllable]) => syllable !== usual);
  assert.equal(new Set(others.map(([, count]) => count)).size, 1, JSON.stringify([...counts]));
  assert.ok(counts.get(usual) >= others[0][1]);
  const bits = syllablesOf(suggestRoom()).length * Math.log2(counts.size);
  assert.ok(bits >= 64, `${bits} bits`);
  // Nothing else is random: the same bytes make the same name.
  crypto({ getRandomValues: (bytes) => bytes.fill(7) });
  assert.equal(suggestRoom(), suggestRoom());
  crypto(webcrypto);
  assert.equal(new Set(Array.from({ length: 10000 }, suggestRoom)).size, 10000);
});
