// A flood makes nobody look absent: with the time that is set by default, no member of a pair that talks is reported suspended,
// and no session ends. A pair fails at any event that it does not expect, `peer-suspended` and `peer-left` among them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flood } from './support/flood.mjs';
import { attacked } from './support/target.mjs';

const kSuspendAfter = 10;                       // s; the default
const kFloodSeconds = 1.5 * kSuspendAfter;      // whoever is starved throughout is suspended in it

for (const kind of ['requests for a path that is not there', 'frames that are no JSON']) {
  test(`presence in a flood of ${kind}`, () => attacked(['--suspend-after', `${kSuspendAfter}s`], async (target, talk) => {
    const { host, port, url, authority } = target.server;
    await flood({ host, port, url, authority }, kind, kFloodSeconds, () => {});
    await talk.rounds(5);
    for (const reason of ['timeout', 'no_ack', 'slow_consumer']) assert.equal(await target.ended(reason), 0, reason);
  }, { talk: { burst: 1 } }));
}
