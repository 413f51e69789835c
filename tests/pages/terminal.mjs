// A member without WebRTC: `curl -N` on a room, and `curl -d` with the key that it prints.

import assert from 'node:assert/strict';
import { kPatience } from './support.mjs';

const all = new Set();

export class Terminal {
  text = '';
  #origin;
  #abort = new AbortController();

  static async join(url, name) {
    const terminal = new Terminal();
    all.add(terminal);
    const { origin, pathname } = new URL(url);
    terminal.#origin = origin;
    const answer = await fetch(`${origin}/v1/sse?room=${pathname.slice('/r/'.length)}&name=${encodeURIComponent(name)}`, { signal: terminal.#abort.signal });
    terminal.#read(answer.body).catch(() => {});
    await terminal.sees(/"key":"[^"]+"/);
    return terminal;
  }

  async #read(body) {
    const decoder = new TextDecoder();
    for await (const bytes of body) this.text += decoder.decode(bytes, { stream: true });
  }

  async sees(pattern) {
    for (const end = Date.now() + kPatience; !pattern.test(this.text);) {
      assert.ok(Date.now() < end, `the terminal does not see ${pattern}: ${this.text}`);
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
  }

  async send(type, data) {
    const [, key] = /"key":"([^"]+)"/.exec(this.text);
    const answer = await fetch(`${this.#origin}/v1/send`, { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body: JSON.stringify({ key, type, data }) });
    assert.equal(answer.status, 200, await answer.text());
  }

  // For afterEach: what a failed test has left open.
  static leaveAll() {
    for (const terminal of [...all]) terminal.leave();
  }

  leave() {
    all.delete(this);
    this.#abort.abort();
  }
}
