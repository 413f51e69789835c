// `sigway doctor` at a terminal: what it prints where, its exit status, certificates, proxies, and what it does not understand.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { diagnose } from '../../web/doctor/diagnose.js';
import { examine } from '../../web/doctor/examine.js';
import { tinyproxy } from '../conformance/support/proxies.mjs';
import { Server } from '../conformance/support/server.mjs';
import { runDoctor } from './native.mjs';

const folder = mkdtempSync(join(tmpdir(), 'sigway-doctor-'));
const certificate = join(folder, 'certificate.pem'), key = join(folder, 'key.pem');
const kEnvironment = { PATH: process.env.PATH };
let plain, secure;
before(async () => {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/O=Example Trust/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  plain = await Server.start(['--probe-rate', '0', '--max-probes-per-address', '0']);
  secure = await Server.start(['--probe-rate', '0', '--max-probes-per-address', '0', '--tls-cert', certificate, '--tls-key', key]);
});
after(async () => {
  for (const server of [plain, secure]) assert.equal(await server.stop(), 0, server.log);
  rmSync(folder, { recursive: true, force: true });
});
const doctor = (args, env = {}) => runDoctor(['--watch', '1s', ...args], { env: { ...kEnvironment, ...env } });

describe('sigway doctor', { concurrency: 6 }, () => {
  test('the report on standard output, the progress on the other', async () => {
    const { status, stdout, stderr } = await doctor([plain.url]);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^sigway doctor, http:\/\/127\.0\.0\.1:\d+, .*\n\nsigway will use WebSocket\.\n/);
    assert.match(stdout, /\nEvent stream\n {2}✓ Event streams work\./);
    assert.match(stderr, /^\.\.\. {3}Asking the server\ndone {2}Asking the server\n/);
    const quiet = await doctor([plain.url, '-q']);
    assert.deepEqual([quiet.status, quiet.stderr], [0, '']);
  });

  test('the certificate: who issued it, for whom, and what is wrong with it', async () => {
    const at = `https://localhost:${secure.port}`;
    const trusted = JSON.parse((await doctor([at, '--json', '--ca-file', certificate])).stdout);
    assert.equal(trusted.transport, 'websocket');
    const good = trusted.findings.find(({ id }) => id === 'certificate');
    assert.deepEqual([good.issuer, good.subject, good.protocol], ['Example Trust', 'localhost', 'TLSv1.3']);
    assert.match(good.until, /^20\d\d-\d\d-\d\d$/);
    const unknown = JSON.parse((await doctor([at, '--json'])).stdout);
    assert.equal(unknown.transport, 'websocket');
    assert.match(unknown.findings.find(({ id }) => id === 'certificate-unknown').problem, /self-signed/);
    const other = JSON.parse((await doctor([secure.url, '--json', '--ca-file', certificate])).stdout);
    assert.equal(other.findings.find(({ id }) => id === 'certificate-unknown').problem, 'it is not for 127.0.0.1');
  });

  test('the report is JSON also where a proxy says in another encoding what it is', async () => {
    const stranger = createServer((socket) => {
      socket.on('error', () => {}).once('data', () => socket.end(Buffer.from('HTTP/1.1 200 OK\r\nVia: 1.1 caf\xe9\r\nContent-Length: 2\r\n\r\nhi', 'latin1')));
    }).listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const { status, stdout, stderr } = await doctor([`http://127.0.0.1:${stranger.address().port}`, '--json']);
    stranger.close();
    assert.equal(status, 1, stderr);
    assert.equal(JSON.parse(stdout).measurements.reach.headers.via, '1.1 caf\ufffd');
  });

  test('through a proxy, by its flag and by the environment', async () => {
    await Promise.all([plain, secure].map(async (server) => {
      const proxy = await tinyproxy(server);
      try {
        await Promise.all([[['--proxy', proxy.url], {}], [[], { http_proxy: proxy.url, https_proxy: proxy.url, no_proxy: '' }]].map(async ([args, env]) => {
          const { transport, measurements } = JSON.parse((await doctor([server.url, '--json', ...args], env)).stdout);
          assert.equal(transport, 'websocket');
          if (server === plain) assert.match(measurements.headers.arrived.via, /tinyproxy/);
        }));
        const without = JSON.parse((await doctor([server.url, '--json', '--no-proxy'], { http_proxy: proxy.url })).stdout);
        assert.equal(without.measurements.headers.arrived.via, undefined);
      } finally {
        await proxy.stop();
      }
    }));
  });

  // A whole company behind one address may ask at once.
  test('where the server lets it ask seldom, it waits and blames nobody', async () => {
    const server = await Server.start(['--probe-rate', '8']);
    try {
      const found = JSON.parse((await doctor([server.url, '--json'])).stdout);
      const page = diagnose(await examine({ url: server.url, WebSocket, times: { cap: 1000 } }));
      for (const { transport, findings } of [found, page]) {
        assert.equal(transport, 'websocket');
        assert.deepEqual(findings.map(({ id }) => id).filter((id) => !/-works$|^round-trip$|^slow|^busy$/.test(id)), []);
      }
    } finally {
      assert.equal(await server.stop(), 0, server.log);
    }
  });

  test('nothing there: exit status 1, and what to look at', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address();
    free.close();
    await once(free, 'close');
    const { status, stdout } = await doctor([`http://127.0.0.1:${port}`]);
    assert.equal(status, 1);
    assert.match(stdout, /sigway cannot work here now\.[^]*The server cannot be reached[^]*For the administrator/);
  });

  test('what it does not understand: exit status 2 and a sentence', async () => {
    for (const [args, sentence] of [[['ftp://example.org'], /'ftp:\/\/example\.org' is no http or https URL/], [['--watch', '41s'], /--watch: '41s' is not a time from 1s to 40s/],
      [['--watch', 'long'], /is not a time/], [['--proxy', 'socks5://x'], /--proxy/], [['--nonsense'], /--nonsense/], [['a', 'b'], /b/], [['--ca-file', '/nowhere'], /\/nowhere/]]) {
      const { status, stdout, stderr } = await runDoctor(args, { env: kEnvironment });
      assert.deepEqual([status, stdout], [2, ''], args.join(' '));
      assert.match(stderr, sentence);
      assert.match(stderr, /^sigway doctor: /);
    }
  });
});
