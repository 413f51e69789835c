// What a network teaches: the shared lessons, by the JavaScript client's Cadence. tests/unit/client/lessons_test.cpp has the same.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Cadence } from '../../web/client/sigway/cadence.js';
import { clock } from '../../web/client/sigway/clock.js';
import { isUnclean, SigwayError, verdict } from '../../web/client/sigway/failure.js';

const read = (name) => JSON.parse(readFileSync(new URL(`lessons/${name}`, import.meta.url), 'utf8'));
const lessons = read('lessons.json');

// Without what is not known.
const known = ({ life, ...figures }) => Object.fromEntries(Object.entries({ ...figures, life: Object.keys(life).length ? life : null })
  .filter(([, figure]) => figure));

const kSteps = {
  serves: (cadence, [hold, heartbeat]) => cadence.serves({ hold, heartbeat }),
  cut: (cadence, [kind, age, silence]) => cadence.cut(kind, age, silence),
  pollCut: (cadence, held) => cadence.pollCut(held),
  pollHeld: (cadence, asked) => cadence.pollHeld(asked),
  swallowed: (cadence) => cadence.swallowed(),
  heldBack: (cadence) => cadence.heldBack(),
  refused: (cadence, [size, limit]) => cadence.refused(size, limit || undefined),
  passed: (cadence, size) => cadence.passed(size),
  single: (cadence) => cadence.servedSingly(),
  forget: (cadence) => cadence.forget(),
  relax: (cadence) => cadence.relax(),
  hold: (cadence, ms) => assert.equal(cadence.wait, ms),
  is: (cadence, expected) => {
    const { life, ...figures } = cadence.learnt;
    assert.deepEqual(known({ ...figures, life: Object.fromEntries(Object.entries(life).filter(([, ms]) => ms)) }), expected);
  },
};

for (const { name, steps } of lessons) {
  test(name, () => {
    let now = 1000;
    const before = clock.now;
    clock.now = () => now;
    let cadence = new Cadence();
    try {
      for (const step of steps) {
        const [[what, value]] = Object.entries(step);
        if (what === 'pass') now += value;
        else if (what === 'recall') cadence = new Cadence(value);
        else kSteps[what](cadence, value);
      }
    } finally {
      clock.now = before;
    }
  });
}

test('what a code means for the session, and whether something on the way did it', () => {
  for (const [meaning, codes] of Object.entries(read('codes.json'))) {
    for (const code of codes) {
      const error = new SigwayError(code, '');
      assert.equal(verdict(error), ['reset', 'close'].includes(meaning) ? meaning : 'retry', code);
      assert.equal(isUnclean(error), meaning === 'cut', code);
    }
  }
});
