// Running out of file descriptors: whoever has a connection goes on undisturbed, whoever comes is told to come later,
// and when there is room again everything is as before. Once with the server's own count, which stops
// short of the limit, and once with accept() really failing (EMFILE).

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { Bystanders, EventStreamMember, WebSocketMember, fetchJson, makeKey } from './support/members.mjs';
import { RawConnection, exchange, get, post } from './support/raw.mjs';
import { assertRefuses } from './support/refusals.mjs';
import { Server } from './support/server.mjs';

const kDescriptors = 120;
const kFlood = 300;

const processorTime = (pid) => {
  const fields = execFileSync('cat', [`/proc/${pid}/stat`]).toString().split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;   // milliseconds at 100 ticks a second
};

// Three that need no new connection to talk: two WebSockets, and a stream that listens.
async function residents(server) {
  const room = makeKey();
  const members = [];
  for (const Transport of [WebSocketMember, WebSocketMember, EventStreamMember]) {
    members.push(await new Transport(server).open({ room, capacity: 3 }));
    await members.at(-1).event(members.length === 1 ? 'created' : 'joined');
    for (const earlier of members.slice(0, -1)) await earlier.event('peer-joined');
  }
  for (const member of members) await member.event('ready');
  return members;
}

async function talk(members) {
  for (const speaker of members.slice(0, 2)) {
    await speaker.say({ type: 'hello', data: 1 });
    for (const other of members) if (other !== speaker) assert.equal((await other.event('hello')).from, speaker.welcome.peer);
  }
}

// A server without descriptors ends the connection, at whatever the client is doing then.
const isTurnedAway = ({ code }) => /^(ECONNREFUSED|ECONNRESET|EPIPE)$/.test(code);

// Opens connections and asks by `begin`: the connections, and the heads of their answers, settled. One that `waits` opens each when
// the one before has its answer.
async function flood(server, begin, { waits = false } = {}) {
  const connections = [], answers = [];
  for (let i = 0; i < kFlood; ++i) {
    let connection;
    try {
      connection = await RawConnection.open(server);
    } catch (error) {
      if (!isTurnedAway(error)) throw error;
      continue;
    }
    connections.push(connection);
    begin(connection);
    answers.push(Promise.allSettled([connection.responseHead()]));
    if (waits) await answers.at(-1);
  }
  return { connections, answers: (await Promise.all(answers)).flat() };
}

// A held stream is nothing that may be reclaimed.
const stream = (server) => (connection) =>
  connection.request(...post(server, '/v1/sse', JSON.stringify({ key: makeKey(), open: {}, carrier: 's', turn: 1 })));

async function newcomerIsServed(server) {
  for (;;) {   // until the server has noticed that the flood is gone
    try {
      const { status } = await fetchJson(server, '/v1/poll', { key: makeKey(), open: {}, wait: 0 });
      if (status === 200) return;
      assert.equal(status, 503);
    } catch (error) {
      if (!isTurnedAway(error)) throw error;
    }
  }
}

for (const [name, counts, ...flags] of [['the server\'s own count', true, '--max-connections-per-address', '100000'], ['accept() that fails', false, '--max-connections', '100000']]) {
  const under = ['prlimit', `--nofile=${kDescriptors}:${kDescriptors}`];
  flags.push('--shards', '2');   // each takes some descriptors

  test(`${name}: streams fill the server, the next is told 503 with Retry-After, and it recovers`, { timeout: 100000 }, async () => {
    const server = await Server.start(flags, { under });
    const members = await residents(server);
    // A busy server would meet many at once, and has descriptors for some refusals only.
    const { connections, answers } = await flood(server, stream(server), { waits: counts });
    const statuses = answers.map(({ value }) => value?.status ?? 'reset');
    const count = (...kinds) => statuses.filter((status) => kinds.includes(status)).length;
    assert.ok(count(200) >= 20, `${statuses}`);
    // Where no descriptor is left to wait for the request with, its arrival may tear the answer up. By its own count
    // the server has some left for refusals.
    assert.ok(counts ? count(503) >= 200 && count('reset') <= 10 : count(503, 'reset') >= 100, `${statuses}`);
    for (const { value } of answers) {
      if (value?.status !== 503) continue;
      assert.ok(Number(value.headers['retry-after']) >= 1);
      assert.equal(value.headers['x-content-type-options'], 'nosniff');
    }
    if (counts) assertRefuses(await exchange(server, ...get(server, '/v1/poll?room=a')), 503, 'overloaded');
    // Those beyond the limit are none of the server's: it was born with them.
    const open = readdirSync(`/proc/${server.process.pid}/fd`).filter((descriptor) => descriptor < kDescriptors);
    if (counts) assert.ok(open.length < kDescriptors, 'its own count stops short of the limit');

    await talk(members);
    // A full server is not a busy one.
    const before = processorTime(server.process.pid);
    await talk(members);
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.ok(processorTime(server.process.pid) - before < 300, 'accept does not spin');

    for (const connection of connections) connection.destroy();
    await newcomerIsServed(server);
    await talk(members);
    const bystanders = await Bystanders.start(server);
    await bystanders.areUnharmed();
    bystanders.stop();
    for (const member of members) member.close();
    assert.equal(await server.stop(), 0, server.log);
  });

  test(`${name}: idle connections make room for newcomers`, { timeout: 100000 }, async () => {
    const server = await Server.start(flags, { under });
    const members = await residents(server);
    const { connections } = await flood(server, (connection) => connection.request(...get(server, '/healthz')));
    const { status } = await fetchJson(server, '/v1/poll', { key: makeKey(), open: {}, wait: 0 });
    assert.equal(status, 200, 'an idle connection was closed for it');
    await talk(members);
    for (const connection of connections) connection.destroy();
    await newcomerIsServed(server);
    for (const member of members) member.close();
    assert.equal(await server.stop(), 0, server.log);
  });
}

test('one address takes no more than half of the places, and another is served', { timeout: 100000 }, async () => {
  const server = await Server.start(['--shards', '2'], { under: ['prlimit', `--nofile=${kDescriptors}:${kDescriptors}`] });
  const { connections, answers } = await flood(server, stream(server));
  const statuses = answers.map(({ value }) => value?.status ?? 'reset');
  assert.ok(!statuses.includes(503), `${statuses}`);
  assert.ok(statuses.filter((status) => status === 200).length <= kDescriptors / 2, `${statuses}`);
  // Turned away at the door: a request that comes after the answer resets the connection, and may take the answer along.
  let refused;
  for (let tries = 0; !refused && tries < 50; ++tries)
    refused = await exchange(server, ...get(server, '/v1/poll?room=a')).catch(() => undefined);
  assertRefuses(refused, 429, 'too_many_connections');
  assert.match(refused.body, /--max-connections-per-address/);
  const other = await RawConnection.open(server, { localAddress: '127.0.0.2' });
  other.request(...get(server, '/v1/poll?room=a'));
  assert.equal((await other.responseHead()).status, 200);
  for (const connection of [other, ...connections]) connection.destroy();
  assert.equal(await server.stop(), 0, server.log);
});
