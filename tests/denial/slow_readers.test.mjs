// Who reads slowly is served: a modem, a phone at the edge of its cell. Who reads so little that the server holds its output
// for ever (less than 50 bytes a second over --write-timeout) is closed.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { within } from '../conformance/support/patience.mjs';
import { slowReader } from './support/slow_reader.mjs';
import { attacked, Target } from './support/target.mjs';

// The smallest window opens for about a kilobyte at a time, every two seconds at 500 bytes a second: the timeout is far longer.
const kWriteTimeout = 8;
const kSeconds = 2.5 * kWriteTimeout;
const kRequests = 4000;   // some 8 MB of answers: more than the kernel takes in advance on the loopback device

const reader = ({ server }, rate) => slowReader(server, '/metrics', kRequests, rate);

// Whether the server still has its end of the connection. The reader cannot tell: it has not read up to the end.
function isServed(target, { port }) {
  const ends = (own, other) => ` 0100007F:${own.toString(16).toUpperCase().padStart(4, '0')} 0100007F:${other.toString(16).toUpperCase().padStart(4, '0')} 01 `;
  return readFileSync('/proc/net/tcp', 'latin1').includes(ends(target.server.port, port));
}

// They have read all the time when they are stopped.
async function haveRead(readers) {
  for (const { stop } of readers) stop();
  for (const { result } of readers) {
    const [, what, bytes] = /^(\w+) (\d+)$/.exec(await within(result, () => 'the end of a slow reader'));
    assert.equal(what, 'read', 'a slow reader is not closed');
    assert.ok(bytes > kSeconds * 250, `it got ${bytes} bytes`);
  }
  await Promise.all(readers.map(({ exit }) => exit));
}

test('four readers of 10 bytes a second are closed, four of 500 live', () =>
  attacked(['--write-timeout', `${kWriteTimeout}s`], async (target) => {
    const drips = await Promise.all(Array.from({ length: 4 }, () => reader(target, 10)));
    const slow = await Promise.all(Array.from({ length: 4 }, () => reader(target, 500)));
    await pause(kSeconds * 1000);
    const served = () => drips.map((each) => isServed(target, each));
    // A busy server looks at its clock later.
    for (const began = Date.now(); served().includes(true) && Date.now() - began < 60000;) await pause(250);
    assert.deepEqual(served(), [false, false, false, false], 'who reads next to nothing');
    assert.deepEqual(slow.map((each) => isServed(target, each)), [true, true, true, true], 'who reads slowly');
    for (const { stop } of drips) stop();
    await Promise.all([...drips.map(({ exit }) => exit), haveRead(slow)]);
  }));

test('the timer of the system, TCP_USER_TIMEOUT, ends none of four that read 500 bytes a second', async () => {
  const target = await Target.start(['--write-timeout', `${kWriteTimeout}s`, '--ping-interval', `${kSeconds / 5}s`]);   // half the timer
  try {
    const slow = await Promise.all(Array.from({ length: 4 }, () => reader(target, 500)));
    await pause(kSeconds * 1000);
    assert.deepEqual(slow.map((each) => isServed(target, each)), [true, true, true, true]);
    await haveRead(slow);
    await target.survives();
  } finally {
    target.kill();
  }
});
