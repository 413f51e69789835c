// A server whose cost is counted: starts it, and tells when it is at rest.

import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

// Whatever a clock decides would differ from run to run, so every timer that a run could meet is long.
export const kFlags = ['--port', '0', '--shards', '1', '--log-level', 'error', '--message-rate', '0', '--join-rate', '0', '--drain-time', '0',
  '--ping-interval', '1h', '--poll-hold', '1h', '--stream-max-age', '0', '--stream-max-bytes', '1GiB', '--keep-alive', '1h',
  '--ack-deadline', '1h', '--standby-timeout', '1h'];

const running = new Set();
process.on('exit', () => { for (const server of running) server.remove(); });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

export class ServerProcess {
  /** `launch(folder)` gives what stands before the binary, and the environment: {command, env}. The folder is the run's own. */
  async start(binary, launch) {
    this.folder = mkdtempSync(join(tmpdir(), 'sigway-bench-'));
    const { command = [], env = {} } = launch(this.folder);
    // The kernel ends the server with us, however we end.
    this.process = spawn('setpriv', ['--pdeathsig', 'KILL', ...command, binary, ...kFlags],
      { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
    running.add(this);
    this.exit = new Promise((resolve) => {
      this.process.once('exit', (code, signal) => resolve(signal ?? code));
      this.process.once('error', (error) => resolve(`${error.message}; setpriv is in the package util-linux`));
    });
    const line = await Promise.race([
      new Promise((resolve) => createInterface(this.process.stdout).once('line', resolve)),
      this.exit.then((code) => `nothing, and ended with ${code}`),
    ]);
    this.port = Number(/^sigway listening on http:.*:(\d+)$/.exec(line)?.[1]);
    if (!this.port) throw new Error(`${binary} said ${line}`);
    return this;
  }

  // Resolves when every thread sleeps. What was written to a socket of the server before has woken its thread by then,
  // because the loopback device delivers within the write; so all of it has been dealt with, and in a turn of its own.
  async rest() {
    const tasks = `/proc/${this.process.pid}/task`;
    for (let quiet = 0; quiet < 3;) {
      const isAsleep = readdirSync(tasks).every((task) => / S /.test(readFileSync(`${tasks}/${task}/stat`, 'latin1').replace(/^.*\)/, '')));
      quiet = isAsleep ? quiet + 1 : 0;
      await new Promise(setImmediate);
    }
  }

  async end() {
    this.process.kill('SIGINT');
    const code = await this.exit;
    if (code !== 0) throw new Error(`the server ended with ${code}`);
  }

  remove() {
    running.delete(this);
    this.process.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
