// The client's parts are all asked for in one round trip: sigway.js and peer.js name each of theirs, and the page preloads them.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';

const web = new URL('../../web/', import.meta.url);
const read = (path) => readFile(new URL(path, web), 'utf8');
const partsOf = async (name) => (await readdir(new URL(`client/${name}/`, web))).sort();

for (const name of ['sigway', 'peer']) {
  test(`${name}.js names every part`, async () => {
    const named = [...(await read(`client/${name}.js`)).matchAll(/'\.\/(\w+)\/(\w+\.js)'/g)].map(([, folder, part]) => {
      assert.equal(folder, name);
      return part;
    });
    assert.deepEqual(named.sort(), await partsOf(name));
  });

  test(`the page preloads ${name}.js and every part`, async () => {
    const html = await read('index.html');
    assert.match(html, new RegExp(`modulepreload" href="/client/${name}\\.js"`));
    const preloaded = [...html.matchAll(new RegExp(`modulepreload" href="/client/${name}/(\\w+\\.js)"`, 'g'))].map(([, part]) => part);
    assert.deepEqual(preloaded.sort(), await partsOf(name));
  });
}

test('no name is declared by two parts, so that they can be put into one script', async () => {
  const homes = new Map();
  for (const part of await partsOf('sigway')) {
    for (const [, name] of (await read(`client/sigway/${part}`)).matchAll(/^(?:export )?(?:async )?(?:class|function|const) (\w+)/gm)) {
      assert.equal(homes.get(name), undefined, `${name} is in ${part} too`);
      homes.set(name, part);
    }
  }
});
