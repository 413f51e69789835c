// Answers that are not sigway's: a client names them, backs off, loses nothing that it has not sent, and believes none of them
// (docs/decisions/what-a-client-believes.md).

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { pass } from './fake_clock.mjs';
import { fetch, listen, unlisten, WebSocket } from './fake_network.mjs';
import { FakeServer } from './fake_server.mjs';
import { counting, makeClient, noted, numbers, storage, talk } from './helpers.mjs';

let server, clients;
const client = (options) => makeClient(server, { room: 'one', ...options }, clients);

beforeEach(async () => {
  server = await new FakeServer().start();
  clients = [];
});

afterEach(async () => {
  server.fault = () => null;
  await Promise.all(clients.map(({ connection }) => connection.close()));
  await server.stop();
});

const page = '<!DOCTYPE html><title>Welcome to the hotel</title>';
const strangers = {
  'a login page': { status: 200, headers: { 'Content-Type': 'text/html' }, text: page },
  'another API': { status: 200, headers: { 'Content-Type': 'application/json' }, text: '{"status":"ok","events":{}}' },
  'JSON that is none': { status: 200, text: '{"first":1,"ev' },
  'a list': { status: 200, text: '[1,2,3]' },
  'null': { status: 200, text: 'null' },
  'nothing': { status: 200, text: '' },
  'no content': { status: 204 },
  'events before a welcome': { status: 200, text: '{"first":900,"events":[{"type":"x"}],"up":0}' },
  'a page that is not there': { status: 404, text: page },
  'a welcome to somebody else': { status: 200, text: '{"first":1,"events":[],"up":0,"welcome":{"server":"x","peer":"y","carrier":"z","turn":0,"up":0}}' },
  'an error of somebody else': { status: 400, text: '{"error":"bad_request"}' },
  'an error with a code that is ours as well': { status: 400, text: '{"error":{"code":"bad_request","message":"no"}}' },
  'one that has our fields and nothing to say': { status: 410, text: '{"error":{"code":"gone","message":"gone","hint":""}}' },
  'a balancer that waited in vain': { status: 504, text: '{"error":{"code":"timeout","message":"upstream"}}' },
  'a redirect': { status: 307, headers: { Location: '/welcome' } },
};
for (const [name, answer] of Object.entries(strangers)) test(`${name}: named, backed off, nothing lost`, async () => {
  let away = true;
  server.fault = () => away ? answer : null;
  server.upgrade = () => away ? 'refuse' : null;
  const alice = client();
  for (const i of counting(5)) alice.connection.send('count', { i });
  await alice.until(() => alice.logged('retry').length >= 2);
  assert.equal(alice.logged('closed').length, 0);
  const [failed] = noted(alice, 'failed').filter(({ transport }) => transport === 'poll');
  assert.match(failed.code, /^(not_sigway|http_\d+)$/);
  if (answer.text === page) assert.match(failed.why, /captive portal/);
  for (const { delay } of alice.logged('retry')) assert.ok(delay >= 50);
  away = false;
  const bob = client({ transport: 'poll' });
  await bob.until(() => bob.had('ready') ?? bob.had('joined'));
  await alice.until(() => alice.connection.state === 'open');
  await alice.connection.flush();
  assert.equal(alice.connection.pending, 0);
});

test('in the middle of a talk: uploads that somebody else swallowed are sent again', async () => {
  const alice = client({ transport: 'poll' }), bob = client({ transport: 'websocket' });
  await Promise.all([alice, bob].map((one) => one.until(() => one.had('ready') && one.connection.state === 'open')));
  let count = 0;
  server.fault = ({ route }) => route === '/v1/send' && ++count % 2 ? Object.values(strangers)[count % 3] : null;
  await talk(alice, bob, 40);
  assert.equal(alice.logged('reset').length, 0);
});

test('figures of somebody else\'s answer take nothing off the queue', async () => {
  const alice = client({ transport: 'poll' }), bob = client({ transport: 'websocket' });
  await Promise.all([alice, bob].map((one) => one.until(() => one.had('ready') && one.connection.state === 'open')));
  let count = 0;
  server.fault = ({ route }) => route === '/v1/send' && ++count % 2 ? { status: 200, text: '{"up":123456}' } : null;
  await talk(alice, bob, 40);
  await alice.connection.flush();
  assert.equal(alice.connection.pending, 0);
});

test('a redirect is named and not followed: the key goes nowhere else', async () => {
  const other = await new FakeServer().start();
  server.fault = ({ route }) => ({ status: 307, headers: { Location: other.url + route } });
  const alice = client({ transport: 'poll' });
  await alice.until(() => alice.logged('retry').length >= 1);
  const [failed] = noted(alice, 'failed');
  assert.equal(failed.code, 'not_sigway');
  assert.ok(failed.why.includes(`redirect to ${other.url}`), failed.why);
  assert.equal(other.requests.length, 0);
  await other.stop();
});

test('a socket that echoes is not taken for a server', async () => {
  const echo = listen({ latency: 1, accepts: (socket) => { socket.on('message', (text) => socket.send(text)); } });
  class Astray extends WebSocket {
    constructor() { super(echo); }
  }
  const alice = client({ WebSocket: Astray });
  await alice.until(() => alice.connection.transport === 'sse');
  assert.equal(noted(alice, 'failed')[0].code, 'not_sigway');
  assert.equal(alice.logged('reset').length, 0);
  unlisten(echo);
});

// A balancer sends requests here and WebSockets there, or the server is restarted between the two openings of a race.
test('a welcome by another server in the middle of a session is not believed: no event is taken for another one', async () => {
  const other = await new FakeServer().start();
  const bob = makeClient(other, { room: 'one', capacity: 4, transport: 'websocket', memory: storage() }, clients);
  await bob.until(() => bob.connection.state === 'open');
  let isDown = false;
  server.latency = 60;      // its welcome comes when the WebSocket has sent its opening, and before that is answered
  other.latency = 40;
  const elsewhere = (url) => url.replace(new URL(server.url).host, new URL(other.url).host);
  const alice = client({ capacity: 4, memory: storage(), fetch: (url, init) => fetch(isDown ? elsewhere(url) : url, init),
    WebSocket: class extends WebSocket { constructor(url) { super(elsewhere(url)); } } });
  await alice.until(() => alice.connection.state === 'open');
  await pass(1000);
  isDown = true;
  server.cut();
  await pass(5000);
  alice.connection.send('count', { i: 1 });
  await bob.until(() => numbers(bob).includes(1));
  assert.equal(alice.connection.state, 'open');
  assert.ok(alice.had('joined'), 'it has heard who is there');
  await other.stop();
});

const lies = {
  'a heartbeat of 34 years': { heartbeat: 2 ** 40 },
  'limits of nothing': { limits: { data: 0, body: 10, messages: 0 } },
  'limits that are no numbers': { limits: { data: 'x', body: null, messages: {} } },
};
for (const [what, lie] of Object.entries(lies)) test(`a welcome with ${what}: the client goes on as with any other`, async () => {
  const bob = client({ transport: 'websocket' });
  await bob.until(() => bob.connection.state === 'open');
  class Liar extends WebSocket {
    set onmessage(act) {
      super.onmessage = ({ data }) => {
        const value = JSON.parse(data);
        act({ data: JSON.stringify(value.control === 'welcome' ? { ...value, ...lie } : value) });
      };
    }
  }
  const alice = client({ transport: 'websocket', WebSocket: Liar });
  await alice.until(() => alice.connection.state === 'open');
  const { setTimeout: set } = globalThis;
  let timers = 0;
  globalThis.setTimeout = (...values) => {
    ++timers;
    return set(...values);
  };
  try {
    alice.connection.send('count', { i: 0, text: 'x'.repeat(2000) });
    await bob.until(() => numbers(bob).length === 1);
    await pass(10000);
  } finally {
    globalThis.setTimeout = set;
  }
  assert.ok(timers < 100, `${timers} timers in ten seconds`);
});

for (const [what, { heartbeat, turn }] of Object.entries({ 'without a heartbeat': { turn: 1 }, 'without a turn': { heartbeat: 1000 } })) {
  test(`a welcome ${what} is somebody else's`, async () => {
    class Liar extends WebSocket {
      set onmessage(act) {
        super.onmessage = ({ data }) => {
          const value = JSON.parse(data);
          act({ data: JSON.stringify(value.control === 'welcome' ? { ...value, heartbeat, turn } : value) });
        };
      }
    }
    const alice = client({ WebSocket: Liar });
    await alice.until(() => alice.connection.transport === 'sse');
    assert.ok(noted(alice, 'failed').some(({ transport, code }) => transport === 'websocket' && code === 'not_sigway'));
  });
}

test('an answer that drips for ever is none: the upload goes again', async () => {
  let drips = 0;
  const dripping = () => new Response(new ReadableStream({ pull: async (body) => {
    await pass(1000);
    ++drips;
    body.enqueue(new Uint8Array(10));
  } }), { status: 403, headers: { 'Content-Length': '1000000' } });
  let isTarred = false;
  const alice = client({ transport: 'sse', fetch: (url, init) => (isTarred && url.endsWith('/v1/send') ? dripping() : fetch(url, init)) });
  await alice.until(() => alice.connection.state === 'open');
  isTarred = true;
  alice.connection.send('count', { i: 0 });
  await pass(60000);
  isTarred = false;
  await alice.connection.flush();
  assert.ok(drips > 0);
});
