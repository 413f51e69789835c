// How the server ends what it need not hold any longer: connections during a drain, and a namespace that has moved.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { eventOf, Polling, request, Socket } from './support/engine.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';

const kDraining = { code: 4012, reason: 'draining' };

let server;
before(async () => { server = await startGateway(); });
after(() => stopGateway(server));

// A session on a WebSocket that has asked for no namespace.
async function openBare(at) {
  const one = await Socket.open(at, '/socket.io/?EIO=4&transport=websocket');
  assert.match(await one.next(), /^0\{/);
  return one;
}

test('a drain sends everybody away, also those that are in no namespace', async () => {
  const drained = await startGateway(['--drain-time', '60s']);
  const bare = await openBare(drained);
  const left = await openBare(drained);
  left.send('40');
  assert.match(await left.next(), /^40\{/);
  left.send('41');
  const polling = await Polling.open(drained, 4, { connects: false });
  const poll = polling.get();
  const upgraded = await Polling.open(drained, 4, { connects: false });
  const candidate = await Socket.open(drained, `/socket.io/?EIO=4&transport=websocket&sid=${upgraded.sid}`);
  candidate.send('2probe');
  assert.equal(await candidate.next(), '3probe');
  const legacy = await request(drained, 'GET', '/socket.io/1/');
  const old = await Socket.open(drained, `/socket.io/1/websocket/${legacy.text.split(':')[0]}`);
  assert.equal(await old.next(), '1::');

  const exit = drained.stop();
  for (const one of [bare, left]) assert.deepEqual(await one.ends(), kDraining);
  assert.equal((await poll).text, '1', 'the poll that waits hears of the close');
  assert.equal((await candidate.ends()).code, 1000);
  assert.equal((await old.ends()).code, 4012);
  assert.equal(await exit, 0, drained.log);
});

test('who is in a namespace when a drain begins, and leaves it, is sent away then', async () => {
  const drained = await startGateway(['--drain-time', '600s']);
  const others = await Promise.all(Array.from({ length: 8 }, () => Socket.session(drained, 4)));
  const exit = drained.stop();
  // Nobody is let in from then on.
  while (await request(drained, 'GET', '/healthz').then(() => true, () => false)) await pause(20);
  // The drain reaches one of them every 7 s.
  for (const one of others) one.send('41');
  for (const one of others) assert.deepEqual(await one.ends(), kDraining);
  assert.equal(await exit, 0, drained.log);
});

test('a namespace that was recovered elsewhere is disconnected, and the others go on', async () => {
  const old = await Socket.session(server, 4);
  const { pid } = JSON.parse(old.connected.slice(2));
  old.send('40/chat,');
  assert.match(await old.next(), /^40\/chat,\{/);
  const room = fresh('room');
  await old.enter(room);
  old.send(`42${JSON.stringify(['message', 'said'])}`);
  const { event, offset } = eventOf(await old.next(), 1);
  assert.equal(event, 'log');

  const recovered = await Socket.open(server, '/socket.io/?EIO=4&transport=websocket');
  await recovered.next();
  recovered.send(`40${JSON.stringify({ pid, offset })}`);
  const connected = JSON.parse((await recovered.next()).slice(2));
  assert.equal(connected.pid, pid);
  assert.equal(await old.next(), '41');
  old.send(`42/chat,${JSON.stringify(['create or join', room])}`);
  assert.equal(eventOf(await old.next(), 1).namespace, '/chat');
  // What comes last for a namespace that is gone ends the connection: its client says what nobody can hear.
  old.send(`42${JSON.stringify(['message', 'to nobody'])}`);
  await old.ends();
  recovered.close();
});
