// Finding a way: the race, what proves a transport, taking over, memory, and who dies young. Who is no server: strangers.test.mjs.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { pass } from './fake_clock.mjs';
import { WebSocket } from './fake_network.mjs';
import { FakeServer } from './fake_server.mjs';
import { counting, makeClient, noted, numbers, storage, talk } from './helpers.mjs';

let server, clients;
const client = (options) => makeClient(server, { room: 'one', ...options }, clients);
const routes = () => server.requests.map(({ route }) => route);

beforeEach(async () => {
  server = await new FakeServer().start();
  server.upgrades = 0;
  clients = [];
});

afterEach(async () => {
  server.fault = () => null;
  await Promise.all(clients.map(({ connection }) => connection.close()));
  await server.stop();
});

describe('the race', () => {
  test('WebSocket where it works: a poll was begun beside it, on the same session', async () => {
    const alice = client();
    await alice.until(() => alice.connection.transport === 'websocket');
    assert.equal(routes()[0], '/v1/poll');
    assert.ok(!routes().includes('/v1/sse'));
    assert.equal(server.opens.length, 1);
    assert.equal(server.sessions.size, 1);
    await pass(1000);
    assert.ok(noted(alice, 'trying').every(({ transport }) => transport !== 'sse'), 'no stream is tried when WebSocket was proved in time');
  });

  for (const fault of ['refuse', 'mute', 'deaf']) test(`SSE where the WebSocket is ${fault}; polls carry until then`, async () => {
    server.upgrade = () => fault;
    const alice = client(), bob = client();
    await Promise.all([alice.connection.opened, bob.until(() => bob.had('ready'))]);
    await talk(alice, bob, 30);
    await alice.until(() => alice.connection.transport === 'sse');
    await talk(alice, bob, 10);
    assert.deepEqual(alice.logged('state').map(({ state }) => state), ['open'], 'taking over is no reconnect');
    assert.equal(server.opens.length, 2);
  });

  test('a stream that holds hello 2 back is no transport, though events push it out now and then', async () => {
    server.upgrade = () => 'refuse';
    server.buffering = 700;
    const alice = client();
    await alice.connection.opened;
    assert.equal(alice.connection.transport, 'poll');
    await alice.until(() => noted(alice, 'failed').some(({ transport }) => transport === 'sse'));
    assert.equal(noted(alice, 'failed').find(({ transport }) => transport === 'sse').code, 'held_back');
    assert.equal(alice.connection.transport, 'poll');
  });

  test('small blocks are filled: the next stream asks for padding', async () => {
    server.upgrade = () => 'refuse';
    server.buffering = 700;
    const page = new EventTarget();
    const alice = client({ page });
    await alice.until(() => noted(alice, 'learnt').some(({ pad }) => pad === 1100));
    page.dispatchEvent(new Event('online'));          // probes at once
    await alice.until(() => alice.connection.transport === 'sse');
    assert.equal(server.requests.findLast(({ route }) => route === '/v1/sse').body.pad, 1100);
    const bob = client({ transport: 'poll' });
    await bob.until(() => bob.had('ready'));
    await talk(bob, alice, 10);
    assert.equal(alice.connection.transport, 'sse');
  });

  test('a stream that holds back later on is left', async () => {
    server.upgrade = () => 'refuse';
    const alice = client();
    await alice.until(() => alice.connection.transport === 'sse');
    const bob = client({ transport: 'poll' });
    await bob.until(() => bob.had('ready'));
    server.buffering = 1 << 20;
    await pass(2000);
    server.sessions.get(alice.connection.key).active.kept = '';    // nothing was written but by us
    bob.connection.send('count', { i: 0 });
    server.buffering = 0;
    await alice.until(() => numbers(alice).length === 1);
  });

  test('what is said goes up before the activation has been answered', async () => {
    const bob = client({ transport: 'websocket' });
    await bob.until(() => bob.connection.state === 'open');
    let answered = false;
    server.upgrade = () => 'refuse';
    server.fault = ({ route, body }) => {
      if (route === '/v1/sse') return 'lose';
      if (route !== '/v1/poll' || !body.turn) return null;
      setTimeout(() => { answered = true; }, 5000).unref();
      return { delay: 5000 };
    };
    const alice = client();
    alice.connection.send('count', { i: 0 });
    await bob.until(() => numbers(bob).length === 1);
    assert.ok(!answered, 'it has waited for the activation');
    await talk(alice, bob, 10);
  });

  test('an outage blames and remembers nobody', async () => {
    let down = true;
    server.upgrade = () => down ? 'refuse' : null;
    server.fault = () => down ? 'lose' : null;
    const memory = storage();
    const alice = client({ memory });
    await alice.until(() => alice.logged('retry').length === 2);
    assert.equal(alice.logged('retry')[0].reason.code, 'unreachable');
    for (const { delay } of alice.logged('retry')) assert.ok(delay >= 50);
    assert.equal(memory.values.size, 0);
    assert.ok(noted(alice, 'nothing works').length > 0);
    down = false;
    await alice.until(() => alice.connection.transport === 'websocket');
  });

  test('what an outage seemed to teach is forgotten, in the memory too', async () => {
    const memory = storage();
    const alice = client({ memory, transport: 'websocket' });
    await alice.connection.opened;
    await pass(4500);     // it asks once when it is quiet, and then is silent
    const kept = () => JSON.parse([...memory.values.values()][0]).cadence.heartbeat;
    server.upgrade = () => 'refuse';
    server.cut();
    await alice.until(() => noted(alice, 'learnt').length === 1);
    assert.ok(kept() > 0);
    await alice.until(() => noted(alice, 'nothing works').length === 1 && kept() === null);
  });

  test('in a forced transport nothing else is tried', async () => {
    server.upgrade = () => 'refuse';
    const alice = client({ transport: 'websocket' });
    await alice.until(() => alice.logged('retry').length === 2);
    assert.equal(server.requests.length, 0);
    assert.equal(await alice.connection.switchTransport('sse'), 'sse');
    assert.equal(alice.connection.state, 'open');
  });

  test('without a WebSocket constructor: SSE', async () => {
    if (typeof globalThis.WebSocket !== 'undefined') return;
    const alice = client({ WebSocket: null });
    await alice.until(() => alice.connection.transport === 'sse');
    assert.throws(() => client({ transport: 'websocket', WebSocket: null }), { code: 'bad_transport' });
  });

  test('no more than four requests and sockets at a time', async () => {
    let now = 0, most = 0;
    const count = (change) => { most = Math.max(most, now += change); };
    class Counted extends WebSocket {
      constructor(url) {
        super(url);
        count(1);
      }

      set onclose(act) {
        super.onclose = (event) => {
          count(-1);
          act(event);
        };
      }
    }
    server.upgrade = () => 'mute';
    server.fault = ({ route }) => route === '/v1/send' ? { delay: 40 } : null;
    const counted = async (url, init) => {
      count(1);
      const response = await fetch(url, init).catch((error) => {
        count(-1);
        throw error;
      });
      if (!url.endsWith('sse')) count(-1);
      return response;
    };
    const alice = client({ WebSocket: Counted, fetch: counted });
    const bob = client({ transport: 'poll' });
    await bob.until(() => bob.had('ready'));
    for (const i of counting(40)) {
      alice.connection.send('count', { i });
      await pass(10);
    }
    await alice.until(() => alice.connection.transport === 'sse');
    await bob.until(() => numbers(bob).length === 40);
    assert.ok(most <= 4, `${most} at once`);
  });
});

describe('a better transport', () => {
  test('is probed in the background and takes over in mid-talk', async () => {
    server.upgrade = () => 'refuse';
    server.fault = ({ route }) => route === '/v1/sse' ? { status: 403, text: '<html>' } : null;
    const page = new EventTarget();
    const alice = client({ page }), bob = client({ transport: 'websocket' });
    server.upgrade = () => null;
    await bob.until(() => bob.had('ready'));
    await alice.until(() => alice.connection.state === 'open');
    await talk(bob, alice, 60, async () => page.dispatchEvent(new Event('online')));
    await alice.until(() => alice.connection.transport === 'websocket');
    await talk(alice, bob, 60);
    assert.deepEqual(alice.logged('state').map(({ state }) => state), ['open']);
    assert.equal(server.sessions.size, 2);
  });

  test('is found without any event, after some seconds', async () => {
    let refused = 0;
    server.upgrade = () => ++refused < 2 ? 'refuse' : null;
    const alice = client();
    await alice.until(() => alice.connection.transport === 'sse');
    await alice.until(() => alice.connection.transport === 'websocket');
    assert.equal(refused, 2);
  });

  test('a probe that fails changes nothing', async () => {
    server.upgrade = () => 'refuse';
    const page = new EventTarget();
    const alice = client({ page }), bob = client({ transport: 'poll' });
    await alice.until(() => alice.connection.transport === 'sse' && alice.had('ready'));
    await bob.until(() => bob.had('ready'));
    const failed = () => noted(alice, 'failed').length;
    const before = failed();
    page.dispatchEvent(new Event('online'));
    await alice.until(() => failed() > before);
    await talk(bob, alice, 5);
    await talk(alice, bob, 5);
    assert.equal(alice.connection.transport, 'sse');
    assert.deepEqual(alice.logged('state').map(({ state }) => state), ['open']);
  });
});

describe('a known network', () => {
  // The server's word that the poll has taken over pushes out what was held, and the stream seems to work and to end at once.
  test('a stream whose first event is held until the next does not call off the poll that takes over from it', async () => {
    let holds = false;
    const held = async (url, init) => {
      const response = await fetch(url, init);
      if (!holds || !String(url).endsWith('/v1/sse')) return response;
      let kept = null;
      const body = response.body.pipeThrough(new TransformStream({ transform(chunk, controller) {
        if (kept === null) return void (kept = chunk);
        if (kept.length) controller.enqueue(kept);
        kept = new Uint8Array();
        controller.enqueue(chunk);
      } }));
      return new Response(body, response);
    };
    server.upgrade = () => 'refuse';
    const alice = client({ transport: 'poll', fetch: held });
    await alice.until(() => alice.connection.state === 'open');
    await alice.connection.switchTransport('sse');
    alice.connection.switchTransport('auto').catch(() => {});    // the cut below calls it off
    holds = true;
    server.cut();
    await alice.until(() => alice.logged('state').some(({ state }) => state === 'reconnecting'));
    await alice.until(() => alice.connection.state === 'open');
    assert.deepEqual(noted(alice, 'nothing works'), []);
  });

  const meet = async (memory) => {
    const one = client({ memory });
    await one.connection.opened;
    return one;
  };

  test('begins with what worked there, alone, in one step', async () => {
    const memory = storage();
    server.upgrade = () => 'refuse';
    const first = client({ memory });
    await first.until(() => first.connection.transport === 'sse');
    await first.connection.close();
    server.requests.length = 0;
    let upgrades = 0;
    server.upgrade = () => ++upgrades && 'refuse';
    const second = await meet(memory);
    assert.equal(second.connection.transport, 'sse');
    assert.deepEqual(routes().filter((route) => route === '/v1/poll'), []);
    assert.equal(upgrades, 0);
    assert.equal(server.requests[0].body.turn, 1, 'the attach brings its activation');
    assert.equal(noted(second, 'remembered')[0].transport, 'sse');
  });

  test('finds its way when the network has changed', async () => {
    const memory = storage();
    const first = await meet(memory);
    await first.until(() => first.connection.transport === 'websocket');
    await first.connection.close();
    server.upgrade = () => 'mute';
    const second = await meet(memory);
    await second.until(() => second.connection.transport === 'sse');
    assert.match(JSON.stringify([...memory.values.values()]), /sse/);
  });

  test('`memory: false` remembers nothing, and forgets what there is', async () => {
    globalThis.localStorage = storage();
    try {
      const alice = client({ memory: false });
      await alice.until(() => alice.connection.transport === 'websocket');
      assert.equal(globalThis.localStorage.values.size, 0);
      const bob = client();
      await bob.until(() => bob.connection.transport === 'websocket');
      assert.equal(globalThis.localStorage.values.size, 1);
    } finally {
      delete globalThis.localStorage;
    }
  });
});

test('a transport that keeps dying young is set aside', async () => {
  const alice = client(), bob = client({ transport: 'poll' });
  for (let deaths = 0; deaths < 2; ++deaths) {
    await alice.until(() => alice.connection.state === 'open' && alice.connection.transport === 'websocket' && alice.had('ready'));
    for (const carrier of server.carriers()) if (carrier.kind === 'websocket') carrier.socket.terminate();
    await alice.until(() => alice.connection.state === 'reconnecting');
  }
  await alice.until(() => alice.connection.transport === 'sse' && alice.connection.state === 'open');
  assert.equal(noted(alice, 'set aside')[0].transport, 'websocket');
  await talk(bob, alice, 10);
});

test('polls that are cut while they are held ask for less', async () => {
  const held = [];
  const kCut = 2200;
  const cut = async (url, init) => {
    const body = JSON.parse(init.body);
    if (!url.endsWith('poll') || body.wait === undefined) return fetch(url, init);
    held.push(body.wait);
    const stop = new AbortController();
    init.signal.addEventListener('abort', () => stop.abort());
    const timer = setTimeout(() => stop.abort(), kCut);
    return fetch(url, { ...init, signal: stop.signal }).finally(() => clearTimeout(timer));
  };
  const alice = client({ transport: 'poll', fetch: cut });
  await alice.until(() => noted(alice, 'learnt').length === 1);
  const { hold } = noted(alice, 'learnt')[0];
  assert.equal(hold, kCut * 0.75);
  await pass(kCut);
  assert.equal(held.at(-1), hold);
  assert.deepEqual(alice.logged('state').map(({ state }) => state), ['open'], 'nobody notices');
});

test('a stream that is cut at one age is renewed before it, and nobody notices', async () => {
  const memory = storage();
  memory.setItem(`sigway network ${server.url}/`, JSON.stringify({ at: Date.now(), transport: 'websocket', proof: 20,
    cadence: { life: { websocket: 1500 } } }));
  const alice = client({ memory }), bob = client({ transport: 'poll' });
  await bob.until(() => bob.had('ready'));
  const names = new Set();
  for (const i of counting(40)) {
    bob.connection.send('count', { i });
    names.add(server.sessions.get(alice.connection.key).active?.name);
    await pass(100);
  }
  await alice.until(() => numbers(alice).length === 40);
  assert.deepEqual(numbers(alice), counting(40));
  assert.ok(names.size >= 3, [...names].join());
  assert.deepEqual(alice.logged('state').map(({ state }) => state), ['open']);
  assert.deepEqual([...server.sessions.get(alice.connection.key).finished.values()].slice(0, 2), ['moved', 'moved']);
});

test('silence that is cut asks for heartbeats within it', async () => {
  const alice = client({ transport: 'websocket' });
  await alice.connection.opened;
  await pass(4500);     // it asks once when it is quiet, and then is silent
  server.cut();
  await alice.until(() => alice.logged('state').length === 3);
  const { heartbeat } = noted(alice, 'learnt')[0];
  assert.ok(heartbeat >= 1000 && heartbeat < 4500, String(heartbeat));
  assert.equal(server.carriers()[0].heartbeat, heartbeat);
});

test('who was replaced between two polls closes, and does not open anew', async () => {
  const alice = client({ transport: 'poll' });
  await alice.connection.opened;
  server.fault = () => ({ status: 410, text: JSON.stringify({ error: { code: 'gone', reason: 'replaced', message: 'replaced', hint: 'Begin anew.' } }) });
  server.cut();
  await alice.until(() => alice.connection.state === 'closed');
  assert.equal(alice.logged('closed')[0].code, 'replaced');
  assert.equal(server.opens.length, 1);
});

test('waking up, a dead WebSocket is found by a ping and not by the missing heartbeats', async () => {
  const page = new EventTarget();
  const alice = client({ page });
  await alice.until(() => alice.connection.transport === 'websocket');
  server.silent = true;
  page.dispatchEvent(new Event('online'));
  await alice.until(() => alice.connection.state === 'reconnecting');
  assert.match(noted(alice, 'lost')[0].why, /ping/);
  server.silent = false;
  await alice.until(() => alice.connection.state === 'open');
});

test('the journal is told as it is written', async () => {
  const alice = client();
  const told = [];
  alice.connection.on('journal', (entry) => told.push(entry));
  await alice.until(() => alice.connection.transport === 'websocket');
  assert.deepEqual(told, alice.connection.journal);
  assert.deepEqual([...new Set(told.map(({ what }) => what))].slice(0, 3), ['race', 'trying', 'active']);
  for (const { at } of told) assert.ok(Math.abs(at - Date.now()) < 60000);
});
