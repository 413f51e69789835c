// All browser tests in one process, so that they share one browser; or those named on the command line.

import { readdirSync } from 'node:fs';
import { after } from 'node:test';
import { closeBrowser } from './support/browser.mjs';

const named = process.argv.slice(2);
const files = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.test.mjs') && (!named.length || named.some((name) => file.includes(name))));
if (!files.length) throw new Error(`no such tests: ${named.join(' ')}`);

after(closeBrowser);
for (const file of files.sort()) await import(`./${file}`);
