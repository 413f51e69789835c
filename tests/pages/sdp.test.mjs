// The line of the signaling panel that says what is in a message. Peers may send anything: it must not throw, for the message would be
// missing in the record, and it stays short.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summary } from '../../web/app/sdp.js';

const kTypes = ['offer', 'answer', 'candidate', 'link', 'link-error', 'chat', 'bye', 'greeting'];
const kOdd = [undefined, null, true, 7, '', 'text', [], [null], {}, { toString: 1 }];

test('a message of a peer has a summary whatever is in it', () => {
  assert.equal(summary({ type: 'link-error', data: { code: 'too_much' } }), 'too_much');
  for (const type of kTypes) {
    for (const odd of kOdd) {
      for (const data of [odd, { code: odd }, { sdp: odd }, { candidate: odd }, { candidates: odd }, { candidates: [odd, { candidate: odd }] }]) {
        assert.equal(typeof summary({ type, data }), 'string', `${type} ${JSON.stringify(data)}`);
      }
    }
  }
});

test('a summary is short', () => {
  const candidate = (type) => ({ candidate: `candidate:1 1 udp 1 10.0.0.1 9 typ ${type}` });
  assert.equal(summary({ type: 'candidate', data: { candidates: [candidate('host'), candidate('srflx'), candidate('host')] } }), '2 host, 1 srflx');
  const long = 'x'.repeat(60000);
  for (const event of [
    { type: 'candidate', data: candidate(long) },
    { type: 'candidate', data: { candidates: Array.from({ length: 1000 }, (_, i) => candidate(`type${i}`)) } },
    { type: 'offer', data: { sdp: `m=${long}\n` } },
    { type: 'link-error', data: { code: long } },
  ]) assert.ok(summary(event).length <= 120, event.type);
});
