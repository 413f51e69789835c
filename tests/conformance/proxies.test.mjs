// Through real proxies as they come: nginx and haproxy in front of the server, squid and tinyproxy in front of the
// client. A client by each transport talks to a client by each; what one says arrives while the stream is
// still open, so nobody on the way may hold it back.

import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Bystanders, EventStreamMember, PollMember, WebSocketMember, fetchJson, kTransports, makeKey } from './support/members.mjs';
import { Proxy, haproxy, nginx, squid, tinyproxy, tunnelled } from './support/proxies.mjs';
import { Server } from './support/server.mjs';

const kScripts = fileURLToPath(new URL('../../examples/curl/', import.meta.url));
const run = promisify(execFile);

let server;
let secure;
before(async () => {
  server = await Server.start();
  secure = await Server.start(['--tls-self-signed']);
});
after(async () => {
  for (const each of [server, secure]) assert.equal(await each.stop(), 0, each.log);
});

async function through(proxy, body) {
  try {
    await body(proxy);
  } catch (error) {
    throw new Error(`${error.message}\nthe proxy says: ${proxy.log}`, { cause: error });
  } finally {
    await proxy.stop();
  }
}

// By every transport, rounds of everybody to everybody.
async function allTalk(way) {
  const members = await Bystanders.start(way);
  for (let i = 0; i < 3; ++i) await members.areUnharmed();
  members.stop();
}

// What is large, and what looks like a stream's own lines, comes as it was.
async function carries(way, Transport) {
  const room = makeKey();
  const member = await new Transport(way).open({ room });
  await member.event('created');
  const other = await new PollMember(server).open({ room });
  await other.event('joined');
  await other.event('ready');
  await member.event('peer-joined');
  await member.event('ready');
  const data = `${'é€😀'.repeat(7000)}\n\nid: 7\ndata: x\r\n\r\n0\r\n\r\n`;
  await member.say({ type: 'large', data });
  assert.equal((await other.event('large')).data, data);
  await other.say({ type: 'large', data });
  assert.equal((await member.event('large')).data, data);
  member.close();
  other.close();
}

test('nginx in front, set up for WebSocket, buffering as it comes (on)', async () => {
  await through(await nginx(`proxy_pass http://${server.authority}; proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";`), async (proxy) => {
    await allTalk(proxy);
    for (const Transport of Object.values(kTransports)) await carries(proxy, Transport);
  });
});

test('nginx in front as most people leave it: HTTP/1.0 to the server, no Upgrade', async () => {
  await through(await nginx(`proxy_pass http://${server.authority};`), async (proxy) => {
    await carries(proxy, EventStreamMember);
    await carries(proxy, PollMember);
    const { status, json } = await fetchJson(proxy, '/v1/ws', undefined, { method: 'GET' });
    assert.deepEqual([status, json.error.code], [426, 'upgrade_required']);
  });
});

test('nginx in front with TLS behind it, and the page\'s origin by --trusted-proxy', async () => {
  const behind = await Server.start(['--trusted-proxy', '127.0.0.1']);
  await through(await nginx(`proxy_pass http://${behind.authority}; proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Host call.example;
    proxy_set_header X-Forwarded-Proto https;`), async (proxy) => {
    const open = { key: makeKey(), open: {}, wait: 0 };
    assert.equal((await fetchJson(proxy, '/v1/poll', open, { headers: { Origin: 'https://call.example' } })).status, 200);
    assert.equal((await fetchJson(proxy, '/v1/poll', open, { headers: { Origin: 'https://other.example' } })).status, 403);
  });
  await through(await nginx(`proxy_pass https://${secure.authority}; proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";`), allTalk);
  assert.equal(await behind.stop(), 0, behind.log);
});

test('haproxy in front', async () => {
  await through(await haproxy(server), async (proxy) => {
    await allTalk(proxy);
    for (const Transport of Object.values(kTransports)) await carries(proxy, Transport);
  });
});

for (const [name, start] of Object.entries({ squid, tinyproxy })) {
  test(`${name} in front of the client: event streams and polls as plain requests`, async () => {
    await through(await start(server), async (proxy) => {
      const environment = { ...process.env, http_proxy: proxy.url, no_proxy: '', NO_PROXY: '' };
      const script = (who, room) => run('sh', [`${kScripts}${who}.sh`, room, server.url], { env: environment, timeout: 30000 });
      for (const [caller, called] of [['sse', 'sse'], ['poll', 'poll'], ['sse', 'poll']]) {
        const room = makeKey();
        const [alice, bob] = await Promise.all([script(`${caller}-alice`, room), script(`${called}-bob`, room)]);
        assert.match(alice.stdout, /^alice hears {"type":"candidate".*bob/m);
        assert.match(bob.stdout, /^bob hears {"type":"bye"/m);
      }
      const { stdout } = await run('curl', ['-sSi', `${server.url}/healthz`], { env: environment });
      assert.match(stdout, /^via: /mi, 'the proxy was asked');
    });
  });

  test(`${name} in front of the client: all transports through CONNECT, plain and TLS`, async () => {
    for (const each of [server, secure]) {
      await through(await start(each), async (proxy) => {
        const way = await tunnelled(proxy, each);
        try {
          await allTalk(way);
          if (each === server) await carries(way, WebSocketMember);
        } finally {
          way.close();
        }
      });
    }
  });
}

test('two squids run at once, each with shared memory of its own, and leave none behind', async () => {
  const proxies = await Promise.all([squid(server), squid(server)]);
  const left = () => readdirSync('/dev/shm').filter((name) => proxies.some(({ service }) => name.startsWith(service)));
  const used = left();
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  assert.deepEqual(proxies.map(({ service }) => used.some((name) => name.startsWith(service))), [true, true]);
  assert.deepEqual(left(), []);
});

test('a proxy that dies at its start is an error that shows its last output', async () => {
  await assert.rejects(Proxy.start('sh', () => ['-c', 'echo listening; echo no such option >&2; exit 3'], () => ''),
    ({ message }) => /ended with 3/.test(message) && message.includes('listening') && message.includes('no such option'));
  await assert.rejects(Proxy.start('/no-such-folder/proxy', () => [], () => ''), /proxy ENOENT/);
});
