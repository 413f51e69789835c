// Deadlines, pauses and sleep, and what else happens around the client.

import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { backoff } from '../../web/client/sigway/backoff.js';
import { clock, deadline } from '../../web/client/sigway/clock.js';
import { Journal } from '../../web/client/sigway/journal.js';
import { RoundTrip } from '../../web/client/sigway/round_trip.js';
import { Surroundings } from '../../web/client/sigway/surroundings.js';
import { now, pass, sleep } from './turned_clock.mjs';

describe('time', () => {
  test('a deadline that comes late gives one more chance', () => {
    let ended = 0;
    deadline(2000, () => { ++ended; });
    sleep(60000);              // the tab slept
    mock.timers.tick(2000);
    assert.equal(ended, 0);
    sleep(60000);              // and sleeps again: no third chance
    mock.timers.tick(1000);
    assert.equal(ended, 1);
  });

  test('a deadline that comes in time is one', () => {
    let ended = 0;
    const stop = deadline(2000, () => { ++ended; });
    deadline(2000, () => { ++ended; });
    stop();
    pass(2000);
    assert.equal(ended, 1);
  });

  test('backoff has full jitter, a cap, and is never zero', () => {
    for (let failures = 0; failures < 20; ++failures) {
      const all = Array.from({ length: 200 }, () => backoff(failures));
      assert.ok(Math.min(...all) >= 50);
      assert.ok(Math.max(...all) <= 20050);
      assert.ok(Math.max(...all) > 3 * Math.min(...all));
    }
    assert.ok(Array.from({ length: 200 }, () => backoff(10, 1000)).every((ms) => ms >= 50 && ms <= 1050));
  });

  test('patience grows with the round trip and with how it varies', () => {
    const trips = new RoundTrip();
    assert.equal(trips.patience(2000, 5000), 5000);
    for (let i = 0; i < 50; ++i) trips.add(20);
    assert.equal(trips.patience(2000, 5000), 2000);
    for (let i = 0; i < 50; ++i) trips.add(i % 2 ? 700 : 900);
    assert.ok(trips.patience(100, 5000) > 1000);
    assert.ok(trips.patience(100, 5000) < 2000);
    const slept = new RoundTrip();
    slept.add(200000);
    assert.equal(slept.smoothed, 10000);
  });
});

describe('surroundings', () => {
  const watch = () => {
    const page = new EventTarget();
    page.document = { visibilityState: 'visible' };
    page.navigator = { connection: new EventTarget() };
    const heard = [];
    const note = (name) => (why) => heard.push(why === undefined ? name : `${name}: ${why}`);
    const around = new Surroundings(page, { away: note('away'), thawed: note('thawed'), offline: note('offline'),
      changed: note('changed'), woke: note('woke') });
    const show = (visibilityState) => {
      page.document.visibilityState = visibilityState;
      page.dispatchEvent(new Event('visibilitychange'));
    };
    return { page, heard, around, show };
  };

  test('sleep is seen by the timer that came late, and by the time of day', () => {
    const { heard, around } = watch();
    pass(60000);
    assert.deepEqual(heard, []);
    sleep(30000);
    mock.timers.tick(5000);
    assert.deepEqual(heard, ['woke: slept for 25 s']);
    pass(20000);
    let wall = 1e12 + now;
    clock.wall = () => wall;     // a clock that stood still while the machine slept
    wall += 3600000;
    pass(5000);
    assert.equal(heard.length, 2);
    around.stop();
    sleep(90000);
    mock.timers.tick(90000);
    assert.equal(heard.length, 2);
  });

  test('a hidden tab\'s slow timers are no sleep; being shown after long is worth a look', () => {
    const { heard, show } = watch();
    show('hidden');
    for (let i = 0; i < 5; ++i) {
      sleep(60000);
      mock.timers.tick(5000);
    }
    assert.deepEqual(heard, []);
    show('visible');
    assert.deepEqual(heard, ['woke: was hidden for 300 s']);
    show('hidden');
    sleep(3000);
    show('visible');
    assert.equal(heard.length, 1);
  });

  test('the network comes, goes, and is another one', () => {
    const { page, heard } = watch();
    for (const type of ['offline', 'online']) page.dispatchEvent(new Event(type));
    page.navigator.connection.dispatchEvent(new Event('change'));
    assert.deepEqual(heard, ['offline', 'changed: online again', 'changed: another network']);
  });
});

test('the journal keeps the latest entries, without what is not known', () => {
  const told = [];
  const journal = new Journal((entry) => told.push(entry));
  for (let i = 0; i < 500; ++i) journal.add('trying', { transport: 'sse', why: undefined, i });
  assert.equal(told.length, 500);
  assert.equal(journal.entries.length, 200);
  assert.deepEqual(journal.entries.at(-1), { at: 1e12 + 1000, what: 'trying', transport: 'sse', i: 499 });
});
