// Every command of README.md, web/client/README.md and the READMEs of examples/, taken from the documents, in a shell. A command that
// nobody promises anything of here fails. Stand-ins: for Debian's packages, sudo, the compiler of a whole build and npm's registry, where it
// says so. The blocks in JavaScript and HTML run in snippets.test.mjs; "Running it" in readme.test.mjs; those on an installed library in
// tests/native/installed.test.mjs.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { Inbox, within } from '../conformance/support/patience.mjs';
import { startGateway, stopGateway } from '../dialects/support/gateway.mjs';
import { freePort } from '../support/free_port.mjs';

const { SIGWAY_SOURCE: source, SIGWAY_BINARY: binary } = process.env;
const root = mkdtempSync(join(tmpdir(), 'sigway-commands-'));
const documents = ['README.md', 'web/client/README.md', ...readdirSync(join(source, 'examples')).map((name) => `examples/${name}/README.md`)]
  .filter((name) => existsSync(join(source, name)));

// ---- the commands ----

// Lines of `sh` blocks, and what stands in the text between backquotes and begins as a command does.
const kCommand = /^(\.\/[\w-]+\.sh|scripts\/\w+\.sh|sudo|sigway|curl|npm|node|cmake|c\+\+|export) /;
function commandsOf(name) {
  const found = [];
  const text = readFileSync(join(source, name), 'utf8').replace(/^```(\w*)\n([^]*?)^```/gm, (_, language, block) => {
    if (language === 'sh') for (const line of block.trim().split('\n')) found.push(line.replace(/\s+#.*/, ''));
    else assert.ok(['js', 'html', 'cpp', ''].includes(language), `a block in ${language}, which no test runs`);
    return '';
  });
  for (const [, code] of text.matchAll(/`([^`\n]+)`/g)) if (kCommand.test(code)) found.push(code);
  return found.map((command) => ({ name, command }));
}
const commands = documents.flatMap(commandsOf);

// ---- a terminal ----

let server;
before(async () => { server = await startGateway(); });
after(async () => {
  await stopGateway(server);
  rmSync(root, { recursive: true, force: true });
});

let folders = 0;
function folderWith(files = {}) {
  const folder = join(root, String(++folders));
  mkdirSync(join(folder, 'bin'), { recursive: true });
  symlinkSync(binary, join(folder, 'bin/sigway'));
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text);
    if (name.startsWith('bin/')) chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

class Terminal {
  lines = new Inbox();
  out = '';
  err = '';
  constructor(t, command, { folder = folderWith(), at = folder, env = {} } = {}) {
    this.shell = spawn('sh', ['-c', command], { cwd: at, detached: true, stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, PATH: `${folder}/bin:${process.env.PATH}`, SIGWAY_URL: server.url, SIGWAY_MEMORY: join(folder, 'memory.json'), no_proxy: '*', ...env } });
    let rest = '';
    this.shell.stdout.on('data', (text) => {
      this.out += text;
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) this.lines.put(line);
    });
    this.shell.stderr.on('data', (text) => { this.err += text; });
    this.ended = once(this.shell, 'close').then(([code]) => code);
    t.after(async () => {
      try { process.kill(-this.shell.pid, 'SIGTERM'); } catch { /* all of it has ended */ }
      await this.ended;
    });
  }
  async says(pattern) {
    for (;;) {
      const match = pattern.exec(await this.lines.take(() => `${pattern} in ${this.out}${this.err}`));
      if (match) return match[1];
    }
  }
  async ends(code = 0) { assert.equal(await within(this.ended, () => `the end of ${this.out}${this.err}`), code, this.out + this.err); }
}

// A server that a document starts, its ports changed for free ones; gives the addresses in the order in which it names them.
async function serve(t, command, options = {}) {
  const free = await freePort();
  const line = command.replace(/(--listen|--port) \d+/, `$1 ${free}`);
  const terminal = new Terminal(t, /--port/.test(line) ? line : `${line} --port 0`, options);
  const urls = [await terminal.says(/^sigway listening on (\S+)/)];
  if (/--listen/.test(line)) urls.push(await terminal.says(/(https?:\/\/\S+)/));
  assert.ok(!/--(port|listen)/.test(line) || urls.at(-1).endsWith(`:${free}`), urls.join(' '));
  return { main: urls[0].replace('localhost', '127.0.0.1'), own: `http://127.0.0.1:${free}` };
}
const serves = (path, has, files) => async (t, { command }) => {
  const folder = folderWith(files);
  const { main } = await serve(t, command, { folder });
  const answer = await fetch(main + path);
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), has);
};
const opens = (path) => async (t, { command }) => {
  const { own } = await serve(t, command);
  const socket = new WebSocket(own.replace('http', 'ws') + path);
  await within(once(socket, 'open'), () => `a WebSocket at ${path}`);
  socket.terminate();
};
const gets = (path, has) => async (t, { command }) => {
  const { own } = await serve(t, command);
  const answer = await fetch(own + path);
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), has);
};

const elsewhere = (file, says) => () => assert.match(readFileSync(join(source, file), 'utf8'), says, `${file} runs it`);
const sameBlock = (name, pattern) => () => assert.ok(commands.some((one) => one.name === name && pattern.test(one.command)), 'it runs with this line');
const helps = (verb, has) => async (t) => {
  const terminal = new Terminal(t, `sigway ${verb} --help`);
  await terminal.ends();
  assert.match(terminal.out, has);
};

// ---- set-up, on stand-ins for packages and builds ----

// A clone whose installers and compiler only write down that they were called; the server is the one under test.
function clone() {
  const folder = folderWith();
  cpSync(join(source, 'scripts'), join(folder, 'scripts'), { recursive: true, filter: (from) => !from.includes('node_modules') });
  for (const name of ['scripts/install-deps.sh', 'scripts/install-client-scripts.sh', 'scripts/install-npm.sh', 'bin/cmake', 'bin/ctest', 'bin/sudo']) {
    writeFileSync(join(folder, name), `#!/bin/sh\necho "${name} $*" >>'${folder}/calls'\n`);
    chmodSync(join(folder, name), 0o755);
  }
  mkdirSync(join(folder, 'build/release/bin'), { recursive: true });
  symlinkSync(join(dirname(binary), 'sigway-server'), join(folder, 'build/release/bin/sigway-server'));
  return { folder, calls: () => readFileSync(join(folder, 'calls'), 'utf8') };
}

async function runs(t, { command }) {
  const { folder, calls } = clone();
  const { main } = await serve(t, command, { folder });
  assert.equal((await fetch(`${main}/healthz`)).status, 200);
  assert.match(calls(), /install-deps\.sh build[^]*bin\/cmake --build --preset release --target sigway/);
}

async function tests(t, { command }) {
  const { folder, calls } = clone();
  await new Terminal(t, command, { folder }).ends();
  assert.match(calls(), /install-deps\.sh test[^]*bin\/cmake --build --preset release\n[^]*bin\/ctest --preset release/);
}

// ---- whole blocks: the first line's promise runs them ----

const block = (name, ...patterns) => patterns.map((pattern) => commands.find((one) => one.name === name && pattern.test(one.command)).command
  .replaceAll('localhost:8080', new URL(server.url).host));

async function curls(t) {
  const [first, second, third] = block('README.md', /name=alice/, /name=bob/, /KEY-FROM/);
  const alice = new Terminal(t, first);
  const key = await alice.says(/^data: .*"key":"([^"]+)"/);
  await alice.says(/^data: \{"type":"created"()/);
  const bob = new Terminal(t, second);
  await bob.says(/^data: \{"type":"ready"()/);
  const sent = new Terminal(t, third.replace('KEY-FROM-THE-STREAM', key));
  await sent.ends();
  assert.deepEqual(JSON.parse(sent.out), { up: 1 });
  assert.deepEqual(JSON.parse(await bob.says(/^data: (\{"type":"offer".*)/)).data, { sdp: 'v=0' });
}

async function verbs(t) {
  const [tail, say] = block('README.md', /^sigway tail garden &/, /sigway join garden --wait/);
  const both = new Terminal(t, `${tail}\n${say}\nwait`);
  assert.equal(JSON.parse(await both.says(/^(\{.*"type":"chat".*)/)).data, 'hello');
}

async function sends(t, { command }) {
  const alice = new Terminal(t, 'sigway join somewhere --name alice --stay');
  await alice.says(/"type":"created"()/);
  await new Terminal(t, command.replace('https://call.example.org', server.url)).ends();
  assert.deepEqual(JSON.parse(await alice.says(/^(\{.*"type":"letter".*)/)).data, { text: 'call me' });
}

async function joins(t) {
  const one = new Terminal(t, 'sigway join garden');
  assert.ok(JSON.parse(await one.says(/^(\{"type":"(?:created|joined)".*)/)).room);
}

async function rawCurls(t) {
  const [reads, says] = block('README.md', /^curl -N \S+\/raw\/garden/, /^curl -d hello/);
  const reader = new Terminal(t, reads);
  for (let spoke; !spoke;) {
    await new Terminal(t, says).ends();              // until it reads: what was said before, it does not hear
    spoke = reader.out.includes('hello');
    if (!spoke) await new Promise((resolve) => { setTimeout(resolve, 200); });
  }
}

// Two of them, on what npm would install there, taken from tests/node_modules.
async function nodeCalls(t, { command }) {
  const folder = folderWith();
  for (const name of ['examples/node', 'web/client']) cpSync(join(source, name), join(folder, name), { recursive: true });
  symlinkSync(join(source, 'tests/node_modules'), join(folder, 'node_modules'));
  const { dependencies } = JSON.parse(readFileSync(join(source, 'examples/node/package.json'), 'utf8'));
  for (const name of Object.keys(dependencies)) assert.ok(existsSync(join(source, 'tests/node_modules', name)), name);
  const line = `exec ${command.replace('http://localhost:8080 garden', `${server.url} from-node`)}`;
  const one = new Terminal(t, line, { folder, at: join(folder, 'examples/node') });
  await one.says(/waiting in from-node()/);
  const two = new Terminal(t, line, { folder, at: join(folder, 'examples/node') });
  for (const each of [one, two]) await each.says(/hello from Node()/);
}

// A stand-in for npm, which would ask the registry: the package must say what it depends on.
const npmReads = (folder) => async (t, { command }) => {
  const copy = folderWith();
  cpSync(join(source, folder, 'package.json'), join(copy, 'package.json'));
  writeFileSync(join(copy, 'bin/npm'), `#!/bin/sh\necho "stand-in for npm: $*"\nexec node -e 'const { dependencies } = require("./package.json"); if (!dependencies) process.exit(1)'\n`);
  chmodSync(join(copy, 'bin/npm'), 0o755);
  const terminal = new Terminal(t, command, { folder: copy });
  await terminal.ends();
  assert.match(terminal.out, /stand-in for npm: install( --ignore-scripts)?\n/);
};

async function scripted(t, { command }) {
  const [, script, room] = /^\.\/(\S+) (\S+)/.exec(command);
  const at = join(source, 'examples/curl');
  const alice = new Terminal(t, `sh ${script} ${room}-scripts ${server.url}`, { at });
  const bob = new Terminal(t, `sh sse-bob.sh ${room}-scripts ${server.url}`, { at });
  for (const each of [alice, bob]) await each.ends();
}

const kPage = { 'call.html': readFileSync(join(source, 'README.md'), 'utf8').match(/```html\n([^]*?)```/)[1] };
const [curl, cpp] = ['examples/curl/README.md', 'examples/cpp/README.md'];
const kPromises = [
  [/^scripts\/run\.sh( --port \d+)?$/, runs],
  [/^scripts\/run\.sh --web-root \/THE\/FOLDER$/, async (t, { command }) => {
    const { folder } = clone();
    writeFileSync(join(folder, 'call.html'), kPage['call.html']);
    const { main } = await serve(t, command.replace('/THE/FOLDER', folder), { folder });
    assert.match(await (await fetch(`${main}/call`)).text(), /PeerLink/);
  }],
  [/^scripts\/test\.sh$/, tests],
  [/^sudo systemctl enable --now nginx$/, async (t, { command }) => {
    const { folder, calls } = clone();
    await new Terminal(t, command, { folder }).ends();
    assert.match(calls(), /bin\/sudo systemctl enable --now nginx/);
  }],
  [/^curl -N 'localhost:8080\/v1\/sse\?room=foo&name=alice'$/, curls],
  [/^curl -N 'localhost:8080\/v1\/sse\?room=foo&name=bob'$/, sameBlock('README.md', /name=alice/)],
  [/KEY-FROM-THE-STREAM/, sameBlock('README.md', /name=alice/)],
  [/^curl -N localhost:8080\/raw\/garden$/, rawCurls],
  [/^curl -d hello localhost:8080\/raw\/garden$/, sameBlock('README.md', /^curl -N localhost:8080\/raw\/garden$/)],
  [/^curl .*127\.0\.0\.1:8080/, elsewhere('tests/examples/curl.test.mjs', /the three lines of the README/)],
  [/^sigway tail garden &$/, verbs],
  [/sigway join garden --wait$/, sameBlock('README.md', /^sigway tail garden &$/)],
  [/^sigway send @alice letter /, sends],
  [/^sigway join garden$/, joins],
  [/^sigway join ROOM$/, helps('join', /ROOM TEXT REQUIRED/)],
  [/^sigway send ROOM\|@NAME TYPE \[DATA\]$/, helps('send', /TYPE TEXT.*REQUIRED[^]*DATA/)],
  [/^sigway tail ROOM$/, helps('tail', /ROOM TEXT REQUIRED[^]*--count/)],
  [/^sigway send$/, helps('send', /delivered/)],
  [/^sigway --help$/, async (t, { command }) => {
    const terminal = new Terminal(t, command);
    await terminal.ends();
    assert.match(terminal.out, /--poll-hold/);
  }],
  [/^sigway --web-root examples\/login$/, async (t, { command }) => {
    const { main } = await serve(t, command, { at: source });
    assert.equal(await (await fetch(`${main}/`)).text(), readFileSync(join(source, 'examples/login/index.html'), 'utf8'));
  }],
  [/^sigway --web-root FOLDER$/, (t, { command }) => serves('/a.html', /page of the codelab/, { 'a.html': 'page of the codelab' })(t, { command: command.replace('FOLDER', '.') })],
  [/^sigway --web-root \.$/, (t, one) => one.name === 'README.md' ? serves('/call', /PeerLink/, kPage)(t, one)
    : serves('/garden', /room\.js/, Object.fromEntries(['index.html', 'room.js'].map((file) => [file, readFileSync(join(source, 'examples/rtcmulticonnection', file))])))(t, one)],
  [/^sigway --listen 1337=raw$/, opens('/')],
  [/^sigway --listen 9090=login$/, opens('/')],
  [/^sigway --listen 12034=channel$/, opens('/')],
  [/^sigway --listen 4444=y-webrtc$/, opens('/')],
  [/^sigway --listen 8000=libdatachannel$/, opens('/ID')],
  [/^sigway --listen 3536=matchbox$/, opens('/ROOM?next=2')],
  [/^sigway --listen 9001$/, gets('/socket.io/?EIO=3&transport=polling', /"sid"/)],
  [/^sigway --listen 9000 --peerjs-path \/myapp$/, gets('/myapp/peerjs/id', /^[\w-]+$/)],
  [/^sigway --(bind|turn-server) /, elsewhere('tests/docs/readme.test.mjs', /## Running it/)],
  [/^npm install$/, npmReads('examples/node')],
  [/^npm install --ignore-scripts$/, npmReads('examples/rtcmulticonnection')],
  [/^node call\.mjs /, nodeCalls],
  [/^\.\/sse-alice\.sh /, scripted],
  [/^(cmake |build\/sigway-negotiate |export PKG_CONFIG_PATH=|c\+\+ )/, elsewhere('tests/native/installed.test.mjs', /the lines of examples\/cpp\/README\.md/)],
];

// ---- lines of clients ----

// What stands between backquotes as a client's line to this server, opened as it is there. The clients themselves run in tests/dialects.
const lines = [...readFileSync(join(source, 'README.md'), 'utf8').matchAll(/`([^`\n]+)`/g)].map(([, code]) => code)
  .filter((code) => /localhost:8080\/?|port: 8080/.test(code) && !kCommand.test(code));
const kLines = [
  [/^http:\/\/localhost:8080\/(call|foo)?$/, async (url) => assert.equal((await fetch(url)).status, 200)],
  [/"?(ws:\/\/localhost:8080\/[^"\]]+)/, async (url) => {
    const socket = new WebSocket(url);
    await within(once(socket, 'open'), () => `a WebSocket at ${url}`);
    socket.terminate();
  }],
  [/^(?:io\.connect\(|connection\.socketURL = )"(http:\/\/localhost:8080\/?)"/, async (url) => {
    const answer = await fetch(new URL('/socket.io/?EIO=3&transport=polling', url));
    assert.match(await answer.text(), /"sid"/);
  }],
  [/^<script src="(http:\/\/localhost:8080\/[^"]+)">$/, async (url) => {
    const answer = await fetch(url);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type'), /javascript/);
  }],
  [/^new Peer\(id, \{ host, (port: 8080), path: "\/peerjs" \}\)$/, async () => {
    assert.match(await (await fetch(`${server.url}/peerjs/peerjs/id`)).text(), /^[\w-]+$/);
  }],
];
for (const line of lines) {
  test(`README.md, a client's line: ${line}`, async () => {
    const [pattern, opens_] = kLines.find(([each]) => each.test(line)) ?? [];
    assert.ok(pattern, 'somebody has to say here what this line reaches');
    const [whole, address = whole] = pattern.exec(line);
    await opens_((/\/\//.test(address) ? address : whole).replace('localhost:8080', new URL(server.url).host));
  });
}

// ---- C++ ----

test('examples/cpp/README.md: the excerpt for libdatachannel compiles, on a stand-in for that library', { timeout: 600000 }, async (t) => {
  const [, code] = /```cpp\n([^]*?)```/.exec(readFileSync(join(source, 'examples/cpp/README.md'), 'utf8'));
  const folder = folderWith();
  for (const name of ['rtc', 'sigway']) mkdirSync(join(folder, name));
  symlinkSync(join(source, 'src/client/client.h'), join(folder, 'sigway/client.h'));
  writeFileSync(join(folder, 'rtc/rtc.hpp'), `// A stand-in: the declarations of libdatachannel that the excerpt uses.
#pragma once
#include <functional>
#include <memory>
#include <string>
namespace rtc {
struct Configuration {};
struct Description {
  Description(const std::string& sdp, const std::string& type);
  std::string typeString() const;
  operator std::string() const;
};
struct Candidate {
  Candidate(std::string candidate, std::string mid);
  std::string candidate() const, mid() const;
};
struct DataChannel {};
struct PeerConnection {
  explicit PeerConnection(Configuration);
  void onLocalDescription(std::function<void(Description)>);
  void onLocalCandidate(std::function<void(Candidate)>);
  void setRemoteDescription(Description);
  void addRemoteCandidate(Candidate);
  std::shared_ptr<DataChannel> createDataChannel(std::string);
};
}
`);
  // What the program around it has.
  const own = 'extern sigway::Client& signaling;\nextern std::shared_ptr<rtc::PeerConnection> connection;\nextern std::shared_ptr<rtc::DataChannel> channel;\n';
  writeFileSync(join(folder, 'excerpt.cpp'), code.replace(/^(#include <sigway\/client.h>\n)/m, `$1${own}`));
  const compiler = new Terminal(t, `${process.env.CXX ?? 'c++'} -std=c++20 -Wall -Wextra -fsyntax-only -I . excerpt.cpp`, { folder });
  assert.equal(await compiler.ended, 0, compiler.err);
});

const used = new Set();
for (const one of commands) {
  test(`${one.name}: ${one.command}`, async (t) => {
    const promise = kPromises.find(([pattern]) => pattern.test(one.command));
    assert.ok(promise, 'somebody has to say here what this command promises');
    used.add(promise);
    await promise[1](t, one);
  });
}

test('each promise is of a command that is there', () => {
  for (const promise of kPromises) assert.ok(used.has(promise), String(promise[0]));
});
