// The login guide at terminals: npm wscat as its readers use it, and curl.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fetchJson, makeKey } from '../conformance/support/members.mjs';
import { CurlClient, PollClient, curl } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { hears, login, tell, told, user } from './support/talk.mjs';
import { Wscat } from './support/terminal.mjs';

let server;
before(async () => { server = await startGateway([], { listen: ['login'] }); });
after(() => stopGateway(server));

// Each line is typed or is what the terminal shows next.
async function exchange(a, b) {
  const [alice, bob] = [fresh('alice'), fresh('bob')];
  await tell(a, `{"type":"login","name":"${alice}"}`);
  await hears(a, { type: 'login', success: true });
  await tell(b, `{"type":"login","name":"${alice}"}`);
  await hears(b, { type: 'login', success: false });
  await tell(b, `{"type":"login","name":"${bob}"}`);
  await hears(b, { type: 'login', success: true });
  await tell(a, `{"type":"offer","offer":{"type":"offer","sdp":"v=0 of ${alice}"},"name":"${bob}"}`);
  await hears(b, { type: 'offer', offer: { type: 'offer', sdp: `v=0 of ${alice}` }, name: alice });
  await tell(b, `{"type":"answer","answer":{"type":"answer","sdp":"v=0 of ${bob}"},"name":"${alice}"}`);
  await hears(a, { type: 'answer', answer: { type: 'answer', sdp: `v=0 of ${bob}` }, name: bob });
  await tell(a, `{"type":"candidate","candidate":"1 of ${alice}","name":"${bob}"}`);
  await hears(b, { type: 'candidate', candidate: `1 of ${alice}`, name: alice });
  await tell(b, `{"type":"candidate","candidate":"1 of ${bob}","name":"${alice}"}`);
  await hears(a, { type: 'candidate', candidate: `1 of ${bob}`, name: bob });
  await tell(a, 'hello?');
  await hears(a, { type: 'error', message: 'Command not found: undefined' });
  await tell(b, '{"type":"wave"}');
  await hears(b, { type: 'error', message: 'Command not found: wave' });
  await tell(b, `{"type":"leave","name":"${alice}"}`);
  await hears(a, { type: 'leave', name: bob });
  return { alice, bob };
}

test('wscat types the whole exchange, against wscat', async (t) => {
  const a = await Wscat.open(t, server, '/login');
  const b = await Wscat.open(t, server, '/login');
  const { alice, bob } = await exchange(a, b);
  // The call is over: nobody is told when a terminal is closed, and its name is free.
  await a.interrupt();
  const c = await Wscat.open(t, server, '/login');
  await login(c, alice);
  await tell(c, { type: 'offer', offer: 1, name: bob });
  await hears(b, { type: 'offer', offer: 1, name: alice });
});

test('wscat at / of a port of its own, as in the guide', async (t) => {
  await exchange(await Wscat.open(t, server.own.login, '/'), await Wscat.open(t, server.own.login, '/'));
});

test('wscat is answered by two terminals with curl: a stream and curl -d', async (t) => {
  const bob = await CurlClient.open(server, '/login');
  t.after(() => bob.close());
  await exchange(await Wscat.open(t, server, '/login'), bob);
});

test('wscat is answered by curl that polls', async (t) => {
  const bob = await PollClient.open(server, '/login');
  t.after(() => bob.close());
  await exchange(await Wscat.open(t, server, '/login'), bob);
});

test('curl calls wscat', async (t) => {
  const alice = await CurlClient.open(server, '/login');
  t.after(() => alice.close());
  await exchange(alice, await Wscat.open(t, server, '/login'));
});

test('curl -N with a key, curl -d with the same: every event has the id KEY.N', async (t) => {
  const alice = await CurlClient.open(server, '/login');
  t.after(() => alice.close());
  const bob = await CurlClient.open(server.own.login, '/');
  t.after(() => bob.close());
  await exchange(alice, bob);
  for (const { ids, key } of [alice, bob]) assert.deepEqual(ids, ids.map((_, i) => `${key}.${i + 1}`));
});

test('polls line by line: JSON objects, the same again until the next number is asked for', async (t) => {
  const name = fresh('poller');
  const opened = JSON.parse(await curl([`${server.url}/login?next=1&wait=0`]));
  const { key } = opened;
  assert.deepEqual(opened, { key, next: 1, messages: [] });
  const at = `${server.url}/login?key=${key}`;
  assert.equal(await curl(['-d', `{"type":"login","name":"${name}"}`, at]), 'ok\n');
  const answer = { key, next: 2, messages: [{ type: 'login', success: true }] };
  assert.deepEqual(JSON.parse(await curl([`${at}&next=1`])), answer);
  assert.deepEqual(JSON.parse(await curl([`${at}&next=1&wait=0`])), answer);
  const caller = await user(t, server, fresh('caller'));
  for (const offer of ['one', 'two']) await tell(caller, { type: 'offer', offer, name });
  const offers = ['one', 'two'].map((offer) => ({ type: 'offer', offer, name: caller.user }));
  let messages = [];
  while (messages.length < 2) messages = JSON.parse(await curl([`${at}&next=2`])).messages;   // the second may not be there yet
  assert.deepEqual(messages, offers);
  assert.deepEqual(JSON.parse(await curl([`${at}&next=3&wait=0`])), { key, next: 4, messages: offers.slice(1) });
  assert.deepEqual(JSON.parse(await curl([`${at}&next=4&wait=0`])), { key, next: 4, messages: [] });
});

test('curl -d under each type that curl or a page may send', async (t) => {
  const key = makeKey();
  const poller = await PollClient.open(server, '/login', { key });
  t.after(() => poller.close());
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'text/plain;charset=UTF-8', 'application/json']) {
    const { status, text } = await fetchJson(server, `/login?key=${key}`, '{"type":"a=1&b=%20"}', { headers: { 'Content-Type': type } });
    assert.deepEqual([status, text], [200, 'ok\n'], type);
    assert.deepEqual(await told(poller), { type: 'error', message: 'Command not found: a=1&b=%20' });
  }
});
