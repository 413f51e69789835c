// What bad WebSocket frames get, and bad JSON of the login guide: a row is a test.

import assert from 'node:assert/strict';
import { RawWebSocket, closePayload, encodeFrame, opcode } from '../conformance/support/websocket.mjs';
import { tableOfBadInput } from './support/bad_input.mjs';
import { WsClient } from './support/clients.mjs';
import { fresh } from './support/gateway.mjs';
import { gather, isQuiet, login, tell, told, user } from './support/talk.mjs';

const row = tableOfBadInput();
const kPaths = { raw: () => `/raw/${fresh('room')}`, login: () => '/login', 'y-webrtc': () => '/y-webrtc', libdatachannel: () => `/libdatachannel/${fresh('id')}`,
  matchbox: () => `/matchbox/${fresh('room')}` };
// Somebody at the same address, where it has others; all have neighbours.
const kWitnesses = {
  raw: async (t, server, path) => {
    const [member] = await gather(t, server, path, [WsClient]);
    return async () => {
      member.say('nothing came of it');
      assert.equal(await member.next(), 'nothing came of it');
    };
  },
  login: async (t, server) => {
    const witness = await user(t, server, fresh('witness'));
    return () => isQuiet(witness);
  },
};
const text = (value) => encodeFrame(opcode.text, value);
const kFrames = [
  ['a frame without a mask', encodeFrame(opcode.text, 'x', { masked: false }), 1002],
  ['a reserved bit', encodeFrame(opcode.text, 'x', { rsv: 4 }), 1002],
  ['a reserved opcode', encodeFrame(3, 'x'), 1002],
  ['a reserved control opcode', encodeFrame(11, ''), 1002],
  ['a continuation of nothing', encodeFrame(opcode.continuation, 'x'), 1002],
  ['a message within a message', Buffer.concat([encodeFrame(opcode.text, 'x', { fin: false }), text('y')]), 1002],
  ['a ping in pieces', encodeFrame(opcode.ping, 'x', { fin: false }), 1002],
  ['a ping of 126 bytes', encodeFrame(opcode.ping, 'x'.repeat(126)), 1002],
  ['a length that is written longer than it is', encodeFrame(opcode.text, 'x', { lengthForm: 64 }), 1002],
  ['a close of one byte', encodeFrame(opcode.close, 'x'), 1002],
  ['a close with a code that nobody may send', encodeFrame(opcode.close, closePayload(1005)), 1002],
  ['a text that is no UTF-8', text(Buffer.from([0x61, 0xff])), 1007],
  ['a text that ends in the middle of a character', text(Buffer.from([0xc5])), 1007],
  ['half a surrogate pair', text(Buffer.from([0xed, 0xa0, 0x80])), 1007],
  ['a frame of 300 KiB', text(Buffer.alloc(300 * 1024, 'x')), 1009],
  ['300 KiB in fragments', Buffer.concat([encodeFrame(opcode.text, 'x'.repeat(100 * 1024), { fin: false }),
    encodeFrame(opcode.continuation, 'x'.repeat(100 * 1024), { fin: false }), encodeFrame(opcode.continuation, 'x'.repeat(100 * 1024))]), 1009],
];

// The code of the close frame; what is neither that nor a text of JSON fails.
async function closeCode(socket) {
  for (;;) {
    const { opcode: code, payload } = await socket.next();
    if (code === opcode.close) return payload.length < 2 ? null : payload.readUInt16BE();
  }
}

for (const [dialect, path] of Object.entries(kPaths)) {
  for (const [what, bytes, code] of kFrames) {
    row(`${dialect}: ${what}`, async (t, server) => {
      const there = path();
      const isUnharmed = await kWitnesses[dialect]?.(t, server, there);
      const socket = await RawWebSocket.open(server, { path: there });
      t.after(() => socket.destroy());
      socket.connection.write(bytes.toString('latin1'));
      const closed = await closeCode(socket);
      // Too large may be said in this server's words, too.
      assert.ok(closed === code || (code === 1009 && closed > 4400 && closed < 4500), `closed with ${closed}, not ${code}`);
      await isUnharmed?.();
    });
  }
}

// A user, and another one to whom it has sent something that is still as it was.
async function two(t, server) {
  return [await user(t, server, fresh('alice')), await user(t, server, fresh('bob'))];
}

async function goesOn(alice, bob, before = () => false) {
  const offer = fresh('offer');
  await tell(alice, { type: 'offer', offer, name: bob.user });
  let heard = await told(bob);
  if (before(heard)) heard = await told(bob);
  assert.deepEqual(heard, { type: 'offer', offer, name: alice.user });
  await isQuiet(alice);
}

function isError(message) {
  assert.equal(message.type, 'error');
  assert.equal(typeof message.message, 'string');
  assert.ok(message.message.length > 8, 'a sentence');
}

for (const [what, sent] of [
  ['an array', '[]'], ['an array of messages', '[{"type":"login","name":"x"}]'], ['null', 'null'], ['a number', '5'], ['a string', '"login"'], ['true', 'true'],
  ['two objects', '{"type":"leave"}{"type":"leave"}'], ['a comment', '{"type":"login" /* me */}'], ['single quotes', "{'type':'login'}"],
  ['a line break in a string', '{"type":"a\nb"}'], ['a type that is a number', '{"type":5}'], ['a type that is null', '{"type":null}'],
  ['a type that is an object', '{"type":{}}'], ['a type that is an array', '{"type":["login"]}'], ['no type', '{"name":"x"}'],
  ['a type twice, the last unknown', '{"type":"login","type":"nothing"}'], ['a type of 60,000 bytes', JSON.stringify({ type: 'x'.repeat(60000) })],
  ['a type of control characters', JSON.stringify({ type: '\u0000\n\u001b[31m' })], ['a byte order mark', '\ufeff{"type":"login","name":"x"}x'],
  ['600 levels', `${'['.repeat(600)}${']'.repeat(600)}`], ['levels without an end', '['.repeat(60000)],
]) {
  row(`login, not an object with a type: ${what}`, async (t, server) => {
    const [alice, bob] = await two(t, server);
    await tell(alice, sent);
    isError(await told(alice));
    await goesOn(alice, bob);
  });
}

for (const [what, name] of [['none', undefined], ['an empty one', ''], ['65 characters', 'n'.repeat(65)], ['a number', 5], ['null', null], ['true', true],
  ['an object', {}], ['an array', ['x']], ['one with a control character', 'a\u0000b'], ['one with a line break', 'a\nb'], ['one that begins with @', '@x']]) {
  row(`login, a login with a bad name: ${what}`, async (t, server) => {
    const [, bob] = await two(t, server);
    const alice = await WsClient.open(server, '/login');
    t.after(() => alice.close());
    await tell(alice, { type: 'login', name });
    const answer = await told(alice);
    if (answer.type !== 'error') assert.deepEqual(answer, { type: 'login', success: false }); else isError(answer);
    alice.user = fresh('alice');
    await login(alice, alice.user);
    await goesOn(alice, bob);
  });

  row(`login, something sent to a bad name: ${what}`, async (t, server) => {
    const [alice, bob] = await two(t, server);
    for (const type of ['offer', 'answer', 'candidate', 'leave']) {
      await tell(alice, { type, [type]: 1, name });
      const fence = fresh('fence');
      await tell(alice, { type: fence });
      const answer = await told(alice);   // silence, as for somebody who is not there, or an error
      isError(answer);
      if (!answer.message.endsWith(fence)) assert.deepEqual(await told(alice), { type: 'error', message: `Command not found: ${fence}` });
    }
    await goesOn(alice, bob);
  });
}

for (const type of ['offer', 'answer', 'candidate']) {
  row(`login: no ${type} in an ${type}`, async (t, server) => {
    const [alice, bob] = await two(t, server);
    await tell(alice, { type, name: bob.user });
    const fence = fresh('fence');
    await tell(alice, { type: fence });
    const answer = await told(alice);
    isError(answer);
    if (!answer.message.endsWith(fence)) assert.deepEqual(await told(alice), { type: 'error', message: `Command not found: ${fence}` });
    // The original passes it on as it is.
    await goesOn(alice, bob, (heard) => heard.type === type && !('offer' in heard));
  });
}

row('login: an offer of 65 levels', async (t, server) => {
  const [alice, bob] = await two(t, server);
  await tell(alice, `{"type":"offer","offer":${'['.repeat(65)}${']'.repeat(65)},"name":"${bob.user}"}`);
  isError(await told(alice));
  await goesOn(alice, bob);
});

row('login: a message of more than 64 KiB', async (t, server) => {
  const [alice, bob] = await two(t, server);
  await tell(alice, { type: 'offer', offer: 'x'.repeat(64 * 1024), name: bob.user });
  const end = await told(alice).catch(() => alice.closed);
  if (end.type) isError(end);
  else assert.ok(end.code === 1009 || (end.code > 4400 && end.code < 4500), `closed with ${end.code} ${end.reason}`);
  const carol = await user(t, server, fresh('carol'));
  await goesOn(carol, bob);
});

row('login: a binary frame', async (t, server) => {
  const [alice, bob] = await two(t, server);
  alice.say(Buffer.from('{"type":"in bytes"}'));
  const end = await told(alice).catch(() => alice.closed);
  if (end.type) isError(end); else assert.equal(end.code, 1003);
  const carol = await user(t, server, fresh('carol'));
  await goesOn(carol, bob);
});
