// The real binary as a process of its own, on a port that the system picks.

import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after } from 'node:test';
import { killAll, startProcess } from './process.mjs';

const kBinary = process.env.SIGWAY_BINARY;
if (!kBinary) throw new Error('SIGWAY_BINARY has to say where the server is');

// A test that failed has not stopped its server, whose connections would keep this process alive. Files have
// hooks of their own that stop theirs in order; this comes well after them.
after(() => { setTimeout(killAll, 20000).unref(); });

function placeOf(line) {
  const [, url, port, dialect] = /^sigway listening on (https?:\/\/\S*:(\d+))(?: \(([a-z0-9-]+)\))?$/.exec(line) ?? [];
  return port ? { url, host: '127.0.0.1', port: Number(port), authority: `127.0.0.1:${port}`, dialect } : null;
}

export class Server {
  log = '';
  lines = [];   // of standard output

  // `flags` go to the server; `under` is a command that starts it ("prlimit --nofile=64").
  static async start(flags = [], { under = [] } = {}) {
    const server = new Server();
    const [command, ...args] = [...under, kBinary, '--port', '0', '--log-level', 'warn', ...flags];
    const { child, exit } = startProcess(command, args, ['ignore', 'pipe', 'pipe']);
    Object.assign(server, { process: child, exit });
    server.process.stderr.on('data', (text) => { server.log += text; });
    const lines = createInterface({ input: server.process.stdout });
    // All of them, for those after the first come in the same turn.
    lines.on('line', (text) => server.lines.push(text));
    const line = await Promise.race([
      once(lines, 'line').then(([text]) => text),
      server.exit.then(() => ''),
    ]);
    const place = placeOf(line);
    if (!place) throw new Error(`the server did not start: ${line} ${server.log}`);
    return Object.assign(server, place);
  }

  // Where else it can be asked: by the ports of --listen. All are told of at once.
  furtherPorts() {
    return this.lines.slice(1).map(placeOf);
  }

  // Resolves with the exit code, or the name of the signal that ended it. Every test file checks
  // that it is 0: whatever was done to the server, it went on until it was told to stop.
  async stop() {
    this.process.kill('SIGINT');
    const [code, signal] = await this.exit;
    return signal ?? code;
  }
}
