// No memory: the address space ends 200 MiB above what the server maps when it starts, far below the memory budget. An
// allocation that fails ends the connection for which it was made, and not the process.
//
// The pairs are the JavaScript client here, because it may be a member's connection for which there is no memory: a client
// then comes back, and nothing that was said is lost.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { RawWebSocket, encodeFrame, opcode } from '../conformance/support/websocket.mjs';
import { deafSocket, deafWebSocket, getText, push, repeated, textFrame } from './support/attacker.mjs';
import { ClientTalk } from './support/client_talk.mjs';
import { isSanitized, MiB } from './support/load.mjs';
import { Target } from './support/target.mjs';

async function addressSpaceAtStart() {
  const target = await Target.start();
  const { mapped } = target;
  await target.stop();
  return mapped;
}

// Each hears itself and 63 others.
let broadcasters = 0;
const openBroadcast = async (server) => {
  const { connection } = await RawWebSocket.open(server, { path: `/raw/room-${broadcasters++ >> 6}` });
  connection.socket.removeAllListeners('data');
  return connection.socket.pause();
};

const kHalfFrame = encodeFrame(opcode.text, `{"messages":[{"type":"x","data":"${'d'.repeat(250000)}`).subarray(0, 200000);
const kHalfBody = Buffer.from(`POST /v1/send HTTP/1.1\r\nHost: localhost\r\nContent-Length: 250000\r\n\r\n${'{'.padEnd(200000)}`);

// name → [how many connections, how each opens, what it sends, how much of it]
const attacks = {
  'half frames': [1500, async (server) => (await deafWebSocket(server, {})).socket, kHalfFrame, 1],
  'half bodies': [1500, deafSocket, kHalfBody, 1],
  'requests whose answers nobody reads': [800, deafSocket, repeated(getText('/metrics'), 16384), MiB / 2],
  'broadcasts that nobody reads': [400, openBroadcast, textFrame('x'.repeat(60000)), MiB / 2],
};

for (const [name, [count, open, chunk, bytes]] of Object.entries(attacks)) {
  test(`${name}, and no memory left`, { skip: isSanitized && 'a sanitizer maps terabytes' }, async () => {
    const limit = await addressSpaceAtStart() + 200 * MiB;
    const target = await Target.start(['--max-connections-per-address', '10000'], { under: ['prlimit', `--as=${limit}`] });
    let talk;
    try {
      talk = await ClientTalk.start(target.server);
      const sockets = [];
      for (let i = 0; i < count; i += 50) {
        const some = (await Promise.all(Array.from({ length: 50 }, () => open(target.server).catch(() => null)))).filter(Boolean);
        await Promise.all(some.map((socket) => push(socket, chunk, bytes)));
        sockets.push(...some);
      }
      await pause(500);
      const { exitCode, signalCode } = target.server.process;
      assert.deepEqual({ exitCode, signalCode }, { exitCode: null, signalCode: null }, `the server ended: ${target.server.log}`);
      console.log(`${name}: ${sockets.length} of ${count} came in, ${(target.resident / MiB).toFixed(0)} MiB resident`);
      for (const socket of sockets) socket.destroy();
      await talk.turns(10);
      await talk.stop();
      await target.survives();
    } finally {
      await talk?.close();
      target.kill();
    }
  });
}
