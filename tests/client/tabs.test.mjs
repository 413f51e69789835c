// Several tabs of one browser, whose connections to a server are few.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { pass } from './fake_clock.mjs';
import { FakeServer } from './fake_server.mjs';
import { counting, makeClient, numbers } from './helpers.mjs';

// Web Locks as far as seats need them.
class Locks {
  #queues = new Map();

  async request(name, options, work) {
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    if (options.ifAvailable && queue.length) return work(null);
    const turn = queue.at(-1) ?? Promise.resolve();
    let done;
    const mine = new Promise((resolve) => { done = resolve; });
    queue.push(mine);
    const aborted = new Promise((_, reject) => options.signal?.addEventListener('abort', () => reject(new Error('AbortError'))));
    try {
      await Promise.race([turn, aborted]);
      return await work({ name });
    } finally {
      queue.splice(queue.indexOf(mine), 1);
      done();
    }
  }
}

let server, clients;

beforeEach(async () => {
  server = await new FakeServer().start();
  server.upgrade = () => 'refuse';
  clients = [];
});

afterEach(async () => {
  await Promise.all(clients.map(({ connection }) => connection.close()));
  await server.stop();
});

test('three tabs hold a connection, the others ask briefly, and one of them sits down when a seat is free', async () => {
  const locks = new Locks();
  const tab = () => makeClient(server, { room: 'tabs', capacity: 6, locks }, clients);
  const seated = [];
  for (let i = 0; i < 3; ++i) {
    seated.push(tab());
    await seated[i].until(() => seated[i].connection.transport === 'sse');
  }
  const late = tab();
  await late.until(() => late.connection.journal.some(({ what }) => what === 'asking briefly') && late.connection.transport === 'poll');
  const of = (one) => server.requests.filter(({ body }) => body.key === one.connection.key);
  await late.until(() => of(late).at(-1).body.wait === 0);
  for (const i of counting(5)) {
    seated[0].connection.send('count', { i });
    late.connection.send('count', { i });
  }
  await late.until(() => numbers(late).length === 5);
  await seated[0].until(() => numbers(seated[0]).length === 5);
  assert.ok(of(late).every(({ route, body }) => route !== '/v1/poll' || body.wait === 0 || body.n <= 3), 'nothing is held');

  await seated[1].connection.close();
  await late.until(() => late.connection.journal.at(-1).what === 'holding' || late.connection.journal.some(({ what }) => what === 'holding'));
  await late.until(() => late.connection.transport === 'sse');
});

test('a tab that finds no seat and may not poll keeps its stream, and looks for something better', async () => {
  const locks = new Locks();
  server.fault = ({ route }) => (route === '/v1/poll' ? { status: 403 } : null);
  let late;
  for (let i = 0; i < 4; ++i) {
    late = makeClient(server, { room: 'tabs', capacity: 6, locks }, clients);
    await late.until(({ connection }) => connection.transport === 'sse');
  }
  await late.until(({ connection }) => connection.journal.some(({ what }) => what === 'switch'));
  await pass(1000);
  assert.equal(late.connection.transport, 'sse');
  server.upgrade = () => null;
  await late.until(() => late.connection.transport === 'websocket');
});

test('a WebSocket needs no seat', async () => {
  const locks = new Locks();
  server.upgrade = () => null;
  const tabs = counting(5).map(() => makeClient(server, { room: 'tabs', capacity: 6, locks }, clients));
  for (const one of tabs) await one.until(() => one.connection.transport === 'websocket');
  assert.ok(tabs.every(({ connection }) => connection.journal.every(({ what }) => what !== 'asking briefly')));
});
