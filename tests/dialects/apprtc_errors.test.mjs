// What bad input gets at /apprtc: a row of the table in docs/dialects/apprtc.md is a test. Neighbours in other dialects, and a pair
// of this one, notice nothing.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { answers, Collider, get, isFull, join, leave, message, pair, post, result, talk } from './support/apprtc.mjs';
import { expectRefusal, refusesSocket } from './support/bad_input.mjs';
import { wsUrl } from './support/clients.mjs';
import { request } from './support/engine.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { Neighbours } from './support/talk.mjs';

const kForeign = { Origin: 'https://foreign.example' };
const kReserved = ['join', 'message', 'leave', 'r', 'params', 'v1alpha', 'ws', 'status'];
const kLong = 'x'.repeat(129);

let server, slow, neighbours, own, close;   // `slow` takes little
before(async () => {
  server = await startGateway(['--attach-timeout', '1s', '--probe-timeout', '1s']);
  slow = await startGateway(['--message-rate', '1', '--message-burst', '5', '--max-sessions-per-address', '3']);
  neighbours = await Neighbours.start(server);
  const closing = [];
  close = () => { for (const one of closing) one(); };
  own = (await pair({ after: (one) => closing.push(one) }, server, fresh('neighbours'))).clients;
});
after(async () => {
  close();
  neighbours.stop();
  await stopGateway(slow);
  await stopGateway(server);
});

const row = (name, body) => test(name, async (t) => {
  await body(t, server);
  await neighbours.areUnharmed();
  await talk(own);
});

// An error as all of the server's.
async function refuses(asked, status, code) {
  const answer = await asked;
  return expectRefusal({ ...answer, json: JSON.parse(answer.text) }, status, code);
}

// -- The room server

row('a room or a client that is no id, or a reserved word: 404', async () => {
  for (const room of ['a%20b', 'a.b', '%C5%BE', '', 'a/b/c', kLong, ...kReserved]) {
    await refuses(post(server, `/join/${room}`), 404, 'unknown_route');
    await refuses(post(server, `/message/${room}/12345678`, 'x'), 404, 'unknown_route');
    await refuses(post(server, `/leave/${room}/12345678`), 404, 'unknown_route');
    await refuses(get(server, `/r/${room}`), 404, 'unknown_route');
  }
  for (const client of ['a.b', '', kLong]) await refuses(post(server, `/message/room/${client}`, 'x'), 404, 'unknown_route');
  await refuses(post(server, '/message/room', 'x'), 404, 'unknown_route');
});

row('a room that is full: FULL', async () => {
  const room = fresh('room');
  await join(server, room);
  await join(server, room);
  await isFull(server, room);
});

row('an unknown room, an unknown client, an empty message', async () => {
  const room = fresh('room');
  await result(post(server, `/message/${room}/1`, 'x'), 'UNKNOWN_ROOM');
  const { client_id: id } = await join(server, room);
  await result(post(server, `/message/${room}/1`, 'x'), 'UNKNOWN_CLIENT');
  await result(post(server, `/message/${room}/${id}`, ''), 'ERROR');
  // The id of a client of another room, and a key of another dialect.
  await result(post(server, `/message/${fresh('room')}/${id}`, 'x'), 'UNKNOWN_ROOM');
});

// An error as all of the server's, with the time after which it may be asked again.
async function refusesForNow(asked, code) {
  const { headers } = await refuses(asked, 429, code);
  assert.equal(headers['retry-after'], '1');
}

row('more messages than --message-rate, more sessions than an address may have: 429', async (t) => {
  const room = fresh('room');
  const { client_id: id } = await join(slow, room);
  const said = Array.from({ length: 20 }, () => post(slow, `/message/${room}/${id}`, 'x'));
  const answer = (await Promise.all(said)).find(({ status }) => status !== 200);
  await refusesForNow(answer, 'rate_limited');
  const client = await Collider.registered(t, slow, fresh('room'), 'a');
  for (let i = 0; i < 20; ++i) client.send('x');
  assert.deepEqual(await client.closed, { code: 4029, reason: 'rate_limited' });
  await join(slow, fresh('room'));
  await refusesForNow(post(slow, `/join/${fresh('room')}`), 'too_many_sessions');
  await refusesForNow(post(slow, `/${fresh('room')}/a`, 'x'), 'too_many_sessions');
  const late = await Collider.registered(t, slow, fresh('room'), 'a');
  await late.complains('Too many sessions from one address.');
  assert.deepEqual(await late.closed, { code: 4429, reason: 'too_many_sessions' });
});

row('more requests for clients that are not there than --join-rate: 429, and who is there goes on', async (t) => {
  const own = await startGateway(['--join-rate', '1']);   // twenty at once
  t.after(() => stopGateway(own));
  const room = fresh('room');
  const { client_id: id } = await join(own, room);
  const client = await Collider.registered(t, own, room, id);
  for (const guess of [(n) => post(own, `/message/${room}/${n}`, 'x'), (n) => post(own, `/leave/${room}/${n}`),
    (n) => request(own, 'DELETE', `/apprtc/${room}/${n}`), (n) => post(own, `/${fresh('room')}/${n}`, 'x')]) {
    const guesses = await Promise.all(Array.from({ length: 40 }, (_, n) => guess(n)));
    await refusesForNow(guesses.find(({ status }) => status === 429), 'rate_limited');
  }
  const guesses = await Promise.all(Array.from({ length: 40 }, (_, n) => Collider.registered(t, own, fresh('room'), String(n))));
  const { code, reason } = await Promise.race(guesses.map((guess) => guess.closed));
  assert.deepEqual([code, reason], [4029, 'rate_limited']);
  // One that is there is no guess, however often it is asked for.
  for (let i = 0; i < 5; ++i) await message(own, room, id, 'x');
  client.send('y');
  for (let i = 0; i < 5; ++i) await leave(own, room, id);
  await answers(request(own, 'DELETE', `/apprtc/${room}/${id}`), 200, 'OK\n');
});

row('a client that comes back into its room too often is told so, and sent away', async (t) => {
  const own = await startGateway(['--join-rate', '1']);
  t.after(() => stopGateway(own));
  const room = fresh('room');
  const { client_id: id } = await join(own, room);
  await Collider.registered(t, own, room, id);
  const isIn = async () => (await post(own, `/message/${room}/${id}`, 'x')).text === '{"result":"SUCCESS"}';
  const untilIn = async (isOver) => { while (!isOver() && !await isIn()) await pause(100); };
  for (;;) {
    await leave(own, room, id);
    // Until nothing is left of the rate.
    while ((await Promise.all(Array.from({ length: 20 }, (_, n) => post(own, `/leave/${room}/${n}`)))).every(({ status }) => status === 200));
    const again = await Collider.registered(t, own, room, id);
    let isOver = false;
    const hears = again.next().finally(() => { isOver = true; });
    hears.catch(() => {});   // it may hear nothing
    const comesIn = untilIn(() => isOver);
    const outcome = await Promise.race([hears, comesIn]);
    await comesIn;
    if (outcome === undefined) continue;   // a second had passed
    assert.match(JSON.parse(outcome).error, /too often/);
    assert.deepEqual(await again.closed, { code: 4029, reason: 'rate_limited' });
    break;
  }
});

row('what is refused because too much waits is not said: ERROR, 500', async (t) => {
  const own = await startGateway(['--outbox-limit', '64KiB', '--message-rate', '0']);
  t.after(() => stopGateway(own));
  for (const byCollider of [false, true]) {
    const room = fresh('room');
    const { client_id: id } = await join(own, room);
    const { client_id: other } = await join(own, room);   // it does not read yet
    const said = [];
    for (let n = 0; n < 40; ++n) {
      const text = `${n} ${'x'.repeat(2000)}`;
      const path = byCollider ? `/${room}/${id}` : `/message/${room}/${id}`;
      const { status, text: answer } = await post(own, path, text);
      if (answer === (byCollider ? 'OK\n' : '{"result":"SUCCESS"}')) said.push(text);
      else if (byCollider) assert.deepEqual([status, answer], [500, 'Failed to send the message: Too many messages queued for the client\n']);
      else assert.deepEqual([status, answer], [200, '{"result":"ERROR"}']);
    }
    assert.ok(said.length > 0 && said.length < 40, `${said.length} were said`);
    const client = await Collider.registered(t, own, room, other);
    await client.hears(...said);
    await message(own, room, id, 'and this');
    await client.hears('and this');
  }
});

row('a method that is not for the path: 405', async () => {
  for (const [method, path] of [['GET', '/join/room'], ['GET', '/message/room/1'], ['PUT', '/leave/room/1'], ['POST', '/params'],
    ['POST', '/r/room'], ['GET', '/v1alpha/iceconfig'], ['POST', '/ws'], ['POST', '/status']]) {
    await refuses(request(server, method, `/apprtc${path}`), 405, 'wrong_method');
  }
});

row('a body of more than 256 KiB: 413', async () => {
  const large = 'x'.repeat(262145);
  for (const path of ['/join/room', '/message/room/1', '/room/1']) await refuses(post(server, path, large), 413, 'body_too_large');
});

row('bytes that are not UTF-8 become U+FFFD', async () => {
  const room = fresh('room');
  const { client_id: id } = await join(server, room);
  await message(server, room, id, Buffer.from([0x61, 0xff, 0x62, 0xc3]));
  assert.deepEqual((await join(server, room)).messages, ['a\ufffdb\ufffd']);
});

row('an Origin that is foreign: 403; none at all is let in', async (t) => {
  for (const path of ['/join/room', '/message/room/1', '/leave/room/1', '/v1alpha/iceconfig', '/room/1'])
    await refuses(post(server, path, 'x', kForeign), 403, 'origin_refused');
  await refuses(request(server, 'DELETE', '/apprtc/room/1', undefined, kForeign), 403, 'origin_refused');
  await refusesSocket(server, '/apprtc/ws', 403, 'origin_refused', kForeign);
  const room = fresh('room');
  const client = await Collider.registered(t, server, room, 'a');
  await answers(post(server, `/${room}/b`, 'no Origin'), 200, 'OK\n');
  await client.hears('no Origin');
});

// -- Collider by HTTP

row('a path that is not /ROOM/CLIENT: 500', async () => {
  for (const [path, shown] of [['/x', '/x'], ['/', '/'], ['/a/b/c', '/a/b/c'], ['/a/', '/a/'], ['//b', '//b'], ['/%3Cb%3E', '/&lt;b&gt;'],
    ['/status/a', '/status/a'], ['/join', '/join']]) {
    for (const method of ['POST', 'DELETE', 'GET']) {
      await answers(request(server, method, `/apprtc${path}`, method === 'POST' ? 'x' : undefined), 500, `Invalid path: ${shown}\n`);
    }
  }
});

row('an empty body: 500', async () => {
  await answers(post(server, '/room/a', ''), 500, 'Empty request body\n');
});

row('a third client in a room: 500', async () => {
  const room = fresh('room');
  for (const id of ['a', 'b']) await answers(post(server, `/${room}/${id}`, 'x'), 200, 'OK\n');
  await answers(post(server, `/${room}/c`, 'x'), 500, 'Failed to send the message: Max room capacity reached\n');
});

row('a room or a client of more than 128 bytes: 500', async () => {
  for (const path of [`/${kLong}/a`, `/a/${kLong}`]) {
    const { status, text } = await post(server, path, 'x');
    assert.equal(status, 500);
    assert.match(text, /^Failed to send the message: .*128 bytes.*\n$/);
  }
});

// -- Collider by WebSocket

const kReceive = 'websocket.JSON.Receive error: ';

row('a frame that is not JSON, no object, or has a field that is no text', async (t) => {
  for (const [frame, why] of [['{', 'not JSON at byte '], ['', 'not JSON at byte '], ['{"cmd":"send"} x', 'not JSON at byte '],
    ['[]', 'not a JSON object'], ['"send"', 'not a JSON object'], ['{"cmd":1}', "'cmd' is not a text"],
    ['{"cmd":"register","roomid":["a"],"clientid":"b"}', "'roomid' is not a text"], ['{"cmd":"send","msg":{}}', "'msg' is not a text"],
    [Buffer.from('{"cmd":"\xff"}', 'latin1'), 'not JSON at byte '], ['['.repeat(1000), 'not JSON at byte ']]) {
    const client = await Collider.open(t, server);
    client.tell(frame);
    const { error } = JSON.parse(await client.next());
    assert.ok(error.startsWith(kReceive + why), error);
    await client.ends(null);
  }
});

row('another command is complained of, and the connection goes on', async (t) => {
  const client = await Collider.open(t, server);
  for (const frame of [{ cmd: 'dance' }, {}, { cmd: null }, { cmd: 'REGISTER' }]) {
    client.tell(frame);
    await client.complains("Invalid message: unexpected 'cmd'");
  }
  client.register(fresh('room'), 'a');
  client.tell({ cmd: 'dance' });
  await client.complains("Invalid message: unexpected 'cmd'");
});

row('a message before the registration', async (t) => {
  const client = await Collider.open(t, server);
  client.send('x');
  await client.ends('Client not registered');
});

row('a registration without a room or a client', async (t) => {
  for (const ids of [{}, { roomid: 'a' }, { clientid: 'a' }, { roomid: '', clientid: 'a' }, { roomid: 'a', clientid: null }]) {
    const client = await Collider.open(t, server);
    client.tell({ cmd: 'register', ...ids });
    await client.ends("Invalid register request: missing 'clientid' or 'roomid'");
  }
});

row('a registration with a room or a client that nobody can have', async (t) => {
  for (const [room, id] of [[kLong, 'a'], ['a', kLong], ['a\n', 'b'], ['a', 'b\u0000'], ...kReserved.map((word) => [word, 'a'])]) {
    const client = await Collider.registered(t, server, room, id);
    assert.match(JSON.parse(await client.next()).error, /^Invalid register request: .*128 bytes/);
    await client.ends(null);
  }
});

row('a second registration on one WebSocket', async (t) => {
  const room = fresh('room');
  const client = await Collider.registered(t, server, room, 'a');
  client.register(room, 'a');
  await client.ends('Duplicated register request');
});

row('a third client in a room', async (t) => {
  const room = fresh('room');
  const two = [await Collider.registered(t, server, room, 'a'), await Collider.registered(t, server, room, 'b')];
  await talk(two);
  const client = await Collider.registered(t, server, room, 'c');
  client.send('goes nowhere');
  await client.ends('Max room capacity reached');
  await talk(two);
});

row('a message without text', async (t) => {
  for (const frame of [{ cmd: 'send' }, { cmd: 'send', msg: '' }, { cmd: 'send', msg: null }]) {
    const client = await Collider.registered(t, server, fresh('room'), 'a');
    client.tell(frame);
    await client.ends("Invalid send request: missing 'msg'");
  }
});

row('nothing at all on a WebSocket', async (t) => {
  const client = await Collider.open(t, server);
  await client.ends('Client not registered');
});

row('a message of more than 256 KiB: 1009; a text that is not UTF-8: 1007; a frame of a kind that there is not: 1002', async (t) => {
  const large = await Collider.registered(t, server, fresh('room'), 'a');
  large.send('x'.repeat(262144));
  await large.ends(null, 1009);
  const broken = await Collider.registered(t, server, fresh('room'), 'a');
  broken.socket.send(Buffer.from([0xff]), { binary: false });
  await broken.ends(null, 1007);
  const strange = await Collider.registered(t, server, fresh('room'), 'a');
  strange.socket._socket.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]));
  await strange.ends(null, 1002);
});

row('a request that is no handshake: 426', async () => {
  await refuses(get(server, '/ws'), 426);
  await refusesSocket(server, '/apprtc/ws', 421, 'host_refused', { Host: 'foreign.example' });
});

row('a subprotocol is chosen if one is offered', async () => {
  const socket = new WebSocket(wsUrl(server, '/apprtc/ws'), ['a', 'b']);
  await new Promise((resolve, reject) => { socket.on('open', resolve).on('error', reject); });
  assert.equal(socket.protocol, 'a');
  socket.terminate();
});
