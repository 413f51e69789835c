// Event streams that nobody reads, and whose hellos are confirmed again and again by uploads: each is answered by a hello
// with 64 KiB of padding.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeKey } from '../conformance/support/members.mjs';
import { RawConnection, post } from '../conformance/support/raw.mjs';
import { deafPost, push } from './support/attacker.mjs';
import { MiB, scaled } from './support/load.mjs';
import { attacked } from './support/target.mjs';

const kStreams = scaled(40);
const kHellos = 400;   // of each; 40 streams made the server grow by 1,140 MiB
// 40 streams may hold 256 KiB of output each; the rest is for what the allocator keeps.
const kMostGrowth = 64 * MiB;

test('40 streams with padding whose hellos are confirmed', () => attacked([], async (target, talk) => {
  const before = target.resident;
  const keys = Array.from({ length: kStreams }, makeKey);
  const streams = await Promise.all(keys.map((key) =>
    deafPost(target.server, '/v1/sse', { key, open: {}, carrier: 's', turn: 1, pad: 65536 })));
  await talk.rounds(5);   // all are attached by then
  await Promise.all(keys.map(async (key) => {
    const uploads = await RawConnection.open(target.server);
    for (let hello = 1; hello <= kHellos; hello += 20) {
      const batch = Array.from({ length: 20 }, (_, i) => post(target.server, '/v1/send', JSON.stringify({ key, carrier: 's', hello: hello + i })));
      await push(uploads.socket, Buffer.from(batch.map(([lines, body]) => `${lines.join('\r\n')}\r\n\r\n${body}`).join('')), 1);
      for (let i = 0; i < 20; ++i) await uploads.response();
    }
    uploads.destroy();
  }));
  await talk.rounds(5);
  await target.answers('during the attack');
  target.grewByLess(before, kMostGrowth);
  const { output, total } = await target.memory();
  assert.ok(output < kStreams * MiB, `${output} bytes of output wait`);
  assert.ok(total < kStreams * MiB, `${total} bytes are held`);
  for (const stream of streams) stream.destroy();
}));
