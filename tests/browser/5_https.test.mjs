// The same over TLS, where browsers are stricter; and from a page of another origin.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { withPages } from './support/browser.mjs';
import { expectFlow, expectNoReset, kTransports, restartIce, startCall, switchTo, whileNotesRun } from './support/calls.mjs';
import { Server } from './support/server.mjs';

const kPageHost = 'pages.test';   // support/browser.mjs lets it mean this machine

describe('https', () => {
  let pages, server;
  before(async () => {
    pages = await Server.start('--tls-self-signed', '--allow-host', kPageHost);
    server = await Server.start('--tls-self-signed', '--allow-origin', `https://${kPageHost}:${pages.port}`);
  });
  after(async () => {
    for (const one of [server, pages]) assert.equal(await one.stop(), 0, one.said);
  });

  const onEachTransport = async (t, places) => withPages(t, async (open) => {
    const { alice, bob } = await startCall(open, server, 'websocket', 'poll', places);
    await whileNotesRun(alice, bob, async () => {
      for (const transport of [...kTransports.slice(1), kTransports[0]]) {
        await switchTo(alice, transport);
        await restartIce(alice, bob);
      }
    });
    await Promise.all([expectFlow(alice), expectFlow(bob)]);
    for (const guest of [alice, bob]) await expectNoReset(guest);
    const schemes = [...new Set([...alice.record, ...bob.record].map((line) => / (https?|wss?):/.exec(line)?.[1]).filter(Boolean))];
    assert.deepEqual(schemes.sort(), ['https', 'wss']);
  }, { server, ignoreHTTPSErrors: true });

  test('a call with a self-signed certificate, on each transport', (t) => onEachTransport(t, {}));

  test('a page of an allowed foreign origin calls on each transport', (t) =>
    onEachTransport(t, { page: `https://${kPageHost}:${pages.port}`, signaling: server.url }));
});
