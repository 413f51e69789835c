// A fake server for each test, and its clients, which are closed after it. For files whose every test needs that.

import { afterEach, beforeEach } from 'node:test';
import { FakeServer } from './fake_server.mjs';
import { makeClient } from './helpers.mjs';

export let server, clients;          // of the test that runs

beforeEach(async () => {
  server = await new FakeServer().start();
  clients = [];
});

afterEach(async () => {
  await Promise.all(clients.map(({ connection }) => connection.close()));
  await server.stop();
});

export const client = (options) => makeClient(server, { ...options }, clients);

/** Two in one room, who have met. */
export async function pair(transport, more) {
  const both = [1, 2].map(() => client({ room: 'one', transport, ...more }));
  await Promise.all(both.map((one) => one.until(() => one.had('ready') && one.connection.state === 'open')));
  return both;
}

export const states = (one) => one.logged('state').map(({ state }) => state);
