// How a row of the table is looked for on each transport.

import assert from 'node:assert/strict';
import { RawConnection, post } from './raw.mjs';
import { RawWebSocket } from './websocket.mjs';
import { kTransports, makeKey } from './members.mjs';

export function assertExplains(error, code) {
  assert.equal(error.code, code, JSON.stringify(error));
  assert.match(error.message, /^\S.{8,}\.$/s, 'a sentence');
  assert.ok(error.hint.length > 10, 'a hint');
}

export function assertRefuses(response, status, code) {
  assert.equal(response.status, status, response.body);
  assertExplains(response.json.error, code);
  assert.equal(response.headers['cache-control'], 'no-store');
  return response.json.error;
}

// `body` is refused on every route that has one, and the connection is as good as before.
export async function refusedOverHttp(server, row, body, paths = ['/v1/poll', '/v1/sse', '/v1/send']) {
  const connection = await RawConnection.open(server);
  try {
    for (const path of paths) {
      connection.request(...post(server, path, body));
      assertRefuses(await connection.response(), Number(row.http), row.code);
    }
    connection.request(...post(server, '/v1/send', '{}'));
    assert.equal((await connection.response()).json.error.code, 'bad_key', 'the connection is read on');
  } finally {
    connection.destroy();
  }
}

// As the first frame: the control says why, and the close says it to whoever reads no controls.
export async function refusedAsFirstFrame(server, row, text) {
  const socket = await RawWebSocket.open(server);
  try {
    const { code, reason, before } = await socket.send(text).closed();
    assert.deepEqual([code, reason], [4000 + Number(row.http), row.code]);
    assertExplains(before.at(-1), row.code);
    assert.equal(before.at(-1).control, 'error');
  } finally {
    socket.destroy();
  }
}

// With a session: the request is refused and nothing else has changed. `make` makes the request's
// fields from the member, as an object or as the text inside the braces.
export async function refusedInSession(server, row, make, Transports = Object.values(kTransports)) {
  for (const Transport of Transports) {
    const { member, other } = await pair(server, Transport);
    const error = await member.request(envelope(member, await make(member, other)));
    assert.ok(error, `${Transport.name}: nothing was refused`);
    assertExplains(error, row.code);
    if (error.status) assert.equal(error.status, Number(row.http));
    await stillTalk(member, other);
    member.close();
    other.close();
  }
}

// As the event `error`: the message counts as taken.
export async function refusedAsEvent(server, row, message, check = () => {}) {
  for (const Transport of Object.values(kTransports)) {
    const { member, other } = await pair(server, Transport);
    const fields = typeof message === 'function' ? await message(member, other) : message;
    if (typeof fields === 'string') {
      assert.equal(await member.request(envelope(member, `"messages":[{"n":${++member.said},${fields}}]`)), null);
    } else {
      await member.say(fields);
    }
    const event = await member.event('error');
    assertExplains(event, row.code);
    assert.equal(event.re, member.said);
    assert.equal(member.up, member.said);
    check(event);
    await stillTalk(member, other);
    member.close();
    other.close();
  }
}

// The text of a request; over HTTP the key has to be in it.
export function envelope(member, fields) {
  if (typeof fields === 'object') return fields;
  return member.socket ? `{${fields}}` : `{"key":"${member.key}",${fields}}`;
}

// Two in a room of their own: one by that transport, one by another.
export async function pair(server, Transport) {
  const transports = Object.values(kTransports);
  const Other = transports[(transports.indexOf(Transport) + 1) % transports.length];
  const room = makeKey();
  const member = await new Transport(server).open({ room });
  await member.event('created');
  const other = await new Other(server).open({ room });
  await other.event('joined');
  await other.event('ready');
  await member.event('peer-joined');
  await member.event('ready');
  return { member, other, room };
}

export async function stillTalk(member, other) {
  await member.say({ type: 'still-there', data: 1 });
  assert.equal((await other.event('still-there')).from, member.welcome.peer);
  await other.say({ type: 'still-here', data: 2 });
  assert.equal((await member.event('still-here')).from, other.welcome.peer);
}
