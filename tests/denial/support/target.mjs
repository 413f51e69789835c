// The server that is attacked, and what has to be true of it afterwards.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fetchJson } from '../../conformance/support/members.mjs';
import { within } from '../../conformance/support/patience.mjs';
import { Server } from '../../conformance/support/server.mjs';
import { isSanitized, MiB } from './load.mjs';
import { Talk } from './talk.mjs';

const kQuietMs = 500;
const kTicks = 100;   // of /proc/PID/stat, a second

// One shard: an attack that stops a shard stops everybody. Under a sanitizer several, because races are looked for. A pair
// is not suspended where it is its own thread that was kept waiting.
const kFlags = ['--shards', isSanitized ? '3' : '1', '--message-rate', '0', '--drain-time', '100ms', '--suspend-after', '60s'];

export class Target {
  static async start(flags = [], options = {}) {
    const target = new Target();
    target.server = await Server.start([...kFlags, ...flags], options);
    target.pid = target.server.process.pid;
    return target;
  }

  // The server as another address sees it.
  from(localAddress) {
    return Object.create(this.server, { localAddress: { value: localAddress } });
  }

  #status(field) {
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${this.pid}/status`, 'latin1'))[1]) * 1024;
  }

  get resident() { return this.#status('VmRSS'); }
  get mapped() { return this.#status('VmSize'); }

  // Asserts that resident memory has at no moment grown by more than `most` bytes since `before`.
  grewByLess(before, most) {
    if (isSanitized) return;
    const growth = this.#status('VmHWM') - before;
    assert.ok(growth < most, `resident memory grew by ${(growth / MiB).toFixed(1)} MiB, more than ${most / MiB} MiB`);
  }

  cpuSeconds() {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ');
    return (Number(fields[11]) + Number(fields[12])) / kTicks;
  }

  // Values of /metrics by name with labels; asked from an address that has nothing to do with the attack.
  async metrics(server = this.from('127.0.0.9')) {
    const { status, text } = await fetchJson(server, '/metrics', undefined, { method: 'GET' });
    assert.equal(status, 200);
    return Object.fromEntries(text.split('\n').filter((line) => /^[a-z]/.test(line)).map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }));
  }

  // {outbox, inbox, mailbox, input, output, file, topics, registry, transit} in bytes, and their sum as `total`.
  async memory() {
    const metrics = await this.metrics();
    const parts = Object.fromEntries(['outbox', 'inbox', 'mailbox', 'input', 'output', 'file', 'topics', 'registry', 'transit'].map((part) => {
      const bytes = metrics[`sigway_memory_bytes{part="${part}"}`];
      assert.ok(bytes >= 0, `/metrics shows no sigway_memory_bytes{part="${part}"}`);
      return [part, bytes];
    }));
    return { ...parts, total: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) };
  }

  async ended(reason) {
    return (await this.metrics())[`sigway_sessions_ended_total{reason="${reason}"}`];
  }

  async answers(what = 'after the attack') {
    const { status, text } = await fetchJson(this.from('127.0.0.9'), '/healthz', undefined, { method: 'GET' })
      .catch((error) => assert.fail(`no answer to /healthz ${what}: ${error.message}`));
    assert.deepEqual([status, text], [200, 'ok\n'], what);
  }

  // A shard that spins uses all of a core for ever. What is still to be done for an attack may take a while.
  async isIdle(what = 'after the attack', patience = 60000) {
    for (const began = Date.now(); ;) {
      const before = this.cpuSeconds();
      const from = Date.now();
      await pause(kQuietMs);
      const share = (this.cpuSeconds() - before) / ((Date.now() - from) / 1000);
      if (share < 0.5) return;
      if (Date.now() - began > patience) assert.fail(`the server uses ${(share * 100).toFixed(0)} % of a core ${what}, and nobody asks anything`);
    }
  }

  // When the attack is over and nobody asks anything any more.
  async survives() {
    await this.answers();
    await this.isIdle();
    await this.stop();
  }

  async stop() {
    this.server.process.kill('SIGTERM');
    const [code, signal] = await within(this.server.exit, () => 'the end of the server after SIGTERM').catch((error) => {
      this.server.process.kill('SIGKILL');
      throw error;
    });
    assert.equal(signal ?? code, 0, this.server.log);
    assert.doesNotMatch(this.server.log, /Sanitizer|runtime error/);
  }

  kill() {
    this.server.process.kill('SIGKILL');
  }
}

// The pairs of talk.mjs talk while `attack(target, talk)` runs, and for a while after it; then the server must be as good
// as before. `talk` has the options of Talk.start, `start` those of Server.start.
export async function attacked(flags, attack, { talk: options, start } = {}) {
  const target = await Target.start(flags, start);
  let talk;
  try {
    talk = await Talk.start(target.from('127.0.0.8'), options);
    await attack(target, talk);
    await talk.rounds(5);
    await talk.stop();
    await target.survives();
  } finally {
    talk?.close();
    target.kill();
  }
}
