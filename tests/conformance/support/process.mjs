// Processes that do not outlive the one that started them.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

const running = new Set();
export const killAll = () => { for (const child of running) child.kill('SIGKILL'); };
process.on('exit', killAll);

export function startProcess(command, args, stdio) {
  const child = spawn(command, args, { stdio });
  running.add(child);
  const exit = once(child, 'exit').finally(() => running.delete(child));
  return { child, exit };
}
