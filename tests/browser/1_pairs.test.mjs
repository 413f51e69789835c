// Every pair of transports brings up a call, and hangs up.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { withPages } from './support/browser.mjs';
import { expectNoReset, expectRoutes, kTransports, leave, startCall } from './support/calls.mjs';
import { Server } from './support/server.mjs';

describe('pairs', () => {
  let server;
  before(async () => { server = await Server.start(); });
  after(async () => assert.equal(await server.stop(), 0, server.said));

  for (const [first, second] of kTransports.flatMap((a) => kTransports.map((b) => [a, b]))) {
    test(`${first} calls ${second}`, (t) => withPages(t, async (open) => {
      const { alice, bob } = await startCall(open, server, first, second);
      for (const [guest, transport] of [[alice, first], [bob, second]]) {
        const by = await guest.ask((call) => [...new Set(call.events.filter((event) => event.from).map((event) => event.transport))]);
        assert.deepEqual(by, [transport], `what came to ${guest.name} from its peer`);
        assert.equal((await guest.ask((call) => call.had('ready'))).length, 1);
        expectRoutes(guest, transport);
        await expectNoReset(guest);
      }
      await leave(alice);
      assert.equal(await bob.until((call) => call.had('peer-left')[0]?.reason), 'left');
      assert.equal(await bob.ask((call) => call.link), null);
    }, { server }));
  }
});
