// Old and new meet: clients of the first `sigway.v1` with the server of today, and clients of today with a server of the first `sigway.v1`,
// on each transport. real.test.mjs does the same with that commit's binary.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { connect } from '../../web/client/sigway.js';
import { answers } from './answers.mjs';
import { LiveServer } from './live_server.mjs';
import { kTransports, meeting, withServer } from './meeting.mjs';
import { javascript, native } from './members.mjs';
import { OldServer } from './old_server.mjs';
import { connect as connectAtFirst } from './v1/client/sigway.js';

const binary = process.env.SIGWAY_BINARY;
const today = { javascript: javascript(connect), native: native(binary) };
const atFirst = javascript(connectAtFirst);

const newServer = () => LiveServer.start(binary);

for (const transport of kTransports) {
  withServer(`${transport}: an old client with an old and with a new one on the new server`, newServer, async (server) => {
    await meeting({ server, alice: [atFirst, transport], bob: [today.javascript, 'websocket'], settles: true });
    await meeting({ server, alice: [today.native, transport], bob: [atFirst, transport], settles: true });
  });

  for (const [language, start] of Object.entries(today)) {
    withServer(`${transport}: new clients, ${language}, on an old server`, OldServer.start, (server) =>
      meeting({ server, alice: [start, transport], bob: [today.javascript, transport], settles: false }));
  }
}

withServer('the old server of these tests answers as the server of that commit did', OldServer.start, async (server) => {
  const recorded = JSON.parse(readFileSync(new URL('v1/answers.json', import.meta.url), 'utf8'));
  const given = await answers(server);
  assert.deepEqual(Object.keys(given).sort(), Object.keys(recorded).sort());
  for (const [kind, fields] of Object.entries(recorded)) assert.deepEqual(given[kind], fields, kind);
});

withServer('the new server answers with all that the old one did', newServer, async (server) => {
  const recorded = JSON.parse(readFileSync(new URL('v1/answers.json', import.meta.url), 'utf8'));
  const given = await answers(server);
  for (const [kind, fields] of Object.entries(recorded)) {
    for (const field of fields) assert.ok(given[kind]?.includes(field), `${kind} has ${field}`);
  }
});

test('clients show the features of their server, and none of an old one', async () => {
  const old = await OldServer.start(), live = await newServer();
  try {
    for (const [server, features] of [[old, []], [live, ['drain', 'mail']]]) {
      for (const transport of kTransports) {
        const connection = connect({ url: server.url, transport, keyStore: false, page: null, memory: false, WebSocket });
        assert.deepEqual(connection.features, []);
        await connection.opened;
        assert.deepEqual(connection.features, features);
        await connection.close();
      }
    }
  } finally {
    await old.stop();
    await live.stop();
  }
});
