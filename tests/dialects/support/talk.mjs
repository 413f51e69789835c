// What the tests of the plain dialects say and expect.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { within } from '../../conformance/support/patience.mjs';
import { WsClient } from './clients.mjs';
import { fresh } from './gateway.mjs';

// A WebSocket is open before the room has its member, where another shard holds the room. So the first client, which must
// hear itself, says something until everybody has heard it, and then one last thing, which this function gives.
export async function together(clients) {
  const last = fresh('last');
  let met = 0;
  const all = clients.map(async (client) => {
    for (let count = 0; ; ++count) {
      const heard = await client.next();
      if (count === 0) ++met;
      if (heard === last) return;
    }
  });
  const everybody = Promise.all(all);
  everybody.catch(() => {});
  let isLate = false;
  const talking = async () => {
    for (; met < clients.length && !isLate; await pause(50)) await clients[0].say('are you there?');
    await clients[0].say(last);
    await everybody;
  };
  await within(Promise.race([talking(), everybody]), () => `everybody in a room: ${met} of ${clients.length}`)
    .finally(() => { isLate = true; });
  return last;
}

// Opens clients in one room and closes them after the test.
export async function gather(t, server, path, Kinds) {
  const clients = [];
  t.after(() => { for (const client of clients) client.close(); });
  for (const Kind of Kinds) clients.push(await Kind.open(server, path));
  await together(clients);
  return clients;
}

export async function expectNext(client, message) {
  assert.deepEqual(await client.next(() => `${JSON.stringify(message).slice(0, 100)} at ${client.constructor.name}`),
    client.shows(message), client.constructor.name);
}

// What a client of the login guide is told next, whichever way.
export async function told(client) {
  const message = await client.next();
  return typeof message === 'string' ? JSON.parse(message) : message;
}

export const tell = (client, message) => client.say(typeof message === 'string' ? message : JSON.stringify(message));

export async function hears(client, message) {
  assert.deepEqual(await told(client), message, client.constructor.name);
}

export async function login(client, name) {
  await tell(client, { type: 'login', name });
  await hears(client, { type: 'login', success: true });
}

// All that the client was told before has been taken: its next message is the answer to this.
export async function isQuiet(client) {
  const type = fresh('nonsense');
  await tell(client, { type });
  await hears(client, { type: 'error', message: `Command not found: ${type}` });
}

// A client that is logged in, and gone after the test.
export async function user(t, server, name, { Kind = WsClient, path = '/login' } = {}) {
  const client = await Kind.open(server, path);
  t.after(() => client.close());
  await login(client, name);
  return Object.assign(client, { user: name });
}

// Two who have nothing to do with what is tested, in each dialect.
export class Neighbours {
  static async start(server) {
    const neighbours = new Neighbours();
    const room = fresh('neighbours');
    neighbours.members = [await WsClient.open(server, `/raw/${room}`), await WsClient.open(server, `/raw/${room}`)];
    await together(neighbours.members);
    neighbours.users = [await WsClient.open(server, '/login'), await WsClient.open(server, '/login')];
    neighbours.names = neighbours.users.map(() => fresh('neighbour'));
    for (const [i, client] of neighbours.users.entries()) await login(client, neighbours.names[i]);
    return neighbours;
  }

  // What they say arrives, once, and nothing else with it.
  async areUnharmed() {
    const text = fresh('still there');
    for (const member of this.members) {
      member.say(text);
      for (const one of this.members) await expectNext(one, text);
    }
    for (const [i, client] of this.users.entries()) {
      tell(client, { type: 'candidate', candidate: text, name: this.names[1 - i] });
      await hears(this.users[1 - i], { type: 'candidate', candidate: text, name: this.names[i] });
    }
  }

  stop() {
    for (const client of [...this.members, ...this.users]) client.close();
  }
}
