// A program at a pseudo-terminal, which `script` makes, and a person who types and reads.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Inbox, within } from '../../conformance/support/patience.mjs';
import { isSecure } from './gateway.mjs';
import { wsUrl } from './clients.mjs';

const kModules = createRequire(import.meta.url);
const kWscat = join(dirname(kModules.resolve('wscat/package.json')), 'bin/wscat');
const kControls = /\x1b\[[0-9;?]*[A-Za-z]|\r/g;   // colours and movements of the cursor

export class Terminal {
  lines = new Inbox();
  shown = '';
  #rest = '';

  constructor(t, command) {
    const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    this.process = spawn('script', ['-qefc', quoted, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, TERM: 'xterm' } });
    this.process.stdin.on('error', () => {});
    this.process.stdout.setEncoding('utf8').on('data', (text) => this.#show(text));
    this.ended = once(this.process, 'close').then(([code]) => {
      this.lines.fail(new Error(`the program ended with ${code}: ${this.shown}`));
      return code;
    });
    t.after(() => this.process.kill('SIGKILL'));
  }

  #show(text) {
    this.shown += text;
    this.#rest += text;
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop();
    for (const line of lines) this.lines.put(line.replace(kControls, ''));
  }

  type(line) {
    this.process.stdin.write(`${line}\r`);
  }

  async interrupt() {
    this.process.stdin.write('\x03');
    return within(this.ended, () => 'the end of the program after Ctrl-C');
  }

  // What the next line that matches has in its parentheses.
  async line(pattern) {
    for (;;) {
      const match = pattern.exec(await this.lines.take(() => `${pattern}; shown: ${this.shown}`));
      if (match) return match[1];
    }
  }
}

// npm wscat as it is installed.
export class Wscat extends Terminal {
  static async open(t, server, path) {
    const wscat = new Wscat(t, [process.execPath, kWscat, ...(isSecure ? ['-n'] : []), '-c', wsUrl(server, path)]);
    await wscat.line(/^(Connected)/);
    return wscat;
  }

  say(message) { this.type(message); }
  next() { return this.line(/< (.*)$/); }
  close() { this.process.kill('SIGKILL'); }
}
