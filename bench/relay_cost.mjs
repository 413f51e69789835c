#!/usr/bin/env node
// Instructions and heap allocations that the server spends on one relayed message, on each transport.
//
//   node bench/relay_cost.mjs [--binary PATH] [--baseline PATH] [--tolerance 1.03] [--json] [websocket|sse|poll ...]
//
// The server runs under callgrind with one shard and long timers. Two members exchange messages of 1,200 bytes one after
// another (exchange.mjs), once 200 and once 1,200 of them: the difference, divided by 1,000, is the cost of one message,
// without start, connections and end. In the same way the cost of opening a member (connect, session, join) comes from 1
// and 21 pairs. Counts are of user space only; two runs of one binary differ by well under 1 %.
//
// With --baseline both binaries are measured and the ratios printed. The exit status is 1 if a message costs more than
// --tolerance times as much as in the baseline, in instructions or in allocations, on any transport.
//
// Needs valgrind (apt-get install valgrind); takes about a minute for each binary.

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MeasuredServer, requireValgrind } from './callgrind.mjs';
import { exchange, kMembers } from './exchange.mjs';

const kFew = 200, kMany = 1200;
const kPairs = 21;
const kCounts = ['instructions', 'allocations'];

async function costOf(binary, transport, pairs, messages) {
  const server = await MeasuredServer.start(binary);
  try {
    await exchange(server, transport, pairs, messages);
    return await server.stop();
  } finally {
    server.remove();
  }
}

async function measure(binary, transports) {
  const result = {};
  for (const transport of transports) {
    const few = await costOf(binary, transport, 1, kFew);
    const many = await costOf(binary, transport, 1, kMany);
    const pairs = await costOf(binary, transport, kPairs, kFew);
    const each = (more, count) => Object.fromEntries(kCounts.map((what) => [what, (more[what] - few[what]) / count]));
    result[transport] = { message: each(many, kMany - kFew), opening: each(pairs, 2 * (kPairs - 1)) };
  }
  return result;
}

function printTable(rows) {
  const columns = Object.keys(rows[0]);
  const widths = columns.map((column) => Math.max(column.length, ...rows.map((row) => String(row[column]).length)));
  const line = (cells) => cells.map((cell, i) => (i === 0 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i]))).join('  ');
  console.log([line(columns), ...rows.map((row) => line(Object.values(row)))].join('\n'));
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    binary: { type: 'string', default: fileURLToPath(new URL('../build/release/bin/sigway', import.meta.url)) },
    baseline: { type: 'string' },
    tolerance: { type: 'string', default: '1.03' },
    json: { type: 'boolean', default: false },
  },
});
const transports = positionals.length > 0 ? positionals : Object.keys(kMembers);
const unknown = transports.find((transport) => !(transport in kMembers));
if (unknown) throw new Error(`no transport ${unknown}; there are: ${Object.keys(kMembers).join(' ')}`);
const tolerance = Number(values.tolerance);
if (!(tolerance >= 1)) throw new Error('--tolerance must be a number of at least 1');
requireValgrind();

const measured = await measure(values.binary, transports);
const baseline = values.baseline ? await measure(values.baseline, transports) : null;

const rows = [];
const tooDear = [];
for (const transport of transports) {
  for (const what of ['message', 'opening']) {
    const row = { transport, 'one more': what };
    for (const count of kCounts) {
      const cost = measured[transport][what][count];
      row[count] = cost.toFixed(count === 'allocations' ? 2 : 0);
      if (!baseline) continue;
      const ratio = cost / baseline[transport][what][count];
      row[`× ${count}`] = ratio.toFixed(3);
      if (what === 'message' && ratio > tolerance) tooDear.push(`${transport}: ${ratio.toFixed(3)} times the ${count} of the baseline`);
    }
    rows.push(row);
  }
}
if (values.json) console.log(JSON.stringify({ measured, baseline, tolerance, tooDear }, null, 2));
else printTable(rows);
for (const line of tooDear) console.error(`${line}, more than ${tolerance}`);
process.exitCode = tooDear.length > 0 ? 1 : 0;
