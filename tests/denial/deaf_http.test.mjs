// Clients that send requests and read no answers. The server may hold a bounded amount for each of them, and stops reading
// from them; it neither grows nor keeps others waiting.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { after, test } from 'node:test';
import { deafSocket, getText, push, repeated } from './support/attacker.mjs';
import { isSanitized, MiB, scaled } from './support/load.mjs';
import { attacked } from './support/target.mjs';

// One connection may hold 256 KiB of output, its unread input and one answer that is being made. The rest of this bound is
// for what the allocator keeps; the attacks made the server grow by 400 MiB and more before there was a bound.
const kMostGrowth = 48 * MiB;
const kBytes = 15 * MiB;

const root = mkdtempSync(join(tmpdir(), 'sigway-denial-'));
writeFileSync(join(root, 'index.html'), '<!doctype html><title>t</title>');
writeFileSync(join(root, 'large.bin'), Buffer.alloc(4 * MiB, 'x'));
writeFileSync(join(root, 'huge.bin'), Buffer.alloc(30 * MiB, 'x'));
after(() => rmSync(root, { recursive: true }));

const attack = (flags, chunk, bytes, connections = 1) => attacked(flags, async (target, talk) => {
  const before = target.resident;
  const sockets = await Promise.all(Array.from({ length: connections }, () => deafSocket(target.server)));
  await Promise.all(sockets.map((socket) => push(socket, chunk, bytes)));
  await talk.rounds(5);
  await target.answers('during the attack');
  target.grewByLess(before, kMostGrowth);
  // While the kernel still takes what is read of a file, nothing waits.
  let { output, file } = await target.memory();
  for (let tries = 100; output + file === 0 && tries > 0; --tries) {
    await pause(200);
    ({ output, file } = await target.memory());
  }
  assert.ok(isSanitized || output + file > 0, 'the answers that wait are counted');
  assert.ok(file <= connections * MiB / 16, `${file} bytes of files wait: more than a slice of each answer`);
  assert.ok(output < connections * MiB, `${output} bytes of output wait`);
  for (const socket of sockets) socket.destroy();
});

test('GET /metrics, pipelined, 15 MiB of them', () => attack([], repeated(getText('/metrics')), scaled(kBytes)));

test('a path that is not there, pipelined, 15 MiB of them', () => attack([], repeated(getText('/nothing-here')), scaled(kBytes)));

test('a file of 4 MiB, pipelined', () => attack(['--web-root', root], repeated(getText('/large.bin'), 16384), scaled(MiB / 2)));

test('a file of 4 MiB, asked for once by each of 40 clients', () =>
  attack(['--web-root', root], Buffer.from(getText('/large.bin')), 1, 40));

test('a file of 30 MiB, asked for once by each of 40 clients', () =>
  attack(['--web-root', root], Buffer.from(getText('/huge.bin')), 1, 40));

test('uploads with bad JSON, pipelined, 15 MiB of them', () => attack([],
  repeated('POST /v1/send HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx'), scaled(kBytes)));
