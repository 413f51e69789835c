// scripts/install-client-scripts.sh on a machine without npm, from a registry on the loopback.

import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const kSource = fileURLToPath(new URL('../..', import.meta.url));
const kScripts = 'src/dialects/socketio/scripts';
const root = mkdtempSync(join(tmpdir(), 'sigway-client-scripts-'));
const commands = join(root, 'bin');
const archives = new Map();
const asked = [];
const registry = createServer((request, response) => {
  asked.push(request.url);
  const archive = archives.get(request.url);
  response.writeHead(archive ? 200 : 404).end(archive);
});

before(async () => {
  mkdirSync(commands);
  for (const name of ['awk', 'base64', 'bash', 'curl', 'dirname', 'gzip', 'mkdir', 'mktemp', 'od', 'rm', 'sha512sum', 'tar', 'touch', 'tr']) {
    symlinkSync(['/bin', '/usr/bin'].map((each) => join(each, name)).find(existsSync), join(commands, name));
  }
  registry.listen(0, '127.0.0.1');
  await once(registry, 'listening');
});
after(() => {
  registry.close();
  rmSync(root, { recursive: true, force: true });
});

function archiveOf(text) {
  const folder = mkdtempSync(join(root, 'archive-'));
  mkdirSync(join(folder, 'package/dist'), { recursive: true });
  writeFileSync(join(folder, 'package/dist/socket.io.min.js'), text);
  return execFileSync('tar', ['-cz', '-C', folder, 'package']);
}

// A checkout whose lock file is ours, with the hash of what the registry should have instead of the real one.
function checkout(name, integrityOf) {
  const folder = join(root, name);
  const scripts = join(folder, kScripts);
  mkdirSync(scripts, { recursive: true });
  mkdirSync(join(folder, 'scripts'));
  cpSync(join(kSource, 'scripts/install-client-scripts.sh'), join(folder, 'scripts/install-client-scripts.sh'));
  cpSync(join(kSource, kScripts, 'package.json'), join(scripts, 'package.json'));
  const lock = JSON.parse(readFileSync(join(kSource, kScripts, 'package-lock.json'), 'utf8'));
  const clients = Object.entries(lock.packages).filter(([, entry]) => entry.name === 'socket.io-client');
  for (const [, entry] of clients) entry.integrity = integrityOf(entry.version);
  writeFileSync(join(scripts, 'package-lock.json'), `${JSON.stringify(lock, null, 2)}\n`);
  const run = async () => {
    const env = { PATH: commands, TMPDIR: root, npm_config_registry: `http://127.0.0.1:${registry.address().port}/` };
    const child = spawn(join(commands, 'bash'), [join(folder, 'scripts/install-client-scripts.sh')], { env });
    let errors = '';
    child.stderr.on('data', (data) => (errors += data));
    const [status] = await once(child, 'close');
    return { status, errors };
  };
  const installed = (alias) => join(scripts, alias, 'dist/socket.io.min.js');
  return { run, clients, installed };
}

const integrity = (archive) => `sha512-${createHash('sha512').update(archive).digest('base64')}`;
const address = (version) => `/socket.io-client/-/socket.io-client-${version}.tgz`;

test('curl fetches what the lock file names, once', async () => {
  const { run, clients, installed } = checkout('good', (version) => {
    const archive = archiveOf(`client ${version}`);
    archives.set(address(version), archive);
    return integrity(archive);
  });
  assert.deepEqual(await run(), { status: 0, errors: '' });
  assert.equal(clients.length, 3);
  for (const [alias, { version }] of clients) assert.equal(readFileSync(installed(alias), 'utf8'), `client ${version}`);
  assert.deepEqual(asked.splice(0).sort(), clients.map(([, { version }]) => address(version)).sort());
  assert.equal((await run()).status, 0);
  assert.deepEqual(asked, []);
});

test('what is not as the lock file says is not installed', async () => {
  const { run, clients, installed } = checkout('forged', (version) => {
    archives.set(address(version), archiveOf('forged'));
    return integrity(Buffer.from('the real one'));
  });
  const { status, errors } = await run();
  assert.equal(status, 1);
  assert.match(errors, /socket\.io-client 0\.9\.17 is not what the lock file says\n.*curl has failed/);
  for (const [alias] of clients) assert.ok(!existsSync(installed(alias)));
});
