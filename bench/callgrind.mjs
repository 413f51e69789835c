// A server under callgrind, and what it has cost, read out of callgrind's file.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ServerProcess } from './server_process.mjs';

const kAllocators = new Set(['malloc', 'calloc', 'realloc', 'reallocarray', 'aligned_alloc', 'memalign', 'posix_memalign']);

export function requireValgrind() {
  if (spawnSync('valgrind', ['--version']).status === 0) return;
  throw new Error('valgrind is missing; install it: apt-get install valgrind');
}

export class MeasuredServer extends ServerProcess {
  static async start(binary) {
    return new MeasuredServer().start(binary, (folder) => ({
      command: ['valgrind', '-q', '--tool=callgrind', `--callgrind-out-file=${join(folder, 'callgrind.out')}`],
    }));
  }

  // {instructions, allocations} of the whole life of the server.
  async stop() {
    await this.end();
    return readCost(readFileSync(join(this.folder, 'callgrind.out'), 'latin1'));
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
