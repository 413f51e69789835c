// The client's parts are all asked for in one round trip: sigway.js names each of them, and the page preloads them.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';

const web = new URL('../../web/', import.meta.url);
const read = (path) => readFile(new URL(path, web), 'utf8');
const parts = (await readdir(new URL('client/sigway/', web))).sort();

test('sigway.js names every part', async () => {
  const named = [...(await read('client/sigway.js')).matchAll(/'\.\/sigway\/(\w+\.js)'/g)].map(([, part]) => part);
  assert.deepEqual(named.sort(), parts);
});

test('the page preloads sigway.js and every part', async () => {
  const preloaded = [...(await read('index.html')).matchAll(/modulepreload" href="\/client\/sigway\/(\w+\.js)"/g)].map(([, part]) => part);
  assert.deepEqual(preloaded.sort(), parts);
});

test('no name is declared by two parts, so that they can be put into one script', async () => {
  const homes = new Map();
  for (const part of parts) {
    for (const [, name] of (await read(`client/sigway/${part}`)).matchAll(/^(?:export )?(?:async )?(?:class|function|const) (\w+)/gm)) {
      assert.equal(homes.get(name), undefined, `${name} is in ${part} too`);
      homes.set(name, part);
    }
  }
});
