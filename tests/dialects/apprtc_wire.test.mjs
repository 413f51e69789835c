// AppRTC's room server and Collider at /apprtc: every answer, status and body.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { kTransports } from '../conformance/support/members.mjs';
import { answers, Collider, get, isFull, join, kAnswer, kBye, kCandidate, kOffer, leave, message, pair, post, result, talk } from './support/apprtc.mjs';
import { request } from './support/engine.mjs';
import { fresh, isSecure, startGateway, stopGateway } from './support/gateway.mjs';

const kIce = ['--ice-server', 'stun:stun.example:3478', '--ice-server', '{"urls":["turn:turn.example"],"username":"u","credential":"c"}'];

let server;
before(async () => { server = await startGateway(['--message-rate', '0', ...kIce]); });
after(() => stopGateway(server));

const root = () => `${server.url}/apprtc`;
const parametersOf = (more) => ({
  error_messages: [], warning_messages: [], header_message: '', is_loopback: 'false',
  pc_config: '{"rtcpMuxPolicy":"require","bundlePolicy":"max-bundle","iceServers":[]}', pc_constraints: '{"optional":[]}',
  offer_options: '{}', media_constraints: '{"audio":true,"video":true}', bypass_join_confirmation: 'false', version_info: 'null',
  include_loopback_js: '', ice_server_transports: '', ice_server_url: `${root()}/v1alpha/iceconfig`,
  wss_url: `${root().replace(/^http/, 'ws')}/ws`, wss_post_url: root(), ...more });

// -- The room server

test('join: the first one, the second one with what the first has said, and a third one', async () => {
  const room = fresh('room');
  const first = await join(server, room);
  assert.match(first.client_id, /^[\w-]{22}$/);   // 128 bits
  const place = { room_id: room, room_link: `${root()}/r/${room}` };
  assert.deepEqual(first, parametersOf({ ...place, client_id: first.client_id, is_initiator: 'true', messages: [] }));
  const said = [kOffer, kCandidate, 'text <&> "\\\n 😀', '{ "type" : "custom", "a": [1] }', '[]'];
  for (const text of said) await message(server, room, first.client_id, text);
  const second = await join(server, room);
  assert.notEqual(second.client_id, first.client_id);
  assert.deepEqual(second, parametersOf({ ...place, client_id: second.client_id, is_initiator: 'false', messages: said }));
  await isFull(server, room);
});

test('message: SUCCESS, UNKNOWN_ROOM, UNKNOWN_CLIENT, ERROR', async (t) => {
  const room = fresh('room');
  await result(post(server, `/message/${room}/12345678`, 'x'), 'UNKNOWN_ROOM');
  const { ids, clients } = await pair(t, server, room);
  await talk(clients);
  await result(post(server, `/message/${room}/12345678`, 'x'), 'UNKNOWN_CLIENT');
  await message(server, room, ids[0], 'by the room server');
  await clients[1].hears('by the room server');
  await result(post(server, `/message/${room}/${ids[0]}`, ''), 'ERROR');
});

test('leave: the other one hears "bye" once, and the next one finds what it says then', async (t) => {
  const room = fresh('room');
  const { ids: [caller, callee], clients: [first, second] } = await pair(t, server, room);
  await talk([first, second]);
  await leave(server, room, callee);
  await first.hears(kBye);
  // As the original's client does: "bye" after it has left, by each way, then the end.
  second.send(kBye);
  await answers(post(server, `/${room}/${callee}`, kBye), 200, 'OK\n');
  await answers(request(server, 'DELETE', `/apprtc/${room}/${callee}`), 200, 'OK\n');
  await second.ends();
  await result(post(server, `/message/${room}/${callee}`, 'x'), 'UNKNOWN_CLIENT');
  await message(server, room, caller, kOffer);
  const third = await join(server, room);
  assert.deepEqual([third.is_initiator, third.messages], ['false', [kOffer]]);
  first.send('to the third');
  await (await Collider.registered(t, server, room, third.client_id)).hears('to the third');
  await leave(server, room, third.client_id);
  await first.hears(kBye);
  await leave(server, room, caller);
  await result(post(server, `/message/${room}/${caller}`, 'x'), 'UNKNOWN_ROOM');
  assert.equal((await join(server, room)).is_initiator, 'true');
});

test('leave: whoever is not there gets the same empty answer', async () => {
  await leave(server, fresh('room'), '12345678');
});

test('a "bye" and a leave are one "bye" to the other one', async (t) => {
  const room = fresh('room');
  const { ids, clients: [first, second] } = await pair(t, server, room);
  await talk([first, second]);
  second.send(kBye);
  await first.hears(kBye);
  await leave(server, room, ids[1]);
  const third = await join(server, room);
  const other = await Collider.registered(t, server, room, third.client_id);
  other.send('after it');
  await first.hears('after it');
  await leave(server, room, third.client_id);
  await first.hears(kBye);
});

test('params', async () => {
  const { status, type, text } = await get(server, '/params');
  assert.equal(status, 200);
  assert.match(type, /^application\/json/);
  assert.deepEqual(JSON.parse(text), parametersOf({}));
});

test('r: the room\'s parameters for a program, the page of the room for a person', async () => {
  const room = fresh('room');
  const { status, text } = await get(server, `/r/${room}`);
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(text), parametersOf({ room_id: room, room_link: `${root()}/r/${room}` }));
  const { status: found, headers } = await get(server, `/r/${room}`, { Accept: 'text/html,*/*;q=0.8', 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' });
  assert.equal(found, 302);
  assert.equal(new URL(headers.location, `${root()}/r/${room}`).href, `${server.url}/r/${room}`);
});

test('the addresses are those by which the client came', async () => {
  const { text } = await get(server, '/params', { Host: 'localhost:1234' });
  const scheme = isSecure ? 's' : '';
  const { wss_url: socket, wss_post_url: posts } = JSON.parse(text);
  assert.deepEqual([socket, posts], [`ws${scheme}://localhost:1234/apprtc/ws`, `http${scheme}://localhost:1234/apprtc`]);
});

test('v1alpha/iceconfig: the ICE servers, each with an array of addresses', async () => {
  const answer = await post(server, '/v1alpha/iceconfig?key=AIza');
  assert.deepEqual(JSON.parse(answer.text), { iceServers: [{ urls: ['stun:stun.example:3478'] }, { urls: ['turn:turn.example'], username: 'u', credential: 'c' }] });
});

// -- Collider

test('register and send: frames byte for byte', async (t) => {
  const room = fresh('room');
  const first = await Collider.registered(t, server, room, 'a');
  const second = await Collider.registered(t, server, room, 'b');
  first.send('a <b> & "c" \\ \u00e9 😀 \n\t');
  assert.equal(await second.next(), String.raw`{"msg":"a \u003cb\u003e \u0026 \"c\" \\ é 😀 \n\t","error":""}` + '\n');
  second.tell({ cmd: 'send', msg: 'x', more: 1 });
  await first.hears('x');
  second.tell(Buffer.from('{"msg":"a binary frame","cmd":"send"}'));
  await first.hears('a binary frame');
});

test('what is said before the other one registers is delivered then, in order', async (t) => {
  const room = fresh('room');
  const first = await Collider.registered(t, server, room, 'a');
  const said = Array.from({ length: 50 }, (_, i) => `message ${i}`);
  for (const text of said) first.send(text);
  await answers(post(server, `/${room}/a`, 'the last one'), 200, 'OK\n');
  // Two ways have no order between them.
  const second = await Collider.registered(t, server, room, 'b');
  const heard = [];
  for (let i = 0; i <= said.length; ++i) heard.push(JSON.parse(await second.next()).msg);
  assert.deepEqual(heard.filter((text) => text !== 'the last one'), said);
  await talk([first, second]);
});

test('POST is send, DELETE is the end', async (t) => {
  const room = fresh('room');
  const first = await Collider.registered(t, server, room, 'a');
  const { type } = await answers(post(server, `/${room}/b`, 'from a client without a WebSocket'), 200, 'OK\n');
  assert.match(type, /^text\/plain/);
  await first.hears('from a client without a WebSocket');
  const second = await Collider.registered(t, server, room, 'b');
  await talk([first, second]);
  await answers(post(server, `/${room}/b`, 'by POST'), 200, 'OK\n');
  await first.hears('by POST');
  await answers(request(server, 'DELETE', `/apprtc/${room}/b`), 200, 'OK\n');
  await second.ends();
  await first.hears(kBye);
  await answers(request(server, 'DELETE', `/apprtc/${room}/b`), 200, 'OK\n');
  const again = await Collider.registered(t, server, room, 'b');
  await talk([again, first]);
});

test('a POST by an unregistered id takes a place', async (t) => {
  const room = fresh('room');
  await answers(post(server, `/${room}/a`, 'one'), 200, 'OK\n');
  await answers(post(server, `/${room}/a`, 'two'), 200, 'OK\n');
  await answers(post(server, `/${room}/b`, 'three'), 200, 'OK\n');
  await answers(post(server, `/${room}/c`, 'x'), 500, 'Failed to send the message: Max room capacity reached\n');
  await (await Collider.registered(t, server, room, 'c')).ends('Max room capacity reached');
  await isFull(server, room);
  const second = await Collider.registered(t, server, room, 'b');
  await second.hears('one', 'two');
  await (await Collider.registered(t, server, room, 'a')).hears('three');
});

test('1024 messages wait, and not one more', async (t) => {
  const room = fresh('room');
  await Collider.registered(t, server, room, 'a');     // which keeps its place, however long the rest takes
  for (let i = 0; i < 1024; ++i) await answers(post(server, `/${room}/a`, `${i}`), 200, 'OK\n');
  await answers(post(server, `/${room}/a`, 'x'), 500, 'Failed to send the message: Too many messages queued for the client\n');
  await result(post(server, `/message/${room}/a`, 'x'), 'ERROR');
  const second = await Collider.registered(t, server, room, 'b');
  await second.hears(...Array.from({ length: 1024 }, (_, i) => `${i}`));
  await answers(post(server, `/${room}/a`, 'there is room again'), 200, 'OK\n');
  await second.hears('there is room again');
});

test('other methods do nothing', async () => {
  for (const method of ['GET', 'PUT', 'PATCH']) await answers(request(server, method, `/apprtc/${fresh('room')}/a`), 200, '');
});

test('status counts', async (t) => {
  const status = async () => {
    const answer = await get(server, '/status', { Origin: 'https://elsewhere.example' });
    assert.equal(answer.headers['access-control-allow-origin'], '*');
    assert.match(answer.text, /^\{"upsec":\d+,"openws":\d+,"totalws":\d+,"wserrors":\d+,"httperrors":\d+\}\n$/);
    return JSON.parse(answer.text);
  };
  const room = fresh('room');
  const before = await status();
  const clients = [await Collider.registered(t, server, room, 'a'), await Collider.registered(t, server, room, 'b')];
  await talk(clients);
  await answers(post(server, `/${room}/a`, ''), 500, 'Empty request body\n');
  clients[0].tell({ cmd: 'nonsense' });
  await clients[0].complains("Invalid message: unexpected 'cmd'");
  const now = await status();
  assert.deepEqual([now.totalws - before.totalws, now.wserrors - before.wserrors, now.httperrors - before.httperrors], [2, 1, 1]);
  assert.ok(now.openws >= 2 && now.openws <= now.totalws);
});

// -- In one room with others

const nativeMember = async (t, Transport, room) => {
  const member = await new Transport(server).open({ room });
  t.after(() => member.close());
  return member;
};

// What is not presence.
async function hears(member, type, data) {
  let event;
  do event = await member.event(); while (['peer-joined', 'ready'].includes(event.type));
  assert.deepEqual([event.type, event.data ?? null], [type, data]);
}

for (const [transport, Transport] of Object.entries(kTransports)) {
  test(`${transport}: a native member comes second, and hears what waits; all are translated`, async (t) => {
    const room = fresh('mixed');
    const { client_id: id } = await join(server, room);
    await message(server, room, id, kOffer);
    await message(server, room, id, kCandidate);
    const client = await Collider.registered(t, server, room, id);
    const native = await nativeMember(t, Transport, room);
    await native.event('joined');
    const init = { candidate: JSON.parse(kCandidate).candidate, sdpMid: 'audio', sdpMLineIndex: 0 };
    await hears(native, 'offer', JSON.parse(kOffer));
    await hears(native, 'candidate', init);
    await native.say({ type: 'answer', data: { sdp: JSON.parse(kAnswer).sdp, link: 'x', call: 1 } });
    await client.hears(kAnswer);
    await native.say({ type: 'candidate', data: { candidates: [init, { ...init, sdpMid: '1', sdpMLineIndex: 1 }], call: 1 } });
    await client.hears(kCandidate, kCandidate.replace('"audio"', '"1"').replace('"label":0', '"label":1'));
    // Words of the peer link: it offers again, which one who calls would not take.
    await native.say({ type: 'link', data: { link: 'x' } }, { type: 'offer', data: { sdp: 'v=0', link: 'x' } }, { type: 'message', data: 'plain' });
    await client.hears('plain');
    await native.say({ type: 'custom', data: { a: 1 } });
    await client.hears(JSON.stringify({ type: 'custom', from: native.welcome.peer, data: { a: 1 } }));
    client.send('plain');
    await hears(native, 'message', 'plain');
    client.send('{"type":"remove-candidates","candidates":[]}');
    await hears(native, 'message', { type: 'remove-candidates', candidates: [] });
    client.send(kBye);
    await hears(native, 'bye', null);
    await native.say({ type: 'bye' });
    await client.hears(kBye);
    native.close();
  });
}

test('a native member was first: an offer of the peer link reaches the one who is called', async (t) => {
  const room = fresh('mixed');
  const native = await nativeMember(t, kTransports.websocket, room);
  await native.event('created');
  const { client_id: id, is_initiator: isInitiator } = await join(server, room);
  assert.equal(isInitiator, 'false');
  await native.event('peer-joined');
  await native.event('ready');
  await native.say({ type: 'offer', data: { sdp: JSON.parse(kOffer).sdp, link: 'x', call: 1 } });
  const client = await Collider.registered(t, server, room, id);
  await client.hears(kOffer);
  client.send(kAnswer);
  await hears(native, 'answer', JSON.parse(kAnswer));
  // It begins anew, and says that to one who calls only.
  await native.say({ type: 'renew', data: { call: 2 } }, { type: 'offer', data: { sdp: JSON.parse(kOffer).sdp, link: 'x', call: 2 } });
  await client.hears(kOffer);
  native.socket.send(JSON.stringify({ messages: native.numbered([{ type: 'leave' }]) }));
  await client.hears(kBye);
});

test('what a client says by POST as it closes its WebSocket has been said if the answer says so, and only then', async (t) => {
  await Promise.all([0, 1, 2, 3].map(async (lane) => {
    for (let round = 0; round < 25; ++round) {
      const room = fresh(`closing-${lane}`);
      const [first, second] = [await Collider.registered(t, server, room, 'first'), await Collider.registered(t, server, room, 'second')];
      await talk([first, second]);
      second.socket.close(1001);
      const { status, text } = await post(server, `/${room}/second`, 'last');
      if (status === 200) await first.hearsAtLast('last');
      else assert.equal(status, 410, text);   // the session ended before the message came
      for (const client of [first, second]) client.cut();
    }
  }));
});
