// One room: a native member, by each of its transports, and members of plain broadcast, each in its own words.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { kTransports } from '../conformance/support/members.mjs';
import { CurlClient, PollClient, WsClient, base64, curl } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { expectNext, gather, together } from './support/talk.mjs';

let server;
before(async () => { server = await startGateway(); });
after(() => stopGateway(server));

// The next message from a peer; who comes and goes is told between them.
async function heard(member) {
  for (;;) {
    const event = await member.event();
    if (event.from !== undefined) return event;
  }
}

async function hearsThis(member, type, data) {
  const event = await heard(member);
  assert.deepEqual([event.type, event.data], [type, data]);
  return event.from;
}

// A native member that has created a room, and three plain ones in it.
async function meet(t, Transport) {
  const room = fresh('mixed');
  const native = await new Transport(server).open({ room, capacity: 8 });
  t.after(() => native.close());
  await native.event('created');
  const plain = [];
  t.after(() => { for (const client of plain) client.close(); });
  for (const Kind of [WsClient, CurlClient, PollClient]) plain.push(await Kind.open(server, `/raw/${room}`));
  const last = await together(plain);
  while ((await heard(native)).data !== last);
  return { room, native, plain };
}

for (const [transport, Transport] of Object.entries(kTransports)) {
  test(`${transport}: what plain members say arrives as \`message\`, texts as strings and bytes as base64`, async (t) => {
    const { room, native, plain } = await meet(t, Transport);
    const peers = new Set();
    for (const sender of plain) {
      for (const text of ['hello', '', 'two\nlines', 'žluť 🚀 "\\', '{"type":"leave"}']) {
        await sender.say(text);
        peers.add(await hearsThis(native, 'message', text));
        for (const client of plain) await expectNext(client, text);
      }
      await sender.say(Buffer.from([0, 255, 10]));
      await hearsThis(native, 'message', base64([0, 255, 10]));
      for (const client of plain) await expectNext(client, Buffer.from([0, 255, 10]));
    }
    assert.equal(peers.size, plain.length, 'each is a peer of its own');
    assert.equal(await curl(['-d', 'in passing', `${server.url}/raw/${room}`]), 'ok\n');
    await hearsThis(native, 'message', 'in passing');
  });

  test(`${transport}: what a native member says arrives as text: strings as they are, all else as JSON on one line`, async (t) => {
    const { native, plain } = await meet(t, Transport);
    const expectAll = async (check) => {
      for (const client of plain) {
        const text = await client.next();
        assert.equal(typeof text, 'string');
        check(text);
      }
    };
    for (const text of ['hello', '', 'two\nlines', 'žluť 🚀 "\\', '{"a":1}']) {
      await native.say({ type: 'message', data: text });
      await expectAll((shown) => assert.equal(shown, text));
    }
    for (const data of [{ a: [1, 'x\ny', null] }, [], 0, null, false]) {
      await native.say({ type: 'message', data });
      await expectAll((shown) => {
        assert.deepEqual(JSON.parse(shown), data);
        assert.doesNotMatch(shown, /[\r\n]/);
      });
    }
    for (const [type, data] of [['offer', { sdp: 'v=0\r\n' }], ['chat', 'a string'], ['messages', [1]]]) {
      await native.say({ type, data });
      await expectAll((shown) => {
        assert.deepEqual(JSON.parse(shown), { type, from: native.welcome.peer, data });
        assert.doesNotMatch(shown, /[\r\n]/);
      });
    }
  });

  test(`${transport}: a native member answers one plain member, and nobody else hears it`, async (t) => {
    const { native, plain } = await meet(t, Transport);
    for (const client of plain) {
      await client.say('who am I?');
      const peer = await hearsThis(native, 'message', 'who am I?');
      for (const one of plain) await expectNext(one, 'who am I?');
      await native.say({ type: 'message', to: peer, data: 'for you only' });
      await expectNext(client, 'for you only');
      await native.say({ type: 'message', data: 'for all' });
      for (const one of plain) await expectNext(one, 'for all');
    }
  });
}

test('a native member joins a room that plain members have made; nobody is told in words who comes and goes', async (t) => {
  const room = fresh('mixed');
  const plain = await gather(t, server, `/raw/${room}`, [WsClient, CurlClient]);
  for (let round = 0; round < 2; ++round) {
    const native = await new kTransports.websocket(server).open({ room });
    await native.event('joined');
    await native.say({ type: 'message', data: `native ${round}` });
    for (const client of plain) await expectNext(client, `native ${round}`);
    native.close();
  }
  await plain[0].say('still here');
  for (const client of plain) await expectNext(client, 'still here');
});

test('a room for two that a native member has made has one place for a plain one', async (t) => {
  const room = fresh('two');
  const native = await new kTransports.websocket(server).open({ room });
  t.after(() => native.close());
  await native.event('created');
  const [first] = await gather(t, server, `/raw/${room}`, [WsClient]);
  const second = await WsClient.open(server, `/raw/${room}`);
  const { code, reason } = await second.closed;
  assert.ok(code >= 4000 && code < 5000, `closed with ${code}`);
  assert.equal(reason, 'full');
  await native.say({ type: 'message', data: 'to the first' });
  await expectNext(first, 'to the first');
});

test('half a surrogate pair, which no text can have, harms no plain member', async (t) => {
  const { native, plain } = await meet(t, kTransports.websocket);
  await native.say({ type: 'message', data: '\ud800' });
  await native.say({ type: 'message', data: 'after it' });
  for (const client of plain) {
    const next = await client.next();
    if (next !== 'after it') await expectNext(client, 'after it');   // something has stood for it
  }
});
