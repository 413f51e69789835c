// The Socket.IO clients that pages load from the server.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fetchJson } from '../conformance/support/members.mjs';
import { expectRefusal, get } from './support/bad_input.mjs';
import { startGateway, stopGateway } from './support/gateway.mjs';

const kFolder = path.join(process.env.SIGWAY_SOURCE, 'src/dialects/socketio/scripts');
const kClients = {
  'socket.io-client-4': { file: 'socket.io.min.js', queries: ['', '?v=4', '?v=3', '?v=4.8.1', '?t=1'] },
  'socket.io-client-2': { file: 'socket.io.slim.js', queries: ['?v=2', '?v=1', '?v=2.5.0'] },
  'socket.io-client-0': { file: 'socket.io.min.js', queries: ['?v=0', '?v=0.9', '?v=0.9.17'] },
};
const kPaths = ['/socket.io/socket.io.js', '/socket.io/socket.io.min.js'];

let server;
before(async () => { server = await startGateway(); });
after(() => stopGateway(server));

for (const [name, { file, queries }] of Object.entries(kClients)) {
  test(`${name} is served unchanged, with the notice of its licence, for ${queries.join(' ')}`, async () => {
    const { dependencies } = JSON.parse(readFileSync(path.join(kFolder, 'package.json'), 'utf8'));
    const version = dependencies[name].split('@').at(-1);
    const original = readFileSync(path.join(kFolder, 'node_modules', name, 'dist', file), 'utf8');
    for (const url of kPaths.flatMap((route) => queries.map((query) => route + query))) {
      const answer = await get(server, url);
      assert.equal(answer.status, 200, url);
      assert.equal(answer.headers['content-type'], 'text/javascript; charset=utf-8');
      assert.ok(answer.text === original, `${url} is not ${file} of ${name}`);
      assert.ok(answer.text.slice(0, 200).includes(version) && /MIT/.test(answer.text.slice(0, 200)), answer.text.slice(0, 200));
    }
  });
}

test('a client that has the script is told so, and HEAD tells the length', async () => {
  const { headers, text } = await get(server, kPaths[0]);
  assert.equal(headers['cache-control'], 'no-cache');
  const again = await get(server, kPaths[0], { 'If-None-Match': headers.etag });
  assert.deepEqual([again.status, again.text], [304, '']);
  assert.equal((await get(server, `${kPaths[0]}?v=2`, { 'If-None-Match': headers.etag })).status, 200);
  const head = await fetchJson(server, kPaths[0], undefined, { method: 'HEAD' });
  assert.deepEqual([head.status, head.text, head.headers.etag], [200, '', headers.etag]);
  assert.equal(Number(head.headers['content-length']), Buffer.byteLength(text));
});

test('a page of any origin may load it, and nothing beside it', async () => {
  const foreign = { Origin: 'https://evil.example' };
  const element = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'script' };
  for (const headers of [{}, foreign, element]) {
    const answer = await get(server, kPaths[0], headers);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['access-control-allow-origin'], '*');
    assert.equal(answer.headers['cross-origin-resource-policy'], 'cross-origin');
  }
  for (const headers of [foreign, element]) {
    expectRefusal(await get(server, '/client/sigway.js', headers), 403, 'origin_refused');
    expectRefusal(await get(server, '/socket.io/?EIO=4&transport=polling', headers), 403, 'origin_refused');
  }
  expectRefusal(await get(server, kPaths[0], { Host: 'rebind.example' }), 421, 'host_refused');
});

for (const query of ['?v=', '?v=5', '?v=latest', '?v=04', '?v=-1']) {
  test(`${query} is refused with the versions that there are`, async () => {
    const { json } = expectRefusal(await get(server, kPaths[0] + query), 400, 'bad_request');
    assert.match(json.error.hint, /v=4.*v=2.*v=0\.9/);
  });
}

test('only GET and HEAD', async () => {
  const answer = await fetchJson(server, kPaths[0], 'x', { headers: { 'Content-Type': 'text/plain' } });
  expectRefusal(answer, 405, 'wrong_method');
  assert.equal(answer.headers.allow, 'GET, HEAD, OPTIONS');
});
