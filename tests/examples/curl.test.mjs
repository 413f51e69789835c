// examples/curl/: alice and bob at the same time, each by each of the two transports; what they print is the
// whole exchange. And the three lines of its README, as they stand there.

import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Inbox, within } from '../conformance/support/patience.mjs';
import { Server } from '../conformance/support/server.mjs';

const kFolder = fileURLToPath(new URL('../../examples/curl/', import.meta.url));
const run = promisify(execFile);

let server;
before(async () => { server = await Server.start(); });
after(async () => { assert.equal(await server.stop(), 0, server.log); });

// The events that a script has printed, once it is over by itself.
async function heard(script, who, room) {
  const { stdout, stderr } = await run('sh', [`${kFolder}${script}-${who}.sh`, room, server.url], { timeout: 60000 });
  assert.equal(stderr, '');
  return stdout.trimEnd().split('\n').map((line) => {
    assert.ok(line.startsWith(`${who} hears {`), line);
    return JSON.parse(line.slice(`${who} hears `.length));
  });
}

const said = (events) => events.filter(({ from }) => from).map(({ type, name, data }) => [type, name, data]);

for (const caller of ['sse', 'poll']) {
  for (const called of ['sse', 'poll']) {
    test(`${caller}-alice.sh calls ${called}-bob.sh`, async () => {
      const room = `${caller}-${called}`;
      const [alice, bob] = await Promise.all([heard(caller, 'alice', room), heard(called, 'bob', room)]);
      assert.deepEqual(said(alice), [['answer', 'bob', { sdp: 'v=0 of bob' }], ['candidate', 'bob', { candidate: '1 of bob' }]]);
      assert.deepEqual(said(bob), [['offer', 'alice', { sdp: 'v=0 of alice' }], ['candidate', 'alice', { candidate: '1 of alice' }],
        ['candidate', 'alice', { candidate: '2 of alice' }], ['bye', 'alice', undefined]]);
      for (const events of [alice, bob]) assert.ok(events.some(({ type }) => type === 'ready'));
    });
  }
}

test('a script that is refused says why and ends', async () => {
  await assert.rejects(run('sh', [`${kFolder}poll-alice.sh`, 'x'.repeat(129), server.url]), /bad_room/);
});

test('the three lines of the README', async (t) => {
  const [, block] = /```sh\n(.*?)```/s.exec(readFileSync(`${kFolder}README.md`, 'utf8'));
  const lines = block.trim().split('\n').map((line) => line.replace(/ +#.*/, '').replace('http://127.0.0.1:8080', server.url));
  assert.equal(lines.length, 3);
  // A person's terminal.
  const terminal = (command) => {
    const shell = spawn('sh', ['-c', `exec ${command}`]);
    const shown = new Inbox();
    createInterface({ input: shell.stdout }).on('line', (line) => shown.put(line));
    t.after(() => shell.kill());
    return async (pattern) => {
      for (;;) {
        const match = pattern.exec(await shown.take(() => String(pattern)));
        if (match) return match[1];
      }
    };
  };
  const first = terminal(lines[0]);
  const key = await first(/^data: .*"key":"([^"]+)"/);
  await first(/^data: ({"type":"created".*)/);
  const second = terminal(lines[1]);
  await second(/^data: ({"type":"ready".*)/);
  const { stdout } = await within(run('sh', ['-c', lines[2].replace('THE-KEY', key).replace('curl', 'curl -sS')]), () => 'the upload');
  assert.deepEqual(JSON.parse(stdout), { up: 1 });
  assert.deepEqual(JSON.parse(await second(/^data: ({"type":"offer".*)/)).data, { sdp: 'v=0' });
});
