// How a row of the tables of bad input is looked for: the refusal, and that neighbours in each dialect notice nothing.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { fetchJson } from '../../conformance/support/members.mjs';
import { within } from '../../conformance/support/patience.mjs';
import { assertExplains } from '../../conformance/support/refusals.mjs';
import { wsUrl } from './clients.mjs';
import { startGateway, stopGateway } from './gateway.mjs';
import { Neighbours } from './talk.mjs';

// Declares the server of a file; gives row(name, body), which declares one test: body(t, server), then the neighbours talk.
export function tableOfBadInput(flags = []) {
  let server, neighbours;
  before(async () => {
    server = await startGateway(flags);
    neighbours = await Neighbours.start(server);
  });
  after(async () => {
    neighbours?.stop();
    await stopGateway(server);
  });
  return (name, body) => test(name, async (t) => {
    await body(t, server);
    await neighbours.areUnharmed();
  });
}

const oneOf = (value) => (Array.isArray(value) ? value : [value]);

// The answer is a refusal like every other of the server. `status` and `code` are values or lists of them; no code: any.
export function expectRefusal(answer, status, code) {
  assert.ok(oneOf(status).includes(answer.status), `${answer.status} is not ${status}: ${answer.text}`);
  assertExplains(answer.json.error, answer.json.error.code);
  if (code) assert.ok(oneOf(code).includes(answer.json.error.code), `${answer.json.error.code} is not ${code}`);
  assert.match(answer.headers['cache-control'], /no-store/);
  return answer;
}

export const get = (server, path, headers = {}) => fetchJson(server, path, undefined, { method: 'GET', headers });

export async function refusesGet(server, path, status, code, headers) {
  return expectRefusal(await get(server, path, headers), status, code);
}

export async function refusesPost(server, path, status, code, { body = '{"type":"x"}', headers } = {}) {
  return expectRefusal(await fetchJson(server, path, body, { headers }), status, code);
}

// A WebSocket is refused before the upgrade by `status`, or after it by a close that says the same: 4000 and the status.
export async function refusesSocket(server, path, status, code, headers) {
  const socket = new WebSocket(wsUrl(server, path), { headers });
  try {
    await within(Promise.race([
      once(socket, 'unexpected-response').then(async ([, response]) => {
        const parts = [];
        for await (const part of response) parts.push(part);
        const text = Buffer.concat(parts).toString();
        expectRefusal({ status: response.statusCode, headers: response.headers, text, json: JSON.parse(text) }, status, code);
      }),
      once(socket, 'close').then(([closed, reason]) => {
        assert.ok(oneOf(status).some((one) => closed === 4000 + one), `closed with ${closed} ${reason}, not 4000 + ${status}`);
        if (code) assert.ok(oneOf(code).includes(String(reason)), `${reason} is not ${code}`);
      }),
    ]), () => `the refusal of a WebSocket at ${path}`);
  } finally {
    socket.on('error', () => {});
    socket.terminate();
  }
}
