// The doctor through every network of the bed, a few at a time: a table, and an exit status that says whether each was diagnosed.
//   node tests/doctor/all.mjs [--doctor javascript|native] [--networks a,b] [--cap MS] [--jobs N] [--keep FOLDER]

import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { networks } from '../networks/networks.mjs';
import { diagnose } from '../../web/doctor/diagnose.js';
import { unknown } from './expected.mjs';
import { through } from './through.mjs';

const { values } = parseArgs({ options: {
  doctor: { type: 'string', default: 'javascript' }, networks: { type: 'string', default: '' }, cap: { type: 'string', default: '13000' },
  jobs: { type: 'string', default: '4' }, keep: { type: 'string' }, seed: { type: 'string', default: '1' },
} });
// Measurements without their fractions, and what is to be said of them: a case for diagnose.test.mjs and its twin in C++.
const inOneLine = (value) => JSON.stringify(value, (_, one) => (typeof one === 'number' ? Math.round(one) : one));
function recorded(measurements) {
  const rounded = JSON.parse(inOneLine(measurements));
  return { expected: diagnose(rounded), measurements: rounded };
}

const wanted = values.networks.split(',').filter(Boolean);
// Restarts in between are no network's doing.
const todo = networks.filter(({ name, restarts }) => !restarts && (wanted.length === 0 || wanted.includes(name)));
if (todo.length < wanted.length) throw new Error(`not all of these are networks of the bed: ${wanted.join(', ')}`);
if (values.keep) mkdirSync(values.keep, { recursive: true });
if (unknown(todo).length > 0) throw new Error(`tests/doctor/expected.mjs says nothing of ${unknown(todo).join(', ')}`);
let failed = 0;

async function worker() {
  for (let network = todo.shift(); network; network = todo.shift()) {
    const began = performance.now();
    let line;
    try {
      const { measurements, diagnosis, faults } = await through(network, { doctor: values.doctor, cap: Number(values.cap), seed: Number(values.seed) });
      if (values.keep) writeFileSync(`${values.keep}/${network.name}.json`, `${inOneLine({ network: network.title, ...recorded(measurements) })}\n`);
      if (faults.length) ++failed;
      line = `${faults.length ? 'FAILED' : 'ok    '} ${(diagnosis.transport ?? 'none').padEnd(9)} ${diagnosis.findings.map(({ id }) => id).filter((id) => !/-works|round-trip/.test(id)).join(', ')}${faults.map((fault) => `\n           ${fault}`).join('')}`;
    } catch (error) {
      ++failed;
      line = `FAILED ${error.stack}`;
    }
    console.log(`${network.name.padEnd(20)} ${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${line}`);
  }
}

await Promise.all(Array.from({ length: Number(values.jobs) }, worker));
console.log(failed ? `${failed} networks were not diagnosed as they are` : 'every network was diagnosed as it is');
process.exit(failed ? 1 : 0);
