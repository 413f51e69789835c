#!/usr/bin/env node
// What a run of the benchmarks has found, as a table, and as charts for docs/performance.md.
//
//   node bench/report.mjs build/bench/results.json [--charts docs/performance]

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { chartOf } from './chart.mjs';
import { kScenarios, kServers, kTransports } from './plan.mjs';

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

/** {median, spread} of a figure over the rounds; the spread is half the range in percent of the median. Null: there is none. */
export function summaryOf(document, { scenario, transport, server, figure }) {
  const values = document.results
    .filter((each) => each.scenario === scenario && each.transport === transport && each.server === server)
    .map((each) => each.figures[figure]).filter((value) => value !== undefined);
  if (values.length === 0) return null;
  const middle = median(values);
  return { median: middle, spread: middle === 0 ? 0 : (50 * (Math.max(...values) - Math.min(...values))) / middle };
}

const kUnits = { cpu_us: 'CPU µs', p50_us: 'p50 µs', p99_us: 'p99 µs', bytes: 'bytes' };
const round = (value) => (value >= 1000 ? value.toFixed(0) : value.toFixed(1));

// One row a scenario, figure and transport; one column a server; and sigway's part of the floor.
function rowsOf(document) {
  const servers = Object.keys(kServers).filter((server) => document.results.some((each) => each.server === server));
  const rows = [];
  for (const [scenario, { figure, also }] of Object.entries(kScenarios)) {
    for (const shown of [figure, also].filter(Boolean)) {
      for (const transport of kTransports) {
        const found = Object.fromEntries(servers.map((server) => [server, summaryOf(document, { scenario, transport, server, figure: shown })]));
        if (Object.values(found).every((each) => each === null)) continue;
        const ratio = found.sigway && found.floor && found.floor.median > 0 ? (found.sigway.median / found.floor.median).toFixed(2) : '';
        rows.push([scenario, kUnits[shown], transport, ratio,
          ...servers.map((server) => (found[server] ? `${round(found[server].median)} ±${found[server].spread.toFixed(0)}%` : ''))]);
      }
    }
  }
  return { head: ['scenario', 'figure', 'transport', '× floor', ...servers], rows };
}

/** A Markdown table: medians, and half the range over the rounds. */
export function tableOf(document) {
  const { head, rows } = rowsOf(document);
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, i) => (i < 3 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i < 3 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** Writes one chart a scenario; returns the files. */
export function writeCharts(document, folder) {
  if (!document.complete || document.smoke) throw new Error('charts are drawn of complete runs only; this one was stopped, had failures, or was a smoke test');
  mkdirSync(folder, { recursive: true });
  const files = [];
  for (const [scenario, { title, figure, unit }] of Object.entries(kScenarios)) {
    const groups = kTransports.map((transport) => ({
      name: transport,
      bars: Object.keys(kServers).map((server) => ({ name: server, ...summaryOf(document, { scenario, transport, server, figure }) }))
        .filter((bar) => bar.median !== undefined),
    })).filter((group) => group.bars.length > 0);
    if (groups.length === 0) continue;
    const file = join(folder, `${scenario}.svg`);
    writeFileSync(file, chartOf({ title: `${scenario}: ${title}`, unit, groups }));
    files.push(file);
  }
  return files;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { charts: { type: 'string' } } });
  if (positionals.length !== 1) throw new Error('give the file that bench/run.mjs has written');
  const document = JSON.parse(readFileSync(positionals[0], 'utf8'));
  if (!document.complete) console.error('This run was stopped or had failures');
  console.log(tableOf(document));
  if (values.charts) for (const file of writeCharts(document, values.charts)) console.log(file);
}
