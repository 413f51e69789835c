// Plain broadcast: every client there is in one room, and each gets every message, byte for byte and in order, its own included.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { within } from '../conformance/support/patience.mjs';
import { CurlClient, EventSourceClient, PollClient, WsClient, W3cClient, curl, kAll, kWebSockets, post } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { expectNext, gather, together } from './support/talk.mjs';

const kTexts = ['hello', ' two spaces before,  one after ', 'first\nsecond\n\nfourth', '\n', 'ends with a newline\n',
  'data: x\nid: 7\nevent: y\n: z',
  '{"type":"message","data":"looks like ours"}', 'žluťoučký kůň · 日本語 · 🚀👩‍👩‍👧 · \u2028\u2029 · \ufeffx', 'a\tb \u0001 c', '"\\u0041\\"', '1'];
const kBytes = [Buffer.from([0]), Buffer.alloc(0), Buffer.from('text in a binary message'), Buffer.from([0xff, 0xfe, 0x80, 0xc0, 10, 13, 0]), randomBytes(3000)];

let server;
before(async () => { server = await startGateway([], { listen: ['raw'] }); });
after(() => stopGateway(server));

const path = () => `/raw/${fresh('room')}`;
const everyKind = [...Object.values(kAll), WsClient];

async function eachSaysAll(clients, messages, senders = clients) {
  for (const sender of senders) {
    for (const message of messages) {
      await sender.say(message);
      for (const client of clients) await expectNext(client, message);
    }
  }
}

test('texts of every form, from each to all', async (t) => {
  await eachSaysAll(await gather(t, server, path(), everyKind), kTexts);
});

// W3CWebSocket does not tell its page of an empty text.
test('an empty text is a message', async (t) => {
  await eachSaysAll(await gather(t, server, path(), everyKind.filter((Kind) => Kind !== W3cClient)), ['', 'after it']);
});

test('binary messages, from each to all', async (t) => {
  await eachSaysAll(await gather(t, server, path(), everyKind), kBytes);
});

test('texts and bytes take turns and stay what they are', async (t) => {
  const clients = await gather(t, server, path(), Object.values(kWebSockets));
  const messages = ['one', Buffer.from('one'), 'two', Buffer.from('two')];
  for (const message of messages) await clients[0].say(message);
  for (const message of messages) for (const client of clients) await expectNext(client, message);
});

test('all say much at once: one order for everybody, and each sender\'s own order in it', async (t) => {
  const clients = await gather(t, server, path(), everyKind);
  const kCount = 20;
  await Promise.all(clients.map(async (client, i) => {
    for (let n = 0; n < kCount; ++n) await client.say(`${i}:${n}`);
  }));
  const heard = [];
  for (const client of clients) {
    const all = [];
    while (all.length < kCount * clients.length) all.push(await client.next());
    heard.push(all);
  }
  for (const [i, all] of heard.entries()) assert.deepEqual(all, heard[0], clients[i].constructor.name);
  for (const i of clients.keys()) {
    assert.deepEqual(heard[0].filter((text) => text.startsWith(`${i}:`)), Array.from({ length: kCount }, (_, n) => `${i}:${n}`));
  }
});

test('a carriage return breaks the line on a stream, and cannot begin an event or a field', async (t) => {
  const [socket, poll, ...streams] = await gather(t, server, path(), [WsClient, PollClient, EventSourceClient, CurlClient]);
  const text = 'a\rdata: b\r\nid: 99\r\revent: evil\r\n\r\nlast';
  await socket.say(text);
  await socket.say('after');
  for (const client of [socket, poll]) await expectNext(client, text);
  for (const client of streams) assert.equal(await client.next(), text.replace(/\r\n?/g, '\n'), client.constructor.name);
  for (const client of [socket, poll, ...streams]) await expectNext(client, 'after');
});

test('?echo=0 leaves the sender out, on every transport', async (t) => {
  const there = path();
  const [witness, other] = await gather(t, server, there, [WsClient, W3cClient]);
  for (const Kind of Object.values(kAll)) {
    const quiet = await Kind.open(server, `${there}?echo=0`);
    await together([witness, other, quiet]);
    for (const message of ['not for myself', Buffer.from([1, 2, 3])]) {
      await quiet.say(message);
      for (const client of [witness, other]) await expectNext(client, message);
    }
    await witness.say('for all');
    for (const client of [witness, other, quiet]) await expectNext(client, 'for all');
    quiet.close();
  }
});

test('?echo=1 is what there is without it', async (t) => {
  const [client] = await gather(t, server, `${path()}?echo=1`, [WsClient]);
  await client.say('to myself');
  await expectNext(client, 'to myself');
});

test('curl -d without a key says one thing to all, and is gone', async (t) => {
  const there = path();
  const clients = await gather(t, server, there, everyKind);
  assert.equal(await curl(['-d', 'a=1&b=%20+', server.url + there]), 'ok\n');
  for (const client of clients) await expectNext(client, 'a=1&b=%20+');
  assert.equal(await curl(['-d', 'with echo=0', `${server.url}${there}?echo=0`]), 'ok\n');
  for (const client of clients) await expectNext(client, 'with echo=0');
  const answer = await post(server, there, Buffer.from([0xff, 0]));
  assert.deepEqual([answer.status, answer.text], [200, 'ok\n']);
  assert.match(answer.headers['content-type'], /^text\/plain\b/);
  for (const client of clients) await expectNext(client, Buffer.from([0xff, 0]));
});

test('curl -d to an empty room is answered, and nobody who comes later hears it', async (t) => {
  const there = path();
  assert.equal(await curl(['-d', 'nobody is here', server.url + there]), 'ok\n');
  const client = await WsClient.open(server, there);
  t.after(() => client.close());
  client.say('first');
  await expectNext(client, 'first');
});

test('/raw is the room raw, and so is / of its own port; other rooms hear nothing of it', async (t) => {
  const clients = [];
  t.after(() => { for (const client of clients) client.close(); });
  for (const Kind of [WsClient, CurlClient, PollClient]) {
    clients.push(await Kind.open(server, '/raw'), await Kind.open(server, '/raw/raw'), await Kind.open(server.own.raw, '/'));
  }
  const [elsewhere] = await gather(t, server, '/raw/RAW', [WsClient]);
  await together(clients);
  await eachSaysAll(clients, ['the same room', Buffer.from([0, 1])]);
  assert.equal(await curl(['-d', 'at the root', `${server.own.raw.url}/`]), 'ok\n');
  for (const client of clients) await expectNext(client, 'at the root');
  await elsewhere.say('alone');
  await expectNext(elsewhere, 'alone');
});

test('the name of a room is percent-decoded', async (t) => {
  const name = `${fresh('kůň')} a+b%?#`;
  const [first] = await gather(t, server, `/raw/${encodeURIComponent(name)}`, [WsClient]);
  const all = [first, ...await gather(t, server, `/raw/${Array.from(Buffer.from(name), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')}`, [WsClient])];
  await together(all);
  await eachSaysAll(all, ['the same room']);
});

test('the first subprotocol that is offered is chosen, since clients fail without it', async (t) => {
  for (const there of ['/raw', '/login', '/v1/probe/ws']) {
    for (const [offered, chosen] of [[[], ''], [['echo-protocol'], 'echo-protocol'], [['a', 'b'], 'a']]) {
      const socket = new WebSocket(server.url.replace(/^http/, 'ws') + there, offered, { rejectUnauthorized: false });
      t.after(() => socket.terminate());
      await within(once(socket, 'open'), `a WebSocket that offers ${offered}`);
      assert.equal(socket.protocol, chosen);
    }
  }
});
