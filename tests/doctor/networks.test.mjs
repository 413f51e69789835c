// The doctor through some networks of the bed, side by side because they mostly wait. All of them: scripts/soak.sh doctor.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Random } from '../faults/random.mjs';
import { combinations, networks } from '../networks/networks.mjs';
import { unknown } from './expected.mjs';
import { through } from './through.mjs';

const kCap = 6000;
const kSome = ['clear', 'ws-blocks', 'ws-403', 'sse-whole', 'sse-refused', 'body-2k', 'cache', 'nginx'];
const kNative = ['clear', 'two-connections', 'early-hints', 'ws-dead-up', 'body-8k'];

// The soak asks the doctor about all of them; that it can is looked at here.
test('expected.mjs has each behaviour and each real proxy of the bed', () => {
  assert.deepEqual(unknown([...networks, ...combinations(new Random(1), 200)]), []);
});

describe('the doctor', { concurrency: 10 }, () => {
  for (const [doctor, names] of Object.entries({ javascript: kSome, native: kNative })) {
    for (const name of names) {
      const network = networks.find((one) => one.name === name);
      test(`${doctor}, ${network.title}`, async () => {
        const { faults, diagnosis } = await through(network, { doctor, cap: kCap });
        assert.deepEqual(faults, [], JSON.stringify(diagnosis.findings));
      });
    }
  }
});
