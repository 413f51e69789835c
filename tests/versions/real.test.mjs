// Old and new meet for real: SIGWAY_OLD_BINARY is the server of commit 4292eb5, which also has that commit's C++ client
// (scripts/soak.sh versions builds it).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { connect } from '../../web/client/sigway.js';
import { answers } from './answers.mjs';
import { LiveServer } from './live_server.mjs';
import { kTransports, meeting, withServer } from './meeting.mjs';
import { javascript, native } from './members.mjs';
import { connect as connectAtFirst } from './v1/client/sigway.js';

const { SIGWAY_BINARY: binary, SIGWAY_OLD_BINARY: oldBinary } = process.env;

if (!oldBinary) {
  test('old and new meet for real', { skip: 'SIGWAY_OLD_BINARY is unset: scripts/soak.sh versions builds it' }, () => {});
} else {
  const today = { javascript: javascript(connect), native: native(binary) };
  const atFirst = { javascript: javascript(connectAtFirst), native: native(oldBinary) };
  const both = (one, other) => Object.entries(one).flatMap(([language, start]) => Object.entries(other).map(([others, startOther]) =>
    ({ says: `${language} and ${others}`, start, startOther })));

  for (const transport of kTransports) {
    for (const { says, start, startOther } of both(atFirst, today)) {
      withServer(`${transport}: an old and a new client, ${says}, on the new server`, () => LiveServer.start(binary), (server) =>
        meeting({ server, alice: [start, transport], bob: [startOther, transport], settles: true }));
      withServer(`${transport}: an old and a new client, ${says}, on the old server`, () => LiveServer.start(oldBinary), (server) =>
        meeting({ server, alice: [startOther, transport], bob: [start, transport], settles: false }));
    }
    for (const { says, start, startOther } of both(today, today)) {
      withServer(`${transport}: new clients, ${says}, on the old server`, () => LiveServer.start(oldBinary), (server) =>
        meeting({ server, alice: [start, transport], bob: [startOther, transport], settles: false }));
    }
  }

  withServer('v1/answers.json is what the old server answers', () => LiveServer.start(oldBinary), async (server) => {
    assert.deepEqual(await answers(server), JSON.parse(readFileSync(new URL('v1/answers.json', import.meta.url), 'utf8')));
  });
}
