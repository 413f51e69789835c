// Clients of y-webrtc's signaling server and of Trystero's relay, by script.

import assert from 'node:assert/strict';
import { fresh } from './gateway.mjs';
import { WsClient } from './clients.mjs';

export const tell = (client, message) => client.say(typeof message === 'string' ? message : JSON.stringify(message));
// A text, or what a poll's answer has parsed already.
export async function told(client) {
  const message = await client.next();
  return typeof message === 'string' ? JSON.parse(message) : message;
}

export async function hears(client, message) {
  assert.deepEqual(await told(client), message, client.constructor.name);
}

// All that the client was told before has been taken: its next message is the answer to this.
export async function isQuiet(client) {
  await tell(client, { type: 'ping' });
  await hears(client, { type: 'pong' });
}

// A client that is gone after the test.
export async function open(t, server, { Kind = WsClient, path = '/y-webrtc' } = {}) {
  const client = await Kind.open(server, path);
  t.after(() => client.close());
  return client;
}

// It hears what it says itself: its subscription has reached the topic, on whatever shard that is.
export async function subscribe(client, topic) {
  await tell(client, { type: 'subscribe', topics: [topic] });
  const data = fresh('in');
  await tell(client, { type: 'publish', topic, data });
  for (;;) {
    const { data: heard } = await told(client);
    if (heard === data) return;
  }
}

// Subscribers of one topic, each of whom has forgotten how the others came.
export async function gather(t, server, topic, options) {
  const clients = [];
  for (const option of options) {
    const client = await open(t, server, option);
    await subscribe(client, topic);
    for (const earlier of clients) await told(earlier);
    clients.push(client);
  }
  return clients;
}
