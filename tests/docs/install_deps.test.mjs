// scripts/install-deps.sh on a Debian where everything is missing, run by a user who is not root. The commands that it calls are written
// down and do nothing.

import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const kSource = fileURLToPath(new URL('../..', import.meta.url));
const kServices = ['nginx', 'haproxy', 'squid', 'tinyproxy', 'caddy', 'coturn'];
const kUser = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {};
const root = mkdtempSync(join(tmpdir(), 'sigway-install-'));
const script = join(root, 'install-deps.sh');

before(() => {
  chmodSync(root, 0o777);
  writeFileSync(script, readFileSync(join(kSource, 'scripts/install-deps.sh')), { mode: 0o755 });
});
after(() => rmSync(root, { recursive: true, force: true }));

let machines = 0;
// A folder of commands, those of the system and `commands`, {name: shell text}. `calls()` are the calls of the latter, but for sudo.
function machine(commands) {
  const folder = join(root, String(++machines));
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  const calls = join(folder, 'calls');
  for (const name of ['bash', 'cat', 'env', 'grep', 'mktemp', 'realpath', 'rm', 'sh', 'tail']) {
    symlinkSync(['/bin', '/usr/bin'].map((each) => join(each, name)).find(existsSync), join(folder, name));
  }
  for (const [name, text] of Object.entries(commands)) {
    writeFileSync(join(folder, name), `#!/bin/sh\necho "$DEBIAN_FRONTEND ${name} $*" >>${calls}\n${text}\n`, { mode: 0o755 });
  }
  return {
    run: (kind) => spawnSync(join(folder, 'bash'), [script, kind], { env: { PATH: folder, TMPDIR: root }, encoding: 'utf8', ...kUser }),
    calls: () => (existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n').filter((call) => !/^\S* sudo /.test(call)) : []),
  };
}

const debian = {
  'dpkg-query': 'exit 1',
  'apt-cache': 'exit 100',
  'apt-get': 'case $* in *simulate*) echo "Inst one"; echo "Inst two" ;; esac',
  sudo: 'unset DEBIAN_FRONTEND; exec "$@"',
};
// systemd, which knows these services before apt-get installs, and all of them afterwards.
const systemd = (known) => ({
  systemctl: `case "$1 $2" in
  "cat "*) case " ${known} " in *" \${2%.service} "*) exit 0 ;; esac; grep -q "install -y" "\${0%/*}/calls" ;;
  esac`,
});
const installation = (calls) => calls.find((call) => / install -y /.test(call)) ?? '';
const stopped = (calls) => calls.map((call) => /systemctl disable --now (\w+)\.service$/.exec(call)?.[1]).filter(Boolean);

test('it installs packages that exist, and says how many before it does', () => {
  const { run, calls } = machine(debian);
  const { status, stdout, stderr } = run('build');
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(installation(calls()), /^noninteractive apt-get .* g\+\+ .* node-llhttp$/);
  assert.match(installation(calls()), / curl /);
  assert.match(stdout, /^Installing with apt-get: .* node-llhttp\nPackages with their dependencies: 2\./m);
});

test('on a later Debian it takes the library of llhttp', () => {
  const { run, calls } = machine({ ...debian, 'apt-cache': '' });
  assert.equal(run('build').status, 0);
  assert.match(installation(calls()), / libllhttp-dev$/);
});

test('the services that come with the packages do not stay, those that were there do', () => {
  const { run, calls } = machine({ ...debian, ...systemd('nginx') });
  const { status, stderr } = run('test');
  assert.deepEqual([status, stderr], [0, '']);
  assert.deepEqual(stopped(calls()).sort(), kServices.filter((service) => service !== 'nginx').sort());
});

test('nor after an installation that failed, whose log it shows', () => {
  const { run, calls } = machine({ ...debian, ...systemd(''), 'apt-get': 'case $* in *simulate*) echo "Inst one" ;; *install*) echo "no space left"; exit 100 ;; esac' });
  const { status, stderr } = run('test');
  assert.equal(status, 1);
  assert.match(stderr, /no space left/);
  assert.deepEqual(stopped(calls()).sort(), [...kServices].sort());
});

test('without systemd there is nothing to stop', () => {
  const { run, calls } = machine({ ...debian, systemctl: 'exit 1' });
  assert.equal(run('test').status, 0);
  assert.deepEqual(stopped(calls()), []);
});

test('without sudo it says what to run as root', () => {
  const { sudo: _, ...others } = debian;
  const { run, calls } = machine(others);
  const { status, stderr } = run('build');
  assert.equal(status, 1);
  assert.equal(installation(calls()), '');
  assert.ok(stderr.endsWith(`\n  ${script} build\n`), stderr);
});

test('where nothing is missing it does nothing', () => {
  const tools = Object.fromEntries(['g++', 'cmake', 'ninja', 'pkg-config', 'curl', 'node', 'npm'].map((name) => [name, '']));
  const { run, calls } = machine({ ...debian, ...tools, 'dpkg-query': 'echo "install ok installed"' });
  const { status, stdout, stderr } = run('build');
  assert.deepEqual([status, stdout, stderr], [0, '', '']);
  assert.deepEqual(calls().filter((call) => !/dpkg-query/.test(call)), []);
});

test('to build and serve it needs no npm', () => {
  const { run, calls } = machine(debian);
  assert.equal(run('build').status, 0);
  assert.match(installation(calls()), / ca-certificates /);
  assert.doesNotMatch(installation(calls()), / npm /);
});

test('to test it does', () => {
  const { run, calls } = machine(debian);
  assert.equal(run('test').status, 0);
  assert.match(installation(calls()), / npm /);
});
