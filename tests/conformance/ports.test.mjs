// --listen: one server on several ports, with the real binary. What a dialect answers at `/` is in the tests of that dialect.

import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { kTransports, makeKey, fetchJson } from './support/members.mjs';
import { RawConnection, exchange, get } from './support/raw.mjs';
import { Server } from './support/server.mjs';

let main;
let further;    // the same server by its other ports
before(async () => {
  main = await Server.start(['--shards', '2', '--listen', '0', '--listen', '0.0.0.0:0']);
  further = main.furtherPorts();
});
after(async () => { assert.equal(await main.stop(), 0, main.log); });

// Runs to its end, which comes at once where the settings are wrong.
function refusal(...flags) {
  const { status, stdout, stderr } = spawnSync(process.env.SIGWAY_BINARY, ['--port', '0', '--log-level', 'warn', ...flags], { encoding: 'utf8', timeout: 60000 });
  return { status, stdout, stderr };
}

test('a line for each further port follows the main port’s', () => {
  assert.equal(further.length, 2);
  assert.match(further[0].url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.match(further[1].url, /^http:\/\/0\.0\.0\.0:\d+$/);
  assert.equal(new Set([main.port, ...further.map(({ port }) => port)]).size, 3);
});

test('each port serves what the main port serves', async () => {
  const [page, ...others] = await Promise.all([main, ...further].map((server) => exchange(server, ...get(server, '/'))));
  assert.equal(page.status, 200);
  for (const other of others) assert.equal(other.body, page.body);
});

test('two who come by different ports meet in a room', async () => {
  for (const Transport of Object.values(kTransports)) {
    const room = makeKey();
    const alice = await new Transport(main).open({ room });
    const bob = await new Transport(further[0]).open({ room });
    for (const type of ['created', 'peer-joined', 'ready']) await alice.event(type);
    for (const type of ['joined', 'ready']) await bob.event(type);
    await alice.say({ type: 'hello', data: 1 });
    assert.equal((await bob.event('hello')).from, alice.welcome.peer);
    await bob.say({ type: 'hello', data: 2 });
    assert.equal((await alice.event('hello')).data, 2);
    for (const member of [alice, bob]) await member.close();
  }
});

test('same origin is by port, and the Host check is for ports bound to loopback', async () => {
  const open = (server, headers) => fetchJson(server, '/v1/poll', { key: makeKey(), open: {}, wait: 0 }, { headers });
  const [loopback, everywhere] = further;
  const lan = ({ port }) => `gateway.lan:${port}`;
  assert.equal((await open(loopback, { Host: lan(loopback) })).status, 421);
  assert.equal((await open(everywhere, { Host: lan(everywhere) })).status, 200);
  assert.equal((await open(everywhere, { Host: lan(everywhere), Origin: `http://${lan(everywhere)}` })).status, 200);
  assert.equal((await open(everywhere, { Host: lan(everywhere), Origin: `http://${lan(main)}` })).status, 403);
  assert.equal((await open(loopback, { Origin: `http://localhost:${main.port}` })).status, 200);
});

test('with TLS each port has it, and a self-signed certificate names each address', async () => {
  const secure = await Server.start(['--tls-self-signed', '--listen', '127.0.0.9:0']);
  try {
    const [other] = secure.furtherPorts();
    assert.match(other.url, /^https:\/\/127\.0\.0\.9:/);
    const connection = await RawConnection.open({ ...other, host: '127.0.0.9' });
    assert.match(connection.socket.getPeerCertificate().subjectaltname, /127\.0\.0\.9/);
    assert.equal((await connection.request(...get(other, '/healthz')).response()).body, 'ok\n');
    connection.destroy();
  } finally {
    assert.equal(await secure.stop(), 0, secure.log);
  }
});

test('IPv6 is written in brackets', async (t) => {
  const server = await Server.start(['--listen', '[::1]:0']).catch((error) => {
    if (/Cannot assign|not supported/.test(error.message)) return null;
    throw error;
  });
  if (!server) return t.skip('this machine has no IPv6');
  try {
    const [v6] = server.furtherPorts();
    assert.match(v6.url, /^http:\/\/\[::1\]:\d+$/);
    assert.equal((await exchange({ ...v6, host: '::1' }, ...get(v6, '/healthz'))).body, 'ok\n');
  } finally {
    assert.equal(await server.stop(), 0, server.log);
  }
});

test('a server that cannot have one of its ports does not start, and says which', () => {
  const taken = refusal('--listen', '0', '--listen', `${further[0].port}`);
  assert.equal(taken.status, 1);
  assert.equal(taken.stdout, '');
  assert.equal(taken.stderr, `sigway: Cannot listen on 127.0.0.1:${further[0].port}: Address already in use. Choose another one for --listen.\n`);
  const main = refusal('--port', `${further[0].port}`);
  assert.equal(main.status, 1);
  assert.equal(main.stdout, '');
  assert.equal(main.stderr, `sigway: Cannot listen on 127.0.0.1:${further[0].port}: Address already in use. `
    + `Is sigway running already? Else choose another port: sigway --port ${Number(further[0].port) + 1} (0 takes any that is free).\n`);
  const dialect = refusal('--listen', '0=raq');
  assert.equal(dialect.status, 1);
  assert.equal(dialect.stdout, '');
  assert.match(dialect.stderr, /^sigway: --listen 0=raq: there is no dialect raq; /);
  assert.equal(refusal('--listen', '0=').status, 2);
  assert.equal(refusal('--listen', '8080', '--listen', '8080').status, 2);
});
