// Requests of the client, on a fetch that does not do what it should.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Http } from '../../web/client/sigway/http.js';

const never = () => new Promise(() => {});
const kFetches = {
  'no answer comes': never,
  'the body does not end': async () => ({ ok: true, status: 200, headers: new Headers(), text: never }),
  'a long body does not end': async () =>
    ({ ok: true, status: 200, headers: new Headers({ 'Content-Length': '4096' }), body: { getReader: () => ({ read: never }) } }),
};

for (const [title, fetch] of Object.entries(kFetches)) {
  test(`a request ends when it is given up, although fetch does not notice: ${title}`, async () => {
    const stopper = new AbortController();
    const answer = new Http('http://localhost/', fetch).post('v1/send', '{}', { patience: 60000, signal: stopper.signal });
    setImmediate(() => stopper.abort());
    await assert.rejects(answer, { code: 'aborted' });
  });

  test(`a request ends with its patience, although fetch does not notice: ${title}`, async () => {
    const answer = new Http('http://localhost/', fetch).post('v1/send', '{}', { patience: 20 });
    await assert.rejects(answer, { code: 'deadline' });
  });
}
