// Plain broadcast over networks that cut: nothing is missed and nothing comes twice on streams and polls.

import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fetchJson, makeKey } from '../conformance/support/members.mjs';
import { Inbox, within } from '../conformance/support/patience.mjs';
import { EventSourceClient, WsClient, base64, post, readEvents, withQuery } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { Line } from './support/line.mjs';
import { expectNext, gather, together } from './support/talk.mjs';

let server;
before(async () => { server = await startGateway(); });
after(() => stopGateway(server));

const path = () => `/raw/${fresh('room')}`;
const poll = (there, query) => fetchJson(server, withQuery(there, query), undefined, { method: 'GET' });

// A stream that the test reads, ends and asks for again as it likes.
async function openStream(t, there, lastEventId) {
  const events = new Inbox();
  const response = await within(new Promise((resolve, reject) => {
    const library = server.url.startsWith('https') ? https : http;
    const headers = lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId };
    const request = library.get(server.url + there, { agent: false, headers }, resolve).on('error', reject);
    t.after(() => request.destroy());
  }), () => `a stream at ${there}`);
  response.on('error', () => {});
  const comments = new Inbox();
  readEvents(response, (event) => {
    if (event.comments.length > 0) comments.put(event.comments);
    if (event.data !== undefined) events.put(event);
  });
  return { response, events, comments, close: () => response.destroy() };
}

async function expectEvent(stream, data) {
  const event = await stream.events.take(() => JSON.stringify(data));
  assert.equal(event.data, data);
  return event.id;
}

test('a stream: its head, a comment that opens it, and ids KEY.N', async (t) => {
  const there = path();
  const stream = await openStream(t, there);
  assert.equal(stream.response.statusCode, 200);
  assert.match(stream.response.headers['content-type'], /^text\/event-stream\b/);
  assert.match(stream.response.headers['cache-control'], /no-store|no-cache/);
  await stream.comments.take(() => 'a comment');
  await post(server, there, 'one');
  const first = await expectEvent(stream, 'one');
  const [, key] = /^([A-Za-z0-9_-]{22,128})\.1$/.exec(first) ?? [];
  assert.ok(key, `the first id is ${first}`);
  assert.equal((await post(server, withQuery(there, { key }), 'by the key of the id')).status, 200);
  assert.equal(await expectEvent(stream, 'by the key of the id'), `${key}.2`);
});

test('a key that the client has chosen is that of the ids', async (t) => {
  const there = path();
  const keys = [`${makeKey().slice(0, 20)}-_`, 'k'.repeat(22), `${makeKey()}${'9'.repeat(104)}`];
  for (const key of keys) {
    const stream = await openStream(t, withQuery(there, { key }));
    await post(server, withQuery(there, { key }), 'mine');
    assert.equal(await expectEvent(stream, 'mine'), `${key}.1`);
    stream.close();
  }
});

test('EventSource comes back by itself after each cut, misses nothing and gets nothing twice', async (t) => {
  const there = path();
  const line = await Line.start(t, server);
  const [speaker] = await gather(t, server, there, [WsClient]);
  const source = await EventSourceClient.open(line.server, there, { sendThrough: server });
  t.after(() => source.close());
  await together([speaker, source]);
  const first = source.ids.length;
  let n = 0;
  const say = async (count) => { for (let i = 0; i < count; ++i) { await speaker.say(`${++n}\nof many`); await expectNext(speaker, `${n}\nof many`); } };
  for (let round = 0, heard = 0; round < 4; ++round) {
    const opened = source.opened;
    await say(3);
    if (round % 2) line.cut();          // with what may be on its way
    else for (; heard < n; ++heard) await expectNext(source, `${heard + 1}\nof many`);
    line.close();
    await say(5);                       // while nobody gets through
    line.open();
    await say(3);
    for (; heard < n; ++heard) await expectNext(source, `${heard + 1}\nof many`);
    assert.ok(source.opened > opened, 'the stream was cut');
  }
  await say(1);
  await expectNext(source, `${n}\nof many`);
  assert.deepEqual(source.ids.slice(first).map((id) => Number(id.split('.')[1])), Array.from({ length: n }, (_, i) => first + i + 1));
  assert.deepEqual([...new Set(source.ids.map((id) => id.split('.')[0]))], [source.key], 'one session all the time');
});

test('Last-Event-ID is where to go on, also a second time, and also if another stream is still open', async (t) => {
  const there = path();
  const stream = await openStream(t, there);
  for (let n = 1; n <= 5; ++n) await post(server, there, `message ${n}`);
  const ids = [];
  for (let n = 1; n <= 5; ++n) ids.push(await expectEvent(stream, `message ${n}`));
  for (const from of [3, 1, 5, 1]) {
    const again = await openStream(t, there, ids[from - 1]);
    for (let n = from + 1; n <= ids.length; ++n) assert.equal(await expectEvent(again, `message ${n}`), ids[n - 1]);
    await post(server, there, `message ${ids.length + 1}`);
    ids.push(await expectEvent(again, `message ${ids.length + 1}`));
    again.close();
  }
});

test('what is kept is 64 KiB at the least', async (t) => {
  const there = path();
  const stream = await openStream(t, there);
  await post(server, there, 'the last that was read');
  const id = await expectEvent(stream, 'the last that was read');
  stream.close();
  const texts = Array.from({ length: 15 }, (_, n) => `${n}`.padEnd(4096, '.'));
  for (const text of texts) await post(server, there, text);
  const again = await openStream(t, there, id);
  for (const text of texts) await expectEvent(again, text);
});

test('a Last-Event-ID that is unknown or malformed opens anew', async (t) => {
  const there = path();
  for (const id of [`${makeKey()}.7`, `${makeKey()}`, '7', 'x.y', '.', '', `${makeKey()}.99999999999999999999`, '../../etc.1']) {
    const stream = await openStream(t, there, id);
    assert.equal(stream.response.statusCode, 200, id);
    await post(server, there, `after ${id}`);
    const first = await expectEvent(stream, `after ${id}`);
    assert.match(first, /^[A-Za-z0-9_-]{22,128}\.1$/);
    stream.close();
  }
});

test('polls: the first, the key in the answer, the same again, and what is acknowledged', async () => {
  const there = path();
  const opened = await poll(there, { next: 1, wait: 0 });
  assert.equal(opened.status, 200);
  assert.match(opened.headers['content-type'], /^application\/json\b/);
  assert.match(opened.text, /^[^\n]*\n?$/, 'one line');
  const { key } = opened.json;
  assert.match(key, /^[A-Za-z0-9_-]{22,128}$/);
  assert.deepEqual(opened.json, { key, next: 1, messages: [] });
  for (const message of ['one', Buffer.from([0, 255]), 'two\nlines']) await post(server, there, message);
  const messages = ['one', base64([0, 255]), 'two\nlines'];
  for (const next of [1, 1, 2, 2, 4, 4]) {
    const answer = await poll(there, { next, key, wait: 0 });
    assert.deepEqual(answer.json, { key, next: 4, messages: messages.slice(next - 1) }, `next=${next}`);
  }
  const parked = poll(there, { next: 4, key });
  await pause(100);
  await post(server, withQuery(there, { key }), 'to whoever waits');
  assert.deepEqual((await parked).json, { key, next: 5, messages: ['to whoever waits'] });
});

test('a poll without a message is answered after `wait`, and not before', async () => {
  const began = performance.now();
  const { json } = await poll(path(), { next: 1, wait: 1 });
  assert.deepEqual([json.next, json.messages], [1, []]);
  assert.ok(performance.now() - began > 900, 'it was held for a second');
});

// A request on a connection that is there already: TLS has been agreed on, so what comes back now is the answer.
function ask(agent, url) {
  const library = url.startsWith('https') ? https : http;
  return within(new Promise((resolve, reject) => {
    library.get(url, { agent }, (response) => response.resume().on('end', resolve).on('error', reject)).on('error', reject);
  }), () => 'an answer');
}

test('an answer that was lost is told again', async (t) => {
  const there = path();
  const line = await Line.start(t, server);
  const { json: { key } } = await poll(there, { next: 1, wait: 0 });
  for (let round = 1; round <= 3; ++round) {
    const library = server.url.startsWith('https') ? https : http;
    const agent = new library.Agent({ keepAlive: true, maxSockets: 1 });
    const url = line.server.url + withQuery(there, { next: 1, key });
    await ask(agent, `${line.server.url}/healthz`);
    line.isSwallowing = true;
    line.swallowed = 0;
    const lost = ask(agent, url);
    lost.catch(() => {});
    if (round === 1) await post(server, there, 'said in round 1');
    await line.hasSwallowed();
    line.cut();
    await assert.rejects(lost);
    line.isSwallowing = false;
    agent.destroy();
    if (round > 1) await post(server, there, `said in round ${round}`);
  }
  const wanted = Array.from({ length: 3 }, (_, i) => `said in round ${i + 1}`);
  for (let times = 0; times < 2; ++times) {
    assert.deepEqual((await poll(there, { next: 1, key })).json, { key, next: 4, messages: wanted });
  }
});

test('a number that went to a POST without one is refused, and is not taken for a repeat', async () => {
  const there = path(), key = makeKey();
  await poll(there, { next: 1, key, wait: 0 });
  for (const [query, status] of [[{ n: 1 }, 200], [{}, 200], [{ n: 2 }, 409], [{ n: 1 }, 200], [{ n: 3 }, 200]]) {
    const answer = await post(server, withQuery(there, { key, ...query }), 'x');
    assert.equal(answer.status, status, JSON.stringify(query));
    if (status === 409) assert.deepEqual([answer.json.error.code, answer.json.error.expected], ['number_gap', 3]);
  }
});

test('a session lives between polls, and its place with it', async () => {
  const there = path();
  const { json: { key } } = await poll(there, { next: 1, wait: 0 });
  await pause(2000);
  await post(server, there, 'said while it did not ask');
  assert.deepEqual((await poll(there, { next: 1, key })).json, { key, next: 2, messages: ['said while it did not ask'] });
});
