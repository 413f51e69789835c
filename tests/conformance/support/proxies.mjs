// Proxies as Debian packages them, each as a process with a configuration of its own in a temporary folder.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, chmodSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { within } from './patience.mjs';
import { startProcess } from './process.mjs';
import { freePort } from '../../support/free_port.mjs';

// Until `signal` is aborted.
async function accepts(port, signal) {
  while (!signal.aborted) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await setTimeout(20);
    } finally {
      socket.destroy();
    }
  }
}

// `configure` makes the configuration's text from {port, folder}; `command` the program's arguments.
export class Proxy {
  static async start(program, args, configure) {
    const proxy = new Proxy();
    const folder = mkdtempSync(join(tmpdir(), 'sigway-proxy-'));
    chmodSync(folder, 0o777);   // some of them give up root
    const port = await freePort();
    const file = join(folder, 'conf');
    writeFileSync(file, configure({ port, folder }));
    const { child, exit } = startProcess(program, args(file), ['ignore', 'pipe', 'pipe']);
    proxy.log = '';
    for (const output of [child.stdout, child.stderr]) output.on('data', (text) => { proxy.log += text; });
    Object.assign(proxy, { folder, child, exit, host: '127.0.0.1', port, authority: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}` });
    // The last output comes before `close`, but a child of the proxy that outlives it delays that.
    const closed = once(child, 'close').catch(() => {});
    const died = exit.then(async ([code, signal]) => {
      await Promise.race([closed, setTimeout(1000, undefined, { ref: false })]);
      throw new Error(`${program} ended with ${signal ?? code}: ${proxy.log}`);
    });
    died.catch(() => {});
    const attempt = new AbortController();
    try {
      await within(Promise.race([accepts(port, attempt.signal), died]), () => `${program} to listen: ${proxy.log}`);
    } catch (error) {
      await proxy.stop();
      throw error;
    } finally {
      attempt.abort();
    }
    return proxy;
  }

  async stop() {
    this.child.kill('SIGTERM');
    // Squid takes more than a second, and removes its shared memory last.
    const ended = this.exit.catch(() => {});   // it fails where the program is not installed
    await Promise.race([ended, setTimeout(10000, undefined, { ref: false })]);
    this.child.kill('SIGKILL');   // does nothing where it has ended
    await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function nginx(location) {
  return Proxy.start('nginx', (file) => ['-c', file, '-p', '/tmp'], ({ port, folder }) => `
daemon off;
worker_processes 1;
error_log stderr;
pid ${folder}/pid;
events {}
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    location / { ${location} }
  }
}
`);
}

export function haproxy(server, timeout = '30s') {
  return Proxy.start('haproxy', (file) => ['-db', '-f', file], ({ port }) => `
defaults
  mode http
  timeout connect 5s
  timeout client ${timeout}
  timeout server ${timeout}
  timeout tunnel ${timeout}
frontend in
  bind 127.0.0.1:${port}
  default_backend out
backend out
  server sigway ${server.authority}
`);
}

export async function squid(server) {
  // Squid names its shared memory after its service, for the whole machine: with the default name it ends where the memory of another
  // user's squid is. It takes letters and digits only.
  const service = `sigway${randomBytes(8).toString('hex')}`;
  const proxy = await Proxy.start('squid', (file) => ['-N', '-n', service, '-f', file], ({ port, folder }) => `
http_port 127.0.0.1:${port}
acl sigway port ${server.port}
http_access allow sigway
http_access deny all
cache deny all
access_log none
cache_log stdio:/dev/stderr
pid_filename none
pinger_enable off
coredump_dir ${folder}
shutdown_lifetime 0 seconds
visible_hostname proxy.test
`);
  return Object.assign(proxy, { service });
}

export function tinyproxy(server) {
  return Proxy.start('tinyproxy', (file) => ['-d', '-c', file], ({ port }) => `
Port ${port}
Listen 127.0.0.1
Timeout 30
MaxClients 100
Allow 127.0.0.1
ConnectPort ${server.port}
LogLevel Warning
`);
}

// A port of ours behind which each connection goes through the proxy by CONNECT, as a browser does it for
// WebSockets and for TLS: the server, as a client sees it through the proxy.
export async function tunnelled(proxy, server) {
  const sockets = new Set();
  const entrance = createServer((near) => {
    const far = connect(proxy.port, proxy.host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => { sockets.delete(socket); near.destroy(); far.destroy(); });
    }
    let head = '';
    far.write(`CONNECT ${server.authority} HTTP/1.1\r\nHost: ${server.authority}\r\n\r\n`);
    far.on('data', function read(bytes) {
      head += bytes.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      far.off('data', read);
      if (!/^HTTP\/1\.[01] 200/.test(head)) return near.destroy();
      near.write(head.slice(end + 4), 'latin1');
      near.pipe(far).pipe(near);
    });
  }).listen(0, '127.0.0.1');
  await once(entrance, 'listening');
  const { port } = entrance.address();
  const scheme = server.url.split(':')[0];
  return {
    host: '127.0.0.1', port, authority: `127.0.0.1:${port}`, url: `${scheme}://127.0.0.1:${port}`,
    close: () => { entrance.close(); for (const socket of sockets) socket.destroy(); },
  };
}
