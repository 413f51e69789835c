// sigway-server, which scripts/run.sh builds: it serves, and says where the commands are.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join, dirname } from 'node:path';
import { createInterface } from 'node:readline';

const kServer = join(dirname(process.env.SIGWAY_BINARY), 'sigway-server');

test('it serves', async () => {
  const child = spawn(kServer, ['--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = await once(createInterface(child.stdout), 'line');
    const url = /^sigway listening on (\S+)$/.exec(line)[1];
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
  } finally {
    child.kill('SIGINT');
    await once(child, 'exit');
  }
});

test('a command is refused with the way to get it', () => {
  const { status, stderr } = spawnSync(kServer, ['join', 'garden'], { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stderr, /no command 'join'.*cmake --build --preset release --target sigway/);
});

test('its help calls it by its name, and names no command', () => {
  const { status, stdout } = spawnSync(kServer, ['--help'], { encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stdout, /^Usage: sigway-server \[--SETTING VALUE\]\.\.\.\n\nEach setting/m);
});

test('a wrong setting is refused as sigway refuses it', () => {
  const { status, stderr } = spawnSync(kServer, ['--no-such-setting'], { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stderr, /--no-such-setting is not a setting/);
});
