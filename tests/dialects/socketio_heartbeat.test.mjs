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

// Milliseconds since now. It is started before the server starts its clock, so that a slow machine cannot shorten what is measured.
function stopwatch() {
  const began = performance.now();
  return () => performance.now() - began;
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
    const passed = stopwatch();
    const one = await Polling.open(server, 4);
    const answer = await one.get(stamp(), kPatience);
    assert.deepEqual([answer.status, answer.text], [200, '2']);
    assert.ok(passed() > 24500, String(passed()));
    await one.post('3');
    assert.equal((await one.get(stamp(), kPatience)).text, '2');
  });

  test('EIO 4 on WebSocket is asked after 25 s, and closed when it does not answer', async () => {
    const passed = stopwatch();
    const one = await Socket.session(server, 4);
    assert.equal(await one.next(kPatience), '2');
    assert.ok(passed() > 24500, String(passed()));
    await one.ends(kPatience);
    assert.ok(passed() > 44500, String(passed()));
  });

  test('EIO 4 on polling ends when it does not answer', async () => {
    const passed = stopwatch();
    const one = await Polling.open(server, 4);
    await one.ends(kPatience);
    assert.ok(passed() > 44500, String(passed()));
  });

  test('EIO 4 on polling has ended for a poll that comes just when the time is over', async () => {
    const one = await Polling.open(server, 4);
    await pause(45000);
    assert.equal((await one.get(stamp(), kPatience)).status, 400);
  });

  test('EIO 3 on WebSocket ends when it does not ask', async () => {
    const passed = stopwatch();
    const one = await Socket.session(server, 3);
    await one.ends(kPatience);
    assert.ok(passed() > 44500, String(passed()));
  });

  test('EIO 3 on polling ends when it does not ask', async () => {
    const passed = stopwatch();
    const one = await Polling.open(server, 3);
    await one.ends(kPatience);
    assert.ok(passed() > 44500, String(passed()));
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

  test('0.9 on polling is answered with a noop after 25 s', async () => {
    const [sid] = (await request(server, 'GET', `/socket.io/1/?t=${stamp()}`)).text.split(':');
    const get = () => request(server, 'GET', `/socket.io/1/xhr-polling/${sid}?t=${stamp()}`, undefined, {}, kPatience);
    assert.equal((await get()).text, '1::');
    for (let i = 0; i < 2; ++i) {
      const passed = stopwatch();
      const { status, text } = await get();
      assert.deepEqual([status, text], [200, '8::']);
      assert.ok(passed() > 24500, String(passed()));
    }
  });

  test('0.9 on WebSocket is asked after 25 s', async () => {
    const [sid] = (await request(server, 'GET', `/socket.io/1/?t=${stamp()}`)).text.split(':');
    const passed = stopwatch();
    const one = await Socket.open(server, `/socket.io/1/websocket/${sid}`);
    assert.equal(await one.next(), '1::');
    assert.equal(await one.next(kPatience), '2::');
    assert.ok(passed() > 24500, String(passed()));
    one.send('2::');
    // A message would be heard by everybody here who is in no room.
    const room = fresh('room');
    one.send(`5:::{"name":"create or join","args":["${room}"]}`);
    assert.equal(await one.next(), `5:::{"name":"log","args":[["Message from server:","Received request to create or join room ${room}"]]}`);
    one.close();
  });
});
