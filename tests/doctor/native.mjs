// `sigway doctor URL --json` as a process.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const kBinary = process.env.SIGWAY_BINARY ?? fileURLToPath(new URL('../../build/bin/sigway', import.meta.url));

// Its exit status says whether something works, so it is no failure of the program.
export function runDoctor(args, options = {}) {
  return new Promise((resolve, reject) => {
    execFile(kBinary, ['doctor', ...args], { timeout: 90000, maxBuffer: 1 << 24, ...options }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error);
      else resolve({ status: error?.code ?? 0, stdout, stderr });
    });
  });
}

export async function nativeDoctor(url, { cap }) {
  const { status, stdout, stderr } = await runDoctor([url, '--json', '--no-proxy', '--watch', `${cap}ms`]);
  if (stdout === '') throw new Error(`sigway doctor ended with ${status}: ${stderr}`);
  const { measurements, ...diagnosis } = JSON.parse(stdout);
  if ((status === 0) !== (diagnosis.transport !== null)) throw new Error(`exit status ${status} with ${diagnosis.transport}`);
  return { measurements, diagnosis };
}
