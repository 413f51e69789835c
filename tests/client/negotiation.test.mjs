// Perfect negotiation with one peer (web/client/peer/negotiation.js), on a peer connection that only writes down what is asked of
// it. What browsers make of it: tests/pages/.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeldCandidates } from '../../web/client/peer/candidates.js';
import { Negotiation } from '../../web/client/peer/negotiation.js';

class FakeConnection {
  signalingState = 'stable';
  localDescription = null;
  remote = [];               // what was set, as 'offer v=…'
  local = [];
  closed = false;

  async createOffer() { return { type: 'offer', sdp: 'ours' }; }
  async createAnswer() { return { type: 'answer', sdp: 'ours' }; }

  async setLocalDescription(description) {
    this.local.push(description.type);
    this.localDescription = description;
    this.signalingState = description.type === 'offer' ? 'have-local-offer' : 'stable';
  }

  async setRemoteDescription({ type, sdp }) {
    this.remote.push(`${type} ${sdp}`);
    this.signalingState = type === 'offer' ? 'have-remote-offer' : 'stable';
  }

  async addIceCandidate() {}
  close() { this.closed = true; }
}

function negotiation(polite, courtesy = 0, ready = undefined) {
  const said = [], renewed = [], connections = [];
  const link = new Negotiation({ polite, instance: null, ourInstance: 'us', ready, equip: () => {}, trouble: () => {},
    say: (type, data) => said.push({ type, ...data }), renewed: (by) => renewed.push(by) },
  () => connections[connections.push(new FakeConnection()) - 1], courtesy);
  link.start();
  return { link, said, renewed, connections, get connection() { return connections.at(-1); } };
}

// All that was begun is done: the queue is one chain of promises, and nothing in it waits for time.
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('what belongs to the call before is not taken for the present one', async () => {
  const one = negotiation(true);
  one.link.hear('renew', { call: 2 });
  await settled();
  assert.deepEqual(one.renewed, ['them']);
  assert.equal(one.connections.length, 2);
  assert.ok(one.connections[0].closed);
  one.link.hear('offer', { sdp: 'of the first call', call: 1 });
  one.link.hear('renew', { call: 1 });
  await settled();
  assert.deepEqual(one.connection.remote, []);
  assert.deepEqual(one.renewed, ['them']);
  one.link.hear('offer', { sdp: 'of the second', call: 2 });
  await settled();
  assert.deepEqual(one.connection.remote, ['offer of the second']);
  assert.deepEqual(one.said.at(-1), { type: 'answer', sdp: 'ours', link: 'us', call: 2 });
});

test('a message of a later call begins that one', async () => {
  const one = negotiation(false);
  one.link.hear('offer', { sdp: 'theirs', call: 5 });
  await settled();
  assert.equal(one.connections.length, 2);
  assert.deepEqual(one.connection.remote, ['offer theirs']);
  assert.equal(one.said.at(-1).call, 5);
});

test('a first offer that gives way takes its connection along, a later one is rolled back', async () => {
  const one = negotiation(true);
  one.connection.onnegotiationneeded();
  await settled();
  one.link.hear('offer', { sdp: 'theirs', call: 1 });
  await settled();
  assert.equal(one.connections.length, 2);
  assert.deepEqual(one.connection.remote, ['offer theirs']);
  assert.deepEqual(one.connections.flatMap(({ local }) => local), ['offer', 'answer']);
  one.connection.onnegotiationneeded();
  await settled();
  one.link.hear('offer', { sdp: 'theirs again', call: 1 });
  await settled();
  assert.equal(one.connections.length, 2);
  assert.deepEqual(one.connection.local, ['answer', 'offer', 'rollback', 'answer']);
});

test('an offer that crosses ours is ignored by who is not polite', async () => {
  const one = negotiation(false);
  one.connection.onnegotiationneeded();
  await settled();
  one.link.hear('offer', { sdp: 'theirs', call: 1 });
  one.link.hear('answer', { sdp: 'theirs', call: 1 });
  await settled();
  assert.equal(one.connections.length, 1);
  assert.deepEqual(one.connection.remote, ['answer theirs']);
});

test('candidates of offers that were passed over are forgotten, and not complained of', async () => {
  const held = new HeldCandidates();
  const used = [];
  const described = (fragment) => ({ remoteDescription: { sdp: `a=ice-ufrag:${fragment}\r\n` }, addIceCandidate: async ({ candidate }) => used.push(candidate) });
  const bundle = (fragment) => ({ candidates: Array.from({ length: 20 }, (_, i) => ({ candidate: `candidate:${i} ufrag ${fragment}`, sdpMid: '0' })) });
  for (let round = 0; round < 50; ++round) {
    assert.equal(held.add(bundle(`lost${round}`)), null);
    held.newDescription();
    assert.equal(held.add(bundle(`won${round}`)), null);
    await held.use(described(`won${round}`));
  }
  assert.equal(used.length, 50 * 20);
  // One that the next answer uses again is still there.
  held.add(bundle('late'));
  held.newDescription();
  await held.use(described('late'));
  assert.equal(used.length, 51 * 20);
});

// Gives a function that lets so many milliseconds pass. The mock timers of Node 18 run what was cleared, and ticks do not add up.
function timeouts(t) {
  const set = new Map();
  let now = 0, last = 0;
  t.mock.method(globalThis, 'setTimeout', (act, ms) => {
    set.set(++last, { act, at: now + ms });
    return last;
  });
  t.mock.method(globalThis, 'clearTimeout', (id) => { set.delete(id); });
  return (ms) => {
    now += ms;
    for (const [id, { act, at }] of [...set]) if (at <= now && set.delete(id)) act();
  };
}

test('candidates travel in bundles: what is found within a moment in one message, and not more than 64', (t) => {
  const pass = timeouts(t);
  const one = negotiation(false);
  const find = (count, from = 0) => {
    for (let i = from; i < from + count; ++i) one.connection.onicecandidate({ candidate: { candidate: `candidate:${i}`, sdpMid: '0' } });
  };
  const bundles = () => one.said.splice(0).map(({ type, candidates, call }) => {
    assert.deepEqual([type, call], ['candidate', 1]);
    return candidates.map(({ candidate }) => Number(candidate.slice(10)));
  });
  const numbers = (count, from = 0) => Array.from({ length: count }, (_, i) => from + i);
  find(5);
  pass(10);
  find(5, 5);
  assert.deepEqual(bundles(), []);
  pass(10);
  assert.deepEqual(bundles(), [numbers(10)]);
  find(150);
  assert.deepEqual(bundles(), [numbers(64), numbers(64, 64)], 'a full bundle does not wait');
  one.connection.onicecandidate({ candidate: null });      // the browser has found all
  pass(20);
  assert.deepEqual(bundles(), [numbers(22, 128)]);
  pass(1000);
  assert.deepEqual(bundles(), []);
});

// A program that is not ours says `link` without an instance, when it is ready.
for (const polite of [false, true]) {
  test(`an offer that a program could not take yet is repeated when it is ready, by the ${polite ? 'polite' : 'impolite'} one`, async (t) => {
    const pass = timeouts(t);
    const one = negotiation(polite, 1000);
    const offers = () => one.said.filter(({ type }) => type === 'offer').length;
    one.link.hear('link');                      // ready before there is an offer: nothing was lost
    one.connection.onnegotiationneeded();
    pass(1000);
    await settled();
    assert.equal(offers(), 1);
    one.link.hear('link', { link: 'one of ours', keeps: [] });
    pass(1000);
    await settled();
    assert.equal(offers(), 1);
    one.link.hear('link');
    await settled();
    assert.equal(offers(), polite ? 1 : 2);     // the polite one lets the other begin
    pass(1000);
    await settled();
    assert.equal(offers(), 2);
    assert.deepEqual(one.connection.local, ['offer']);   // the same one
    one.link.hear('answer', { sdp: 'theirs' });
    await settled();
    one.link.hear('link');
    pass(1000);
    await settled();
    assert.equal(offers(), 2);
    assert.equal(one.connections.length, 1);
  });
}

test('whoever says without end that it is ready gets so many offers and no more', async () => {
  const one = negotiation(false);
  one.connection.onnegotiationneeded();
  await settled();
  for (let i = 0; i < 100; ++i) {
    one.link.hear('link');
    await settled();
  }
  assert.ok(one.said.length <= 12, String(one.said.length));
});

test('candidates of a connection that is given up are not sent', async (t) => {
  const pass = timeouts(t);
  const one = negotiation(true);
  one.connection.onicecandidate({ candidate: { candidate: 'candidate:1', sdpMid: '0' } });
  one.link.hear('renew', { call: 2 });
  await settled();
  pass(1000);
  assert.deepEqual(one.said, []);
});

test('a program that is not a peer link is answered when our tracks are there', async () => {
  for (const settle of ['resolve', 'reject']) {
    let act;
    const ready = new Promise((resolve, reject) => { act = { resolve, reject }; });
    const one = negotiation(true, 0, ready);
    one.link.hear('offer', { type: 'offer', sdp: 'of a stranger' });
    one.link.hear('candidate', { candidate: 'candidate:1' });
    await settled();
    assert.deepEqual(one.connection.remote, []);
    act[settle](new Error('no camera'));
    await settled();
    assert.deepEqual(one.connection.remote, ['offer of a stranger']);
    assert.deepEqual(one.said.map(({ type }) => type), ['answer']);
  }
  // Tracks instead of a promise of them, which say that they are there.
  const eager = negotiation(true, 0, [{}]);
  eager.link.hear('offer', { type: 'offer', sdp: 'of a stranger' });
  await settled();
  assert.deepEqual(eager.said.map(({ type }) => type), ['answer']);
  const other = negotiation(true, 0, new Promise(() => {}));
  other.link.hear('offer', { sdp: 'of a peer link', link: 'them' });
  await settled();
  assert.deepEqual(other.connection.remote, ['offer of a peer link']);
});
