// The client library, installed, in projects that know nothing of the build: examples/cpp by CMake, where two of its programs negotiate,
// and asking.cpp by pkg-config and the shared library, which talks with the JavaScript client.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SigwayError, connect } from '../../web/client/sigway.js';
import { Server } from '../faults/server.mjs';
import { Child } from './child.mjs';

const { SIGWAY_BUILD, SIGWAY_SOURCE, SIGWAY_CMAKE = 'cmake', SIGWAY_BINARY, SIGWAY_SANITIZE } = process.env;

const folder = mkdtempSync(join(tmpdir(), 'sigway-installed-'));
const installed = join(folder, 'installed');
const run = (program, args, env = {}) => execFileSync(program, args, { encoding: 'utf8', env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
const cmake = (...args) => run(SIGWAY_CMAKE, args);
const direct = { http_proxy: '', all_proxy: '' };
let server, url;

before(async () => {
  cmake('--install', SIGWAY_BUILD, '--component', 'client', '--prefix', installed);
  server = await Server.start(SIGWAY_BINARY, []);
  url = `http://${server.host}:${server.port}`;
});
after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true });
});

test('the installed library builds into a program elsewhere, and works there', async () => {
  cmake('-G', 'Ninja', '-S', join(SIGWAY_SOURCE, 'examples/cpp'), '-B', join(folder, 'build'), `-DCMAKE_PREFIX_PATH=${installed}`,
    ...(SIGWAY_SANITIZE ? [`-DCMAKE_EXE_LINKER_FLAGS=-fsanitize=${SIGWAY_SANITIZE}`] : []));
  cmake('--build', join(folder, 'build'));
  const program = join(folder, 'build/sigway-negotiate');
  const one = new Child(program, [url, 'garden'], direct);
  await one.event('created');
  const two = new Child(program, [url, 'garden'], direct);
  assert.equal(await one.exit(), 0, one.err);
  assert.equal(await two.exit(), 0, two.err);
  assert.equal((await two.event('offer')).data.sdp, 'v=0');
  assert.equal((await one.event('answer')).data.sdp, 'v=0');
  const misused = new Child(program, ['nonsense', 'garden']);
  assert.equal(await misused.exit(), 2);
  assert.match(misused.err, /not the URL of a server/);
});

// A shell runs them one after the other, in a copy of the example; the server's address is the only thing that is changed.
test('the lines of examples/cpp/README.md', { skip: SIGWAY_SANITIZE && 'they have no flags of a sanitizer' }, async () => {
  const home = join(folder, 'home'), example = join(home, 'example');
  mkdirSync(home);
  cpSync(join(SIGWAY_SOURCE, 'examples/cpp'), example, { recursive: true });
  const [make, pkg] = [...readFileSync(join(example, 'README.md'), 'utf8').matchAll(/```sh\n([^]*?)```/g)]
    .map(([, block]) => block.trim().split('\n').map((line) => line.replace(/\s+#.*/, '')));
  const shell = (line) => run('sh', ['-ec', `cd '${example}'\n${line.replace(/\bcmake\b(?!_)/g, `'${SIGWAY_CMAKE}'`)}`], { HOME: home });
  const [install, build, call, ...rest] = make;
  assert.deepEqual(rest, []);
  shell(install.replace('build/release', `'${SIGWAY_BUILD}'`));
  shell(build);
  // Both blocks have a program that is started twice in one room.
  const negotiates = async (command, env) => {
    const [program, , room] = command.split(/\s+/);
    const one = new Child(join(example, program), [url, room], { ...direct, ...env });
    await one.event('created');
    const two = new Child(join(example, program), [url, room], { ...direct, ...env });
    for (const each of [one, two]) assert.equal(await each.exit(), 0, each.err);
  };
  await negotiates(call);
  shell(pkg.join('\n'));
  await negotiates('negotiate URL shared', { LD_LIBRARY_PATH: join(home, 'sigway/lib') });
});

// ---- pkg-config, and the shared library ----

const lib = () => join(installed, readdirSync(installed).find((name) => /^lib/.test(name)));
const config = (...args) => run('pkg-config', [...args, 'sigway-client'], { PKG_CONFIG_PATH: join(lib(), 'pkgconfig') }).trim();
let asking = null;
const program = () => {
  if (asking) return asking;
  asking = join(folder, 'asking');
  run(process.env.CXX ?? 'c++', ['-std=c++20', '-Wall', '-Wextra', '-Werror', join(SIGWAY_SOURCE, 'tests/native/asking.cpp'), '-o', asking,
    ...config('--cflags', '--libs').split(/\s+/), '-pthread', ...(SIGWAY_SANITIZE ? [`-fsanitize=${SIGWAY_SANITIZE}`] : [])]);
  return asking;
};
const ask = (...args) => new Child(program(), args, { ...direct, LD_LIBRARY_PATH: lib() });

test('pkg-config: a program links to the shared library, by its soname', () => {
  assert.match(config('--modversion'), /^\d+\.\d+\.\d+$/);
  const [major, minor] = config('--modversion').split('.');
  assert.match(run('readelf', ['-d', program()]), new RegExp(`NEEDED.*\\[libsigway_client\\.so\\.${major}\\.${minor}\\]`));
  assert.deepEqual(readdirSync(lib()).filter((name) => name.includes('.so')).sort(), ['', `.${major}.${minor}`, `.${config('--modversion')}`].map((end) => `libsigway_client.so${end}`));
  assert.match(config('--static', '--libs'), /-lcurl.*-lssl|-lssl.*-lcurl/);
});

test('the shared library shows what client.h declares, and nothing of what it is made of', { skip: SIGWAY_SANITIZE && 'instrumented' }, () => {
  const shown = run('nm', ['-DC', '--defined-only', join(lib(), 'libsigway_client.so')]).split('\n').filter((line) => line.includes('sigway')).map((line) => line.slice(19));
  assert.deepEqual(shown.filter((name) => /sigway::client::|Implementation/.test(name)), []);
  for (const name of ['Client::send(', 'Client::request(', 'Client::respond(', 'Client::close()', 'to_string(', 'transport_named(']) {
    assert.ok(shown.some((each) => each.startsWith(`sigway::${name}`)), `${name} of ${shown.join('\n')}`);
  }
});

test('it asks the JavaScript client, and answers it', async () => {
  const native = ask(url, 'asking', '0');
  const connection = connect({ url, room: 'asking', keyStore: false, deadline: 60000, WebSocket: null });
  connection.respond('double', (number) => {
    if (typeof number !== 'number') throw new SigwayError('no_number', 'numbers only');
    return 2 * number;
  });
  await connection.once('ready');
  assert.equal(await connection.request('treble', 14, { deadline: 60000 }), 42);
  await assert.rejects(connection.request('treble', 0, { deadline: 60000 }), { code: 'no_zero', message: 'nothing to treble' });
  await native.until(() => native.out.includes('no_number'), 'answer');
  connection.send('bye');
  assert.equal(await native.exit(), 0, native.err);
  assert.equal(native.out, 'twice 21 is 42\nno_number: numbers only\nleft: closed by the application\nthen closed\n');
  await connection.close();
});

test('against a 404 it closes by its deadline, and says what it met', async () => {
  const other = createServer((request, response) => response.writeHead(404).end('nothing here')).listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const native = ask(`http://127.0.0.1:${other.address().port}`, 'room', '3000');
  assert.equal(await native.exit(), 3, native.err);
  assert.match(native.out, /^deadline: connecting took longer than 3000 ms; the latest attempt: .*404.*\nclosed\n$/);
  other.close();
});
