// The matrix: every network of the bed, in every shape of traffic, with one member behind it and with both.
//
//   node matrix.mjs                                       all of it
//   node matrix.mjs --networks ws-403,sse-4k --shapes steady,silence --behind one
//   node matrix.mjs --quick                               a few cells, for CI; only the verdict, no times
//   node matrix.mjs --client chromium --behind one        the JavaScript client in Chromium, through some networks; only the verdict
//   node matrix.mjs --random 12 --seed 7 --networks ''    combinations alone, those of seed 7
//   node matrix.mjs --markdown ../../docs/networks.md     writes the table there, between its markers
//
// SIGWAY_BINARY says where the gateway is. The exit code is 1 if one cell fails: a message lost, repeated or out of order, or, unless
// --no-times, a network in which it takes too long. A cell that misses only its times is measured again by itself, and fails
// only if the machine was calm meanwhile.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Random } from '../faults/random.mjs';
import { readyOver, runCell, slowness } from './cell.mjs';
import { combinations, expectations, networks } from './networks.mjs';
import { shapes, shapesOf } from './shapes.mjs';
import { heading, line, markdown, readiness } from './table.mjs';

const kPlacements = ['one', 'both'];
const kAttempts = 3;             // to keep the times, the later ones nearly alone
const kAgainLanes = 2;
const kReadyRuns = 3;            // of each transport, for the best that could be
const kQuick = ['clear:steady:one', 'ws-hangs:bursts:one', 'ws-dead-up:steady:both', 'sse-whole:bursts:one', 'sse-4k:steady:one',
  'answers-cut:steady:one', 'posts-repeated-poll:bursts:both', 'requests-lost:steady:one', 'body-2k:bursts:one', 'resets:steady:both',
  'portal:steady:one', 'restart-http:bursts:one', 'http-1.0:steady:both', 'random-1:steady:one'];
// Where it matters that a browser has connections, streams and a WebSocket of its own. It fills the machine, so only the verdict counts. Not
// `one-connection`: the one is the page's, which Chromium keeps apart from requests without credentials.
const kChromium = ['early-hints', 'early-hints-http', 'ws-hangs', 'ws-blocks', 'ws-blocks-behind', 'address', 'address-http', 'sse-4k', 'sse-unnamed',
  'answers-cut', 'body-2k', 'latin-1', 'two-connections', 'thin-line-http', 'uploads-403', 'uploads-429', 'restart', 'restart-http'];
const kQuickChromium = ['early-hints:steady:one', 'ws-blocks:bursts:one', 'sse-unnamed:steady:one', 'latin-1:bursts:one', 'address-http:steady:one',
  'uploads-403:bursts:one'];
const kLanes = { javascript: 6, native: 6, chromium: 2 };
const kOutput = fileURLToPath(new URL('output/', import.meta.url));

const kOptions = {
  networks: { type: 'string' }, shapes: { type: 'string' }, behind: { type: 'string' }, client: { type: 'string', default: 'javascript' },
  seed: { type: 'string' }, random: { type: 'string', default: '8' }, lanes: { type: 'string' },
  markdown: { type: 'string' }, quick: { type: 'boolean', default: false }, 'no-times': { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
};

const usage = () => readFileSync(fileURLToPath(import.meta.url), 'utf8').split('\n\nimport')[0].replace(/^\/\/ ?/gm, '');

function readOptions() {
  try {
    const { values } = parseArgs({ options: kOptions });
    if (!values.help) return values;
    console.log(usage());
    process.exit(0);
  } catch (error) {
    console.error(`matrix.mjs: ${error.message}\n\n${usage()}`);
    process.exit(2);
  }
}

const options = readOptions();
const isBrowser = options.client === 'chromium';
const lanes = Number(options.lanes ?? kLanes[options.client]);

const seed = Number(options.seed ?? (options.quick ? 1 : Date.now() % 100000));
const { start, stop } = await import(new URL(`clients/${options.client}.mjs`, import.meta.url));
const known = [...networks, ...combinations(new Random(seed), options.quick ? 1 : Number(options.random))];

function chosen(option, all, what) {
  if (option === undefined) return all;
  return option.split(',').filter(Boolean).map((name) => {
    const found = all.find((each) => (each.name ?? each) === name);
    if (!found) {
      console.error(`matrix.mjs: there is no ${what} '${name}'; there are: ${all.map((each) => each.name ?? each).join(' ')}`);
      process.exit(2);
    }
    return found;
  });
}

function plan() {
  if (options.quick && !options.networks) {
    return (isBrowser ? kQuickChromium : kQuick).map((text) => {
      const [name, shape, behind] = text.split(':');
      return { network: known.find((each) => each.name === name), shape, behind };
    });
  }
  const wanted = options.networks === undefined ? isBrowser ? chosen(kChromium.join(), known, 'network') : known
    : [...chosen(options.networks, known, 'network'), ...known.filter(({ name }) => options.networks === '' && name.startsWith('random-'))];
  if (options.shapes) chosen(options.shapes, Object.keys(shapes), 'shape');
  return wanted.flatMap((network) => shapesOf(network).filter((shape) => options.shapes?.split(',').includes(shape) ?? true)
    .flatMap((shape) => chosen(options.behind, kPlacements, 'placement').map((behind) => ({ network, shape, behind }))));
}

const inTime = !options.quick && !options['no-times'] && !isBrowser;
const running = new Set();
process.setMaxListeners(0);      // each cell's processes end with this one

// The client may report errors, it must not throw any where nobody can catch them.
process.on('uncaughtException', (error) => {
  console.error(error);
  for (const cell of running) cell.thrown = error.stack;
});
process.on('unhandledRejection', (error) => { throw error; });

async function run(cell) {
  running.add(cell);
  const result = await runCell({ ...cell, start, seed });
  running.delete(cell);
  if (cell.thrown) result.faults.push(`something was thrown while this ran: ${cell.thrown}`);
  delete cell.thrown;
  const slow = inTime && !result.faults.length ? slowness(result) : null;
  return Object.assign(result, { slow });
}

// So many at a time: they mostly wait.
async function inLanes(tasks, lanes) {
  const waiting = [...tasks];
  const lane = async () => { for (let task; (task = waiting.shift());) await task(); };
  await Promise.all(Array.from({ length: Math.min(lanes, tasks.length) }, lane));
}

function keepNotes({ network, shape, behind, notes, faults, slow }) {
  mkdirSync(kOutput, { recursive: true });
  const file = join(kOutput, `${options.client}-${network.name}-${shape}-${behind}.log`);
  const says = [network.title, ...network.behaviours.map((behaviour) => `  ${behaviour.says}`)];
  writeFileSync(file, `${[...says, ...faults, slow?.text ?? '', ...notes].join('\n')}\n`);
  return file;
}

const cells = plan();
console.log(`${cells.length} cells, client ${options.client}, seed ${seed}`);
for (const network of new Set(cells.map((cell) => cell.network))) {
  if (network.name.startsWith('random-')) console.log(`${network.name}: ${network.title}`);
}
console.log(heading());
const results = [];
const late = [];
await inLanes(cells.map((cell) => async () => {
  const result = await run(cell);
  if (result.slow) late.push({ cell, result });
  else results.push(result);
  console.log(line(result));
}), lanes);
await inLanes(late.map(({ cell, result }) => async () => {
  let best = result;
  for (let attempt = 1; best.slow && attempt < kAttempts; ++attempt) {
    const again = await run(cell);
    console.log(`${line(again)}  (again)`);
    // A message lost is no matter of luck.
    if (again.faults.length || !best.faults.length && (!again.slow || again.p95 < best.p95)) best = again;
  }
  results.push(best);
}), kAgainLanes);

// How soon the members were ready, against the best that each transport could do there by itself.
const readyTable = [];
if (!options.quick && !isBrowser) {
  const all = [...new Set(results.map(({ network }) => network))];
  await inLanes(all.map((network) => async () => {
    const times = {};
    for (const transport of expectations(network).works) {
      const runs = [];
      for (let i = 0; i < kReadyRuns; ++i) runs.push(await readyOver({ network, transport, start, seed: seed + i }));
      times[transport] = median(runs);
    }
    readyTable.push(readiness(network, times, median(results.filter((result) => result.network === network).map(({ ready }) => ready))));
  }), lanes);
  for (const { text } of readyTable) console.log(text);
}

function median(values) {
  const sorted = values.map((value) => (Number.isNaN(value) ? Infinity : value)).sort((one, other) => one - other);
  return sorted[sorted.length >> 1];
}

const order = (result) => known.indexOf(result.network) * 100 + Object.keys(shapes).indexOf(result.shape) * 10 + kPlacements.indexOf(result.behind);
results.sort((one, other) => order(one) - order(other));
const bad = results.filter(({ faults, slow }) => faults.length || slow?.isSure);
const unsure = results.filter(({ slow }) => slow && !slow.isSure);
for (const result of bad) {
  const { network, shape, behind, faults, slow } = result;
  console.log(`\n${faults.length ? 'FAILED' : 'SLOW'} ${network.name} ${shape} ${behind}: ${[...faults.slice(0, 3), slow?.text].filter(Boolean).join('; ')}`);
  console.log(`  notes: ${keepNotes(result)}`);
  console.log(`  again: node matrix.mjs --networks ${network.name} --shapes ${shape} --behind ${behind} --seed ${seed}`);
}
const slowToReady = readyTable.filter(({ isLate }) => isLate && inTime);
if (options.markdown) {
  const text = markdown(results, readyTable, { client: options.client, seed, cores: cpus().length, times: inTime,
    command: `node tests/networks/matrix.mjs ${process.argv.slice(2).join(' ')}`.trim() });
  mkdirSync(dirname(options.markdown), { recursive: true });
  writeFileSync(options.markdown, place(readFileSync(options.markdown, 'utf8'), text));
}
for (const { network, shape, behind, slow, noise } of unsure) {
  console.log(`not sure: ${network.name} ${shape} ${behind}: ${slow.text}, but this machine itself was ${Math.round(noise)} ms late`);
}
console.log(`\n${results.length - bad.length} of ${results.length} cells passed${slowToReady.length
  ? `; ready too late in ${slowToReady.map(({ network }) => network.name).join(', ')}` : ''}; seed ${seed}`);
await stop?.();
process.exit(bad.length || slowToReady.length ? 1 : 0);

function place(document, text) {
  const [begin, end] = [`<!-- matrix ${options.client} -->`, `<!-- end ${options.client} -->`];
  const from = document.indexOf(begin), to = document.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${options.markdown} has no markers ${begin} … ${end}`);
  return `${document.slice(0, from + begin.length)}\n${text}\n${document.slice(to)}`;
}
