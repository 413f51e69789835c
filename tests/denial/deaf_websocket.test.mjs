// WebSockets whose frames are all answered, and that read no answers. The answers to pings, to bad frames and to uploads
// are output like any other: the server stops reading where too much of it waits.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocketMember, makeKey } from '../conformance/support/members.mjs';
import { encodeFrame, opcode } from '../conformance/support/websocket.mjs';
import { deafSocket, deafWebSocket, push, repeated, textFrame } from './support/attacker.mjs';
import { isSanitized, MiB, scaled } from './support/load.mjs';
import { attacked } from './support/target.mjs';

// Four connections may hold 256 KiB of output each, and some unread input; the rest is for what the allocator keeps. The
// attacks made the server grow by 430 MiB and more.
const kMostGrowth = 48 * MiB;
const kConnections = isSanitized ? 2 : 4;
const kBytes = isSanitized ? MiB / 2 : 8 * MiB;   // of each

const attack = (unit) => attacked([], async (target, talk) => {
  const before = target.resident;
  const sessions = await Promise.all(Array.from({ length: kConnections }, () => deafWebSocket(target.server)));
  await Promise.all(sessions.map(({ socket }) => push(socket, repeated(unit), kBytes)));
  await talk.rounds(5);
  await target.answers('during the attack');
  target.grewByLess(before, kMostGrowth);
  const { output } = await target.memory();
  assert.ok(output < kConnections * MiB, `${output} bytes of output wait`);
  for (const { socket } of sessions) socket.destroy();
});

test('pings of RFC 6455', () => attack(encodeFrame(opcode.ping)));

test('frames of seven bytes that are no JSON', () => attack(textFrame('x')));

test('frames that ask for a pong', () => attack(textFrame({ ping: 1 })));

test('messages that are refused by an event', () => attack(textFrame({ messages: [{ type: 'x', to: 'nobody-here' }] })));

test('the probe socket, which gives back every frame', () => attacked([], async (target, talk) => {
  const before = target.resident;
  const sockets = await Promise.all(Array.from({ length: kConnections }, () => deafSocket(target.server)));
  for (const socket of sockets) {
    socket.write(`GET /v1/probe/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`);
  }
  await Promise.all(sockets.map((socket) => push(socket, repeated(textFrame('e'.repeat(60000)), 240000), kBytes)));
  await talk.rounds(5);
  target.grewByLess(before, kMostGrowth);
  for (const socket of sockets) socket.destroy();
}));

// A session whose key the server made counts what was written as acknowledged. What was not written must count as well.
const kPersons = 12;
const kRoomBytes = scaled(100 * MiB);
const kMessage = 'm'.repeat(60000);

const deafPersons = (makeRequest) => attacked(['--outbox-limit', '1MiB'], async (target, talk) => {
  const before = target.resident;
  const room = makeKey();
  const member = await new WebSocketMember(target.server).open({ room, capacity: kPersons + 2 });
  await member.event('created');
  const reader = await new WebSocketMember(target.server).open({ room });
  await reader.event('joined');
  const sockets = [];
  for (let i = 0; i < kPersons; ++i) {
    sockets.push(await deafSocket(target.server));
    sockets[i].write(makeRequest(room));
  }
  for (let joined = 0; joined < kPersons;) if ((await reader.event()).type === 'peer-joined') ++joined;
  let arrived = 0;
  for (let sent = 0; sent < kRoomBytes; sent += 3 * kMessage.length) {
    await member.say(...Array.from({ length: 3 }, () => ({ type: 'news', data: kMessage })));
    while (arrived * kMessage.length < sent) if ((await reader.event()).type === 'news') ++arrived;
  }
  await talk.rounds(5);
  target.grewByLess(before, kMostGrowth);
  const { total } = await target.memory();
  assert.ok(total < 2 * kPersons * MiB, `${total} bytes are held for members that read nothing`);
  for (const socket of sockets) socket.destroy();
  member.close();
  reader.close();
});

test('twelve of curl that read nothing, in a busy room', () =>
  deafPersons((room) => `GET /v1/sse?room=${room} HTTP/1.1\r\nHost: localhost\r\n\r\n`));

test('twelve WebSockets without a key that read nothing, in a busy room', () =>
  deafPersons((room) => `GET /v1/ws?room=${room} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`));
