// The configurations of docs/deploy/ as they stand there, but for addresses: TLS at the proxy, sigway behind it with the flags that the
// file names. Every transport, curl, who may come in, whose request it is; and the doctor finds nothing to advise.

import { test, before } from 'node:test';
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual, promisify } from 'node:util';
import { WebSocket } from 'ws';
import { diagnose } from '../../web/doctor/diagnose.js';
import { examine } from '../../web/doctor/examine.js';
import { inWords } from '../../web/doctor/report.js';
import { Bystanders, fetchJson, makeKey } from './support/members.mjs';
import { within } from './support/patience.mjs';
import { Proxy } from './support/proxies.mjs';
import { Server } from './support/server.mjs';

const kTries = 5;
const kSource = fileURLToPath(new URL('../..', import.meta.url));
const words = JSON.parse(readFileSync(join(kSource, 'web/doctor/words.json'), 'utf8'));
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'sigway-deploy-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const pem = join(folder, 'both.pem'), certificate = join(folder, 'certificate.pem'), key = join(folder, 'key.pem');

before(() => {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=call.example.org',
    '-addext', 'subjectAltName=DNS:call.example.org,IP:127.0.0.1', '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  execFileSync('sh', ['-c', `cat ${certificate} ${key} > ${pem}; chmod 644 ${folder}/*; chmod 755 ${folder}`]);
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';   // for fetch, which has no option for it; the certificate above is nobody's
});

// The file with each of these texts exchanged; all of them have to be there.
function adapted(name, exchanges) {
  let text = readFileSync(join(kSource, 'docs/deploy', name), 'utf8');
  for (const [from, to] of exchanges) {
    assert.ok(text.includes(from), `docs/deploy/${name} has no ${from}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

// The flags that the file says to start sigway with.
function flagsOf(name) {
  const [, flags] = /^#   sigway (.*)$/m.exec(readFileSync(join(kSource, 'docs/deploy', name), 'utf8'));
  return flags.split(' ');
}

const nginxAround = (site, state) => `
daemon off;
error_log stderr;
pid ${state}/pid;
events {}
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${state}/${kind};`).join('\n  ')}
${site}
}
`;

const proxies = {
  nginx: { file: 'nginx.conf', start: (server) => Proxy.start('nginx', (file) => ['-c', file], ({ port, folder: state }) => nginxAround(adapted('nginx.conf', [
    ['server 127.0.0.1:8080;', `server ${server.authority};`], ['listen 443 ssl', `listen 127.0.0.1:${port} ssl`],
    ['/etc/ssl/call.example.org.pem', certificate], ['/etc/ssl/call.example.org.key', key],
  ]), state)) },
  haproxy: { file: 'haproxy.cfg', start: (server) => Proxy.start('haproxy', (file) => ['-db', '-f', file], ({ port }) => adapted('haproxy.cfg', [
    ['server sigway 127.0.0.1:8080', `server sigway ${server.authority}`], ['bind :443 ssl', `bind 127.0.0.1:${port} ssl`], ['/etc/haproxy/call.example.org.pem', pem],
  ])) },
  Caddy: { file: 'Caddyfile', start: (server) => Proxy.start('caddy', (file) => ['run', '--config', file, '--adapter', 'caddyfile'], ({ port, folder: state }) =>
    `{\n\tadmin off\n\tauto_https off\n\tskip_install_trust\n\tgrace_period 1s\n\tdefault_bind 127.0.0.1\n\tstorage file_system ${state}\n}\n${adapted('Caddyfile', [
      ['call.example.org {', `https://127.0.0.1:${port}, https://call.example.org:${port} {\n\ttls ${certificate} ${key}`], ['reverse_proxy 127.0.0.1:8080', `reverse_proxy ${server.authority}`],
    ])}`) },
};

async function behind(start, flags, body) {
  const server = await Server.start(flags);
  const proxy = await start(server);
  proxy.url = `https://${proxy.authority}`;
  try {
    await body(proxy, server);
  } catch (error) {
    throw new Error(`${error.message}\nthe proxy says: ${proxy.log}`, { cause: error });
  } finally {
    await proxy.stop();
    assert.equal(await server.stop(), 0, server.log);
  }
}

const ofUs = ['-H', 'Host: call.example.org', '-H', 'Origin: https://call.example.org'];
const curl = (...args) => run('curl', ['-sSk', '--max-time', '20', ...args]).then(({ stdout }) => stdout);

for (const [name, { file, start }] of Object.entries(proxies)) {
  test(`${name}: every transport to every other`, async () => {
    await behind(start, flagsOf(file), async (proxy) => {
      const members = await Bystanders.start(proxy);
      for (let i = 0; i < 3; ++i) await members.areUnharmed();
      members.stop();
    });
  });

  test(`${name}: by curl, the page and its origin; a foreign one is refused`, async () => {
    await behind(start, flagsOf(file), async (proxy) => {
      const room = makeKey();
      // Another address than the proxy's, which is trusted.
      const from = ['--interface', '127.0.0.2', '-H', 'X-Forwarded-For: 192.0.2.66'];
      assert.match(await curl(...ofUs, `${proxy.url}/`), /<title>sigway<\/title>/);
      const { key: own } = JSON.parse(await curl(...ofUs, `${proxy.url}/v1/poll?room=${room}`)).welcome;
      const stream = spawn('curl', ['-sSkN', '--max-time', '20', ...ofUs, `${proxy.url}/v1/sse?room=${room}`]);
      let streamed = '';
      const heard = within(new Promise((resolve) => stream.stdout.on('data', (text) => {
        streamed += text;
        if (/"type":"bye".*\n/.test(streamed)) resolve();
      })), () => `the stream: ${streamed}`);
      heard.catch(() => {});
      let events = '';
      for (let n = 1; !/peer-joined/.test(events); ++n) events = await curl(...ofUs, '-d', JSON.stringify({ key: own, n, ack: 0, wait: 5000 }), `${proxy.url}/v1/poll`);
      assert.equal(JSON.parse(await curl(...ofUs, '-d', JSON.stringify({ key: own, type: 'bye', data: 'é' }), `${proxy.url}/v1/send`)).up, 1);
      await heard;
      stream.kill();
      assert.match(streamed, /"type":"bye".*"data":"é"/);
      assert.match(streamed, /https:\/\/call\.example\.org\/v1\/send/, 'what it advises is the outside address');

      const { address, http } = JSON.parse(await curl(...from, `${proxy.url}/v1/probe/echo`));
      assert.deepEqual([address, http], ['127.0.0.2', '1.1'], 'the client is known, and what it says about itself is not believed');
      assert.equal(JSON.parse(await curl('-H', 'Host: call.example.org', '-H', 'Origin: https://evil.example', `${proxy.url}/v1/poll?room=${room}`)).error.code, 'origin_refused');
    });
  });

  test(`${name}: the doctor finds nothing to advise`, async () => {
    await behind(start, flagsOf(file), async (proxy) => {
      const examined = async () => {
        const diagnosis = diagnose(await examine({ url: proxy.url, WebSocket, times: { cap: 2000 } }));
        const said = inWords(diagnosis, words);
        return { isBusy: said.some(({ id }) => id === 'busy'), transport: diagnosis.transport, works: diagnosis.works, advice: said.filter(({ advice }) => advice) };
      };
      const right = { transport: 'websocket', works: { websocket: true, sse: true, poll: true }, advice: [] };
      // What a computer measured that could not keep up with itself says nothing about the proxy: then it is asked again.
      for (let tries = 1; ; ++tries) {
        const { isBusy, ...found } = await examined();
        if (isBusy && tries < kTries && !isDeepStrictEqual(found, right)) continue;
        assert.deepEqual(found, right);
        break;
      }
    });
  });
}

test('a proxy that writes its own Host: --public-origin', async () => {
  const bare = (server) => Proxy.start('nginx', (file) => ['-c', file], ({ port, folder: state }) => nginxAround(
    `server { listen 127.0.0.1:${port} ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key}; location / { proxy_pass http://${server.authority}; } }`, state));
  const open = () => ({ key: makeKey(), open: {}, wait: 0 });
  const ask = (proxy, origin) => fetchJson(proxy, '/v1/poll', open(), { headers: { Host: 'call.example.org', Origin: origin } });
  await behind(bare, ['--public-origin', 'https://call.example.org'], async (proxy) => {
    assert.equal((await ask(proxy, 'https://call.example.org')).status, 200);
    assert.equal((await ask(proxy, 'https://evil.example')).status, 403);
  });
  await behind(bare, [], async (proxy) => { assert.equal((await ask(proxy, 'https://call.example.org')).status, 403); });
});

test('the unit is one that systemd understands', async (t) => {
  const unit = join(folder, 'sigway.service');
  execFileSync('sh', ['-c', `sed "s|/usr/bin/sigway|${process.env.SIGWAY_BINARY}|" ${join(kSource, 'docs/deploy/sigway.service')} > ${unit}`]);
  const { stdout, stderr } = await run('systemd-analyze', ['verify', unit]).catch((error) => (error.code === 'ENOENT' ? t.skip('no systemd-analyze') ?? error : error));
  if (stdout === undefined) return;
  assert.equal(`${stdout}${stderr}`, '');
});
