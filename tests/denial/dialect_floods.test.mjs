// Floods as in floods.test.mjs, in the dialects whose clients acknowledge nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kPlainFloods } from './support/flood.mjs';
import { flooded } from './support/flooded.mjs';
import { MiB, isSanitized } from './support/load.mjs';

const kBudget = 64 * MiB;
const kFlags = ['--memory-budget', String(kBudget)];
const kDefaultRates = ['--message-rate', '200', '--message-burst', '400'];

const options = {
  talk: { burst: 1 },   // what is refused for a moment would come out of order
  check: async (target) => {
    const { total } = await target.memory();
    assert.ok(total < kBudget, `${total} bytes are held`);
    assert.ok(isSanitized || target.resident < 2 * kBudget, `${target.resident} bytes resident`);
  },
};

for (const kind of Object.keys(kPlainFloods)) test(`a flood of ${kind}`, () => flooded(kind, kFlags, options));

for (const kind of ['broadcast texts', 'broadcast texts without payload', 'offers to names that nobody has', 'leaves']) {
  test(`a flood of ${kind} above the message rate`, () => flooded(kind, [...kFlags, ...kDefaultRates], options));
}
