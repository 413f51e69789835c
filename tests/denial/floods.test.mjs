// Eight connections send what is cheap to send and must be answered, as fast as they can, and read the answers. All that the
// pairs say arrives, in order. How much longer it takes is reported, not asserted.

import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { flood, kFloods } from './support/flood.mjs';
import { kSeconds, MiB } from './support/load.mjs';
import { attacked } from './support/target.mjs';

const kGoal = 5;   // p99 in a flood, over the quiet p99

for (const kind of Object.keys(kFloods)) {
  test(`a flood of ${kind}`, () => attacked([], async (target, talk) => {
    await pause(kSeconds * 500);
    const quiet = talk.times();
    const { host, port, url, authority } = target.server;
    const bytes = await flood({ host, port, url, authority }, kind, kSeconds, () => talk.times());
    await talk.rounds(1);
    const flooded = talk.times();
    const ratios = Object.keys(quiet).map((transport) => {
      const ratio = (at) => (flooded[transport][at] / quiet[transport][at]).toFixed(1);
      return `${transport} p50 ${ratio('p50')} × ${quiet[transport].p50.toFixed(1)} ms, p99 ${ratio('p99')} × ${quiet[transport].p99.toFixed(1)} ms`;
    });
    console.log(`${kind}: ${(bytes / MiB / kSeconds).toFixed(1)} MiB/s; ${ratios.join('; ')} (goal: p99 under ${kGoal} ×)`);
  }));
}
