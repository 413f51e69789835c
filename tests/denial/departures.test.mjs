// TLS clients that leave at every awkward moment, with and without output that waits for them. One of these departures made
// a shard spin for ever: it took the client's close_notify for the end of what it could write.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { getText, push, repeated } from './support/attacker.mjs';
import { scaled } from './support/load.mjs';
import { attacked } from './support/target.mjs';
import { TlsLine } from './support/tls_line.mjs';

const kRequest = getText('/metrics');
const kPipelined = repeated(kRequest, scaled(4000) * kRequest.length);

async function pending(line) {
  line.goDeaf();
  await push(line.tls, kPipelined, 1, { seconds: 2 });
  await pause(50);
}

// Each brings a line to the moment at which it leaves.
const moments = {
  'after the TCP handshake': async () => {},
  'after half a ClientHello': async (line) => line.begin(100).passed(100),
  'after the ClientHello, whose answer it does not read': async (line) => { line.begin().goDeaf(); await line.passed(200); },
  'after the handshake': (line) => line.ready(),
  'between two records': async (line) => {
    await (await line.ready()).write(kRequest);
    await pause(20);
  },
  'in the middle of a record': async (line) => {
    await line.ready();
    line.cutAfter(20);
    line.tls.write(kRequest);
    await pause(20);
  },
  'after close_notify': async (line) => (await line.ready()).closeNotify(),
  'with output pending': async (line) => pending(await line.ready()),
  'with output pending, in the middle of a record': async (line) => {
    await pending(await line.ready());
    line.cutAfter(20);
    line.tls.write(kRequest);
    await pause(20);
  },
  'with output pending, after close_notify': async (line) => {
    await pending(await line.ready());
    await Promise.race([line.closeNotify().catch(() => {}), pause(500)]);
    await pause(100);
  },
};

// Each leaves, or lets the line hang; `later` is what the client does when the server has been looked at.
const departures = {
  'a reset': (line) => line.raw.resetAndDestroy(),
  'a FIN, and it reads on': (line) => { line.raw.end(); line.raw.resume(); },
  'a FIN, and it reads nothing': (line) => { line.raw.end(); line.raw.pause(); },
  'the end of its process': (line) => line.raw.destroy(),
  'nothing at all': (line) => line.raw.pause(),
};

for (const [moment, reach] of Object.entries(moments)) {
  test(`leaving ${moment}`, () => attacked(['--tls-self-signed'], async (target, talk) => {
    const lines = [];
    for (const [departure, leave] of Object.entries(departures)) {
      const line = await TlsLine.connect(target.server);
      await reach(line);
      leave(line);
      lines.push(line);
      await target.answers(`after ${departure} ${moment}`);
    }
    await talk.rounds(3);
    await target.isIdle(`after the departures ${moment}`);
    for (const line of lines) line.raw.destroy();
    assert.doesNotMatch(target.server.log, /exception/i);
  }, { talk: { transports: ['websocket'] } }));
}
