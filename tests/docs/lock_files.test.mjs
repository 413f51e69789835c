// What npm installs here is what the lock files say, today and in a year.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

for (const folder of ['tests', 'bench/peers', 'src/dialects/socketio/scripts']) {
  const read = (name) => JSON.parse(readFileSync(join(process.env.SIGWAY_SOURCE, folder, name), 'utf8'));
  const { packages } = read('package-lock.json');

  test(`${folder}: the lock file names no registry, so that any will do`, () => {
    for (const [path, { resolved }] of Object.entries(packages)) assert.equal(resolved, undefined, path);
  });

  // Without an address in the lock file npm looks a tag up each time, and `npm ci` fails once it, or a dependency of what it names,
  // has moved on.
  test(`${folder}: no package is asked for by a tag`, () => {
    const { overrides = {} } = read('package.json');
    for (const [path, entry] of Object.entries(packages)) {
      for (const [name, wanted] of Object.entries({ ...entry.dependencies, ...entry.devDependencies, ...entry.optionalDependencies })) {
        if (/^(npm:|[\^~<>=*\dvx])/.test(wanted.trim()) || wanted === '') continue;
        assert.equal(overrides[name], packages[`node_modules/${name}`]?.version, `${path || folder} asks for ${name}@${wanted}; package.json needs an override`);
      }
    }
  });
}
