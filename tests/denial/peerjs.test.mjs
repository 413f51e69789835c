// PeerJS clients against all others: floods, and many ids that others ask for again and again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kPeerFloods } from './support/flood.mjs';
import { flooded } from './support/flooded.mjs';
import { isSanitized, MiB } from './support/load.mjs';

const kBudget = 64 * MiB;
const kFlags = ['--memory-budget', String(kBudget), '--peerjs-discovery'];

const options = {
  talk: { burst: 1 },   // what is refused for a moment would come out of order
  check: async (target) => {
    const { total } = await target.memory();
    assert.ok(total < kBudget, `${total} bytes are held`);
    assert.ok(isSanitized || target.resident < 2 * kBudget, `${target.resident} bytes resident`);
  },
};

for (const kind of Object.keys(kPeerFloods)) test(`a flood of ${kind}`, () => flooded(kind, kFlags, options));
