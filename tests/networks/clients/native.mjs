// The C++ client as the bed drives it: `sigway join` as a child, JSON lines both ways. The seam is described in javascript.mjs.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const kTypesToNote = new Set(['peer-joined', 'peer-left', 'peer-suspended', 'peer-resumed', 'full', 'place-lost']);
const kEnd = 4000;

export function start({ url, room, name, transport = 'auto' }, hooks) {
  const child = spawn(process.env.SIGWAY_BINARY ?? 'sigway',
    ['join', room, '--url', url, '--name', name, '--transport', transport, '--no-memory', '--verbose'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let closing = false, used = null, said = 0;
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);

  const ended = new Promise((resolve) => child.on('close', (code, signal) => {
    process.off('exit', kill);
    if (!closing) hooks.closed('exit', `sigway join ended: ${signal ?? code}`);
    resolve();
  }));
  child.on('error', (error) => hooks.closed('spawn', error.message));
  child.stdin.on('error', () => {});   // it has ended, which is told above

  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = JSON.parse(line);
    if (event.from !== undefined) return hooks.heard(event.data);
    if (event.type === 'created') hooks.attached();
    else if (event.type === 'joined') hooks.attached();
    else if (event.type === 'ready') hooks.ready();
    else if (event.type === 'reset') {
      hooks.note(`reset: ${event.reason}`);
      hooks.reset(event.lost);
    } else if (event.type === 'error') hooks.refused(event.re, event.code);
    else if (kTypesToNote.has(event.type)) hooks.note(line);
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    const text = line.replace('sigway join: ', '');
    hooks.note(text);
    const found = /^events come by (\w+) now/.exec(text);
    if (found) hooks.transport(used = found[1]);
  });

  return {
    get transport() { return used; },
    // Each line is one message, and the ids of messages count them.
    say(data) {
      child.stdin.write(`${JSON.stringify({ type: 'message', data })}\n`);
      return ++said;
    },
    // Politely, as its user would, and by force if it does not.
    async close() {
      closing = true;
      child.kill('SIGTERM');
      const timer = setTimeout(kill, kEnd);
      await ended;
      clearTimeout(timer);
    },
  };
}
