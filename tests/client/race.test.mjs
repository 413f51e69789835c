// A race without a network: what it makes of attempts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clock } from '../../web/client/sigway/clock.js';
import { Race } from '../../web/client/sigway/race.js';
import { deferred } from '../../web/client/sigway/tools.js';
import { pass } from './fake_clock.mjs';

// An attempt that hears something all the time and is never proved.
const busyAttempt = (kind) => ({ kind, opened: true, welcomed: true, turn: 0, done: false, born: clock.now(), proved: deferred(), activated: deferred(),
  get seen() { return clock.now(); }, start() {}, stop() { this.done = true; }, end() { this.stop(); }, activate(turn) { this.turn = turn; } });

for (const [what, active, slow] of [['a race that takes long shows a slow line', null, 1], ['a renewal that takes long does not, as something carries', {}, 0]]) {
  test(what, async () => {
    let found = 0;
    const session = { active, nextTurn: () => 1, trips: { least: 10, smoothed: 10, patience: (least) => least }, profile: { slack: 1, foundSlow() { ++found; } } };
    const race = new Race({ session, steps: [{ kinds: ['sse'], after: 0 }], patience: 10000,
      hooks: { launch: busyAttempt, won() {}, failed() {}, dropped() {} } });
    await pass(5000);
    assert.equal(found, slow);
    race.stop();
  });
}
