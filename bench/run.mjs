#!/usr/bin/env node
// Runs the benchmarks: sigway, the floor and the peers in turn, each run with a server of its own. See docs/performance.md.
//
//   node bench/run.mjs [--rounds 3] [--smoke] [--binaries build/release/bin] [--sigway PATH] [--output build/bench/results.json]
//                      [--scenario NAME]... [--transport NAME]... [--server NAME]...
//
// A server that this machine does not have is said and left out. A run that fails is said, and makes the exit status 1. Servers run on
// core 0 and the load on core 1; with --smoke anywhere, and each run lasts a moment.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { kScenarios, kServers, kTransports, runsOf, sizeOf } from './plan.mjs';
import { isInstalled, outputOf, start } from './processes.mjs';
import { tableOf } from './report.mjs';
import { kStarts } from './servers.mjs';

const kSource = fileURLToPath(new URL('..', import.meta.url));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

function readOptions() {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      smoke: { type: 'boolean', default: false },
      binaries: { type: 'string', default: join(kSource, 'build/release/bin') },
      sigway: { type: 'string' },
      output: { type: 'string', default: join(kSource, 'build/bench/results.json') },
      scenario: { type: 'string', multiple: true, default: Object.keys(kScenarios) },
      transport: { type: 'string', multiple: true, default: kTransports },
      server: { type: 'string', multiple: true, default: Object.keys(kServers) },
    },
  });
  const check = (what, given, known) => {
    const unknown = given.find((each) => !known.includes(each));
    if (unknown) throw new Error(`no ${what} ${unknown}; there are: ${known.join(' ')}`);
  };
  check('scenario', values.scenario, Object.keys(kScenarios));
  check('transport', values.transport, kTransports);
  check('server', values.server, Object.keys(kServers));
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds must be a number of at least 1');
  return { ...values, rounds };
}

function describeMachine() {
  const git = (...args) => spawnSync('git', ['-C', kSource, ...args], { encoding: 'utf8' }).stdout?.trim() ?? '';
  return {
    date: new Date().toISOString(),
    commit: git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') ? ' and changes' : ''),
    processor: os.cpus()[0].model,
    cores: os.cpus().length,
    kernel: os.release(),
    node: process.version,
  };
}

async function runOnce({ scenario, transport, server }, { smoke, binaries, sigway, cores }) {
  const started = await kStarts[server].start(cores.server, { sigway: sigway ?? join(binaries, 'sigway'), floor: join(binaries, 'bench_floor') });
  try {
    const size = Object.entries(sizeOf(scenario, smoke)).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const load = start(cores.load, [join(binaries, 'bench_load'), '--target', kServers[server].target, '--transport', transport,
      '--scenario', scenario, '--port', String(started.port), '--pid', String(started.child.pid), ...size]);
    return JSON.parse(await outputOf(load));
  } catch (error) {
    throw new Error(`${error.message}${started.child.errors && `\n  the server: ${started.child.errors.trim().slice(0, 300)}`}`);
  } finally {
    await started.remove();
  }
}

/** Ends the run with a sentence. */
function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

const options = readOptions();
for (const tool of ['setpriv', 'taskset']) {
  if (!isInstalled(tool)) fail(`${tool} is missing; install it: apt-get install util-linux`);
}
options.cores = options.smoke || os.cpus().length < 2 ? { server: null, load: null } : { server: 0, load: 1 };
if (!options.smoke && os.cpus().length < 2) console.error('One core only: server and load disturb each other, and the figures say little');

for (const binary of [options.sigway ?? join(options.binaries, 'sigway'), join(options.binaries, 'bench_floor'), join(options.binaries, 'bench_load')]) {
  if (!existsSync(binary)) fail(`${binary} is missing; build it: cmake --build build/release --target ${basename(binary)}`);
}

const missing = {};
for (const server of options.server) {
  const reason = kStarts[server].missing();
  if (!reason) continue;
  missing[server] = reason;
  console.error(`${server} is left out. ${reason}`);
}
const servers = options.server.filter((server) => !(server in missing));
const runs = runsOf({ servers, transports: options.transport, scenarios: options.scenario });
const document = { complete: false, smoke: options.smoke, rounds: options.rounds, machine: describeMachine(), missing, failures: [], results: [] };

// What a killed run leaves is not complete, and says so.
rmSync(options.output, { force: true });
mkdirSync(dirname(options.output), { recursive: true });
const save = () => {
  writeFileSync(`${options.output}.new`, JSON.stringify(document, null, 1));
  renameSync(`${options.output}.new`, options.output);
};

for (let round = 1; round <= options.rounds; ++round) {
  // Another order in each round: nobody always runs after the same neighbour.
  const shift = ((round - 1) * Math.ceil(runs.length / options.rounds)) % Math.max(runs.length, 1);
  for (const [at, run] of [...runs.slice(shift), ...runs.slice(0, shift)].entries()) {
    const name = `${run.scenario} ${run.transport} ${run.server}`;
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[Kround ${round} of ${options.rounds}, run ${at + 1} of ${runs.length}: ${name}` : '');
    try {
      document.results.push({ round, ...run, figures: await runOnce(run, options) });
    } catch (error) {
      document.failures.push({ round, ...run, error: error.message });
      console.error(`\n${name} failed: ${error.message}`);
    }
  }
  save();
}
document.complete = document.failures.length === 0;
save();
if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
if (options.smoke) console.log(`${document.results.length} runs went well, ${document.failures.length} did not`);
else console.log(tableOf(document));
console.log(`Results: ${options.output}`);
process.exit(document.failures.length === 0 ? 0 : 1);
