// What the client's tests share: a client that keeps what it hears, and waits for conditions instead of times.

import assert from 'node:assert/strict';
import { connect } from '../../web/client/sigway.js';

const kPatience = 120000;
const kOwnEvents = ['state', 'transport', 'reset', 'refused', 'retry', 'closed'];

export function makeClient({ url, WebSocket }, options, clients) {
  const connection = connect({ url, WebSocket, ...options });
  const client = { connection, heard: [], log: [], info: [] };
  const waiting = new Set();
  const look = () => { for (const check of waiting) check(); };
  connection.on('event', (event, info) => {
    client.heard.push(event);
    client.info.push(info);
    look();
  });
  for (const type of kOwnEvents) connection.on(type, (value) => {
    client.log.push({ type, value });
    look();
  });
  connection.on('journal', look);
  // Resolves with the first true value of `condition`, which is looked at whenever something is heard.
  client.until = (condition, what = String(condition)) => new Promise((resolve, reject) => {
    const check = () => {
      const value = condition(client);
      if (!value) return;
      waiting.delete(check);
      clearTimeout(timer);
      resolve(value);
    };
    const timer = setTimeout(() => {
      waiting.delete(check);
      reject(new Error(`waited in vain: ${what}; state ${connection.state}; log ${JSON.stringify(client.log.slice(-8))}; heard ` +
        `${JSON.stringify(client.heard.slice(-2))}; journal ${JSON.stringify(connection.journal.slice(-12))}`));
    }, kPatience);
    waiting.add(check);
    check();
  });
  client.messages = (type) => client.heard.filter((event) => event.from !== undefined && event.type === type);
  client.had = (type) => client.heard.find((event) => event.type === type);
  client.logged = (type) => client.log.filter((entry) => entry.type === type).map((entry) => entry.value);
  clients?.push(client);
  return client;
}

// A small seeded generator (mulberry32), so that a failed run can be had again.
export function seeded(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const counting = (count) => Array.from({ length: count }, (_, i) => i);
export const numbers = (client, type = 'count') => client.messages(type).map((event) => event.data.i);
export const noted = (client, what) => client.connection.journal.filter((entry) => entry.what === what);

// What is said arrives once and in order, also while something happens.
export async function talk(from, to, count, during = async () => {}) {
  const first = numbers(to).length;
  for (const i of counting(count)) {
    from.connection.send('count', { i: first + i });
    if (i === count >> 1) await during();
  }
  await to.until(() => numbers(to).length >= first + count);
  assert.deepEqual(numbers(to), counting(first + count));
}

// Like localStorage.
export function storage() {
  const values = new Map();
  return { values, getItem: (name) => values.get(name) ?? null, setItem: (name, value) => values.set(name, String(value)) };
}
