// The transport is switched in the middle of a call, from each to each, and nothing is lost on the way.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { withPages } from './support/browser.mjs';
import { expectFlow, expectNoReset, restartIce, startCall, switchTo, whileNotesRun } from './support/calls.mjs';
import { Server } from './support/server.mjs';

// Each transport is left for each other one.
const kTour = ['websocket', 'sse', 'poll', 'websocket', 'poll', 'sse', 'websocket'];

describe('moves', () => {
  let server;
  before(async () => { server = await Server.start(); });
  after(async () => assert.equal(await server.stop(), 0, server.said));

  test('from each transport to each other one, with messages running and an ICE restart after each', (t) =>
    withPages(t, async (open) => {
      const { alice, bob } = await startCall(open, server, kTour[0], 'sse');
      await whileNotesRun(alice, bob, async () => {
        for (const [i, transport] of kTour.slice(1).entries()) {
          await switchTo(alice, transport);
          // The new way carries an offer up and an answer down, and the other way round.
          await (i % 2 ? restartIce(bob, alice) : restartIce(alice, bob));
          const by = await alice.ask((end) => end.had('note').at(-1).transport);
          assert.equal(by, transport, 'what comes now comes over the new transport');
          await Promise.all([expectFlow(alice), expectFlow(bob)]);
        }
      });
      for (const guest of [alice, bob]) await expectNoReset(guest);
      const told = await alice.ask((end) => end.had('transport').map(({ transport }) => transport));
      assert.deepEqual(told, kTour);
      assert.deepEqual(await bob.ask((end) => end.had('peer-suspended').concat(end.had('peer-left'))), [], 'bob noticed nothing');
    }, { server }));

  test('both ends at the same moment, and with auto', (t) => withPages(t, async (open) => {
    const { alice, bob } = await startCall(open, server, 'poll', 'sse');
    await whileNotesRun(alice, bob, async () => {
      await Promise.all([switchTo(alice, 'sse'), switchTo(bob, 'poll')]);
      await restartIce(alice, bob);
      for (const guest of [alice, bob]) {
        assert.equal(await guest.ask((end) => end.connection.switchTransport('auto')), 'websocket');
      }
      await restartIce(bob, alice);
    });
    await Promise.all([expectFlow(alice), expectFlow(bob)]);
    for (const guest of [alice, bob]) await expectNoReset(guest);
  }, { server }));
});
