// The features of `welcome` stand in docs/protocol.md, and no message type is reserved but by the first `sigway.v1` or by a feature.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const read = (path) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');

// Of commit 4292eb5. Never add one here: a new type needs a feature.
const kReservedAtFirst = ['created', 'joined', 'ready', 'full', 'left', 'place-lost', 'peer-joined', 'peer-named', 'peer-suspended', 'peer-resumed',
  'peer-left', 'name-lost', 'stored', 'error'];
const kCommands = ['join', 'leave', 'login', 'logout'];

const names = (text) => [...text.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name);
const chapter = (title) => read('docs/protocol.md').split(`\n## ${title}\n`)[1].split('\n## ')[0];
const table = (title) => chapter(title).split('\n').filter((line) => line.startsWith('| `')).map((line) => line.split('|').slice(1));

const features = table('Versions').map(([name, , reserves]) => ({ name: names(name)[0], reserves: names(reserves) }));
const reservedNow = [...read('src/dialects/native/message.cpp').match(/kReserved = \{([^}]*)\}/)[1].matchAll(/"([a-z-]+)"/g)].map(([, type]) => type);

test('the server and docs/protocol.md name the same features', () => {
  const [, list] = read('src/dialects/native/native.h').match(/kFeatures = R"\((.*)\)"/);
  assert.deepEqual(JSON.parse(list), features.map(({ name }) => name));
});

test('a message type is reserved by the first sigway.v1 or by a feature', () => {
  assert.deepEqual([...reservedNow].sort(), [...kReservedAtFirst, ...features.flatMap(({ reserves }) => reserves)].sort());
});

test('docs/protocol.md lists as events what is reserved', () => {
  const events = table('Down: events').flatMap(([type]) => names(type));
  assert.deepEqual(events.filter((type) => !kCommands.includes(type)).sort(), [...reservedNow].sort());
});
