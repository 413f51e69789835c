// slow_reader.pl as a process.

import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startProcess } from '../../conformance/support/process.mjs';
import { within } from '../../conformance/support/patience.mjs';

const kReader = fileURLToPath(new URL('slow_reader.pl', import.meta.url));

// {port: its own, stop(), result: what it says at its end, exit}
export async function slowReader({ port: of }, path, requests, rate, headers = []) {
  const { child, exit } = startProcess('perl', [kReader, of, path, requests, rate, ...headers].map(String), ['pipe', 'pipe', 'inherit']);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const [, port] = /^open (\d+)$/.exec((await within(lines.next(), () => 'a reader')).value);
  return { port: Number(port), exit, stop: () => child.stdin.end(), result: lines.next().then(({ value }) => value) };
}
