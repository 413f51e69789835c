// The server under test: the real binary with short deadlines, and what can be read off it from outside.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

export class Server {
  log = '';

  static async start(binary, flags, wanted = 0) {
    const server = new Server();
    server.process = spawn(binary, ['--port', String(wanted), '--log-level', 'warn', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
    server.process.stderr.on('data', (text) => { server.log += text; });
    const kill = () => server.process.kill('SIGKILL');
    process.once('exit', kill);   // whatever ends us
    server.process.once('exit', () => process.off('exit', kill));
    server.exit = once(server.process, 'exit');
    const lines = createInterface({ input: server.process.stdout });
    const line = await Promise.race([once(lines, 'line').then(([text]) => text), server.exit.then(() => '')]);
    const [, host, port] = /^sigway listening on http:\/\/(.*):(\d+)$/.exec(line) ?? [];
    if (!port) throw new Error(`the server did not start: ${line} ${server.log}`);
    return Object.assign(server, { host, port: Number(port) });
  }

  // Sums over labels: {sigway_sessions: 3, …}.
  async metrics() {
    const text = await (await fetch(`http://${this.host}:${this.port}/metrics`, { headers: { Connection: 'close' } })).text();
    const sums = {};
    for (const [, name, value] of text.matchAll(/^([a-z_]+)(?:{.*})? (\S+)$/gm)) sums[name] = (sums[name] ?? 0) + Number(value);
    return sums;
  }

  // In KiB.
  get memory() {
    return Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${this.process.pid}/status`, 'utf8'))[1]);
  }

  // Sanitizers keep freed memory on purpose.
  get isSanitized() {
    return /__asan_init|__tsan_init/.test(readFileSync(`/proc/${this.process.pid}/exe`, 'latin1'));
  }

  // The exit code, or the name of a signal.
  async stop(signal = 'SIGTERM') {
    this.process.kill(signal);
    const [code, by] = await this.exit;
    return code ?? by;
  }
}
