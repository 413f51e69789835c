// Every error code that the sources know stands in docs/protocol.md with its status, and the other way round.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const kRoot = fileURLToPath(new URL('../..', import.meta.url));

function sources(folder) {
  return readdirSync(join(kRoot, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? sources(path) : /\.(cpp|h)$/.test(path) ? [path] : [];
  });
}

// code → statuses; as the table of error.cpp and the answers of the HTTP side are written.
function codesOfSources() {
  const codes = new Map();
  for (const path of [...sources('src'), ...sources('transports')]) {
    const text = readFileSync(join(kRoot, path), 'utf8');
    const found = [
      ...[...text.matchAll(/ErrorCode::\w+,\s*"([a-z0-9_]+)",\s*(\d{3})/g)].map(([, code, status]) => [code, status]),
      ...[...text.matchAll(/[({]\s*([45]\d\d),\s*"([a-z0-9_]+)"/g)].map(([, status, code]) => [code, status]),
    ];
    for (const [code, status] of found) codes.set(code, new Set([...codes.get(code) ?? [], status]));
  }
  return codes;
}

function codesOfDocument() {
  const [, chapter] = readFileSync(join(kRoot, 'docs/protocol.md'), 'utf8').split('\n## Errors\n');
  const table = chapter.split('\n## ')[0].split('\n').filter((line) => line.startsWith('| `'));
  const codes = new Map();
  for (const line of table) {
    const [names, status] = line.split('|').slice(1);
    for (const [, code] of names.matchAll(/`([a-z0-9_]+)`/g)) codes.set(code, status.trim().slice(0, 3));
  }
  return codes;
}

test('the sources and docs/protocol.md know the same error codes', () => {
  const known = codesOfSources();
  assert.ok(known.size > 40, `${known.size} codes found in the sources`);
  assert.deepEqual([...known.keys()].sort(), [...codesOfDocument().keys()].sort());
});

test('and the same statuses', () => {
  const known = codesOfSources();
  for (const [code, status] of codesOfDocument()) {
    // Those without one are events only.
    if (status !== '') assert.deepEqual([...known.get(code)], [status], code);
  }
});
