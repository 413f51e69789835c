// PeerJS where its server was started with other settings: the list of peers, paths, keys, origins, a port of its own.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { get } from './support/bad_input.mjs';
import { WsClient } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { connect, error, hasConfirmed, hears, isTurnedAway, kOpen, passes, peer, peers } from './support/peerjs.mjs';

async function withServer(t, flags, options) {
  const server = await startGateway(flags, options);
  t.after(() => stopGateway(server));
  return server;
}

const isServed = async (server, path) => (await get(server, path)).json?.name === 'PeerJS Server';
const givesIds = async (server, path) => /^[0-9a-f-]{36}$/.test((await get(server, path)).text);

describe('the list of peers', () => {
  const list = async (server, key = 'peerjs') => (await get(server, `/peerjs/${key}/peers`)).json?.sort();
  // Somebody may be on the way out, on another shard.
  async function becomes(server, ids) {
    const wanted = JSON.stringify([...ids].sort());
    for (let listed; listed !== wanted;) listed = JSON.stringify(await list(server));
  }

  test('has everybody who is there, whichever shard that is on', async (t) => {
    const server = await withServer(t, ['--peerjs-discovery']);
    assert.deepEqual(await list(server), []);
    const all = await peers(t, server, 24);
    const odd = await peer(t, server, { id: encodeURIComponent('a "ž" & b') });
    const ids = [...all.map(({ id }) => id), 'a "ž" & b'];
    assert.deepEqual(await list(server), ids.sort());
    for (const gone of all.splice(0, 12)) gone.close();
    await becomes(server, [...all.map(({ id }) => id), 'a "ž" & b']);
    odd.cut();
    await becomes(server, all.map(({ id }) => id));
  });

  test('has an id once, also when it passes to another connection', async (t) => {
    const server = await withServer(t, ['--peerjs-discovery']);
    const alice = await peer(t, server);
    for (let n = 0; n < 5; ++n) {
      await hasConfirmed(await peer(t, server, alice));
      await becomes(server, [alice.id]);
    }
    assert.equal(await connect(t, server, { id: alice.id, token: 'another' }).then((late) => late.next()).then((text) => JSON.parse(text).type), 'ID-TAKEN');
    assert.deepEqual(await list(server), [alice.id]);
  });

  test('is for whoever knows the key', async (t) => {
    const server = await withServer(t, ['--peerjs-discovery', '--peerjs-key', 'k-1']);
    const alice = await peer(t, server, { key: 'k-1' });
    assert.deepEqual(await list(server, 'k-1'), [alice.id]);
    assert.equal((await get(server, '/peerjs/peerjs/peers')).status, 401);
    await isTurnedAway(await connect(t, server), error('Invalid key provided'));
  });
});

describe('where it is', () => {
  test('pages that say no path find it, too', async (t) => {
    const server = await withServer(t, []);
    assert.ok(await givesIds(server, '/peerjs/id?ts=1&version=1.5.5'));
    assert.equal((await get(server, '/peerjs/peers')).status, 401);
    const [alice, bob] = [await peer(t, server, { path: '' }), await peer(t, server)];
    await passes(alice, bob);
    await passes(bob, alice);
  });

  test('a port of its own answers at /, too', async (t) => {
    const server = await withServer(t, [], { listen: ['peerjs'] });
    assert.ok(await isServed(server.own.peerjs, '/'));
    assert.ok(await givesIds(server.own.peerjs, '/peerjs/id'));
    await passes(await peer(t, server.own.peerjs, { path: '' }), await peer(t, server));
    assert.ok(!await isServed(server, '/'));
  });

  test('--peerjs-path', async (t) => {
    const server = await withServer(t, ['--peerjs-path', '/my/app']);
    for (const path of ['/my/app', '/my/app/']) assert.ok(await isServed(server, path));
    assert.ok(await givesIds(server, '/my/app/peerjs/id'));
    const [alice, bob] = [await peer(t, server, { path: '/my/app' }), await peer(t, server, { path: '/my/app' })];
    await passes(alice, bob);
    for (const path of ['/peerjs', '/peerjs/peerjs/id', '/peerjs/id', '/my/peerjs/id']) assert.equal((await get(server, path)).status, 404, path);
    await assert.rejects(WsClient.open(server, '/peerjs/peerjs?key=peerjs&id=x&token=t'), /404/);
  });

  test('--peerjs-path / with a key of its own', async (t) => {
    const server = await withServer(t, ['--peerjs-path', '/', '--peerjs-key', 'secret', '--peerjs-discovery']);
    assert.ok(await givesIds(server, '/secret/id'));
    const alice = await peer(t, server, { path: '', key: 'secret' });
    await passes(alice, await peer(t, server, { path: '', key: 'secret', id: fresh('bob') }));
    assert.ok((await get(server, '/secret/peers')).json.includes(alice.id));
    for (const path of ['/peerjs/id', '/other/id', '/secret/x']) assert.equal((await get(server, path)).status, 404, path);
    assert.match((await get(server, '/')).text, /<!doctype html>/i);
  });

  test('settings that are wrong', async () => {
    for (const [flag, values] of [['--peerjs-path', ['peerjs', '/a/', '/a b', '/..', '']], ['--peerjs-key', ['', 'a/b', 'a&b', '..']]]) {
      for (const value of values) {
        await assert.rejects(startGateway([`${flag}=${value}`]), (failure) => failure.message.includes(flag));
      }
    }
  });
});

test('a page of an origin that may use the server reads all answers', async (t) => {
  const server = await withServer(t, ['--allow-origin', 'https://app.example', '--peerjs-discovery']);
  const headers = { Origin: 'https://app.example' };
  for (const path of ['/peerjs', '/peerjs/peerjs/id', '/peerjs/peerjs/peers']) {
    const answer = await get(server, path, headers);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['access-control-allow-origin'], 'https://app.example');
  }
  const client = await WsClient.open(server, '/peerjs/peerjs?key=peerjs&id=x&token=t', { headers });
  t.after(() => client.cut());
  await hears(client, kOpen);
});
