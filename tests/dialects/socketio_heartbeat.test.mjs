// Clients of Socket.IO that have nothing to say, and clients that are silent. All of this takes the intervals of the protocols,
// 25 and 20 seconds, so everybody waits at the same time.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { areQuiet, create, join } from './support/codelab.mjs';
import { payloadOf, Polling, request, Socket, stamp } from './support/engine.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { kAllWays, open } from './support/socketio.mjs';

const kIdle = 52000;        // longer than any of these clients waits for a heartbeat
const kPatience = 120000;

let server;
before(async () => { server = await startGateway(); });
after(() => stopGateway(server));

// How long it took, in ms.
async function timed(task) {
  const began = performance.now();
  return [await task(), performance.now() - began];
}

describe('nobody says anything', { concurrency: true }, () => {
  for (const { version, way } of kAllWays) {
    test(`${version} by ${way} stays connected`, async (t) => {
      const first = await open(t, server, version, way);
      const second = await open(t, server, version, way);
      const room = fresh('room');
      await create(first, room);
      await join(second, room, first);
      const { length } = first.heard;
      await pause(kIdle);
      assert.deepEqual([first.connections, second.connections], [1, 1]);
      assert.deepEqual(first.heard.slice(length), []);
      await areQuiet(first, second);
    });
  }

  test('EIO 4 on polling is asked after 25 s, and goes on when it has answered', async () => {
    const one = await Polling.open(server, 4);
    const [answer, ms] = await timed(() => one.get(stamp(), kPatience));
    assert.deepEqual([answer.status, answer.text], [200, '2']);
    assert.ok(ms > 20000, String(ms));
    await one.post('3');
    assert.equal((await one.get(stamp(), kPatience)).text, '2');
  });

  test('EIO 4 on WebSocket is asked after 25 s, and closed when it does not answer', async () => {
    const one = await Socket.session(server, 4);
    const [frame, ms] = await timed(() => one.next(kPatience));
    assert.equal(frame, '2');
    assert.ok(ms > 20000, String(ms));
    const [, more] = await timed(() => one.ends(kPatience));
    assert.ok(more > 15000, String(more));
  });

  test('EIO 4 on polling ends when it does not answer', async () => {
    const one = await Polling.open(server, 4);
    const [, ms] = await timed(() => one.ends(kPatience));
    assert.ok(ms > 40000, String(ms));
  });

  test('EIO 4 on polling has ended for a poll that comes just when the time is over', async () => {
    const one = await Polling.open(server, 4);
    await pause(45000);
    assert.equal((await one.get(stamp(), kPatience)).status, 400);
  });

  test('EIO 3 on WebSocket ends when it does not ask', async () => {
    const one = await Socket.session(server, 3);
    const [, ms] = await timed(() => one.ends(kPatience));
    assert.ok(ms > 40000, String(ms));
  });

  test('EIO 3 on polling ends when it does not ask', async () => {
    const one = await Polling.open(server, 3);
    const [, ms] = await timed(() => one.ends(kPatience));
    assert.ok(ms > 40000, String(ms));
  });

  test('EIO 3 goes on as long as it asks', async () => {
    const [one, other] = [await Socket.session(server, 3), await Polling.open(server, 3)];
    for (let i = 0; i < 3; ++i) {
      await pause(kIdle / 3);
      one.send('2');
      assert.equal(await one.next(), '3');
      await other.post('2');
      assert.equal(await other.next(), '3');
    }
    one.close();
    await other.postBody(payloadOf(3, '1'));
  });

  test('0.9 on polling is answered with a noop after 20 s', async () => {
    const [sid] = (await request(server, 'GET', `/socket.io/1/?t=${stamp()}`)).text.split(':');
    const get = () => request(server, 'GET', `/socket.io/1/xhr-polling/${sid}?t=${stamp()}`, undefined, {}, kPatience);
    assert.equal((await get()).text, '1::');
    for (let i = 0; i < 2; ++i) {
      const [{ status, text }, ms] = await timed(get);
      assert.deepEqual([status, text], [200, '8::']);
      assert.ok(ms > 15000, String(ms));
    }
  });

  test('0.9 on WebSocket is asked after 25 s', async () => {
    const [sid] = (await request(server, 'GET', `/socket.io/1/?t=${stamp()}`)).text.split(':');
    const one = await Socket.open(server, `/socket.io/1/websocket/${sid}`);
    assert.equal(await one.next(), '1::');
    const [frame, ms] = await timed(() => one.next(kPatience));
    assert.equal(frame, '2::');
    assert.ok(ms > 20000, String(ms));
    one.send('2::');
    one.send('5:::{"name":"message","args":["still there"]}');
    assert.equal(await one.next(), '5:::{"name":"log","args":[["Message from server:","Client said: ","still there"]]}');
    one.close();
  });
});
