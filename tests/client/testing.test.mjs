// The fake for unit tests of applications (web/client/testing.js). What it makes clients hear is compared with what they hear from the
// real server by the real client.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { connect, SigwayError } from '../../web/client/sigway.js';
import { FakeServer } from '../../web/client/testing.js';
import { RealServer } from './real_server.mjs';

const kBinary = process.env.SIGWAY_BIN;
const kPatience = 60000;

// What both are put through: steps, each of which gets the clients by name and a function that makes another one.
const kScenarios = {
  'rooms: joined, messages to all and to one, full, left, presence of names': [
    ({ make }) => make('alice', { room: 'r', capacity: 3 }),
    ({ make }) => make('bob', { room: 'r', name: 'bob' }),
    ({ make }) => make('carol', { room: 'r' }),
    ({ make }) => make('dave', { room: 'r' }),
    ({ alice }) => { alice.send('offer', { sdp: 'v=0' }); },
    ({ bob, carol }) => { bob.send('answer', [1, null, 'x'], { to: carol.peer }); },
    ({ bob, alice, carol }) => { bob.send('nothing', undefined, { to: [alice.peer, carol.peer, alice.peer], room: 'r' }); },
    ({ alice }) => alice.login('ali'),
    ({ carol }) => carol.login('ali'),
    ({ alice }) => alice.logout(),
    ({ alice }) => alice.logout(),
    ({ dave }) => dave.join('other'),
    ({ alice }) => alice.join('other'),
    ({ alice }) => { alice.send('where'); },
    ({ alice }) => alice.join('other'),
    ({ alice }) => alice.leave('other'),
    ({ alice }) => alice.leave('other'),
    ({ dave }) => { dave.send('alone'); },
    ({ dave }) => { dave.send('elsewhere', 1, { room: 'r' }); },
    ({ dave, alice }) => { dave.send('unseen', 1, { to: alice.peer }); },
    ({ dave }) => dave.leave('other'),
    ({ dave }) => { dave.send('nowhere'); },
    ({ bob }) => { bob.close(); },
  ],
  'names: by name, from a mailbox, and without a room': [
    ({ make }) => make('alice', { name: 'alice' }),
    ({ alice }) => { alice.send('letter', 1, { to: '@bob' }); },
    ({ alice }) => { alice.send('letter', 2, { to: '@bob' }); },
    ({ make }) => make('bob', { name: 'bob' }),
    ({ bob }) => { bob.send('reply', 3, { to: ['@alice', '@nobody'] }); },
    ({ make }) => make('thief', { name: 'alice' }),
  ],
  'requests: answered in a room and by name, refused, failed': [
    ({ make }) => make('alice', { room: 'r', name: 'alice' }),
    ({ make }) => make('bob', { room: 'r', name: 'bob' }),
    ({ bob }) => {
      bob.respond('double', (number) => 2 * number);
      bob.respond('fail', () => { throw new SigwayError('no_quota', 'come back tomorrow'); });
    },
    ({ alice }) => alice.request('double', 21),
    ({ alice }) => alice.request('double', 4, { to: '@bob' }),
    ({ alice, bob }) => alice.request('fail', null, { to: bob.peer }),
    ({ alice }) => alice.request('double', 4, { to: 'nobody-here' }),
  ],
};

class World {
  clients = {};
  logs = {};
  answers = [];

  constructor(connectOne) {
    this.connectOne = connectOne;
  }

  make(name, options) {
    const connection = this.clients[name] = this.connectOne(options);
    const log = this.logs[name] = [];
    connection.on('event', (event) => log.push(event));
    return connection.opened.then(() => null);
  }

  async step(act) {
    const answer = await act({ ...this.clients, make: (...values) => this.make(...values) })?.then?.((value) => value, ({ code }) => ({ code }));
    this.answers.push(this.#plain(answer));
  }

  counts() {
    return Object.fromEntries(Object.entries(this.logs).map(([name, log]) => [name, log.length]));
  }

  // One line for each thing, so that a difference can be read.
  result() {
    const lines = (values) => values.map((value) => JSON.stringify(this.#plain(value)));
    return { answers: lines(this.answers), ...Object.fromEntries(Object.entries(this.logs).map(([name, log]) => [name, lines(log)])) };
  }

  // Without what only people read, and what is different each time.
  #plain(value) {
    let text = JSON.stringify(value ?? null, (name, each) => ['message', 'hint', 'sigway.request', 'sigway.response'].includes(name) && typeof each === 'string' ? undefined : each);
    for (const [name, { peer }] of Object.entries(this.clients)) if (peer) text = text.replaceAll(`"${peer}"`, `"peer of ${name}"`);
    const sorted = (each) => each && typeof each === 'object' && !Array.isArray(each) ? Object.fromEntries(Object.entries(each).sort().map(([name, inner]) => [name, sorted(inner)])) : each;
    return sorted(JSON.parse(text));
  }
}

for (const [title, steps] of Object.entries(kScenarios)) {
  test(`the same as from the real server: ${title}`, { skip: !kBinary && 'SIGWAY_BIN names no server', timeout: 120000 }, async () => {
    const fakeServer = new FakeServer();
    const fake = new World((options) => fakeServer.connect(options));
    const counts = [];
    for (const step of steps) {
      await fake.step(step);
      await fakeServer.settled();
      counts.push(fake.counts());
    }
    const server = await new RealServer(kBinary).start();
    try {
      const real = new World((options) => connect({ url: server.url, WebSocket, transport: 'websocket', keyStore: false, ...options }));
      for (const [i, step] of steps.entries()) {
        await real.step(step);
        // As many as the fake has made of it: what is too much is seen at the end, what is missing by the patience.
        const began = Date.now();
        while (Object.entries(counts[i]).some(([name, count]) => real.logs[name].length < count)) {
          if (Date.now() - began > kPatience) assert.deepEqual(fake.result(), real.result(), `after step ${i}`);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
      assert.deepEqual(fake.result(), real.result());
      await Promise.all(Object.values(real.clients).map((client) => client.close()));
    } finally {
      await server.stop();
    }
  });
}

// ---- What only a fake can be told ----

test('it has the members of a Connection', () => {
  const members = (value) => {
    const names = new Set();
    for (let each = value; each !== Object.prototype; each = Object.getPrototypeOf(each)) for (const name of Object.getOwnPropertyNames(each)) names.add(name);
    return [...names].filter((name) => name !== 'fake').sort();
  };
  const real = connect({ url: 'http://localhost:9', transport: 'poll' });
  real.close();
  assert.deepEqual(members(new FakeServer().connect()), members(real));
});

async function pair() {
  const server = new FakeServer({ iceServers: [{ urls: 'stun:stun.example.org' }] });
  const [alice, bob] = [server.connect({ room: 'r' }), server.connect({ room: 'r' })];
  const heard = { alice: [], bob: [] };
  for (const [name, connection] of Object.entries({ alice, bob })) {
    for (const type of ['event', 'state', 'reset', 'closed']) connection.on(type, (value) => heard[name].push(value.type ?? value.state ?? value.reason ?? value.code));
  }
  await server.settled();
  for (const log of Object.values(heard)) log.length = 0;
  return { server, alice, bob, heard };
}

test('opened, state, transport, limits, ICE servers, and messages that are copies', async () => {
  const { server, alice, bob } = await pair();
  assert.equal(await alice.opened, alice);
  assert.deepEqual([alice.state, alice.transport, alice.mode, alice.rooms], ['open', 'websocket', 'auto', ['r']]);
  assert.deepEqual(alice.iceServers, [{ urls: 'stun:stun.example.org' }]);
  const data = { list: [1] };
  const message = bob.once('message');
  alice.send('x', data);
  data.list.push(2);
  assert.equal(alice.pending, 1);
  await alice.flush();
  assert.equal(alice.pending, 0);
  assert.deepEqual(await message, { type: 'x', room: 'r', from: alice.peer, data: { list: [1] } });
  assert.deepEqual(server.messages, [{ from: alice.peer, name: undefined, type: 'x', to: undefined, room: undefined, data: { list: [1] } }]);
  assert.throws(() => alice.send('x', 'x'.repeat(70000)), { code: 'too_large' });
  assert.throws(() => alice.send('1'), { code: 'bad_type' });
  assert.throws(() => server.connect({ rom: 'r' }), TypeError);
  assert.equal(await alice.switchTransport('poll'), 'poll');
  assert.equal(alice.transport, 'poll');
});

test('lose and restore: what is said meanwhile arrives afterwards, both ways and in order', async () => {
  const { server, alice, bob, heard } = await pair();
  server.lose(alice);
  await server.settled();
  for (const n of [1, 2]) alice.send('up', n);
  bob.send('down');
  await server.settled();
  assert.deepEqual(heard, { alice: ['reconnecting'], bob: ['peer-suspended'] });
  assert.equal(alice.pending, 2);
  server.restore(alice);
  await server.settled();
  assert.deepEqual(heard, { alice: ['reconnecting', 'open', 'down'], bob: ['peer-suspended', 'peer-resumed', 'up', 'up'] });
});

test('restart: a reset, other peer ids, the same rooms; questions that are not answered reject', async () => {
  const { server, alice, bob, heard } = await pair();
  const before = alice.peer;
  bob.respond('ask', () => new Promise(() => {}));
  const answer = assert.rejects(alice.request('ask'), { code: 'reset' });
  await server.settled();
  const reset = alice.once('reset');
  server.restart();
  await server.settled();
  await answer;
  assert.deepEqual(await reset, { reason: 'restarted', previous: before, peer: alice.peer, lost: [] });
  assert.notEqual(alice.peer, before);
  assert.deepEqual(heard.alice, ['reconnecting', 'restarted', 'open', 'created', 'peer-joined', 'ready']);
  assert.deepEqual(heard.bob.slice(1), ['reconnecting', 'restarted', 'open', 'joined', 'ready']);
});

test('end: closed for good, and the others hear why', async () => {
  const { server, alice, bob } = await pair();
  const left = bob.once('peer-left');
  const messages = alice.messages();
  server.end(alice, 'replaced');
  assert.equal((await alice.once('closed')).code, 'replaced');
  assert.equal((await left).reason, 'replaced');
  await assert.rejects(messages.next(), { code: 'replaced' });
  assert.throws(() => alice.send('x'), { code: 'closed' });
  await assert.rejects(alice.join('other'), { code: 'closed' });
});

test('stop: who connects waits, up to a deadline or a signal', async () => {
  const server = new FakeServer();
  server.stop();
  const late = server.connect({ room: 'r', deadline: 5 });
  await assert.rejects(late.opened, { code: 'deadline' });
  assert.equal((await late.once('closed').catch((error) => error)).code, 'deadline');
  await assert.rejects(server.connect({ signal: AbortSignal.abort() }).opened, { name: 'AbortError' });
  const patient = server.connect({ room: 'r' });
  patient.send('x');
  await server.settled();
  assert.equal(patient.state, 'connecting');
  server.restart();
  const refused = patient.once('refused');
  await patient.opened;
  assert.equal((await refused).code, 'nobody_there');
});

test('close: nothing is heard but the end', async () => {
  const { server, alice, bob, heard } = await pair();
  bob.send('x');
  const closing = alice.close();
  assert.equal(alice.close(), closing);
  await closing;
  await server.settled();
  assert.deepEqual(heard.alice, ['closed', 'left']);
  assert.deepEqual(heard.bob, ['peer-left']);
});

test('clients that answer each other without end are an error, not a test that hangs', () => {
  const program = `
    import { FakeServer } from '../../web/client/testing.js';
    const server = new FakeServer();
    const clients = [1, 2].map(() => server.connect({ room: 'r' }));
    for (const client of clients) client.on('message', () => client.send('again'));
    clients[1].on('joined', () => clients[1].send('again'));
    await server.settled();`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { cwd: new URL('.', import.meta.url), timeout: 120000, encoding: 'utf8' });
  assert.equal(status, 1, stderr);
  assert.match(stderr, /answer each other without end/);
});
