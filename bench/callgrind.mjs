// A server under callgrind: starts it, tells when it is at rest, and reads what it has cost out of callgrind's file.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

// Whatever a clock decides would differ from run to run, so every timer that a run could meet is long.
const kFlags = ['--port', '0', '--shards', '1', '--log-level', 'error', '--message-rate', '0', '--drain-time', '0',
  '--ping-interval', '1h', '--poll-hold', '1h', '--stream-max-age', '0', '--stream-max-bytes', '1GiB', '--keep-alive', '1h',
  '--ack-deadline', '1h', '--standby-timeout', '1h'];

const kAllocators = new Set(['malloc', 'calloc', 'realloc', 'reallocarray', 'aligned_alloc', 'memalign', 'posix_memalign']);

const running = new Set();
process.on('exit', () => { for (const server of running) server.remove(); });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

export function requireValgrind() {
  if (spawnSync('valgrind', ['--version']).status === 0) return;
  throw new Error('valgrind is missing; install it: apt-get install valgrind');
}

export class MeasuredServer {
  static async start(binary) {
    const server = new MeasuredServer();
    server.folder = mkdtempSync(join(tmpdir(), 'sigway-bench-'));
    server.file = join(server.folder, 'callgrind.out');
    server.process = spawn('valgrind', ['-q', '--tool=callgrind', `--callgrind-out-file=${server.file}`, binary, ...kFlags],
      { stdio: ['ignore', 'pipe', 'inherit'] });
    running.add(server);
    server.exit = new Promise((resolve) => server.process.once('exit', (code, signal) => resolve(signal ?? code)));
    const line = await Promise.race([
      new Promise((resolve) => createInterface(server.process.stdout).once('line', resolve)),
      server.exit.then((code) => `nothing, and ended with ${code}`),
    ]);
    server.port = Number(/^sigway listening on http:.*:(\d+)$/.exec(line)?.[1]);
    if (!server.port) throw new Error(`${binary} said ${line}`);
    return server;
  }

  // Resolves when every thread sleeps. What was written to a socket of the server before has woken its thread by then,
  // because the loopback device delivers within the write; so all of it has been dealt with, and in a turn of its own.
  async rest() {
    const tasks = `/proc/${this.process.pid}/task`;
    for (let quiet = 0; quiet < 3;) {
      const isAsleep = readdirSync(tasks).every((task) => / S /.test(readFileSync(`${tasks}/${task}/stat`, 'latin1').replace(/^.*\)/, '')));
      quiet = isAsleep ? quiet + 1 : 0;
      await new Promise(setImmediate);
    }
  }

  // {instructions, allocations} of the whole life of the server.
  async stop() {
    this.process.kill('SIGINT');
    const code = await this.exit;
    if (code !== 0) throw new Error(`the server ended with ${code}`);
    return readCost(readFileSync(this.file, 'latin1'));
  }

  remove() {
    running.delete(this);
    this.process.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

// The format: https://valgrind.org/docs/manual/cl-format.html. Names are given once, as `(number) name`, then by number.
// A call of one allocator by another (realloc by reallocarray) is the same allocation.
function readCost(text) {
  const names = new Map();
  const nameOf = (reference) => {
    const [, number, name] = /^(\(\d+\)) ?(.*)$/.exec(reference);
    if (name) names.set(number, name.replace(/'\d+$/, ''));
    return names.get(number);
  };
  let caller, callee, allocations = 0, instructions;
  for (const line of text.split('\n')) {
    if (line.startsWith('fn=')) caller = nameOf(line.slice(3));
    else if (line.startsWith('cfn=')) callee = nameOf(line.slice(4));
    else if (line.startsWith('calls=') && kAllocators.has(callee) && !kAllocators.has(caller)) allocations += parseInt(line.slice(6), 10);
    else if (line.startsWith('totals: ')) instructions = Number(line.slice(8));
  }
  if (!instructions) throw new Error('callgrind wrote no totals');
  return { instructions, allocations };
}
