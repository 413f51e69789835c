// A flood beside the pairs of talk.mjs. All that they say arrives, in order. How much longer it takes is reported, not asserted.

import { setTimeout as pause } from 'node:timers/promises';
import { flood } from './flood.mjs';
import { kSeconds, MiB } from './load.mjs';
import { attacked } from './target.mjs';

const kGoal = 5;   // p99 in a flood, over the quiet p99

// `check(target)` may look at the server after the flood.
export const flooded = (kind, flags = [], { check = () => {}, ...options } = {}) => attacked(flags, async (target, talk) => {
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
  await check(target);
}, options);
