// PeerJS byte by byte, as its own server says it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fetchJson } from '../conformance/support/members.mjs';
import { WsClient } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { connect, error, expire, hasConfirmed, hears, isQuiet, isTurnedAway, kOffer, kOpen, kTaken, passes, peer, peers, tell } from './support/peerjs.mjs';

const kUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const kQuery = '?ts=17642580000000.123&version=1.5.5';

let server;
before(async () => { server = await startGateway(); });
after(() => stopGateway(server));

const get = (path) => fetchJson(server, path, undefined, { method: 'GET' });

describe('HTTP', () => {
  test('what the server says of itself', async () => {
    for (const path of ['/peerjs', '/peerjs/']) {
      const { status, headers, text } = await get(path);
      assert.equal(status, 200);
      assert.match(headers['content-type'], /^application\/json/);
      assert.equal(text, '{"name":"PeerJS Server","description":"A server side element to broker connections between PeerJS clients.","website":"https://peerjs.com/"}');
    }
  });

  test('a new id, which is a bare UUID, for any key', async () => {
    const ids = new Set();
    for (const key of ['peerjs', 'peerjs', 'another']) {
      const { status, headers, text } = await get(`/peerjs/${key}/id${kQuery}`);
      assert.equal(status, 200);
      assert.match(headers['content-type'], /^text\/html/);
      assert.match(text, kUuid);
      ids.add(text);
    }
    assert.equal(ids.size, 3);
  });

  test('the list of peers is for those who start the server so', async () => {
    const { status } = await get(`/peerjs/peerjs/peers${kQuery}`);
    assert.equal(status, 401);
  });
});

describe('a WebSocket that is turned away', () => {
  const kMissing = error('No id, token, or key supplied to websocket server');
  for (const [what, query] of [['no id', 'key=peerjs&token=t'], ['no token', 'key=peerjs&id=x'], ['no key', 'id=x&token=t'], ['nothing', ''],
    ['an empty id', 'key=peerjs&id=&token=t'], ['an empty token', 'key=peerjs&id=x&token=']]) {
    test(what, async (t) => {
      const client = await WsClient.open(server, `/peerjs/peerjs?${query}`);
      t.after(() => client.cut());
      await isTurnedAway(client, kMissing);
    });
  }

  test('another key', async (t) => {
    await isTurnedAway(await connect(t, server, { key: 'another' }), error('Invalid key provided'));
  });

  test('an id that somebody else has', async (t) => {
    const alice = await peer(t, server);
    await isTurnedAway(await connect(t, server, { id: alice.id, token: 'another' }), kTaken);
    await isQuiet(alice);
  });
});

describe('messages', () => {
  for (const type of ['OFFER', 'ANSWER', 'CANDIDATE', 'LEAVE', 'EXPIRE']) {
    test(`${type} is passed on, from whoever sent it`, async (t) => {
      const [alice, bob] = await peers(t, server);
      for (const payload of [kOffer, null, 'text', '', 0, -1.5e-7, true, [], [[1, [2]], {}], {}, { a: { b: null } }, '\u2028"\\\u0000']) {
        tell(alice, { type, payload, src: 'somebody else', dst: bob.id, more: 1 });
        await hears(bob, JSON.stringify({ type, src: alice.id, dst: bob.id, payload }));
      }
      tell(alice, { dst: bob.id, type });
      await hears(bob, JSON.stringify({ type, src: alice.id, dst: bob.id }));
      await isQuiet(alice);
    });
  }

  test('in order, both ways and to oneself', async (t) => {
    const [alice, bob] = await peers(t, server);
    for (let n = 0; n < 50; ++n) tell(alice, { type: 'CANDIDATE', payload: n, dst: bob.id });
    for (let n = 0; n < 50; ++n) await hears(bob, JSON.stringify({ type: 'CANDIDATE', src: alice.id, dst: bob.id, payload: n }));
    await passes(bob, alice);
    await isQuiet(alice);
  });

  test('a heartbeat and what is unknown get no answer', async (t) => {
    const [alice, bob] = await peers(t, server);
    for (const message of [{ type: 'HEARTBEAT' }, { type: 'OPEN' }, { type: 'ID-TAKEN', dst: bob.id }, { type: 'offer', dst: bob.id }, { type: 'toString', dst: bob.id },
      { dst: bob.id }, { type: 'OFFER', payload: 1 }, { type: 'EXPIRE' }]) tell(alice, message);
    await passes(alice, bob);
    await isQuiet(alice);
  });

  test('an id may have spaces and other characters', async (t) => {
    const alice = await peer(t, server, { id: fresh('alice in wonderland') });
    const bob = await peer(t, server, { id: encodeURIComponent(fresh('bób"&=+ ')) });
    bob.id = decodeURIComponent(bob.id);
    await passes(alice, bob);
    await passes(bob, alice);
    for (const id of ['__proto__', 'constructor', 'hasOwnProperty']) await passes(alice, await peer(t, server, { id }));
  });
});

describe('an id that nobody has', () => {
  test('what is said to it waits, and follows its OPEN in order', async (t) => {
    const [alice, bob] = await peers(t, server);
    const id = fresh('carol');
    tell(alice, { type: 'OFFER', dst: id, payload: 1 });
    tell(alice, { type: 'LEAVE', dst: id });
    tell(alice, { type: 'EXPIRE', dst: id });
    tell(alice, { type: 'CANDIDATE', dst: id, payload: 2 });
    await isQuiet(alice);
    tell(bob, { type: 'ANSWER', dst: id, payload: 3 });
    await isQuiet(bob);
    const carol = await peer(t, server, { id });
    await hears(carol, JSON.stringify({ type: 'OFFER', src: alice.id, dst: id, payload: 1 }));
    await hears(carol, JSON.stringify({ type: 'CANDIDATE', src: alice.id, dst: id, payload: 2 }));
    await hears(carol, JSON.stringify({ type: 'ANSWER', src: bob.id, dst: id, payload: 3 }));
    await isQuiet(carol);
  });

  test('after five seconds each sender hears EXPIRE once, and all is dropped', async (t) => {
    const [alice, bob] = await peers(t, server);
    const id = fresh('carol');
    const begin = performance.now();
    for (let n = 0; n < 3; ++n) {
      tell(alice, { type: 'CANDIDATE', dst: id, payload: n });
      tell(bob, { type: 'CANDIDATE', dst: id, payload: n });
    }
    await Promise.all([alice, bob].map((each) => hears(each, expire(id, each.id))));
    assert.ok(performance.now() - begin > 4900, `after ${performance.now() - begin} ms`);
    const carol = await peer(t, server, { id });
    for (const each of [carol, alice, bob]) await isQuiet(each);
  });
});

describe('an id is free again', () => {
  test('when its client closes', async (t) => {
    const [alice, bob] = await peers(t, server);
    alice.close();
    await alice.closed;
    const another = await peer(t, server, { id: alice.id, token: 'another' });
    await passes(bob, another);
  });

  test('when its client says LEAVE to nobody', async (t) => {
    for (const message of [{ type: 'LEAVE' }, { type: 'LEAVE', dst: null }, { type: 'LEAVE', dst: '' }]) {
      const [alice, bob] = await peers(t, server);
      tell(alice, message);
      for (;;) {
        const another = await connect(t, server, { id: alice.id, token: 'another' });
        if (await another.next() !== kOpen) continue;   // the LEAVE came on another connection
        await passes(bob, another);
        break;
      }
    }
  });
});

test('the same id and token take over from a connection that is still there', async (t) => {
  const [alice, bob] = await peers(t, server);
  for (let n = 0; n < 3; ++n) {
    const again = await peer(t, server, alice);
    await passes(bob, again);
    await passes(again, bob);
    await hasConfirmed(again);
  }
});
