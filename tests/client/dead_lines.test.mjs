// Lines that die without a word, or hold back what was written, and how soon that is missed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pass } from './fake_clock.mjs';
import { WebSocket } from './fake_network.mjs';
import { counting, noted, numbers } from './helpers.mjs';
import { client, pair, server, states } from './scene.mjs';

test('a WebSocket that dies while the application talks is missed as soon as one that is silent', async () => {
  const [alice] = await pair('websocket');
  server.silent = true;
  const talk = setInterval(() => alice.connection.send('count', { i: 0 }), 100);
  await alice.until(() => noted(alice, 'lost').length === 1);      // by its heartbeats it would take 55 s
  clearInterval(talk);
  server.silent = false;
  assert.equal(noted(alice, 'lost')[0].code, 'silence');
});

test('a stream that dies is missed by what is said next', async () => {
  const [alice, bob] = await pair('sse');
  await pass(2500);      // nothing of before is to be heard any more
  server.silent = true;
  const talk = setInterval(() => alice.connection.send('count', { i: 0 }), 700);
  await alice.until(() => noted(alice, 'lost').length === 1);      // by its heartbeats it would take 55 s
  clearInterval(talk);
  server.silent = false;
  bob.connection.send('count', { i: 1 });
  await alice.until(() => numbers(alice).length === 1);
});

test('an upload that is missed tests the stream as well', async () => {
  const [alice, bob] = await pair('sse');
  let swallowed = 0;
  const asked = new Promise((resolve) => {
    server.fault = ({ route, body }) => {
      if (route !== '/v1/send' || body.key !== alice.connection.key) return null;
      if (body.messages && ++swallowed === 1) return 'swallow';
      if (body.hello && swallowed) resolve();
      return null;
    };
  });
  alice.connection.send('count', { i: 0 });
  await bob.until(() => numbers(bob).length === 1);
  await asked;
  assert.deepEqual(states(alice), ['open']);
});

test('a poll that dies in silence is missed by what is said next', async () => {
  const [alice, bob] = await pair('poll');
  let next = null;
  const swallowed = new Promise((resolve) => {
    server.fault = ({ route, body }) => {
      if (route !== '/v1/poll' || body.key !== alice.connection.key) return null;
      if (next) next(body);
      if (next || body.wait < 4000) return null;
      next = () => {};
      resolve();
      return 'swallow';
    };
  });
  await swallowed;
  await pass(2200);      // what was sent a moment ago is not asked for again
  const following = new Promise((resolve) => { next = resolve; });
  bob.connection.send('count', { i: 0 });
  alice.connection.send('count', { i: 1 });
  assert.equal((await following).wait, 1000, 'it was missed by its deadline only');
  await alice.until(() => numbers(alice).length === 1);
  await bob.until(() => numbers(bob).length === 1);
  await alice.until(() => noted(alice, 'learnt').some(({ why }) => /get lost/.test(why)));
});

test('a filter that refuses uploads for a while does not end the stream', async () => {
  const [alice, bob] = await pair('sse');
  let refusals = 0;
  const oftenRefused = new Promise((resolve) => {
    server.fault = ({ route, body }) => {
      if (route !== '/v1/send' || body.key !== alice.connection.key || refusals === 6) return null;
      if (++refusals === 5) resolve();
      return { status: 403, headers: { 'Content-Type': 'text/html' }, text: '<html><body>blocked</body></html>' };
    };
  });
  alice.connection.send('count', { i: 0 });
  await oftenRefused;
  bob.connection.send('count', { i: 1 });
  await alice.until(() => numbers(alice).length === 1);
  await bob.until(() => numbers(bob).length === 1);
  assert.deepEqual(states(alice), ['open']);
});

test('the last event does not stay in a proxy that passes it when more comes', async () => {
  let lags = false;
  class Lagging extends WebSocket {
    #held = [];
    set onmessage(hear) {
      super.onmessage = (event) => {
        this.#held.push(event);
        while (this.#held.length > (lags ? 1 : 0)) hear(this.#held.shift());
      };
    }
  }
  const [alice, bob] = [client({ room: 'one', transport: 'websocket', WebSocket: Lagging }), client({ room: 'one', transport: 'websocket' })];
  await Promise.all([alice, bob].map((one) => one.until(() => one.had('ready') && one.connection.state === 'open')));
  lags = true;
  for (const i of counting(2)) bob.connection.send('count', { i });
  await alice.until(() => numbers(alice).length === 2);
  assert.deepEqual(states(alice), ['open']);
});
