// The command lines of the README's "Running it", as they stand there but for the port: each starts, and is what its comment says.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { fetchJson, makeKey } from '../conformance/support/members.mjs';

const kReadme = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8');
const [, block] = /## Running it[^]*?```sh\n([^]*?)```/.exec(kReadme);
const lines = block.trim().split('\n');
const folder = mkdtempSync(join(tmpdir(), 'sigway-readme-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
symlinkSync(process.env.SIGWAY_BINARY, join(folder, 'sigway'));
execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-keyout', 'key.pem', '-out', 'chain.pem'],
  { cwd: folder, stdio: 'ignore' });

const open = (server, headers = {}) => fetchJson(server, '/v1/poll', { key: makeKey(), open: {}, wait: 0 }, { headers });
const foreign = { Host: 'call.example.org', Origin: 'https://other.example.org' };
const kClaims = {
  '--public-origin': async (server) => {
    const page = { Host: 'sigway.internal', Origin: 'https://call.example.org' };
    assert.equal((await open(server, page)).status, 200);
    assert.equal((await open(server, foreign)).status, 403);
  },
  '--tls-cert': async (server) => {
    assert.match(server.url, /^https:/);
    assert.equal((await open(server)).status, 200);
    server.process.kill('SIGHUP');
    for await (const line of server.log) if (/certificate has been reloaded/.test(line)) break;
    assert.equal((await open(server)).status, 200);
  },
  '--tls-self-signed': async (server) => {
    assert.match(server.url, /^https:/);
    assert.equal((await open(server)).status, 200);
  },
  '--turn-secret': async (server) => {
    const [{ urls, username, credential }] = (await open(server)).json.welcome.ice;
    assert.match([urls].flat()[0], /^turn:turn\.example\.org:3478/);
    assert.match(username, /^\d+:/);
    assert.ok(credential);
  },
};

for (const line of lines) {
  test(line, async () => {
    const [flag, claim] = Object.entries(kClaims).find(([name]) => line.includes(name)) ?? [];
    assert.ok(flag, 'somebody has to say here what this line promises');
    const process_ = spawn('sh', ['-c', `exec ${line.replace(/#.*/, '')} --port 0`], { cwd: folder, env: { ...process.env, PATH: `${folder}:${process.env.PATH}` }, stdio: ['ignore', 'pipe', 'pipe'] });
    const log = createInterface({ input: process_.stderr });
    try {
      const [said] = await once(createInterface({ input: process_.stdout }), 'line');
      const [, scheme, port] = /^sigway listening on (https?):\/\/.*:(\d+)$/.exec(said);
      await claim({ url: `${scheme}://127.0.0.1:${port}`, process: process_, log });
    } finally {
      process_.kill('SIGINT');
      await once(process_, 'exit');
    }
  });
}

test('each promise is of a line that is there', () => {
  for (const flag of Object.keys(kClaims)) assert.ok(lines.some((line) => line.includes(flag)), flag);
});
