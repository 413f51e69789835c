// The messages of y-webrtc's signaling server and of Trystero's relay, one by one.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fetchJson, kTransports } from '../conformance/support/members.mjs';
import { CurlClient, EventSourceClient, PollClient, WsClient, kAll } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { gather, hears, isQuiet, open, subscribe, tell, told } from './support/topics.mjs';

let server;
before(async () => { server = await startGateway(['--message-rate', '0'], { listen: ['y-webrtc'] }); });
after(() => stopGateway(server));

const plainGet = (at, path, headers = {}) => fetchJson(at, path, undefined, { method: 'GET', headers });

test('a plain GET hears okay, at any path and at a port of its own', async () => {
  for (const [at, path] of [[server, '/y-webrtc'], [server, '/y-webrtc/'], [server, '/y-webrtc/a/b?c=d'], [server.own['y-webrtc'], '/']]) {
    const { status, text, headers } = await plainGet(at, path);
    assert.deepEqual([status, text], [200, 'okay'], path);
    assert.match(headers['content-type'], /^text\/plain/);
  }
});

test('what is published goes to all subscribers, the sender among them, with their number', async (t) => {
  const topic = fresh('topic');
  const [a, b] = await gather(t, server, topic, [{}, { path: '/y-webrtc/elsewhere' }]);
  await tell(a, { type: 'publish', topic, data: { type: 'announce', from: 'a' } });
  for (const one of [a, b]) await hears(one, { type: 'publish', topic, data: { type: 'announce', from: 'a' }, clients: 2 });
  await isQuiet(a);
});

test('who has not subscribed may publish, and does not hear it', async (t) => {
  const topic = fresh('topic');
  const [a] = await gather(t, server, topic, [{}]);
  const stranger = await open(t, server);
  await tell(stranger, { type: 'publish', topic, data: 1 });
  await hears(a, { type: 'publish', topic, data: 1, clients: 1 });
  await isQuiet(stranger);
});

test('the whole object arrives, its bytes as they were', async (t) => {
  const topic = fresh('topic');
  const [a, b] = await gather(t, server, topic, [{}, {}]);
  for (const [rest, out = rest] of [['"data":"AAECAw=="'], ['"data":1.50e+3,"more":{"__proto__":[null]}'], ['"data":"\\u017elu\\u0165 \\ud83d\\ude00"'],
    ['"data" : [ 1,  2 ]'], ['"data":\n{\r\n}', '"data": {  }'], ['"x":1'], ['"data":1,"clients":77']]) {
    b.say(`{"type":"publish","topic":"${topic}",${rest}}`);
    assert.equal(await a.next(), `{"type":"publish","topic":"${topic}",${out},"clients":2}`);
    await b.next();
  }
});

test('a topic is any text, and others are apart', async (t) => {
  const a = await open(t, server);
  const b = await open(t, server);
  const topics = ['žluť \u{1F600}', ' ', '__proto__', 'constructor', 'a\nb\u0000c', 'x'.repeat(1024), `@${fresh('name')}`];
  await tell(a, { type: 'subscribe', topics });
  await isQuiet(a);
  for (const topic of topics) {
    await subscribe(b, topic);
    assert.equal((await told(a)).topic, topic);
  }
  await tell(b, { type: 'publish', topic: `${topics[0]}x`, data: 0 });
  await isQuiet(b);
  await isQuiet(a);
});

test('unsubscribe, and a subscription that is said twice', async (t) => {
  const topic = fresh('topic');
  const [a, b] = await gather(t, server, topic, [{}, {}]);
  await tell(a, { type: 'subscribe', topics: [topic, topic] });
  await tell(a, { type: 'publish', topic, data: 'once' });
  await hears(a, { type: 'publish', topic, data: 'once', clients: 2 });
  await hears(b, { type: 'publish', topic, data: 'once', clients: 2 });
  await tell(a, { type: 'unsubscribe', topics: [topic, 'never heard of', 5] });
  await tell(a, { type: 'publish', topic, data: 'from outside' });
  await hears(b, { type: 'publish', topic, data: 'from outside', clients: 1 });
  await isQuiet(a);
  await tell(a, { type: 'subscribe', topics: [topic] });
  await tell(a, { type: 'publish', topic, data: 'again' });
  await hears(a, { type: 'publish', topic, data: 'again', clients: 2 });
});

test('a subscriber that goes, with a goodbye or without, is counted no more', async (t) => {
  const topic = fresh('topic');
  const [a, b, c] = await gather(t, server, topic, [{}, {}, {}]);
  b.close();
  await b.closed;
  c.cut();
  for (let clients = 3; clients > 1;) {
    await tell(a, { type: 'publish', topic, data: 0 });
    ({ clients } = await told(a));
  }
});

test('what is no message of the protocol is ignored, what is no JSON is refused', async (t) => {
  const topic = fresh('topic');
  const [a, b] = await gather(t, server, topic, [{}, {}]);
  for (const message of [{}, [], null, 5, 'ping', { type: 5 }, { type: 'dance' }, { type: 'subscribe' }, { type: 'subscribe', topics: 'all' }, { type: 'subscribe', topics: [5, null, {}, ['x']] },
    { type: 'publish' }, { type: 'publish', topic: 5, data: 1 }, { type: 'publish', topic: '', data: 1 }, { type: 'publish', topic: [topic], data: 1 }, { type: 'PING' }]) {
    await tell(a, JSON.stringify(message));
    await isQuiet(a);
  }
  for (const text of ['', 'hello', '{', '{"type":"ping"}x', "{'type':'ping'}", `${'['.repeat(65)}${']'.repeat(65)}`]) {
    await tell(a, text);
    const { type, message } = await told(a);
    assert.equal(type, 'error');
    assert.match(message, /^A message is one JSON object\. At byte \d+: .+\.$/);
  }
  await isQuiet(b);
});

test('a binary frame is read as a text', async (t) => {
  const a = await open(t, server);
  a.say(Buffer.from('{"type":"ping"}'));
  await hears(a, { type: 'pong' });
  a.say(Buffer.from([0x7b, 0xff]));
  assert.equal((await told(a)).type, 'error');
});

test('more than 1,024 topics in one message, and of a session', async (t) => {
  const a = await open(t, server);
  await tell(a, { type: 'subscribe', topics: Array.from({ length: 1025 }, (_, i) => `${i}`) });
  await hears(a, { type: 'error', message: 'A message may name 1024 topics; the rest was left out.' });
  await tell(a, { type: 'subscribe', topics: ['one more'] });
  await hears(a, { type: 'error', message: 'A session may subscribe to 1024 topics.' });
  await tell(a, { type: 'unsubscribe', topics: ['0'] });
  await subscribe(a, 'one more');
  await isQuiet(a);
});

// -- Trystero

test('Trystero: topic and payload, to all subscribers of either client', async (t) => {
  const topic = fresh('topic');
  const a = await open(t, server);
  const [y] = await gather(t, server, topic, [{}]);
  await tell(a, { type: 'subscribe', topic });
  for (const payload of ['{"peerId":"x"}', 'text', { offer: 1 }, [], null, 0, '']) {
    await tell(a, { type: 'publish', topic, payload });
    for (const one of [a, y]) await hears(one, { topic, payload });
  }
  await tell(y, { type: 'publish', topic, data: 1, payload: 2 });
  for (const one of [a, y]) await hears(one, { type: 'publish', topic, data: 1, payload: 2, clients: 2 });
  await tell(a, { type: 'unsubscribe', topic });
  await tell(a, { type: 'publish', topic, payload: 'outside' });
  await hears(y, { topic, payload: 'outside' });
  await isQuiet(a);
});

// -- Every way in

for (const [what, Kind] of Object.entries(kAll)) {
  test(`${what} subscribes, publishes and is heard`, async (t) => {
    const topic = fresh('topic');
    const [a, b] = await gather(t, server, topic, [{ Kind }, { Kind: WsClient }]);
    await tell(b, { type: 'publish', topic, data: 'from b' });
    for (const one of [a, b]) await hears(one, { type: 'publish', topic, data: 'from b', clients: 2 });
    await tell(a, { type: 'publish', topic, data: 'from a' });
    for (const one of [a, b]) await hears(one, { type: 'publish', topic, data: 'from a', clients: 2 });
    await isQuiet(a);
  });
}

test('an event stream that was cut comes back to its topics and misses nothing', async (t) => {
  const topic = fresh('topic');
  const [stream] = await gather(t, server, topic, [{ Kind: EventSourceClient }]);
  const publisher = await open(t, server);
  stream.close();
  for (const data of [1, 2, 3]) await tell(publisher, { type: 'publish', topic, data });
  await isQuiet(publisher);
  const last = stream.ids.at(-1);
  const again = await CurlClient.open(server, '/y-webrtc', { key: stream.key, headers: { 'Last-Event-ID': last } });
  t.after(() => again.close());
  for (const data of [1, 2, 3]) await hears(again, { type: 'publish', topic, data, clients: 1 });
});

// -- Other dialects

test('a topic is not a room: a native client in a room of that name hears and reaches nobody', async (t) => {
  const name = fresh('both');
  const [a] = await gather(t, server, name, [{}]);
  const native = await new kTransports.websocket(server).open({ room: name });
  t.after(() => native.close());
  await native.event('created');
  const poll = await open(t, server, { Kind: PollClient, path: `/raw/${name}` });
  await poll.say('for the room');
  await native.event('peer-joined');
  await native.event('ready');
  assert.equal((await native.event('message')).data, 'for the room');
  await tell(a, { type: 'publish', topic: name, data: 'for the topic' });
  await hears(a, { type: 'publish', topic: name, data: 'for the topic', clients: 1 });
  await isQuiet(a);
  await poll.say('the next');
  assert.equal((await native.event('message')).data, 'the next');
});

test('a page of a thousand documents is let in, more slowly, and hears that of others meanwhile', async (t) => {
  const limited = await startGateway([], { listen: ['y-webrtc'] });
  t.after(() => stopGateway(limited));
  const kDocuments = 1000;
  const topics = Array.from({ length: kDocuments }, (_, i) => `${i} ${'d'.repeat(100)}`);   // more than 64 KiB in one message
  const neighbour = await open(t, limited);
  await subscribe(neighbour, topics[0]);
  // As y-webrtc says it when it connects, and for documents that are opened one by one.
  for (const lists of [[topics], topics.map((topic) => [topic])]) {
    const page = await open(t, limited);
    for (const list of lists) tell(page, { type: 'subscribe', topics: list });
    for (const topic of topics) tell(page, { type: 'publish', topic, data: { type: 'announce', from: 'page' } });
    const heard = new Set();             // topics have an order each
    for (let i = 0; i < kDocuments; ++i) heard.add((await told(page)).topic);
    assert.deepEqual(heard, new Set(topics));
    assert.equal((await told(neighbour)).data.from, 'page');
    await isQuiet(page);
    await isQuiet(neighbour);
    page.close();
    await page.closed;
  }
});
