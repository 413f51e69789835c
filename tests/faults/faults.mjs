// The proof of the protocol over real sockets, through networks that do to it what networks do.
//
//   SIGWAY_BINARY=…/sigway node faults.mjs     SIGWAY_SEEDS=100  SIGWAY_FIRST_SEED=1  SIGWAY_SEED=17 (only that one)
//
// Each seed has a server of its own; several run at a time (SIGWAY_LANES). With SIGWAY_TRACE=FOLDER a seed that fails leaves
// there what went over its wires. The exit code is 1 if anything was not as it must be.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Server } from './server.mjs';
import { World, kFlags } from './world.mjs';

const { env } = process;
const binary = env.SIGWAY_BINARY;
if (!binary) throw new Error('SIGWAY_BINARY is not set: give it the path of the sigway binary');
const only = env.SIGWAY_SEED && Number(env.SIGWAY_SEED);
const first = only || Number(env.SIGWAY_FIRST_SEED ?? 1);
const count = only ? 1 : Number(env.SIGWAY_SEEDS ?? 8);
const lanes = Math.min(count, Number(env.SIGWAY_LANES ?? 5));
const kGrowth = 768;           // KiB: what allocators leave lying about
const kStill = 1000;           // ms in a seed

const totals = {};
const failed = [];

const traces = () => (env.SIGWAY_TRACE ? [] : null);

function report(seed, { faults, traces }, note) {
  console.log(`seed ${seed}: ${faults.length ? 'FAILED' : 'ok'} ${note}`);
  for (const fault of faults) console.log(`  ${fault}`);
  if (!faults.length) return;
  failed.push(seed);
  if (traces) writeFileSync(join(env.SIGWAY_TRACE, `seed ${seed}.log`), traces.join('\n'));
}

// A machine so busy that we, and so perhaps the server, stood still for long makes sessions end that should not: such a failure
// says nothing, and the seed is tried again.
let stoodStill = 0, lastSeen = Date.now();
setInterval(() => {
  const now = Date.now();
  if (now - lastSeen > 150) stoodStill += now - lastSeen;
  lastSeen = now;
}, 50);

async function repeatIfStill(seed, attempt) {
  for (let attempts = 1; ; ++attempts) {
    const before = stoodStill;
    const { world, note } = await attempt();
    const still = stoodStill - before;
    if (!world.faults.length || still < kStill || attempts === 3) {
      for (const [what, times] of Object.entries(world.counts)) totals[what] = (totals[what] ?? 0) + times;
      return report(seed, world, note);
    }
    console.log(`seed ${seed}: again, because this machine stood still for ${still} ms: ${world.faults[0]}`);
  }
}

async function runSeed(seed) {
  const shards = seed % 3 ? 2 : 1;
  // Streams that end themselves after a second or two, for every fifth seed.
  const more = seed % 5 ? [] : ['--stream-max-age', '1500ms'];
  const server = await Server.start(binary, [...kFlags, '--resume-window', '8s', '--shards', String(shards), ...more]);
  const started = Date.now();
  const world = await new World(seed, server, { traces: traces() }).run();
  await stop(server, world);
  const note = `${shards} shards, ${world.members.length} members, healed in ${world.healing} ms, ${Date.now() - started} ms`;
  return { world, note };
}

async function stop(server, world) {
  const code = await server.stop();
  if (code !== 0) world.fault(`the server ended with ${code}`);
  if (server.log) world.fault(`the server said: ${server.log.slice(0, 2000)}`);
}

// Identical rounds on one server: after the second, which had all its memory from the first, it may not grow any more.
async function runRounds(seed) {
  const server = await Server.start(binary, [...kFlags, '--resume-window', '6s', '--shards', '2']);
  const sizes = [];
  let world = null;
  for (let round = 0; round < 3; ++round) {
    world = await new World(seed, server, { duration: 2000, traces: traces() }).run();
    if (world.faults.length) break;
    sizes.push(server.memory);
  }
  if (sizes.length === 3 && !server.isSanitized && sizes[2] > sizes[1] + kGrowth) {
    world.fault(`three identical rounds left ${sizes} KiB`);
  }
  await stop(server, world);
  return { world, note: `${sizes} KiB after each` };
}

process.setMaxListeners(0);
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => process.exit(1));

async function lane(work) {
  for (let task; (task = work.shift());) await task();
}

const work = Array.from({ length: count }, (_, i) => () => repeatIfStill(first + i, () => runSeed(first + i)));
if (!only) work.unshift(() => repeatIfStill(`${first} in rounds`, () => runRounds(first)));
await Promise.all(Array.from({ length: lanes }, () => lane(work)));
console.log(Object.entries(totals).map(([what, times]) => `${what} ${times}`).join(', '));
if (failed.length) console.log(`failed: ${failed}; again: SIGWAY_SEED=${parseInt(failed[0])} node ${process.argv[1]}`);
else console.log('all is well');
process.exit(failed.length ? 1 : 0);   // dead clients still wait for their next attempt
