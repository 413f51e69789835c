// Each published client of Socket.IO on each of its transports, in the codelab's rooms, with itself and with every other.

import assert from 'node:assert/strict';
import os from 'node:os';
import { after, before, describe, test } from 'node:test';
import { areQuiet, create, hears, isRefused, join, kCandidate, kLatin1, kLong, kOffer, kText, logs, passes, passesBytes } from './support/codelab.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { hasBinary, kAllWays, kVersions, open, waysOf } from './support/socketio.mjs';

const kBytes = Buffer.from([0, 1, 2, 0x1e, 0x80, 0xc3, 0xff]);
const kNumbers = Array.from({ length: 200 }, (_, i) => i);

let server;
before(async () => { server = await startGateway(); });
after(() => stopGateway(server));

const titleOf = ({ version, way }) => `${version} by ${way}`;

// Two in a room of their own.
async function pair(t, one, other, options) {
  const first = await open(t, server, one.version, one.way, options);
  const second = await open(t, server, other.version, other.way, options);
  const room = fresh('room');
  await create(first, room);
  await join(second, room, first);
  return { first, second, room };
}

// What this machine has besides loopback, as the server finds it.
const addresses = () => Object.values(os.networkInterfaces()).flat()
  .filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address);

// Numbered messages in both directions at once.
async function exchangesNumbers(first, second) {
  const done = Promise.all([[first, second], [second, first]].map(async ([from, to]) => {
    for (const number of kNumbers) await hears(to, 'message', { from: from.peer, number });
    for (const number of kNumbers) await logs(from, 'Client said: ', { from: from.peer, number });
  }));
  for (const number of kNumbers) {
    for (const one of [first, second]) one.emit('message', { from: one.peer, number });
  }
  await done;
}

for (const one of kAllWays) {
  const { version, way } = one;

  describe(titleOf(one), () => {
    test('connects, on that transport', async (t) => {
      const client = await open(t, server, version, way);
      assert.equal(client.transport, way === 'polling' ? 'polling' : 'websocket');
      assert.match(client.id, /^[\x21-\x7e]{10,}$/);
    });

    test('two exchange all that a call needs', async (t) => {
      const { first, second } = await pair(t, one, one);
      for (const message of ['got user media', kOffer, kText, kLatin1, kCandidate, kLong, [1, null, true, { nested: [kText] }], 0, '', null]) {
        await passes(first, second, message);
        await passes(second, first, message);
      }
      await areQuiet(first, second);
    });

    test('a message with more than one argument, or an acknowledgement asked for, arrives as one with one argument', async (t) => {
      const { first, second } = await pair(t, one, one);
      first.emit('message', 'one', 'two', () => {});
      await hears(second, 'message', 'one');
      await logs(first, 'Client said: ', 'one');
      await areQuiet(first, second);
    });

    test('a third is refused and disturbs nobody', async (t) => {
      const { first, second, room } = await pair(t, one, one);
      const third = await open(t, server, version, way);
      await isRefused(third, room);
      third.emit('message', 'bye');   // as a page does that is closed
      await logs(third, 'Client said: ', 'bye');
      third.close();
      await areQuiet(first, second);
    });

    test('two rooms hear nothing of each other', async (t) => {
      const here = await pair(t, one, one);
      const there = await pair(t, one, one);
      await passes(here.first, here.second, 'here');
      await passes(there.second, there.first, 'there');
      await areQuiet(here.first, here.second);
      await areQuiet(there.first, there.second);
    });

    test('the addresses of the server, one event each', async (t) => {
      const client = await open(t, server, version, way);
      client.emit('ipaddr');
      await create(client, fresh('room'));
      const expected = addresses();
      for (let i = 0; i < expected.length; ++i) await client.next('ipaddr');
      assert.deepEqual(client.heard.filter(([event]) => event === 'ipaddr'), expected.map((address) => ['ipaddr', address]));
    });

    test('says `bye`: the other hears it, and the place is free', async (t) => {
      const { first, second, room } = await pair(t, one, one);
      second.emit('bye', room);
      await hears(first, 'bye');
      const third = await open(t, server, version, way);
      await join(third, room, first);
      await areQuiet(first, third);
      assert.deepEqual(second.heard.filter(([event]) => event === 'bye' || event === 'message'), []);
    });

    // 0.9 has no goodbye on polling: it gives up its requests.
    if (version !== '0.9' || way !== 'polling') {
      test('is closed: the other hears `bye`, and the place is free', async (t) => {
        const { first, second, room } = await pair(t, one, one);
        second.close();
        await hears(first, 'bye');
        const third = await open(t, server, version, way);
        await join(third, room, first);
        await areQuiet(first, third);
      });
    }

    test('two hundred messages in each direction, in order and once', async (t) => {
      const { first, second } = await pair(t, one, one);
      await exchangesNumbers(first, second);
      await areQuiet(first, second);
    });

    test('text that is no ASCII, heard before any was said', async (t) => {
      const { first, second } = await pair(t, one, { version, way: 'websocket' });
      await passes(second, first, kText);
      await passes(second, first, kLatin1);
      await passes(first, second, kText);
      await passes(first, second, kLatin1);
      await areQuiet(first, second);
    });

    test('the name of a room that is no ASCII', async (t) => {
      const first = await open(t, server, version, way);
      const second = await open(t, server, version, way);
      const room = `${fresh('room')} ${kText}`;
      await create(first, room);
      await join(second, room, first);
      await areQuiet(first, second);
    });

    test('in a namespace, with a query and a token, as of old or as of now', async (t) => {
      const options = { namespace: '/chan1', query: { token: 'a b&c' }, auth: { token: kText } };
      const { first, second, room } = await pair(t, one, one, options);
      await passes(first, second, kText);
      await passes(second, first, kOffer);
      const third = await open(t, server, version, way, options);
      await isRefused(third, room);
      await areQuiet(first, second);
    });

    if (hasBinary(version)) {
      test('bytes, also long ones', async (t) => {
        const { first, second } = await pair(t, one, one);
        for (const bytes of [kBytes, Buffer.alloc(40960, kBytes)]) {
          await passesBytes(first, second, bytes);
          await passesBytes(second, first, bytes);
        }
        await areQuiet(first, second);
      });
    }

    if (way === 'upgrade') {
      test('two hundred messages in each direction while both upgrade, in order and once', async (t) => {
        const { first, second } = await pair(t, one, one, { waits: false });
        await exchangesNumbers(first, second);
        for (const client of [first, second]) await client.transportBecomes('websocket');
        await areQuiet(first, second);
      });
    }
  });
}

// A client on polling that speaks Engine.IO 3 is of 1.x or of 2.x, and nothing but its text tells which. `é` of 1.x is the same
// bytes as `Ã©` of 2.x. So what 2.x says there begins with text that cannot be of 1.x.
const kTexts = [kText, kLatin1, 'Zoë', '日本語'];

for (const [i, version] of kVersions.entries()) {
  for (const other of kVersions.slice(i + 1)) {
    describe(`${version} with ${other}`, () => {
      for (const way of waysOf(version)) {
        for (const otherWay of waysOf(other)) {
          test(`${way} with ${otherWay}`, async (t) => {
            const { first, second, room } = await pair(t, { version, way }, { version: other, way: otherWay });
            for (const text of kTexts) {
              await passes(first, second, text);
              await passes(second, first, text);
            }
            await passes(first, second, { ...kOffer, sdp: kLong });
            await passes(second, first, kCandidate);
            for (const [from, to] of [[first, second], [second, first]]) {
              if (hasBinary(from.version)) await passesBytes(from, to, kBytes);
            }
            first.emit('bye', room);
            await hears(second, 'bye');
            await isAlone(second);
          });
        }
      }
    });
  }
}

// Nobody hears what it says, and it hears nothing but its own log.
async function isAlone(client) {
  const { length } = client.heard;
  client.emit('message', 'is anybody there?');
  await logs(client, 'Client said: ', 'is anybody there?');
  assert.equal(client.heard.length, length + 1, client.name);
}
