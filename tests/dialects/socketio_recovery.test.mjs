// What Socket.IO clients get back after a cut, and what becomes of the place of a client that was cut.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { areQuiet, create, hears, isRefused, join, kOffer, kText, logs, passes } from './support/codelab.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { Line } from './support/line.mjs';
import { kAllWays, open, waysOf } from './support/socketio.mjs';

const kNewest = '4.8';
const kSoon = 30000;   // the originals keep a place for 45 or 60 s

let server;
before(async () => { server = await startGateway(); });
after(() => stopGateway(server));

const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);

// Two in a room; the second is connected through a line that can fail. A client on polling has its request at the server.
async function pairOnALine(t, version, way, { reconnects = true, settles = true } = {}) {
  const line = await Line.start(t, server);
  const first = await open(t, server, version, way);
  const second = await open(t, line.server, version, way, { reconnects });
  const room = fresh('room');
  await create(first, room);
  await join(second, room, first);
  await passes(first, second, 'before');
  await passes(second, first, 'before');
  if (settles) await pause(200);
  return { line, first, second, room };
}

// The server has taken all of these messages when this resolves.
async function says(client, messages) {
  for (const message of messages) client.emit('message', message);
  for (const message of messages) await logs(client, 'Client said: ', message);
}

async function hearsAll(client, messages) {
  for (const message of messages) await hears(client, 'message', message);
}

async function isCut(client, line) {
  line.reset();
  await client.disconnected();
}

async function isBack(client, line, id) {
  const reconnected = client.reconnected();
  line.open();
  await reconnected;
  isRecovered(client, id);
}

function isRecovered(client, id) {
  assert.equal(client.socket.recovered, true);
  assert.equal(client.id, id);
}

for (const way of waysOf(kNewest)) {
  describe(`connection state recovery of ${kNewest} by ${way}`, () => {
    test('brings back what was said during a cut, in order and once', async (t) => {
      const { line, first, second, room } = await pairOnALine(t, kNewest, way);
      assert.ok(!second.socket.recovered);
      const { id } = second;
      await isCut(second, line);
      const messages = [...range(0, 50), kText, kOffer];
      await says(first, messages);
      for (const number of range(100, 110)) second.emit('message', number);   // the client keeps these
      await isBack(second, line, id);
      await hearsAll(second, messages);
      await hearsAll(first, range(100, 110));
      for (const number of range(100, 110)) await logs(second, 'Client said: ', number);
      await areQuiet(first, second);

      // It is in its room still, as one of two.
      second.emit('create or join', room);
      await logs(second, `Received request to create or join room ${room}`);
      const third = await open(t, server, kNewest, way);
      await isRefused(third, room);
      for (const [from, to] of [[first, second], [second, first]]) {
        from.emit('message', 'after');
        await hears(to, 'message', 'after');
      }
    });

    test('brings back what was lost on the way before the cut was seen', async (t) => {
      const { line, first, second } = await pairOnALine(t, kNewest, way);
      const { id } = second;
      line.isSwallowing = true;
      await says(first, range(0, 10));
      await line.hasSwallowed();
      await says(first, range(10, 20));
      line.isSwallowing = false;
      await isCut(second, line);
      await says(first, range(20, 30));
      await isBack(second, line, id);
      await hearsAll(second, range(0, 30));
      await areQuiet(first, second);
    });

    test('works again and again', async (t) => {
      const { line, first, second } = await pairOnALine(t, kNewest, way);
      const { id } = second;
      for (let cut = 0; cut < 3; ++cut) {
        await isCut(second, line);
        await says(first, range(cut * 10, cut * 10 + 5));
        await isBack(second, line, id);
        await says(first, range(cut * 10 + 5, cut * 10 + 10));
        await hearsAll(second, range(cut * 10, cut * 10 + 10));
      }
      await areQuiet(first, second);
    });

    test('also after the client closed its Engine.IO connection and not its socket', async (t) => {
      const { first, second } = await pairOnALine(t, kNewest, way);
      const { id } = second;
      const reconnected = second.reconnected();
      second.socket.io.engine.close();
      await says(first, range(0, 20));
      await reconnected;
      isRecovered(second, id);
      await hearsAll(second, range(0, 20));
      await areQuiet(first, second);
    });

    test('does not bring back a client that has said goodbye', async (t) => {
      const { first, second, room } = await pairOnALine(t, kNewest, way);
      const { id } = second;
      second.close();
      await hears(first, 'bye');
      await says(first, ['not for you']);
      const reconnected = second.reconnected();
      second.socket.connect();
      await reconnected;
      assert.ok(!second.socket.recovered);
      assert.notEqual(second.id, id);
      await join(second, room, first);
      await areQuiet(first, second);
      assert.ok(!second.heard.some(([, message]) => message === 'not for you'));
    });

    test('a client whose place was taken meanwhile comes back as a stranger', async (t) => {
      const { line, first, second, room } = await pairOnALine(t, kNewest, way);
      await isCut(second, line);
      const newcomer = await open(t, server, kNewest, way);
      await getsIn(newcomer, room);
      await hears(first, 'bye');
      await hears(first, 'join', room);
      await hears(first, 'ready', room);
      await passes(first, newcomer, 'not for the one that was cut');
      const reconnected = second.reconnected();
      line.open();
      await reconnected;
      assert.ok(!second.socket.recovered);
      await isRefused(second, room);
      await passes(first, newcomer, 'nor is this');
      await passes(newcomer, first, 'nor is this');
      assert.deepEqual(second.heard.filter(([event]) => event === 'message'), [['message', 'before']]);
    });
  });
}

// On a WebSocket: a poll would need a connection through a line that gives no answers.
test('a client that comes back knows an offset of the session before from one of its own', async (t) => {
  const { line, first, second, room } = await pairOnALine(t, kNewest, 'websocket');
  await says(first, range(0, 5));
  await hearsAll(second, range(0, 5));
  second.close();   // its client keeps the offset
  await hears(first, 'bye');
  const reconnected = second.reconnected();
  second.socket.connect();
  await reconnected;
  const { id } = second;
  line.isSwallowing = true;
  second.emit('create or join', room);
  await hears(first, 'join', room);
  await hears(first, 'ready', room);
  await says(first, range(10, 20));
  line.isSwallowing = false;
  await isCut(second, line);
  second.heard.length = 0;
  await isBack(second, line, id);
  await hearsAll(second, range(10, 20));
});

// Joins a room that is full as long as the server believes that the one who was cut is in it.
async function getsIn(client, room) {
  const began = Date.now();
  for (;;) {
    client.emit('create or join', room);
    const [event, ...args] = await client.answer();
    if (event === 'joined') {
      assert.equal(args[0], room);
      break;
    }
    assert.deepEqual([event, ...args], ['full', room]);
    assert.ok(Date.now() - began < kSoon, `${client.name}: the place was not free after ${kSoon} ms`);
    await pause(250);
  }
  client.inboxes.log.clear();
  await hears(client, 'ready', room);
}

// A client on polling may be cut while it has no request at the server, which then cannot see the cut.
const kCuts = kAllWays.flatMap((one) => [{ ...one, settles: true }, ...(one.way === 'polling' ? [{ ...one, settles: false }] : [])]);

// Each waits for the server to find out that somebody is gone, and does little else.
describe('the place of a client that was cut', { concurrency: 6 }, () => {
  for (const { version, way, settles } of kCuts) {
    test(`${version} by ${way}, reset by TCP${settles ? '' : ' between two requests'}: a newcomer gets its place within seconds`, async (t) => {
      const { line, first, room } = await pairOnALine(t, version, way, { reconnects: false, settles });
      const { length } = first.heard;
      line.reset();
      const newcomer = await open(t, server, version, way);
      await getsIn(newcomer, room);
      await hears(first, 'bye');
      await hears(first, 'join', room);
      await hears(first, 'ready', room);
      assert.deepEqual(first.heard.slice(length), [['bye'], ['join', room], ['ready', room]]);
      await areQuiet(first, newcomer);
      const fourth = await open(t, server, version, way);
      await isRefused(fourth, room);
    });
  }
});

for (const { version, way } of kAllWays.filter(({ version }) => Number(version) < 3)) {
  test(`${version} by ${way}: handlers see the arguments that were said, and no offset`, async (t) => {
    const first = await open(t, server, version, way);
    const second = await open(t, server, version, way);
    const room = fresh('room');
    await create(first, room);
    await join(second, room, first);
    for (const message of ['a text', kOffer, '']) await passes(first, second, message);
    second.emit('bye', room);
    await hears(first, 'bye');
    const log = (...line) => ['log', ['Message from server:', ...line]];
    assert.deepEqual(second.heard.filter(([event]) => event !== 'log'),
      [['joined', room, second.peer], ['ready', room], ['message', 'a text'], ['message', kOffer], ['message', '']]);
    assert.deepEqual(first.heard.filter(([event]) => event === 'log').slice(-3),
      [log('Client said: ', 'a text'), log('Client said: ', kOffer), log('Client said: ', '')]);
  });
}
