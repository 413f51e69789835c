// A verb of the command line as a child: what it printed, and how it ended.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

const kPatience = 60000;

export class Child {
  out = '';
  err = '';
  #waiting = [];

  constructor(binary, args, env = {}) {
    this.process = spawn(binary, args, { env: { ...process.env, ...env } });
    const kill = () => this.process.kill('SIGKILL');
    process.once('exit', kill);
    this.process.stdin.on('error', () => {});   // it may have ended
    this.process.stdout.on('data', (text) => { this.out += text; this.#look(); });
    this.process.stderr.on('data', (text) => { this.err += text; this.#look(); });
    this.ended = once(this.process, 'close').then(([code, signal]) => {
      process.off('exit', kill);
      this.#look(true);
      return code ?? signal;
    });
  }

  get events() { return this.out.split('\n').slice(0, -1).map((line) => JSON.parse(line)); }

  say(...messages) {
    for (const message of messages) this.process.stdin.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`);
  }

  end() { this.process.stdin.end(); }

  // The first event of that type.
  async event(type) {
    return this.until(() => this.events.find((event) => event.type === type), type);
  }

  async until(condition, what) {
    const found = condition();
    if (found) return found;
    const waiting = { condition };
    const told = new Promise((resolve, reject) => Object.assign(waiting, { resolve, reject }));
    this.#waiting.push(waiting);
    const timer = setTimeout(() => waiting.reject(new Error(`no ${what}: ${this.out}${this.err}`)), kPatience);
    return told.finally(() => clearTimeout(timer));
  }

  async exit() {
    const timer = setTimeout(() => this.process.kill('SIGKILL'), kPatience);
    return this.ended.finally(() => clearTimeout(timer));
  }

  #look(over = false) {
    this.#waiting = this.#waiting.filter(({ condition, resolve, reject }) => {
      const found = condition();
      if (found) resolve(found);
      else if (over) reject(new Error(`it ended: ${this.out}${this.err}`));
      return !found && !over;
    });
  }
}
