// The pages of docs/dialects/, beside their transcripts: what `console` blocks show is what a shell shows, `js` blocks run,
// and code of the repository stands in its file as it is quoted.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { EventSource } from 'eventsource';
import { io } from 'socket.io-client-4';
import { WebSocket } from 'ws';
import { Inbox, within } from '../conformance/support/patience.mjs';
import { startGateway, stopGateway } from '../dialects/support/gateway.mjs';

const kRoot = fileURLToPath(new URL('../..', import.meta.url));
const kPages = ['README', 'raw', 'login', 'socketio', 'y-webrtc', 'libdatachannel', 'matchbox', 'peerjs', 'apprtc', 'rtcmulticonnection'].map((name) => `docs/dialects/${name}.md`);
const kPorts = { 8080: (server) => server.port, 1337: (server) => server.own.raw.port, 9090: (server) => server.own.login.port };

// The fenced blocks of a page: [{line, chapter, language, about, text}].
function blocksOf(page) {
  const blocks = [];
  let chapter = '', block = null;
  for (const [i, line] of readFileSync(kRoot + page, 'utf8').split('\n').entries()) {
    const fence = /^```(\S*) ?(.*)$/.exec(line);
    if (fence && !block) {
      block = { page, line: i + 1, chapter, language: fence[1], about: fence[2], lines: [] };
    } else if (fence) {
      blocks.push({ ...block, text: block.lines.join('\n') });
      block = null;
    } else if (block) {
      block.lines.push(line);
    } else if (/^##? /.test(line)) {
      chapter = line.replace(/^#+ /, '');
    }
  }
  return blocks;
}

const blocks = kPages.flatMap(blocksOf);
const of = (language) => blocks.filter((block) => block.language === language);

async function withServer(t, body) {
  const server = await startGateway(['--shards', '1'], { listen: ['raw', 'login'] });
  t.after(() => stopGateway(server));
  return body(server, (text) => text.replaceAll(/(?<=localhost:|127\.0\.0\.1:)\d+/g, (port) => kPorts[port](server)));
}

// A command and what it shows; "8Nf2…" stands for any key or id.
function commandsOf(text) {
  return text.split(/^\$ /m).slice(1).map((part) => {
    const [command, ...output] = part.trimEnd().split('\n');
    return { command, output };
  });
}

function assertShows(wanted, shown, where) {
  const pattern = wanted.split(/[\w-]*…/).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[\\w-]+');
  assert.match(shown, new RegExp(`^${pattern}$`), where);
}

class Shell {
  constructor(t, command, environment) {
    this.process = spawn('sh', ['-c', command], { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
    this.lines = new Inbox();
    this.ended = new Promise((resolve) => this.process.on('close', resolve));
    const reader = createInterface({ input: this.process.stdout });
    reader.on('line', (line) => this.lines.put(line)).on('close', () => this.lines.fail(new Error('the command has ended')));
    t.after(() => { try { process.kill(-this.process.pid, 'SIGKILL'); } catch { /* it has ended */ } });
  }

  async shows(output, where) {
    for (const line of output) assertShows(line, await this.lines.take(() => `${line} (${where})`), where);
  }
}

// The flags that the page starts its server with are those of these tests' server; and one that does not start says why.
async function runServer({ command, output }, server, local, where) {
  if (output[0].startsWith('sigway listening')) {
    assert.equal(command, 'sigway --listen 1337=raw --listen 9090=login');
    assert.deepEqual(server.lines, output.map(local), where);
    return;
  }
  const { SIGWAY_BINARY } = process.env;
  assert.throws(() => execFileSync('sh', ['-c', `"$SIGWAY_BINARY" ${command.replace(/^sigway /, '')}`], { stdio: 'pipe', env: { SIGWAY_BINARY }, timeout: 60000 }), (error) => {
    assert.equal(String(error.stderr).trimEnd(), output.join('\n'), where);
    return true;
  });
}

const chapters = new Map();
for (const block of of('console')) {
  const name = `${block.page}: ${block.chapter}`;
  chapters.set(name, [...chapters.get(name) ?? [], block]);
}

for (const [name, parts] of chapters) {
  test(name, (t) => withServer(t, async (server, local) => {
    const environment = {};
    const running = [];
    for (const { page, line, text } of parts) {
      for (const step of commandsOf(text)) {
        const where = `${page}:${line}: ${step.command}`;
        const [, variable, value] = /^([A-Z]+)=\$\((.*)\)$/.exec(step.command) ?? [];
        if (variable) {
          environment[variable] = String(execFileSync('sh', ['-c', value])).trim();
        } else if (step.command.startsWith('sigway ')) {
          await runServer(step, server, local, where);
        } else {
          const shell = new Shell(t, local(step.command).replaceAll('curl ', 'curl -sS --noproxy "*" '), environment);
          const output = step.output.map(local);
          if (/curl -N/.test(step.command)) {
            // It runs on while the next terminals are at work.
            const opening = output.findIndex((text) => /^id: \S+\.0$/.test(text)) + 2;
            await shell.shows(output.slice(0, opening), where);
            running.push({ shell, output: output.slice(opening), where });
          } else {
            await shell.shows(output, where);
            assert.equal(await within(shell.ended, () => where), 0, where);
            await assert.rejects(shell.lines.take(), /has ended/, `${where} shows more`);
          }
        }
      }
    }
    for (const { shell, output, where } of running) await shell.shows(output, where);
  }));
}

// The text before a snippet says what it prints.
const kPrints = /prints `([^`]+)`/g;

for (const { page, line, text } of of('js')) {
  test(`${page}:${line} a snippet runs`, (t) => withServer(t, async (server, local) => {
    const before = readFileSync(kRoot + page, 'utf8').split('\n').slice(0, line).join('\n');
    const wanted = [...before.matchAll(kPrints)].at(-1)[1];
    const printed = new Inbox();
    const open = [];
    const kept = (Kind) => class extends Kind {
      constructor(...options) { super(...options); open.push(this); }
    };
    t.after(() => { for (const one of open) one.close(); });
    const keptIo = (...options) => open[open.push(io(...options)) - 1];
    new Function('WebSocket', 'EventSource', 'io', 'console', local(text))(kept(WebSocket), kept(EventSource), keptIo, { log: (value) => printed.put(value) });
    assert.equal(await printed.take(() => `${page}:${line} to print ${wanted}`), wanted);
  }));
}

// Layout is the formatter's.
const packed = (text) => text.replaceAll(/\s+/g, '');

for (const { page, line, about, text } of blocks.filter(({ language }) => ['cpp', 'cmake'].includes(language))) {
  test(`${page}:${line} is in ${about}`, () => {
    assert.ok(packed(readFileSync(kRoot + about, 'utf8')).includes(packed(text)), text);
  });
}

test('the pages have something to run', () => {
  assert.ok(of('console').length >= 5 && of('js').length >= 3 && of('cpp').length >= 5);
});
