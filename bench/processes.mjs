// Processes that end with this one, however it ends: the kernel kills them when their parent is gone.

import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';

export const isInstalled = (command) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;

/** Starts a program on a core (null: any). */
export function start(core, command, options = {}) {
  const pinned = core === null ? command : ['taskset', '-c', String(core), ...command];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...pinned], { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  child.errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => { child.errors = (child.errors + text).slice(-4000); });
  child.ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code)));
  child.once('error', (error) => { child.errors += error.message; });
  return child;
}

/** The first line that matches, as match; throws if the program ends before. */
export async function lineOf(child, pattern) {
  const lines = createInterface(child.stdout);
  const found = new Promise((resolve) => lines.on('line', (line) => { const match = pattern.exec(line); if (match) resolve(match); }));
  const ended = child.ended.then((code) => { throw new Error(`${child.spawnargs.at(-1)} ended with ${code}: ${child.errors}`); });
  ended.catch(() => {});
  return Promise.race([found, ended]);
}

/** Everything that it prints; throws if it does not end well. */
export async function outputOf(child) {
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part) => { text += part; });
  const code = await child.ended;
  if (code !== 0) throw new Error(child.errors.trim() || `ended with ${code}`);
  return text;
}

export async function stop(child) {
  child.kill('SIGKILL');
  await child.ended;
}
