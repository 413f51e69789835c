// PeerJS where the original forgets, or keeps somebody out: connections that are cut, held up, or still there though nobody is.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { Line } from './support/line.mjs';
import { connect, expire, hears, hasConfirmed, isQuiet, isTurnedAway, kOpen, kTaken, passes, peer, tell } from './support/peerjs.mjs';

let server;
before(async () => { server = await startGateway(['--probe-timeout', '2s']); });
after(() => stopGateway(server));

// Alice's connection goes over a line that can fail.
async function pairOnALine(t) {
  const line = await Line.start(t, server);
  const [alice, bob] = [await peer(t, line.server), await peer(t, server)];
  await passes(bob, alice);
  await hasConfirmed(alice);
  return { line, alice, bob };
}

// The same client, straight to the server.
const reconnect = (t, { id, token }) => connect(t, server, { id, token });

// As soon as the server has noticed that nobody is there any more.
async function getsIn(t, who) {
  for (;; await pause(100)) {
    const client = await connect(t, server, who);
    const answer = await client.next();
    if (answer === kOpen) return client;
    assert.equal(answer, kTaken);
  }
}

const offer = (from, to, payload) => JSON.stringify({ type: 'OFFER', src: from.id, dst: to.id, payload });

// What was said to `from` comes to `to`, its next connection, once; OPEN comes with it, once.
async function comesBack(to, texts) {
  const heard = [];
  for (let n = 0; n <= texts.length; ++n) heard.push(await to.next());
  assert.deepEqual(heard.filter((text) => text !== kOpen), texts);
  assert.ok(heard.includes(kOpen), heard.join('\n'));
}

describe('the same id and token', () => {
  test('get what was sent into a connection that carries nothing any more', async (t) => {
    const { line, alice, bob } = await pairOnALine(t);
    line.stall();
    for (let n = 0; n < 20; ++n) tell(bob, { type: 'OFFER', dst: alice.id, payload: n });
    await isQuiet(bob);
    const again = await reconnect(t, alice);
    await comesBack(again, Array.from({ length: 20 }, (_, n) => offer(bob, alice, n)));
    await passes(bob, again);
    await passes(again, bob);
    await isQuiet(again);
  });

  test('get what was said while they were cut off, if they are back soon', async (t) => {
    const { line, alice, bob } = await pairOnALine(t);
    line.reset();
    await alice.closed;
    tell(bob, { type: 'OFFER', dst: alice.id, payload: 'meanwhile' });
    await isQuiet(bob);
    const again = await reconnect(t, alice);
    await comesBack(again, [offer(bob, alice, 'meanwhile')]);
    await isQuiet(again);
    await isQuiet(bob);
  });

  test('get what no pong has proved: one that answers no ping proves nothing', async (t) => {
    const [alice, bob] = [await peer(t, server, { socket: { autoPong: false } }), await peer(t, server)];
    for (const payload of ['', '0', '1x', 'ping']) alice.socket.pong(payload);
    await isQuiet(bob);
    await passes(bob, alice, 'not proved');
    for (const payload of ['', '0', '1x', 'ping']) alice.socket.pong(payload);
    await hasConfirmed(alice);   // the server has read them
    alice.cut();
    await alice.closed;
    const again = await reconnect(t, alice);
    await comesBack(again, [offer(bob, alice, 'not proved')]);
    await hasConfirmed(again);
    again.cut();
    await again.closed;
    // Its library has answered the pings by itself.
    await comesBack(await reconnect(t, alice), []);
  });

  test('come back again and again', async (t) => {
    const { line, alice, bob } = await pairOnALine(t);
    line.reset();
    await alice.closed;
    for (let n = 0; n < 6; ++n) {
      const again = await peer(t, server, alice);
      await passes(bob, again);
      await hasConfirmed(again);
      again.cut();
      await again.closed;
    }
    await passes(bob, await peer(t, server, alice));
  });
});

describe('however often it comes and goes', () => {
  // Until its id is free, what is said to it counts as sent.
  async function isUnavailableTo(t, id, bob) {
    const talking = setInterval(() => tell(bob, { type: 'CANDIDATE', dst: id, payload: 'is anybody there?' }), 1000);
    t.after(() => clearInterval(talking));
    await hears(bob, expire(id, bob.id));
    clearInterval(talking);
  }

  test('a client hears OPEN first or is sent away, and gives its id back', async (t) => {
    const bob = await peer(t, server);
    let alice = await peer(t, server);
    for (let n = 0; n < 30; ++n) {
      alice.cut();
      await alice.closed;
      alice = await reconnect(t, alice);
      const first = await alice.next().catch(({ message }) => message);
      if (first !== kOpen) assert.equal(first, 'closed with 4029 rate_limited');
    }
    alice.cut();
    await isUnavailableTo(t, alice.id, bob);
    await passes(bob, await peer(t, server, { id: alice.id, token: 'another' }));
  });

  test('a LEAVE that comes too fast ends the client, too', async (t) => {
    const own = await startGateway(['--message-rate', '1', '--message-burst', '4']);
    t.after(() => stopGateway(own));
    const [alice, bob] = [await peer(t, own), await peer(t, own)];
    for (let n = 0; n < 4; ++n) tell(alice, { type: 'CANDIDATE', dst: bob.id, payload: n });
    tell(alice, { type: 'LEAVE' });
    await alice.closed;
    for (let n = 0; n < 4; ++n) await hears(bob, JSON.stringify({ type: 'CANDIDATE', src: alice.id, dst: bob.id, payload: n }));
    await isUnavailableTo(t, alice.id, bob);
  });
});

describe('one who was cut and does not come back', () => {
  test('is unavailable to others in time, as in the original', async (t) => {
    const { line, alice, bob } = await pairOnALine(t);
    line.reset();
    await alice.closed;
    // Until the server has noticed as well, what is said counts as sent.
    const talking = setInterval(() => tell(bob, { type: 'CANDIDATE', dst: alice.id, payload: 'is anybody there?' }), 100);
    t.after(() => clearInterval(talking));
    await hears(bob, expire(alice.id, bob.id));
    clearInterval(talking);
  });

  test('gives its id to whoever asks', async (t) => {
    const { line, alice, bob } = await pairOnALine(t);
    line.reset();
    await alice.closed;
    const another = await getsIn(t, { id: alice.id, token: 'another' });
    await passes(bob, another);
    await isTurnedAway(await connect(t, server, alice), kTaken);
  });
});

test('a holder that answers nothing loses its id to another token, after a probe', async (t) => {
  const { line, alice, bob } = await pairOnALine(t);
  line.stall();
  // Whoever was heard of a moment ago is taken for there.
  const another = await getsIn(t, { id: alice.id, token: 'another' });
  await passes(bob, another);
  await isQuiet(another);
  await isTurnedAway(await connect(t, server, alice), kTaken);
});

test('a drain sends away those who are there', async (t) => {
  const own = await startGateway(['--drain-time', '1s']);
  const [alice, bob] = [await peer(t, own), await peer(t, own)];
  await passes(alice, bob);
  own.process.kill('SIGTERM');
  for (const each of [alice, bob]) assert.deepEqual(await each.closed, { code: 4012, reason: 'draining' });
  assert.deepEqual(await own.exit, [0, null]);
});
