// What the client knows of a network, and for how long: lives, cadence, memory, what to begin with.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BodyLimit, kLeastBody } from '../../web/client/sigway/body_limit.js';
import { Cadence } from '../../web/client/sigway/cadence.js';
import { isUnclean, SigwayError } from '../../web/client/sigway/failure.js';
import { Journal } from '../../web/client/sigway/journal.js';
import { Lives } from '../../web/client/sigway/lives.js';
import { Memory } from '../../web/client/sigway/memory.js';
import { NetworkProfile } from '../../web/client/sigway/network_profile.js';
import { planRace } from '../../web/client/sigway/race.js';
import { storage } from './helpers.mjs';
import { pass } from './turned_clock.mjs';

const kMinute = 60000;

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
});

describe('the profile of a network', () => {
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
    assert.deepEqual(brief(planRace(['sse', 'poll'], null)), ['poll+sse 0']);
  });

  test('a known network: what worked there has a head start', () => {
    assert.deepEqual(brief(planRace(all, { kind: 'sse', proof: 60 })), ['sse 0', 'websocket+poll 300']);
    assert.deepEqual(brief(planRace(all, { kind: 'websocket', proof: 800 })), ['websocket 0', 'poll+sse 1200']);
  });

  test('who is set aside comes when all others have failed', () => {
    const aside = (kind) => kind === 'websocket';
    assert.deepEqual(brief(planRace(all, null, aside)), ['poll+sse 0', 'websocket Infinity']);
    assert.deepEqual(brief(planRace(['websocket'], null, aside)), ['websocket 0'], 'there is no other');
  });
});
