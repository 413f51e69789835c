#!/usr/bin/env node
// Checks what a message and an idle connection cost against bench/budget.json, or writes that file:
//
//   node bench/budget.mjs check|write [--binaries build/release/bin] [--compiler NAME] [--budget bench/budget.json]
//
// Counted, not timed: instructions and allocations under callgrind, bytes by heap_counter/. `check` ends with 1 if a figure is more than
// 3 % over its budget. Where compiler, C library or processor are not those that wrote the budget, it says so, and the margin is 15 %.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkBudget, leastOf } from './budget_check.mjs';
import { measureFigures } from './budget_figures.mjs';
import { requireValgrind } from './callgrind.mjs';
import { requireHeapCounter } from './heap.mjs';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    binaries: { type: 'string', default: path('../build/release/bin') },
    budget: { type: 'string', default: path('budget.json') },
    compiler: { type: 'string', default: 'unknown' },
  },
});
const [verb] = positionals;
if (!['check', 'write'].includes(verb) || positionals.length !== 1) throw new Error('say check or write');

// glibc chooses its string functions by what the processor has; valgrind passes these two on.
function features() {
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1].trim().split(' ') ?? [];
  return [process.arch, ...['avx2', 'erms'].filter((flag) => flags.includes(flag))].join(' ');
}
const toolchain = {
  compiler: values.compiler,
  libc: `glibc ${process.report.getReport().header.glibcVersionRuntime}`,
  processor: features(),
};

try {
  requireValgrind();
  const library = join(values.binaries, 'bench_heap_counter.so');
  requireHeapCounter(library);
  const measure = () => measureFigures(join(values.binaries, 'sigway'), library);
  let figures = await measure();
  console.table(figures);
  if (verb === 'write') {
    writeFileSync(values.budget, `${JSON.stringify({ toolchain, figures }, null, 2)}\n`);
    console.log(`Written: ${values.budget}. Commit it with the change that it belongs to, and say there why it costs more`);
  } else {
    const budget = JSON.parse(readFileSync(values.budget, 'utf8'));
    let { problems, notes } = checkBudget(budget, figures, toolchain);
    if (problems.length > 0) {
      // A machine that is very busy makes the exchange slow, and timers move more often. That only adds.
      figures = leastOf(figures, await measure());
      console.table(figures);
      ({ problems, notes } = checkBudget(budget, figures, toolchain));
    }
    for (const note of notes) console.log(note);
    for (const problem of problems) console.error(problem);
    if (problems.length > 0) {
      console.error('Find what costs so much (node bench/relay_cost.mjs --baseline PATH compares with another binary). If it is worth it: '
        + 'cmake --build build/release --target write_budget');
      process.exitCode = 1;
    }
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
