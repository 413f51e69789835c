// The budget refuses what it should, the reports show what was measured, and a tool that is missing is named.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { checkBudget, leastOf } from '../../bench/budget_check.mjs';
import { summaryOf, tableOf, writeCharts } from '../../bench/report.mjs';
import { kScenarios, kServers, kTransports, runsOf } from '../../bench/plan.mjs';
import { kStarts } from '../../bench/servers.mjs';

const kSource = process.env.SIGWAY_SOURCE;
const kBinaries = dirname(process.env.SIGWAY_BINARY);
const budget = JSON.parse(readFileSync(join(kSource, 'bench/budget.json'), 'utf8'));
const figuresTimes = (factor, which = () => true) => Object.fromEntries(Object.entries(budget.figures).map(([transport, figures]) =>
  [transport, Object.fromEntries(Object.entries(figures).map(([figure, value]) => [figure, which(transport, figure) ? value * factor : value]))]));

test('a figure that is 3.1 % over the budget is refused, and named; 2.9 % are not', () => {
  for (const transport of kTransports) {
    for (const figure of ['instructions', 'allocations', 'idle_bytes']) {
      const only = (...given) => given[0] === transport && given[1] === figure;
      const { problems } = checkBudget(budget, figuresTimes(1.031, only), budget.toolchain);
      assert.equal(problems.length, 1);
      assert.match(problems[0], new RegExp(`^${transport}: .*\\+3\\.1 %`));
      assert.deepEqual(checkBudget(budget, figuresTimes(1.029, only), budget.toolchain), { problems: [], notes: [] });
    }
  }
});

test('a tenth of an allocation is noise, more is not', () => {
  const small = { toolchain: {}, figures: { sse: { allocations: 1 } } };
  assert.deepEqual(checkBudget(small, { sse: { allocations: 1.09 } }, {}).problems, []);
  assert.equal(checkBudget(small, { sse: { allocations: 1.11 } }, {}).problems.length, 1);
});

test('of two measurements the smaller figures count', () => {
  assert.deepEqual(leastOf({ sse: { instructions: 5, idle_bytes: 1 } }, { sse: { instructions: 4, idle_bytes: 2 } }), { sse: { instructions: 4, idle_bytes: 1 } });
});

test('figures that are missing are refused', () => {
  const { problems } = checkBudget(budget, { websocket: budget.figures.websocket }, budget.toolchain);
  assert.equal(problems.length, 6);
});

test('figures far below the budget ask for a new one', () => {
  assert.equal(checkBudget(budget, figuresTimes(0.9), budget.toolchain).notes.length, 9);
});

test('another toolchain is said, and has a margin of 15 %', () => {
  const other = { ...budget.toolchain, compiler: 'Clang 14' };
  const { problems, notes } = checkBudget(budget, figuresTimes(1.14), other);
  assert.deepEqual(problems, []);
  assert.match(notes[0], /compiler Clang 14 instead of /);
  assert.equal(checkBudget(budget, figuresTimes(1.16), other).problems.length, 9);
});

// A folder with the commands that a script needs, but for some.
function pathWithout(t, ...missing) {
  const folder = mkdtempSync(join(tmpdir(), 'sigway-bench-path-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const command of ['sh', 'setpriv', 'taskset', 'git', 'valgrind']) {
    const found = ['/usr/bin', '/bin'].map((each) => join(each, command)).find(existsSync);
    if (found && !missing.includes(command)) symlinkSync(found, join(folder, command));
  }
  return folder;
}
const runScript = (script, args, PATH) => spawnSync(process.execPath, [join(kSource, 'bench', script), ...args],
  { env: { ...process.env, PATH }, encoding: 'utf8' });

test('without valgrind the budget says what to install', (t) => {
  const { status, stderr } = runScript('budget.mjs', ['check', '--binaries', kBinaries], pathWithout(t, 'valgrind'));
  assert.equal(status, 1);
  assert.match(stderr, /valgrind is missing; install it: apt-get install valgrind/);
});

test('without setpriv the run says what to install', (t) => {
  const { status, stderr } = runScript('run.mjs', ['--smoke', '--output', join(tmpdir(), 'none.json')], pathWithout(t, 'setpriv'));
  assert.equal(status, 1);
  assert.match(stderr, /setpriv is missing; install it: apt-get install util-linux/);
});

test('a server that is not installed says how to install it', () => {
  for (const [name, server] of Object.entries(kStarts)) {
    assert.ok(name in kServers);
    const reason = server.missing();
    if (reason) assert.match(reason, /apt-get install|npm ci/);
  }
});

test('servers take turns within a scenario and transport', () => {
  const runs = runsOf({ servers: ['sigway', 'floor'], transports: ['sse'], scenarios: ['pairs', 'rate'] });
  assert.deepEqual(runs.map(({ scenario, server }) => `${scenario} ${server}`), ['pairs sigway', 'pairs floor', 'rate sigway', 'rate floor']);
});

const results = (...values) => ({
  complete: true, smoke: false,
  results: values.flatMap((value, round) => Object.keys(kScenarios).map((scenario) =>
    ({ round, scenario, transport: 'sse', server: 'sigway', figures: { [kScenarios[scenario].figure]: value } }))),
});

test('the report shows medians, and half the range over the rounds', () => {
  const document = results(100, 120, 90);
  assert.deepEqual(summaryOf(document, { scenario: 'pairs', transport: 'sse', server: 'sigway', figure: 'cpu_us' }), { median: 100, spread: 15 });
  assert.match(tableOf(document), /\| pairs +\| CPU µs +\| sse +\| +\| 100\.0 ±15% \|/);
});

test('charts are drawn of complete runs only', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sigway-bench-charts-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  assert.throws(() => writeCharts({ ...results(1), complete: false }, folder), /complete runs only/);
  assert.throws(() => writeCharts({ ...results(1), smoke: true }, folder), /complete runs only/);
  assert.equal(writeCharts(results(1, 2), folder).length, Object.keys(kScenarios).length);
  for (const file of readdirSync(folder)) assert.match(readFileSync(join(folder, file), 'utf8'), /^<svg [^]*sigway[^]*<\/svg>\n$/);
});

test('a load that is answered wrongly fails', (t) => {
  // A server that says a message twice.
  const script = `
    import { createServer } from 'node:net';
    const reader = { 1: null };
    const server = createServer((socket) => socket.on('error', () => {}).on('data', (bytes) => {
      const text = bytes.toString('latin1');
      if (text.startsWith('GET')) { reader[1] = socket; socket.write('HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\n\\r\\n'); }
      else {
        const body = text.slice(text.indexOf('\\r\\n\\r\\n') + 4);
        for (let i = 0; i < 2; ++i) reader[1].write('data: ' + body + '\\n\\n');
        socket.write('HTTP/1.1 204 No Content\\r\\n\\r\\n');
      }
    })).listen(0, '127.0.0.1', () => console.log(server.address().port));`;
  const server = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => server.kill());
  return new Promise((resolve, reject) => server.stdout.once('data', (port) => {
    const load = spawn(join(kBinaries, 'bench_load'), ['--target', 'floor', '--transport', 'sse', '--scenario', 'pairs', '--rooms', '1',
      '--seconds', '5', '--pid', String(process.pid), '--port', String(port).trim()], { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    load.stderr.on('data', (text) => { errors += text; });
    load.once('close', (code) => {
      try {
        assert.equal(code, 1);
        assert.match(errors, /expected message \d+ and got message \d+/);
        resolve();
      } catch (error) { reject(error); }
    });
  }));
});

test('a run that is killed leaves no process behind, and no results that look whole', async () => {
  const output = join(mkdtempSync(join(tmpdir(), 'sigway-bench-killed-')), 'results.json');
  writeFileSync(output, '{"complete":true}');
  const run = spawn(process.execPath, [join(kSource, 'bench/run.mjs'), '--rounds', '50', '--scenario', 'pairs', '--server', 'floor', '--binaries', kBinaries,
    '--output', output], { stdio: 'ignore' });
  const children = () => readFileSync(`/proc/${run.pid}/task/${run.pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  const alive = (pid) => existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  while (children().length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  const pids = children();
  run.kill('SIGKILL');
  await new Promise((resolve) => run.once('close', resolve));
  while (pids.some(alive)) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(existsSync(output) && JSON.parse(readFileSync(output, 'utf8')).complete, false);
  rmSync(dirname(output), { recursive: true, force: true });
});
