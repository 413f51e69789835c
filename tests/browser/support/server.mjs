// A server process for the browser tests, with the test pages as its web root.

import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const kSource = process.env.SIGWAY_SOURCE ?? fileURLToPath(new URL('../../..', import.meta.url));
const kBinary = process.env.SIGWAY_BINARY ?? join(kSource, 'build/release/bin/sigway');

export class Server {
  // Copies, not links: the server follows no link out of its web root.
  static async start(...flags) {
    const server = new Server();
    server.root = mkdtempSync(join(tmpdir(), 'sigway-pages-'));
    cpSync(join(kSource, 'tests/browser/pages'), server.root, { recursive: true });
    cpSync(join(kSource, 'web/client'), join(server.root, 'client'), { recursive: true });
    server.process = spawn(kBinary, ['--port', '0', '--web-root', server.root, '--log-level', 'warn', ...flags],
      { stdio: ['ignore', 'pipe', 'pipe'] });
    server.said = '';
    server.process.stderr.setEncoding('utf8').on('data', (text) => { server.said += text; });
    server.exited = new Promise((resolve) => server.process.once('close', (code, signal) => resolve(code ?? signal)));
    server.process.on('error', (error) => { server.said += `${error}\n`; });
    for await (const line of createInterface({ input: server.process.stdout })) {
      server.url = /^sigway listening on (https?:\/\/.*:\d+)$/.exec(line)?.[1];
      if (server.url) return server;
    }
    throw new Error(`${kBinary} did not start: ${server.said}`);
  }

  get port() {
    return new URL(this.url).port;
  }

  // Asks it to end, and gives its exit code: 0 unless something broke in it, a sanitizer's report included.
  async stop() {
    this.process.kill('SIGINT');
    const code = await this.exited;
    rmSync(this.root, { recursive: true, force: true });
    return code;
  }
}
