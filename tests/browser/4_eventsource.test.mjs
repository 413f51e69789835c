// A page that knows only docs/protocol.md, EventSource and fetch: a stream ticket is enough for a call.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { withPages } from './support/browser.mjs';
import { expectFlow, expectRoutes, restartIce, startCall, whileNotesRun } from './support/calls.mjs';
import { Server } from './support/server.mjs';

const kClosed = 2;   // EventSource.CLOSED

describe('EventSource', () => {
  let server;
  before(async () => { server = await Server.start('--stream-max-age', '1s', '--sse-retry', '50ms'); });
  after(async () => assert.equal(await server.stop(), 0, server.said));

  test('calls with a stream ticket, over streams that end politely and are opened again', (t) => withPages(t, async (open) => {
    const { alice, bob } = await startCall(open, server, 'eventsource', 'poll');
    expectRoutes(alice, 'sse');
    await whileNotesRun(alice, bob, async () => {
      // The browser itself comes back, with Last-Event-ID; the page notices nothing, and finds no event missing or repeated.
      const before = await alice.ask((call) => call.connection.streams);
      await alice.until((call, times) => call.connection.streams >= times + 2, before);
      await restartIce(bob, alice);
    }, 60);   // one upload after the other
    await Promise.all([expectFlow(alice), expectFlow(bob)]);

    // Once the session has ended, 204 tells EventSource to stop. Chromium calls a request that got it aborted.
    await alice.ask((call) => call.connection.close());
    assert.equal(await bob.until((call) => call.had('peer-left')[0]?.reason), 'left');
    await alice.until((call, closed) => call.connection.readyState === closed, kClosed);
    assert.match(alice.record.join('\n'), /response: 204 GET \S+\/v1\/sse\?ticket=/);
  }, { server }));
});
