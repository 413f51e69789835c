// No table of the server is keyed by text under a hash that a client can compute: such a table costs as much as the client likes.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const kRoot = fileURLToPath(new URL('../..', import.meta.url));
// The parts that run in the server, and where the keys are the server's own: the names of its pages.
const kFolders = ['src/base', 'src/bus', 'src/dialects', 'src/http', 'src/net', 'src/server', 'src/session', 'transports'];
const kOwnKeys = { 'src/server/static_pages.h': 1 };
// Numbers of ours, and values that are keyed hashes themselves. Pointers are ours, too.
const kHarmless = /^(std::)?(u?int\d+_t|size_t|ConnectionId|(session::)?SessionId|KeyHash|Key|(base::)?AddressKey)$/;

function sources(folder) {
  return readdirSync(join(kRoot, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? sources(path) : /\.(cpp|h)$/.test(path) ? [path] : [];
  });
}

test('tables whose keys a client chooses have a keyed hash', () => {
  const open = [];
  for (const path of kFolders.flatMap(sources)) {
    const text = readFileSync(join(kRoot, path), 'utf8').replaceAll(/\/\/.*/g, '');
    let own = kOwnKeys[path] ?? 0;
    for (const [, key, rest] of text.matchAll(/\bunordered_(?:multi)?(?:map|set)<\s*([\w:]+)\s*([^;]*);/g)) {
      if (!kHarmless.test(key) && !rest.startsWith('*') && !rest.includes('KeyedHash') && own-- <= 0) open.push(`${path}: ${key}`);
    }
    for (const [, key] of text.matchAll(/(?<!struct )\bstd::hash<\s*([\w:]+)\s*>\s*[({]/g)) {
      if (!kHarmless.test(key)) open.push(`${path}: std::hash<${key}>`);
    }
  }
  assert.deepEqual(open, []);
});
