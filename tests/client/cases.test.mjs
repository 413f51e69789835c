// The shared cases, by the JavaScript client.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { runCase } from './cases.mjs';

const folder = new URL('cases/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.json')).sort();

for (const file of files) describe(file, () => {
  for (const one of JSON.parse(readFileSync(new URL(file, folder), 'utf8'))) test(one.name, () => runCase(one));
});

test('there are cases', () => assert.ok(files.length >= 4));
