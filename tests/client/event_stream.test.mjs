// The format of Server-Sent Events: what a client holds of a stream is bounded.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventStream } from '../../web/client/sigway/event_stream.js';

for (const [what, text] of Object.entries({ 'a line': 'x'.repeat(1000), 'an event': `data: ${'x'.repeat(1000)}\n` })) {
  test(`${what} without an end is refused`, () => {
    const stream = new EventStream(() => {}, () => {});
    assert.throws(() => { for (let i = 0; i < 2000; ++i) stream.feed(text, () => false); }, { code: 'not_sigway' });
  });
}
