// design.md, "Who may come in": a test for each of its sentences, against the real binary.

import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { fetchJson, makeKey } from './support/members.mjs';
import { RawConnection, exchange, get, post } from './support/raw.mjs';
import { assertRefuses } from './support/refusals.mjs';
import { Server } from './support/server.mjs';
import { upgradeLines } from './support/websocket.mjs';

let loopback;   // bound to 127.0.0.1, as by default
let open;       // bound to every interface
before(async () => {
  loopback = await Server.start();
  open = await Server.start(['--bind', '0.0.0.0']);
});
after(async () => {
  for (const server of [loopback, open]) assert.equal(await server.stop(), 0, server.log);
});

const body = () => JSON.stringify({ key: makeKey(), open: {}, wait: 0 });

// A poll that opens a session, with these headers instead of, or beside, the usual.
function opening(server, ...headers) {
  const [lines, text] = post(server, '/v1/poll', body());
  const hasHost = headers.some((header) => header.startsWith('Host:'));
  return exchange(server, [...lines.filter((line) => !(hasHost && line.startsWith('Host:'))), ...headers], text);
}

function handshake(server, ...headers) {
  return exchange(server, upgradeLines(server, '/v1/ws', undefined, ...headers), '', { isHead: true });
}

async function allows(server, ...headers) {
  const response = await opening(server, ...headers);
  assert.equal(response.status, 200, `${headers.join(' | ')}: ${response.body}`);
  return response;
}

async function refuses(server, ...headers) {
  const error = assertRefuses(await opening(server, ...headers), 403, 'origin_refused');
  if (!headers.some((header) => header.startsWith('Host:'))) assert.equal((await handshake(server, ...headers)).status, 403);
  return error;
}

async function withServer(flags, test_) {
  const server = await Server.start(flags);
  try {
    await test_(server);
  } finally {
    assert.equal(await server.stop(), 0, server.log);
  }
}

test('Origin is checked before anything has an effect: 403, nothing done', async () => {
  for (const path of ['/v1/poll', '/v1/sse', '/v1/send']) {
    const key = makeKey();
    const text = JSON.stringify({ key, open: { room: key } });
    assertRefuses(await exchange(loopback, ...post(loopback, path, text, 'Origin: https://evil.example')), 403, 'origin_refused');
    assert.equal((await fetchJson(loopback, '/v1/send', { key })).json.error.code, 'unknown_key');
  }
  // A session that exists hears nothing either.
  const key = makeKey();
  await fetchJson(loopback, '/v1/poll', { key, open: {}, wait: 0 });
  assertRefuses(await exchange(loopback, ...post(loopback, '/v1/send', JSON.stringify({ key, type: 'leave' }),
    'Origin: https://evil.example')), 403, 'origin_refused');
  assert.equal((await fetchJson(loopback, '/v1/send', { key })).status, 200);
});

test('same origin: Origin\'s host and port equal Host, default ports normalised, scheme ignored', async () => {
  await allows(open, 'Host: app.example', 'Origin: http://app.example');
  await allows(open, 'Host: app.example', 'Origin: https://app.example');
  await allows(open, 'Host: app.example:80', 'Origin: http://app.example');
  await allows(open, 'Host: app.example:443', 'Origin: https://app.example');
  await allows(open, 'Host: app.example', 'Origin: https://app.example:443');
  await allows(open, 'Host: APP.example:8443', 'Origin: https://app.example:8443');
  await allows(open, 'Host: [2001:db8::1]:8080', 'Origin: http://[2001:db8:0::1]:8080');
  await allows(open, 'Host: app.example.', 'Origin: https://app.example');
  await refuses(open, 'Host: app.example', 'Origin: http://app.example:8080');
  await refuses(open, 'Host: app.example:8080', 'Origin: http://app.example');
  await refuses(open, 'Host: app.example', 'Origin: https://app.example.evil.example');
  await refuses(open, 'Host: app.example', 'Origin: https://evil.example, https://app.example');
  await refuses(open, 'Host: app.example', 'Origin: https://app.example', 'Origin: https://evil.example');
});

test('or a --public-origin', async () => {
  await withServer(['--bind', '0.0.0.0', '--public-origin', 'https://call.example'], async (server) => {
    await allows(server, 'Origin: https://call.example');
    await allows(server, 'Origin: https://call.example:443');
    await refuses(server, 'Origin: http://call.example');
    await refuses(server, 'Origin: https://other.example');
  });
});

test('others by --allow-origin, which CORS is told; null only if listed', async () => {
  await refuses(open, 'Origin: null');
  await withServer(['--allow-origin', 'https://app.example', '--allow-origin', 'null'], async (server) => {
    for (const origin of ['https://app.example', 'null']) {
      const { headers } = await allows(server, `Origin: ${origin}`);
      assert.equal(headers['access-control-allow-origin'], origin);
      assert.match(headers.vary, /Origin/);
      assert.equal(headers['access-control-allow-credentials'], undefined, 'no cookie is ever needed');
      assert.equal((await handshake(server, `Origin: ${origin}`)).status, 101);
    }
    await refuses(server, 'Origin: https://app.example:8443');
    await refuses(server, 'Origin: http://app.example');
  });
});

test('--allow-origin * allows any origin, but null only if that is listed too', async () => {
  await withServer(['--allow-origin', '*'], async (server) => {
    const { headers } = await allows(server, 'Origin: https://anybody.example:8443');
    assert.equal(headers['access-control-allow-origin'], 'https://anybody.example:8443');
    await refuses(server, 'Origin: null');
  });
});

test('a refusal of an allowed origin can be read by its page', async () => {
  await withServer(['--allow-origin', 'https://app.example'], async (server) => {
    const response = await exchange(server, ...post(server, '/v1/send', '{', 'Origin: https://app.example'));
    assert.equal(assertRefuses(response, 400, 'bad_json').code, 'bad_json');
    assert.equal(response.headers['access-control-allow-origin'], 'https://app.example');
    assert.match(response.headers['access-control-expose-headers'], /Retry-After/i);
  });
});

test('absent is allowed (curl, servers)', async () => {
  await allows(open);
  await allows(loopback);
  assert.equal((await handshake(open)).status, 101);
  await allows(open, 'Sec-Fetch-Site: same-origin');
  await allows(open, 'Sec-Fetch-Site: none');
});

test('except on requests that carry Sec-Fetch-Site: cross-site or same-site, or Sec-Purpose: prefetch', async () => {
  for (const server of [open, loopback]) {
    for (const header of ['Purpose: prefetch', 'X-Purpose: preview', 'X-Moz: prefetch', 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Site: same-site', 'Sec-Purpose: prefetch', 'Sec-Purpose: prefetch;prerender']) {
      await refuses(server, header);
      const key = makeKey();
      assertRefuses(await exchange(server, ...get(server, `/v1/sse?room=${key}`, header)), 403, 'origin_refused');
      assertRefuses(await exchange(server, ...get(server, `/v1/poll?room=${key}`, header)), 403, 'origin_refused');
    }
    // Following a link from elsewhere to a page is how people arrive.
    const visit = await exchange(server, ...get(server, '/', 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document'));
    assert.equal(visit.status, 200);
    assertRefuses(await exchange(server, ...get(server, '/v1/sse?room=a', 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate')), 403, 'origin_refused');
  }
});

// Where browsers send no Fetch Metadata: plain HTTP in a LAN.
const kImage = 'Accept: image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8';

test('without Fetch Metadata, a foreign Referer and what a page embeds are refused where asking has an effect', async () => {
  const own = `Referer: http://${open.authority}/r/x`;
  for (const headers of [['Referer: http://evil.example/'], ['Referer: http://evil.example/', kImage], [kImage], ['Accept: text/css,*/*;q=0.1'],
    ['Accept: video/webm,video/*;q=0.9,*/*;q=0.5'], ['Accept: */*', 'Range: bytes=0-']]) {
    const key = makeKey();
    for (const path of [`/v1/sse?room=${key}`, `/v1/poll?room=${key}&name=${key}`, '/v1/probe/echo']) {
      const { hint } = assertRefuses(await exchange(open, ...get(open, path, ...headers)), 403, 'origin_refused');
      assert.match(hint, /--allow-origin/);
    }
    // Nothing was done: the name is free, and the room is empty.
    const { json } = await exchange(open, ...get(open, `/v1/poll?room=${key}&name=${key}`));
    assert.deepEqual(json.events.map(({ type }) => type).sort(), ['created', 'login'], headers.join(' | '));
    // Pages do nothing by being asked.
    for (const path of ['/', '/healthz', '/r/x']) assert.equal((await exchange(open, ...get(open, path, ...headers))).status, 200);
  }
  for (const headers of [[], ['Accept: */*'], ['Accept: text/event-stream'], ['Accept: text/html,application/xhtml+xml,image/avif,*/*;q=0.8'],
    [own], [own, kImage], ['Referer: about:blank']]) {
    assert.equal((await exchange(open, ...get(open, `/v1/poll?room=${makeKey()}`, ...headers))).status, 200, headers.join(' | '));
  }
  await withServer(['--bind', '0.0.0.0', '--allow-origin', 'http://app.example'], async (server) => {
    const ask = (referer) => exchange(server, ...get(server, `/v1/poll?room=${makeKey()}`, `Referer: ${referer}`, kImage));
    assert.equal((await ask('http://app.example/page')).status, 200);
    assertRefuses(await ask('http://app.example:8080/page'), 403, 'origin_refused');
  });
});

test('bound to loopback, Host must be loopback, localhost or an --allow-host, else 421', async () => {
  for (const host of ['127.0.0.1', '127.1.2.3:99', 'localhost', 'LOCALHOST:1', '[::1]', '[::1]:8080', loopback.authority]) await allows(loopback, `Host: ${host}`);
  for (const host of ['evil.example', `evil.example:${loopback.port}`, '192.168.0.1', 'localhost.evil.example', '127.0.0.1.evil.example', '0.0.0.0', '[::2]']) {
    const error = assertRefuses(await opening(loopback, `Host: ${host}`), 421, 'host_refused');
    assert.match(error.hint, /--allow-host/);
    assertRefuses(await exchange(loopback, [`GET / HTTP/1.1`, `Host: ${host}`]), 421, 'host_refused');
  }
  for (const host of ['localhost.', 'localhost.:8080']) await allows(loopback, `Host: ${host}`);
  await allows(loopback, 'Host: localhost.', 'Origin: http://localhost');
  await withServer(['--allow-host', 'box.lan'], async (server) => {
    await allows(server, 'Host: box.lan.');
    await allows(server, 'Host: box.lan');
    await allows(server, 'Host: Box.LAN:8080');
    await allows(server, 'Host: localhost');
    assertRefuses(await opening(server, 'Host: other.lan'), 421, 'host_refused');
  });
});

test('and localhost origins are allowed; otherwise not', async () => {
  for (const origin of ['http://localhost:3000', 'http://127.0.0.1:5173', 'https://localhost', 'http://[::1]:3000']) {
    await allows(loopback, `Origin: ${origin}`);
    await refuses(open, `Origin: ${origin}`);
  }
  await refuses(loopback, 'Origin: http://localhost.evil.example');
  await refuses(loopback, 'Origin: ftp://localhost');
});

test('bound to every interface, any Host is served', async () => {
  for (const host of ['evil.example', '192.168.0.1', 'call.example:443']) await allows(open, `Host: ${host}`);
});

test('X-Forwarded-* counts only from a --trusted-proxy', async () => {
  const forwarded = ['X-Forwarded-Host: call.example', 'X-Forwarded-Proto: https', 'X-Forwarded-For: 192.0.2.7', 'Origin: https://call.example'];
  await refuses(open, ...forwarded);
  await withServer(['--bind', '0.0.0.0', '--trusted-proxy', '10.0.0.0/8'], (server) => refuses(server, ...forwarded));
  await withServer(['--bind', '0.0.0.0', '--trusted-proxy', '127.0.0.0/8'], async (server) => {
    await allows(server, ...forwarded);
    await refuses(server, 'X-Forwarded-Host: other.example', 'Origin: https://call.example');
    // The address that counts for limits is the last one that no trusted proxy wrote.
    const stream = await exchange(server, ...get(server, '/v1/poll?room=a', ...forwarded.slice(0, 3)));
    assert.equal(stream.status, 200);
  });
  // Limits count the client, not the proxy, and what a client writes itself is worth nothing.
  await withServer(['--bind', '0.0.0.0', '--trusted-proxy', '127.0.0.1', '--max-sessions-per-address', '1'], async (server) => {
    await allows(server, 'X-Forwarded-For: 192.0.2.1');
    await allows(server, 'X-Forwarded-For: 192.0.2.2');
    assertRefuses(await opening(server, 'X-Forwarded-For: 192.0.2.1'), 429, 'too_many_sessions');
    assertRefuses(await opening(server, 'X-Forwarded-For: 198.51.100.9, 192.0.2.2'), 429, 'too_many_sessions');
    // A list as RFC 9110 §5.6.1 has it: tabs around, and empty elements.
    for (const list of ['192.0.2.3,', ',\t192.0.2.4\t', '198.51.100.9,\t192.0.2.5 ,, 127.0.0.1']) {
      await allows(server, `X-Forwarded-For: ${list}`);
      assertRefuses(await opening(server, `X-Forwarded-For: ${list}`), 429, 'too_many_sessions');
    }
    // What is no address makes its proxy the client, whatever stands before it.
    await allows(server, 'X-Forwarded-For: 192.0.2.6, unknown');
    assertRefuses(await opening(server, 'X-Forwarded-For: 192.0.2.7, junk'), 429, 'too_many_sessions');
  });
  await withServer(['--max-sessions-per-address', '1'], async (server) => {
    await allows(server, 'X-Forwarded-For: 192.0.2.1');
    assertRefuses(await opening(server, 'X-Forwarded-For: 192.0.2.2'), 429, 'too_many_sessions');
  });
});

test('OPTIONS is answered too, private-network preflight included', async () => {
  const ask = ['Origin: https://app.example', 'Access-Control-Request-Method: POST', 'Access-Control-Request-Headers: content-type, x-trace',
    'Access-Control-Request-Private-Network: true'];
  await withServer(['--allow-origin', 'https://app.example'], async (server) => {
    const { status, headers } = await exchange(server, ['OPTIONS /v1/send HTTP/1.1', `Host: ${server.authority}`, ...ask]);
    assert.equal(status, 204);
    assert.equal(headers['access-control-allow-origin'], 'https://app.example');
    assert.match(headers['access-control-allow-methods'], /POST/);
    assert.match(headers['access-control-allow-headers'], /x-trace/);
    assert.equal(headers['access-control-allow-private-network'], 'true');
    const plain = await exchange(server, ['OPTIONS /v1/poll HTTP/1.1', `Host: ${server.authority}`]);
    assert.deepEqual([plain.status, plain.headers.allow], [204, 'GET, POST, OPTIONS']);
  });
  const refused = await exchange(open, ['OPTIONS /v1/send HTTP/1.1', `Host: ${open.authority}`, ...ask]);
  assertRefuses(refused, 403, 'origin_refused');
  assert.equal(refused.headers['access-control-allow-methods'], undefined);
});

test('a refusal\'s hint names the flag that would allow it, and the flag does', async () => {
  const { hint } = await refuses(open, 'Origin: https://app.example');
  const [, flag, value] = /(--allow-origin) (\S+?)[,.]?(?: |$)/.exec(hint);
  await withServer(['--bind', '0.0.0.0', flag, value], (server) => allows(server, 'Origin: https://app.example'));
  const misdirected = assertRefuses(await opening(loopback, 'Host: box.lan'), 421, 'host_refused');
  const [, hostFlag, host] = /(--allow-host) (\S+?)\.?$/.exec(misdirected.hint);
  await withServer([hostFlag, host], (server) => allows(server, 'Host: box.lan'));
});

test('everywhere nosniff and Referrer-Policy: no-referrer; a strict CSP on the pages', async () => {
  const requests = [get(open, '/'), get(open, '/r/room'), get(open, '/healthz'), get(open, '/v1/nothing'), post(open, '/v1/poll', body()),
    post(open, '/v1/send', '{'), get(open, '/v1/sse?room=headers'), ['GARBAGE'], [upgradeLines(open)],
    get(open, '/v1/poll?room=a', 'Origin: https://evil.example')];
  for (const [lines, text] of requests) {
    const { headers, status } = await exchange(open, typeof lines === 'string' ? [lines] : lines, text ?? '', { isHead: true });
    assert.equal(headers['x-content-type-options'], 'nosniff', `${status}`);
    assert.equal(headers['referrer-policy'], 'no-referrer', `${status}`);
  }
  const csp = (await exchange(open, ...get(open, '/'))).headers['content-security-policy'];
  assert.match(csp, /default-src 'none'|default-src 'self'/);
  assert.doesNotMatch(csp, /unsafe-inline|unsafe-eval|\*/);
});

test('from another address of this machine, a server on loopback is not there', async (t) => {
  const outside = Object.values(networkInterfaces()).flat().find(({ internal, family }) => !internal && family === 'IPv4');
  if (!outside) return t.diagnostic('this machine has no other address');
  await assert.rejects(exchange({ ...loopback, url: loopback.url, port: loopback.port, host: outside.address, authority: outside.address },
    ['GET /healthz HTTP/1.1', `Host: ${loopback.authority}`]), /ECONNREFUSED/);
});

test('a connection that has shown one key lets no other key in', async () => {
  const connection = await RawConnection.open(loopback);
  const ask = async (fields, path = '/v1/send') => {
    const response = await connection.request(...post(loopback, path, JSON.stringify(fields))).response();
    return response.json.error?.code ?? response.status;
  };
  try {
    const [alice, bob] = [makeKey(), makeKey()];
    for (const key of [alice, bob]) assert.equal(await ask({ key, open: {}, wait: 0 }, '/v1/poll'), 200);
    // As a proxy does, which sends the requests of its clients on one connection.
    for (let i = 0; i < 3; ++i) {
      for (const key of [alice, bob]) assert.equal(await ask({ key, ack: 0 }), 200);
    }
    const isOneOff = (key, at) => key.slice(0, at) + (key[at] === 'A' ? 'B' : 'A') + key.slice(at + 1);
    for (const wrong of [isOneOff(alice, 0), isOneOff(alice, alice.length - 1), `${alice}A`, alice.slice(0, -1), makeKey()]) {
      for (const path of ['/v1/send', '/v1/poll']) {
        assert.equal(await ask({ key: alice, ack: 0 }), 200);
        assert.equal(await ask({ key: wrong, ack: 0, wait: 0 }, path), 'unknown_key');
      }
    }
    // Nor is the last key remembered for one that a request leaves out.
    assert.equal(await ask({ key: alice, ack: 0 }), 200);
    assert.equal(await ask({ ack: 0 }), 'bad_key');
    // What ends with a session is its key, on the connection that has just shown it, too.
    assert.equal(await ask({ key: alice, type: 'leave' }), 200);
    for (const path of ['/v1/send', '/v1/poll']) assert.equal(await ask({ key: alice, ack: 0, wait: 0 }, path), 'gone');
    assert.equal(await ask({ key: bob, ack: 0 }), 200);
  } finally {
    connection.destroy();
  }
});
