// What goes by which connection, and when: few of them, a slow line, an upload that takes messages along.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Cadence } from '../../web/client/sigway/cadence.js';
import { deadline, within } from '../../web/client/sigway/clock.js';
import { SigwayError } from '../../web/client/sigway/failure.js';
import { Http } from '../../web/client/sigway/http.js';
import { Journal } from '../../web/client/sigway/journal.js';
import { kLimits } from '../../web/client/sigway/limits.js';
import { Lines } from '../../web/client/sigway/lines.js';
import { NetworkProfile } from '../../web/client/sigway/network_profile.js';
import { Outgoing } from '../../web/client/sigway/outgoing.js';
import { planRace, Race } from '../../web/client/sigway/race.js';
import { RoundTrip } from '../../web/client/sigway/round_trip.js';
import { Uplink } from '../../web/client/sigway/uplink.js';
import { now, pass } from './turned_clock.mjs';

describe('the upload of a takeover', () => {
  // A session whose poll carries, while an event stream asks to take over.
  const scene = (bytes) => {
    const bodies = [];
    const post = async (path, body) => {
      bodies.push(JSON.parse(body));
      return { up: 1 };
    };
    const session = { key: 'k'.repeat(22), cursor: 7, way: { kind: 'poll' }, trips: new RoundTrip(), cadence: new Cadence(), limits: kLimits,
      profile: { learnt() {} }, settings: { messageRate: 100, http: { post } }, hooks: { sent() {} }, over: new AbortController(),
      carriers: new Set(), flights: new Set([{ began: now }]), lines: { isFree: true }, acknowledged() {}, roundTrip() {},
      send: (body) => post('v1/send', body) };
    session.trips.add(800);
    const uplink = new Uplink(session);
    uplink.push(new Outgoing(1, { type: 'x' }, `"type":"x","data":"${'x'.repeat(bytes)}"`));
    return { uplink, bodies };
  };

  test('takes messages along that wait', async () => {
    const { uplink, bodies } = scene(1000);
    assert.equal(await uplink.carries({ carrier: 's1', turn: 2 }), true);
    assert.equal(bodies.length, 1);
    const { carrier, turn, ack, messages } = bodies[0];
    assert.deepEqual([carrier, turn, ack, messages.length, messages[0].n], ['s1', 2, 7, 1, 1]);
    assert.equal(uplink.pending, 0);
  });

  test('is not held up by what takes longer than a round trip', async () => {
    const { uplink, bodies } = scene(50000);
    assert.equal(await uplink.carries({ carrier: 's1', turn: 2 }), false);
    assert.equal(bodies.length, 0);
    assert.equal(uplink.pending, 1);
  });
});

describe('connections', () => {
  // A session whose poll carries, on a network that may serve no upload while one is held.
  const scene = () => {
    const posts = [];
    const post = (path, body, { signal }) => new Promise((resolve, reject) => {
      posts.push({ body, answer: () => resolve({ up: 1 }) });
      signal.addEventListener('abort', () => reject(new SigwayError('aborted', 'given up')));
    });
    const cadence = new Cadence();
    const session = { trips: new RoundTrip(), cadence, active: { kind: 'poll', isAsking: true, uploadGotThrough() {} }, carriers: new Set(), over: new AbortController(),
      settings: { http: { post } }, profile: { learnt() {} }, roundTrip() {}, uplink: { pump() {}, pumpSoon() {} } };
    session.trips.add(20);
    const lines = new Lines(session);
    return { lines, posts, cadence, trips: session.trips, poll: (isAsking) => { session.active.isAsking = isAsking; } };
  };
  const isUnsent = { code: 'unsent' };

  test('an upload that waits while a poll is held is sent again before the next; after two, they take turns', async () => {
    const { lines, posts, cadence, poll } = scene();
    for (const round of [1, 2]) {
      const upload = lines.send('a', 1000);
      assert.equal(lines.turn(), null, 'it may have been sent a moment ago');
      pass(500);
      poll(false);
      const turn = lines.turn();
      assert.notEqual(turn, null);
      await assert.rejects(upload, isUnsent);
      const again = lines.send('b', 1000);
      assert.equal(lines.isFree, false, 'one at a time, until the next poll has its connection');
      posts.at(-1).answer();
      await again;
      await turn;
      assert.equal(cadence.single, round === 2);
      poll(true);
      lines.asked();
    }
    assert.equal(lines.isFree, false, 'a poll is held');
    poll(false);
    assert.equal(lines.isFree, true);
    const last = lines.send('c', 1000);
    const turn = lines.turn();
    assert.notEqual(turn, null);
    posts.at(-1).answer();
    await Promise.all([last, turn]);
    assert.equal(lines.turn(), null, 'the poll is next');
  });

  test('uploads that are answered beside a poll need no turns; one that is slow is given more time', async () => {
    const { lines, posts, cadence, poll } = scene();
    for (let i = 0; i < 3; ++i) {
      const slow = lines.send('slow', 1000);
      pass(500 << i);
      poll(false);
      assert.notEqual(lines.turn(), null, 'twice as long each time');
      await assert.rejects(slow, isUnsent);
      lines.asked();
    }
    poll(true);
    const quick = lines.send('quick', 1000);
    posts.at(-1).answer();
    await quick;
    const slow = lines.send('slow', 1000);
    pass(500);
    assert.notEqual(lines.turn(), null);
    await assert.rejects(slow, isUnsent);
    assert.equal(cadence.single, false);
  });

  test('after a slow beginning the shortest round trip counts; where answers are slow nothing is called off again and again', async () => {
    const { lines, posts, trips, poll } = scene();
    trips.add(1900);
    assert.equal(lines.patience, 400);
    const called = async (age, isCalled) => {
      poll(true);
      lines.asked();
      const slow = lines.send('slow', 1000);
      pass(age);
      poll(false);
      assert.equal(lines.turn() !== null, isCalled);
      if (isCalled) return assert.rejects(slow, isUnsent);
      posts.at(-1).answer();
      await slow;
    };
    await called(600, true);
    await called(600, false);
    await called(600, false);
    await called(100, false);
    await called(600, true);
  });

  test('a poll is held until an upload may be waiting, not longer', () => {
    const { lines } = scene();
    assert.equal(lines.hold, Infinity);
    lines.send('a', 1000).catch(() => {});
    assert.equal(lines.hold, 400);
    pass(390);
    assert.equal(lines.hold, 100);
  });
});

describe('a slow line', () => {
  const settle = () => new Promise((resolve) => { setImmediate(resolve); });

  test('a deadline is kept by what comes, four times as long at the most', async () => {
    let heard = 0, late = 0;
    const wait = () => within(new Promise(() => {}), 1000, undefined, 'it', () => heard).catch(() => { late = now; });
    const began = now;
    wait();
    for (let i = 0; i < 60 && !late; ++i) {
      heard = now;
      pass(100);
      await settle();
    }
    assert.equal(late - began, 4000);
    late = 0;
    wait();
    const again = now;
    pass(500);
    heard = now;
    for (let i = 0; i < 20 && !late; ++i) {
      pass(100);
      await settle();
    }
    assert.equal(late - again, 1500);
  });

  test('the head of an answer and each part of it are signs of life', async () => {
    let body;
    const parts = [];
    const fetch = async (_, { signal }) => {
      const stream = new ReadableStream({ start: (controller) => { body = controller; } });
      signal.addEventListener('abort', () => body.error(new Error('given up')));
      return new Response(stream, { headers: { 'Content-Length': '2000' } });
    };
    const answer = new Http(new URL('http://x/'), fetch).post('v1/poll', '{}', { patience: 400, heard: (bytes) => parts.push(bytes) });
    await settle();
    const text = JSON.stringify({ x: 'x'.repeat(1992) });
    for (let at = 0; at < text.length; at += 500) {
      pass(300);
      body.enqueue(new TextEncoder().encode(text.slice(at, at + 500)));
      await settle();
    }
    body.close();
    assert.equal((await answer).x.length, 1992);
    assert.deepEqual(parts, [0, 500, 500, 500, 500]);
  });

  test('deadlines grow with late rounds, and by what an answer was seen to take', () => {
    const profile = new NetworkProfile({ recall: () => null, keep() {} }, new Journal());
    profile.late(false);
    profile.late(false);
    assert.equal(profile.slack, 2, 'nothing was heard: it may be an outage');
    for (let i = 0; i < 5; ++i) profile.late(true);
    assert.equal(profile.slack, 8);
    profile.worked('poll', 9000);
    assert.equal(profile.slack, 8);
    profile.worked('poll', 500);
    assert.equal(profile.slack, 1);
    assert.equal(profile.queue, 0);
    profile.came(1000, 10000);
    assert.equal(profile.queue, 0, 'too little to tell');
    profile.came(8000, 2000);
    assert.equal(profile.queue, 4096);
  });

  // A race that launches carriers of the test's own.
  const raced = (steps, active = null) => {
    const carriers = [];
    const promise = () => {
      const each = Promise.withResolvers?.() ?? {};
      if (!each.promise) each.promise = new Promise((resolve, reject) => Object.assign(each, { resolve, reject }));
      each.promise.catch(() => {});
      return each;
    };
    const session = { profile: new NetworkProfile({ recall: () => null, keep() {} }, new Journal()), trips: new RoundTrip(), nextTurn: () => 1, active };
    const race = new Race({ session, steps, patience: 10000, hooks: {
      launch: (kind) => {
        const carrier = { kind, born: now, seen: now, done: false, turn: 0, welcomed: true, proved: promise(), activated: promise(),
          start() {}, activate(turn) { this.turn = turn; }, stop() { this.done = true; }, end() { this.done = true; } };
        carriers.push(carrier);
        return carrier;
      },
      won() {}, failed() {}, dropped() {},
    } });
    race.first.promise.catch(() => {});
    race.settled.promise.catch(() => {});
    return { race, session, carriers };
  };

  test('while nothing carries, one attempt has it alone; where nothing comes, all may wait for connections', () => {
    const { race, session, carriers } = raced(planRace(['websocket', 'sse', 'poll'], null));
    const alive = () => carriers.filter(({ done }) => !done).map(({ kind }) => kind).sort();
    pass(3500);
    assert.deepEqual(alive(), ['poll', 'sse', 'websocket']);
    const sse = carriers.find(({ kind }) => kind === 'sse');
    sse.seen = now;
    pass(1000);
    assert.deepEqual(alive(), ['sse']);
    assert.equal(sse.turn, 1);
    assert.equal(session.profile.slack, 4);
    race.stop();
  });

  test('a round in which a deadline passed is late, but not the renewal of what carries', async () => {
    const slackAfter = async (active) => {
      const { race, session, carriers } = raced([{ kinds: ['poll'], after: 0 }], active);
      carriers[0].proved.reject(new SigwayError('deadline', 'no proof'));
      await race.first.promise.catch(() => {});
      return session.profile.slack;
    };
    assert.equal(await slackAfter(null), 2);
    assert.equal(await slackAfter({ kind: 'poll' }), 1);
  });
});
