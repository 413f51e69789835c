// Plain broadcast: sizes, fragments, full rooms, rates, and who has gone.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fetchJson } from '../conformance/support/members.mjs';
import { assertExplains } from '../conformance/support/refusals.mjs';
import { RawWebSocket, opcode } from '../conformance/support/websocket.mjs';
import { CurlClient, PollClient, WsClient, kAll, kWebSockets, post, withQuery } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { expectNext, gather, together } from './support/talk.mjs';

const kMost = 64 * 1024;
const kMostTexts = ['x'.repeat(kMost), 'ž'.repeat(kMost / 2), `${'line\n'.repeat(kMost / 8)}${'\u0001'.repeat(kMost - 5 * (kMost / 8))}`];

let server;
before(async () => { server = await startGateway(['--max-room-capacity', '7']); });
after(() => stopGateway(server));

const path = () => `/raw/${fresh('room')}`;

test('64 KiB pass, as text and as bytes, from each to all', async (t) => {
  const clients = await gather(t, server, path(), Object.values(kAll));
  for (const sender of clients) {
    for (const message of [...kMostTexts, randomBytes(kMost)]) {
      await sender.say(message);
      for (const client of clients) await expectNext(client, message);
    }
  }
});

for (const [what, big] of [['text', 'x'.repeat(kMost + 1)], ['binary', Buffer.alloc(kMost + 1)]]) {
  test(`a byte more is refused: ${what} on a WebSocket`, async (t) => {
    const there = path();
    const members = await gather(t, server, there, [WsClient, CurlClient]);
    const client = await WsClient.open(server, there);
    client.say(big);
    const { code, reason } = await client.closed;
    assert.ok(code === 1009 || (code > 4400 && code < 4500 && reason !== ''), `closed with ${code} ${reason}`);
    await members[0].say('goes on');
    for (const member of members) await expectNext(member, 'goes on');
  });

  test(`a byte more is refused: ${what} by POST, and the session goes on`, async (t) => {
    const there = path();
    const [socket, stream, poll] = await gather(t, server, there, [WsClient, CurlClient, PollClient]);
    for (const key of [undefined, stream.key, poll.key]) {
      const answer = await post(server, withQuery(there, key ? { key } : {}), big);
      assert.ok([400, 413].includes(answer.status), `${answer.status} ${answer.text}`);
      assertExplains(answer.json.error, answer.json.error.code);
      assert.match(answer.json.error.code, /too_large$/);
    }
    for (const sender of [socket, stream, poll]) {
      await sender.say('goes on');
      for (const client of [socket, stream, poll]) await expectNext(client, 'goes on');
    }
  });
}

test('a message in fragments is one message to the others', async (t) => {
  const there = path();
  const members = await gather(t, server, there, Object.values(kAll));
  const raw = await RawWebSocket.open(server, { path: `${there}?echo=0` });
  t.after(() => raw.destroy());
  const text = Buffer.from('žluť'.repeat(100));
  // Cut in the middle of a character, with a ping between.
  raw.frame(opcode.text, text.subarray(0, 1), { fin: false }).frame(opcode.continuation, '', { fin: false });
  raw.frame(opcode.ping, 'now').frame(opcode.continuation, text.subarray(1, 100), { fin: false }).frame(opcode.continuation, text.subarray(100));
  raw.frame(opcode.binary, Buffer.from([1]), { fin: false }).frame(opcode.continuation, Buffer.from([2]));
  for (const message of [String(text), Buffer.from([1, 2])]) for (const member of members) await expectNext(member, message);
});

test('a full room: WebSockets are closed with `full`, streams and polls refused, and a place that is left can be had', async (t) => {
  const there = path();
  const members = await gather(t, server, there, Array(7).fill(WsClient));
  const late = await WsClient.open(server, there);
  const { code, reason } = await late.closed;
  assert.ok(code >= 4000 && code < 5000, `closed with ${code}`);
  assert.equal(reason, 'full');
  for (const query of [{}, { next: 1 }, { next: 1, wait: 0 }]) {
    const answer = await fetchJson(server, withQuery(there, query), undefined, { method: 'GET' });
    assert.equal(answer.status, 409, answer.text);
    assertExplains(answer.json.error, 'full');
  }
  await members[0].say('not disturbed');
  for (const member of members) await expectNext(member, 'not disturbed');
  const gone = members.pop();
  gone.close();
  await gone.closed;
  members.push(await whenThereIsPlace(() => CurlClient.open(server, there)));
  t.after(() => members.at(-1).close());
  await together(members);
});

// The close of a WebSocket is known to its client before another shard has let go of the place.
async function whenThereIsPlace(open) {
  for (const began = Date.now(); ;) {
    try {
      return await open();
    } catch (error) {
      if (Date.now() - began > 60000) throw error;
      await pause(100);
    }
  }
}

test('a member that closes, by each kind of WebSocket, is a member no more', async (t) => {
  const there = path();
  const [stays] = await gather(t, server, there, [WsClient]);
  for (let round = 0; round < 4; ++round) {   // far more than there are places
    for (const Kind of Object.values(kWebSockets)) {
      const client = await Kind.open(server, there);
      await client.say(`round ${round}`);
      await expectNext(client, `round ${round}`).catch((error) => assert.fail(`${Kind.name} in round ${round}: ${error.message}`));
      await expectNext(stays, `round ${round}`);
      client.close();
      await assert.rejects(client.next(), /closed/);
    }
  }
});

test('who says too much is closed with 4029 or told 429, and the others hear what was taken', async (t) => {
  const strict = await startGateway(['--message-rate', '5', '--message-burst', '20']);
  try {
    const there = path();
    const [member] = await gather(t, strict, there, [CurlClient]);
    const flood = await WsClient.open(strict, `${there}?echo=0`);
    for (let n = 0; n < 200; ++n) flood.say(`flood ${n}`);
    assert.deepEqual(await flood.closed, { code: 4029, reason: 'rate_limited' });
    const { key } = member;
    let refused;
    for (let n = 0; n < 200 && !refused; ++n) {
      const answer = await post(strict, withQuery(there, { key }), `post ${n}`);
      if (answer.status !== 200) refused = answer;
    }
    assert.equal(refused?.status, 429);
    assertExplains(refused.json.error, 'rate_limited');
    assert.ok(Number(refused.headers['retry-after']) >= 1);
    for (let n = 0; ; ++n) {
      const heard = await member.next();
      if (heard.startsWith('post')) { assert.ok(n >= 20, `${n} messages were taken`); break; }
      assert.equal(heard, `flood ${n}`, 'in order and without a gap');
    }
  } finally {
    await stopGateway(strict);
  }
});
