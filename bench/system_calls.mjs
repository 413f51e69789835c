#!/usr/bin/env node
// System calls that the server makes for one relayed message with its acknowledgement, and for opening a member.
//
//   node bench/system_calls.mjs [--binary PATH] [websocket|sse|poll ...]
//
// The server runs under strace with one shard and long timers, for the exchange of relay_cost.mjs: 20 and 120 messages of one
// pair, then 20 messages beside 1 and 11 pairs. The differences are the cost of one. Members open and speak one after another,
// so each step has an epoll_wait of its own; under load many share one. An open includes the end of the connection.
//
// Needs strace (apt-get install strace).

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { kFlags } from './server_process.mjs';
import { exchange, kMembers } from './exchange.mjs';

const kFew = 20, kMany = 120, kPairs = 11;
const kIgnored = new Set(['rt_sigtimedwait']);   // the main thread's, by the clock

// A map of counts by name, over the whole life of the server.
async function countCalls(binary, transport, pairs, messages) {
  const folder = mkdtempSync(join(tmpdir(), 'sigway-bench-'));
  const file = join(folder, 'strace.out');
  const strace = spawn('strace', ['-f', '-qq', '-e', 'signal=none', '-o', file, binary, ...kFlags], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = new Promise((resolve) => strace.once('exit', resolve));
  try {
    const line = await new Promise((resolve) => createInterface(strace.stdout).once('line', resolve));
    const port = Number(/:(\d+)$/.exec(line)?.[1]);
    if (!port) throw new Error(`${binary} said ${line}`);
    const server = Number(readFileSync(`/proc/${strace.pid}/task/${strace.pid}/children`, 'latin1').trim().split(' ')[0]);
    await exchange({ port, rest: () => sleep(15) }, transport, pairs, messages);
    process.kill(server, 'SIGINT');
    await exit;
    const counts = new Map();
    for (const [, name] of readFileSync(file, 'latin1').matchAll(/^\d+ +(\w+)\(/gm)) {
      if (!kIgnored.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
  } finally {
    strace.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

function difference(few, many, count) {
  const each = [...new Set([...few.keys(), ...many.keys()])]
    .map((name) => [name, ((many.get(name) ?? 0) - (few.get(name) ?? 0)) / count])
    .filter(([, calls]) => Math.abs(calls) >= 0.05)
    .sort(([, a], [, b]) => b - a);
  const sum = each.reduce((total, [, calls]) => total + calls, 0);
  return `${sum.toFixed(1).padStart(5)}  ${each.map(([name, calls]) => `${name} ${calls.toFixed(1)}`).join(', ')}`;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { binary: { type: 'string', default: fileURLToPath(new URL('../build/release/bin/sigway', import.meta.url)) } },
});
const transports = positionals.length > 0 ? positionals : Object.keys(kMembers);
const unknown = transports.find((transport) => !(transport in kMembers));
if (unknown) throw new Error(`no transport ${unknown}; there are: ${Object.keys(kMembers).join(' ')}`);
if (spawnSync('strace', ['--version']).status !== 0) throw new Error('strace is missing; install it: apt-get install strace');

for (const transport of transports) {
  const few = await countCalls(values.binary, transport, 1, kFew);
  const many = await countCalls(values.binary, transport, 1, kMany);
  const pairs = await countCalls(values.binary, transport, kPairs, kFew);
  console.log(`${transport.padEnd(10)} message ${difference(few, many, kMany - kFew)}`);
  console.log(`${''.padEnd(10)} open    ${difference(few, pairs, 2 * (kPairs - 1))}`);
}
