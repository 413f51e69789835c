// What the client makes of a network over time, on a clock that is turned by hand: lives, cadence, memory, patience, sleep.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { BodyLimit, kLeastBody } from '../../web/client/sigway/body_limit.js';
import { Cadence } from '../../web/client/sigway/cadence.js';
import { clock, deadline, within } from '../../web/client/sigway/clock.js';
import { backoff } from '../../web/client/sigway/backoff.js';
import { RoundTrip } from '../../web/client/sigway/round_trip.js';
import { isUnclean, SigwayError } from '../../web/client/sigway/failure.js';
import { Http } from '../../web/client/sigway/http.js';
import { Journal } from '../../web/client/sigway/journal.js';
import { kLimits } from '../../web/client/sigway/limits.js';
import { Lines } from '../../web/client/sigway/lines.js';
import { Lives } from '../../web/client/sigway/lives.js';
import { Memory } from '../../web/client/sigway/memory.js';
import { NetworkProfile } from '../../web/client/sigway/network_profile.js';
import { Outgoing } from '../../web/client/sigway/outgoing.js';
import { planRace, Race } from '../../web/client/sigway/race.js';
import { Surroundings } from '../../web/client/sigway/surroundings.js';
import { Uplink } from '../../web/client/sigway/uplink.js';
import { storage } from './helpers.mjs';

const kReal = { ...clock };
const kMinute = 60000;
const kMocked = ['setTimeout'];
const kOptions = process.versions.node.startsWith('18.') ? kMocked : { apis: kMocked };
let now;

beforeEach(() => {
  now = 1000;
  mock.timers.enable(kOptions);
  Object.assign(clock, { now: () => now, wall: () => 1e12 + now });
});

afterEach(() => {
  mock.timers.reset();
  Object.assign(clock, kReal);
});

function pass(ms) {
  for (; ms > 0; ms -= 100) {
    now += Math.min(ms, 100);
    mock.timers.tick(Math.min(ms, 100));
  }
}

describe('body limit', () => {
  // A network that refuses more than `real`, without saying so; who has much to say fills every body.
  const search = (limit, real, wanted) => {
    let refusals = 0;
    for (let i = 0; i < 30; ++i) {
      const size = Math.min(limit.most, wanted);
      if (size <= real) limit.passed(size);
      else {
        ++refusals;
        limit.refused(size);
      }
    }
    return refusals;
  };

  test('is found by halves, closely, and with few refusals', () => {
    for (const real of [700, 1000, 2048, 8192, 65000]) {
      const limit = new BodyLimit();
      const refusals = search(limit, real, 200000);
      assert.ok(limit.most <= real && limit.most > 0.85 * real, `${limit.most} of ${real}`);
      assert.ok(refusals <= Math.log2(200000 / real) + 4, `${refusals} refusals for ${real}`);
    }
  });

  test('what the answer names is taken at its word', () => {
    const limit = new BodyLimit();
    assert.ok(limit.refused(50000, 9000));
    assert.equal(limit.most, 9000);
  });

  test('who says little is not made to try more', () => {
    const limit = new BodyLimit();
    search(limit, 8192, 200000);
    const before = limit.most;
    for (let i = 0; i < 20; ++i) assert.equal(limit.passed(600), false);
    assert.equal(limit.most, before);
  });

  test('a network that changes is believed, down to what can still be split', () => {
    const limit = new BodyLimit();
    search(limit, 65000, 200000);
    search(limit, 900, 200000);
    assert.ok(limit.most <= 900 && limit.most >= 500, String(limit.most));
    search(limit, 100, 200000);
    assert.equal(limit.most, kLeastBody);
  });

  test('is relaxed with the rest of the cadence, and found again from there', () => {
    const cadence = new Cadence();
    search(cadence.body, 8192, 200000);
    const before = cadence.body.most;
    pass(5 * kMinute);
    assert.ok(cadence.relax().body > before);
    assert.ok(cadence.body.most > before);
    search(cadence.body, 8192, 200000);
    assert.ok(cadence.body.most <= 8192 && cadence.body.most > 0.85 * 8192, String(cadence.body.most));
  });
});

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
    const session = { trips: new RoundTrip(), cadence, active: { kind: 'poll', isAsking: true }, carriers: new Set(), over: new AbortController(),
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

  test('while nothing carries, one attempt has it alone; where nothing comes, all may wait for connections', () => {
    const carriers = [];
    const promise = () => {
      const each = Promise.withResolvers?.() ?? {};
      if (!each.promise) each.promise = new Promise((resolve, reject) => Object.assign(each, { resolve, reject }));
      each.promise.catch(() => {});
      return each;
    };
    const session = { profile: new NetworkProfile({ recall: () => null, keep() {} }, new Journal()), trips: new RoundTrip(), nextTurn: () => 1 };
    const race = new Race({ session, steps: planRace(['websocket', 'sse', 'poll'], null), patience: 10000, hooks: {
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
});

describe('lives', () => {
  test('two young deaths set a transport aside, for longer each time, and never for ever', () => {
    const lives = new Lives();
    assert.equal(lives.lose('websocket'), 0);
    assert.equal(lives.isAside('websocket'), false);
    assert.equal(lives.lose('websocket'), kMinute);
    assert.equal(lives.isAside('websocket'), true);
    assert.equal(lives.isAside('sse'), false);
    for (const minutes of [2, 4, 8, 10, 10]) {
      pass(lives.remaining('websocket'));
      assert.equal(lives.isAside('websocket'), false);
      assert.equal(lives.lose('websocket'), minutes * kMinute, 'back on probation');
    }
  });

  test('who grew old has its lives back; an outage is nobody\'s fault', () => {
    const lives = new Lives();
    lives.lose('sse');
    lives.restore('sse');
    assert.equal(lives.lose('sse'), 0);
    lives.lose('sse');
    lives.pardon();
    assert.equal(lives.isAside('sse'), false);
  });
});

describe('cadence', () => {
  test('silence that was cut asks for heartbeats within it', () => {
    const cadence = new Cadence();
    assert.equal(cadence.cut('websocket', 10000, 10000).heartbeat, 6000);
    assert.equal(cadence.heartbeat, 6000);
    assert.equal(cadence.life.websocket, null);
    // The server refuses less than a second.
    cadence.cut('websocket', 60000, 1600);
    assert.equal(cadence.heartbeat, 1000);
  });

  test('two cuts at one age renew streams before it, and acquit silence', () => {
    const cadence = new Cadence();
    cadence.cut('sse', 30000, 30000);
    assert.equal(cadence.heartbeat, 18000);
    assert.equal(cadence.cut('sse', 31000, 12000).renewal, 21000);
    assert.equal(cadence.life.sse, 21000);
    assert.equal(cadence.heartbeat, null);
    assert.equal(cadence.life.websocket, null, 'each transport has its own');
  });

  test('cuts at any age teach nothing, nor does traffic', () => {
    const cadence = new Cadence();
    for (const age of [3000, 9000, 2000, 20000]) assert.equal(cadence.cut('websocket', age, 10), null);
    assert.deepEqual(cadence.learnt, new Cadence().learnt);
  });

  test('after a loss polls are short, and once requests pass again as long as before within two minutes', () => {
    const cadence = new Cadence();
    assert.equal(cadence.swallowed().hold, 1000);
    let quiet = 0;
    while (cadence.wait < 25000 && quiet < 120000) {
      const asked = cadence.wait;
      quiet += asked;
      cadence.pollHeld(asked);
    }
    assert.equal(cadence.wait, 25000);
    assert.equal(cadence.learnt.hold, null);
    cadence.swallowed();
    for (let i = 0; i < 2; ++i) cadence.pollHeld(1000);
    cadence.swallowed();
    for (let i = 0; i < 2; ++i) cadence.pollHeld(1000);
    assert.equal(cadence.wait, 1000, 'each loss counts from the beginning');
  });

  test('polls that are cut at one time are held for less', () => {
    const cadence = new Cadence();
    assert.equal(cadence.wait, 25000);
    assert.equal(cadence.pollCut(5000), null);
    assert.equal(cadence.pollCut(5200).hold, 3750);
    assert.equal(cadence.wait, 3750);
    cadence.serves({ heartbeat: 25000, hold: 1000 });
    assert.equal(cadence.wait, 1000, 'the server holds for as long as it likes at the most');
  });

  test('streams that are held back are padded, as far as that is worth it', () => {
    const cadence = new Cadence();
    assert.equal(cadence.heldBack().pad, 1100);
    assert.equal(cadence.heldBack().pad, 4200);
    assert.equal(cadence.heldBack(), null);
    assert.equal(cadence.pad, 0);
  });

  test('after undisturbed minutes it widens by half; a disturbance begins the minutes anew', () => {
    const cadence = new Cadence({ heartbeat: 4000, hold: 12000, life: { sse: 20000 }, body: 2000 });
    pass(4 * kMinute);
    assert.equal(cadence.relax(), null);
    cadence.cut('websocket', 100, 10);
    pass(4 * kMinute);
    assert.equal(cadence.relax(), null);
    pass(kMinute);
    cadence.relax();
    assert.deepEqual(cadence.learnt, { heartbeat: 6000, hold: 18000, life: { websocket: null, sse: 30000 }, pad: 0, body: 3000, single: false });
    pass(5 * kMinute);
    cadence.relax();
    assert.equal(cadence.hold, null, 'the server\'s own again');
  });

  test('an outage takes the last lesson back', () => {
    const cadence = new Cadence({ heartbeat: 9000 });
    cadence.cut('websocket', 5000, 5000);
    assert.equal(cadence.heartbeat, 3000);
    cadence.forget();
    assert.equal(cadence.heartbeat, 9000);
  });

  test('what was remembered is taken only if it makes sense', () => {
    const cadence = new Cadence({ heartbeat: -1, hold: 'x', life: 7, pad: null, body: NaN });
    assert.deepEqual(cadence.learnt, new Cadence().learnt);
  });
});

describe('memory', () => {
  test('half an hour, by address', () => {
    const kept = storage();
    new Memory(kept, 'http://one/').keep({ transport: 'sse', proof: 80 });
    assert.equal(new Memory(kept, 'http://one/').recall().transport, 'sse');
    assert.equal(new Memory(kept, 'http://two/').recall(), null);
    pass(29 * kMinute);
    assert.equal(new Memory(kept, 'http://one/').recall().proof, 80);
    pass(2 * kMinute);
    assert.equal(new Memory(kept, 'http://one/').recall(), null);
  });

  test('nothing throws: no store, one that is full, nonsense in it', () => {
    new Memory(null, 'a').keep({});
    assert.equal(new Memory(null, 'a').recall(), null);
    const full = { getItem: () => '{"at":', setItem: () => { throw new Error('full'); } };
    new Memory(full, 'a').keep({});
    assert.equal(new Memory(full, 'a').recall(), null);
    assert.equal(new Memory({ getItem: () => 'null' }, 'a').recall(), null);
  });

  test('a network keeps what worked and what it learnt, and begins with it', () => {
    const kept = storage();
    const journal = new Journal(() => {});
    const before = new NetworkProfile(new Memory(kept, 'a'), journal);
    assert.equal(before.known, null);
    before.learnt(before.cadence.cut('poll', 9000, 9000));
    assert.equal(kept.values.size, 0, 'nothing has worked yet');
    before.worked('sse', 120);
    const after = new NetworkProfile(new Memory(kept, 'a'), journal);
    assert.deepEqual(after.known, { kind: 'sse', proof: 120 });
    assert.equal(after.trusted.has('sse'), true);
    assert.equal(after.cadence.heartbeat, 5400);
  });

  test('a transport that is set aside is not the one to begin with', () => {
    const profile = new NetworkProfile(new Memory(null, 'a'), new Journal(() => {}));
    profile.worked('websocket', 50);
    const cut = new SigwayError('network', 'cut');
    for (const age of [3000, 1000]) profile.died({ kind: 'websocket' }, cut, age, 10, 25000);
    assert.equal(profile.known, null);
    pass(kMinute);
    assert.equal(profile.known.kind, 'websocket');
  });

  test('death at a known age that can be outrun costs no lives', () => {
    const profile = new NetworkProfile(new Memory(null, 'a'), new Journal(() => {}));
    const cut = new SigwayError('network', 'cut');
    for (const age of [20000, 20000]) profile.died({ kind: 'websocket' }, cut, age, 10, 25000);
    assert.equal(profile.cadence.life.websocket, 14000);
    assert.equal(profile.lives.isAside('websocket'), false);
  });

  test('one that the server does not hear any more loses a life as well', () => {
    assert.equal(isUnclean(new SigwayError('silent', 'nothing was heard from the client')), true);
  });

  test('a stream that is held back is set aside at once', () => {
    const profile = new NetworkProfile(new Memory(null, 'a'), new Journal(() => {}));
    profile.died({ kind: 'sse' }, new SigwayError('held_back', ''), 100000, 10, 25000);
    assert.equal(profile.lives.isAside('sse'), true);
  });
});

describe('the order of a race', () => {
  const all = ['websocket', 'sse', 'poll'];
  const brief = (steps) => steps.map(({ kinds, after }) => `${kinds.join('+')} ${after}`);

  test('an unknown network: WebSocket and poll at once, a stream when WebSocket is not proved soon', () => {
    assert.deepEqual(brief(planRace(all, null)), ['websocket+poll 0', 'sse 300']);
    assert.deepEqual(brief(planRace(['sse', 'poll'], null)), ['sse+poll 0']);
  });

  test('a known network: what worked there has a head start', () => {
    assert.deepEqual(brief(planRace(all, { kind: 'sse', proof: 60 })), ['sse 0', 'websocket+poll 300']);
    assert.deepEqual(brief(planRace(all, { kind: 'websocket', proof: 800 })), ['websocket 0', 'sse+poll 1200']);
  });

  test('who is set aside comes when all others have failed', () => {
    const aside = (kind) => kind === 'websocket';
    assert.deepEqual(brief(planRace(all, null, aside)), ['sse+poll 0', 'websocket Infinity']);
    assert.deepEqual(brief(planRace(['websocket'], null, aside)), ['websocket 0'], 'there is no other');
  });
});

describe('time', () => {
  test('a deadline that comes late gives one more chance', () => {
    let ended = 0;
    deadline(2000, () => { ++ended; });
    now += 60000;              // the tab slept
    mock.timers.tick(2000);
    assert.equal(ended, 0);
    now += 60000;              // and sleeps again: no third chance
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
    now += 30000;
    mock.timers.tick(5000);
    assert.deepEqual(heard, ['woke: slept for 25 s']);
    pass(20000);
    let wall = 1e12 + now;
    clock.wall = () => wall;     // a clock that stood still while the machine slept
    wall += 3600000;
    pass(5000);
    assert.equal(heard.length, 2);
    around.stop();
    now += 90000;
    mock.timers.tick(90000);
    assert.equal(heard.length, 2);
  });

  test('a hidden tab\'s slow timers are no sleep; being shown after long is worth a look', () => {
    const { heard, show } = watch();
    show('hidden');
    for (let i = 0; i < 5; ++i) {
      now += 60000;
      mock.timers.tick(5000);
    }
    assert.deepEqual(heard, []);
    show('visible');
    assert.deepEqual(heard, ['woke: was hidden for 300 s']);
    show('hidden');
    now += 3000;
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
