// The client as npm would publish it: what is in it, and that it works where it is installed: in Node, as a classic <script> in Chromium,
// and for tsc.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { launch, Server } from '../pages/support.mjs';

const kSource = fileURLToPath(new URL('../..', import.meta.url));
const kClient = join(kSource, 'web/client');
const kTsc = join(kSource, 'tests/node_modules/.bin/tsc');
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'sigway-package-'));
const installed = join(folder, 'node_modules/sigway-client');
let server, packed;

before(async () => {
  server = await Server.start();
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: kClient });
  [packed] = JSON.parse(stdout.slice(stdout.indexOf('[\n')));
  writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}');
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${packed.filename}`], { cwd: folder });
});
after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('in it: modules, their types, the README, the classic file, and nothing else', () => {
  const modules = readdirSync(kClient, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory()
    ? readdirSync(join(kClient, entry.name)).map((name) => `${entry.name}/${name}`) : entry.name)).filter((name) => /\.(js|d\.ts)$/.test(name));
  assert.deepEqual(packed.files.map(({ path }) => path).sort(), ['README.md', 'package.json', 'dist/sigway.classic.js', ...modules].sort());
  assert.equal(existsSync(join(kClient, 'dist')), false, 'what was built for the package is not kept');
  for (const path of Object.values(JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')).exports).flatMap((entry) => Object.values(Object(entry) === entry ? entry : { entry }))) {
    assert.ok(existsSync(join(installed, path)), path);
  }
  assert.equal(packed.bundled?.length ?? 0, 0);
});

test('in a fresh clone npm pack says which command is missing, and works after it', async () => {
  const clone = join(folder, 'clone');
  for (const name of ['scripts/classic-client.mjs', 'scripts/install-npm.sh', 'web/client', 'tests/package.json']) cpSync(join(kSource, name), join(clone, name), { recursive: true });
  const pack = () => run('npm', ['pack', '--offline'], { cwd: join(clone, 'web/client') });
  const { stderr } = await pack().then(() => assert.fail('packed without esbuild'), (error) => error);
  const [, command] = /Install it with\n\n {2}(.+)\n\nand then run this again\./.exec(stderr) ?? assert.fail(stderr);
  assert.equal(command, join(realpathSync(clone), 'scripts/install-npm.sh'));
  accessSync(command, constants.X_OK);
  symlinkSync(join(kSource, 'tests/node_modules'), join(clone, 'tests/node_modules'));   // what that command installs
  await pack();
  assert.ok(existsSync(join(clone, 'web/client', packed.filename)));
});

test('imported in Node, two of them talk', async () => {
  writeFileSync(join(folder, 'talk.mjs'), `
    import { connect } from 'sigway-client';
    import { PeerLink } from 'sigway-client/peer';
    import { FakeServer } from 'sigway-client/testing';
    if (typeof PeerLink !== 'function') throw new Error('no PeerLink');
    await new FakeServer().connect({ room: 'r' }).opened;
    const options = { url: process.argv[2], room: 'packed', keyStore: false, WebSocket: null };
    const a = connect(options), b = connect(options);
    const heard = new Promise((resolve) => b.on('message', resolve));
    a.on('ready', () => a.send('offer', { sdp: 'v=0' }));
    const { type, data } = await heard;
    console.log(type, JSON.stringify(data), a.transport !== 'websocket');
    a.close(); b.close();`);
  const { stdout } = await run('node', ['talk.mjs', server.url], { cwd: folder, timeout: 30000 });
  assert.equal(stdout, 'offer {"sdp":"v=0"} true\n');
});

test('by a classic <script> in Chromium', { timeout: 90000 }, async () => {
  const site = createServer((request, response) => {
    const isScript = request.url === '/sigway.classic.js';
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html; charset=utf-8');
    response.end(isScript ? readFileSync(join(installed, 'dist/sigway.classic.js')) : '<!doctype html><link rel="icon" href="data:,"><script src="sigway.classic.js"></script>');
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
  const browser = await launch();
  try {
    const page = await browser.newPage();
    const troubles = [];
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('console', (message) => message.type() === 'error' && troubles.push(message.text()));
    await page.goto(`http://127.0.0.1:${site.address().port}/`);
    const heard = await page.evaluate((url) => {
      const { connect, PeerLink } = window.sigway;
      const [a, b] = [0, 1].map(() => connect({ url, room: 'classic', keyStore: false }));
      a.on('ready', () => a.send('offer', { sdp: 'v=0' }));
      return new Promise((resolve) => b.on('message', ({ type, data }) => resolve([type, data, typeof PeerLink])));
    }, server.url);
    assert.deepEqual(heard, ['offer', { sdp: 'v=0' }, 'function']);
    assert.deepEqual(troubles, []);
  } finally {
    await browser.close();
    site.close();
  }
});

test('type-checked by tsc, as a module of Node and of a bundler', async () => {
  const good = `import { connect, SigwayError, type Connection } from 'sigway-client';
import { PeerLink } from 'sigway-client/peer';
import { FakeServer } from 'sigway-client/testing';
const connection: Connection = connect({ url: 'http://localhost:8080', room: 'r', transport: 'auto' });
connection.on('message', ({ type, data }) => { const text: string = type; void text; void data; });
try { connection.send('offer', {}); } catch (error) { if (error instanceof SigwayError) console.log(error.code); }
void new PeerLink(connection, { channels: ['chat'] });
const fake: Connection = new FakeServer().connect({ room: 'r' });
void fake;
`;
  for (const [module, moduleResolution] of [['NodeNext', 'NodeNext'], ['ESNext', 'Bundler']]) {
    const check = async (name, text) => {
      mkdirSync(join(folder, name), { recursive: true });
      writeFileSync(join(folder, name, 'consumer.ts'), text);
      writeFileSync(join(folder, name, 'tsconfig.json'), JSON.stringify({ files: ['consumer.ts'],
        compilerOptions: { strict: true, noEmit: true, target: 'ES2022', lib: ['ES2022', 'DOM'], types: [], skipLibCheck: false, module, moduleResolution } }));
      return run(kTsc, ['-p', join(folder, name)]).then(() => '', ({ stdout }) => stdout);
    };
    assert.equal(await check('good', good), '');
    assert.match(await check('bad', good.replace("transport: 'auto'", "transport: 'pigeon'")), /consumer\.ts.*'"pigeon"' is not assignable/);
  }
});
