// The client library, installed, in a project that knows nothing of the build: examples/cpp. Two of its programs negotiate.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server } from '../faults/server.mjs';
import { Child } from './child.mjs';

const { SIGWAY_BUILD, SIGWAY_SOURCE, SIGWAY_CMAKE = 'cmake', SIGWAY_BINARY, SIGWAY_SANITIZE } = process.env;

test('the installed library builds into a program elsewhere, and works there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sigway-installed-'));
  const cmake = (...args) => execFileSync(SIGWAY_CMAKE, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    cmake('--install', SIGWAY_BUILD, '--component', 'client', '--prefix', join(folder, 'installed'));
    cmake('-G', 'Ninja', '-S', join(SIGWAY_SOURCE, 'examples/cpp'), '-B', join(folder, 'build'), `-DCMAKE_PREFIX_PATH=${join(folder, 'installed')}`,
      ...(SIGWAY_SANITIZE ? [`-DCMAKE_EXE_LINKER_FLAGS=-fsanitize=${SIGWAY_SANITIZE}`] : []));
    cmake('--build', join(folder, 'build'));
    const server = await Server.start(SIGWAY_BINARY, []);
    try {
      const url = `http://${server.host}:${server.port}`;
      const program = join(folder, 'build/sigway-negotiate');
      const one = new Child(program, [url, 'garden'], { http_proxy: '', all_proxy: '' });
      await one.event('created');
      const two = new Child(program, [url, 'garden'], { http_proxy: '', all_proxy: '' });
      assert.equal(await one.exit(), 0, one.err);
      assert.equal(await two.exit(), 0, two.err);
      assert.equal((await two.event('offer')).data.sdp, 'v=0');
      assert.equal((await one.event('answer')).data.sdp, 'v=0');
      const misused = new Child(program, ['nonsense', 'garden']);
      assert.equal(await misused.exit(), 2);
      assert.match(misused.err, /not the URL of a server/);
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
