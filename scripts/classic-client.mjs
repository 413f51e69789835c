// web/client/ as one file for a classic <script>, dist/sigway.classic.js, which defines `sigway` with everything that sigway.js and
// peer.js export. npm runs it before it packs or publishes the client, and with --remove afterwards: it is not kept. With a path it
// writes that file instead.

import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const client = fileURLToPath(new URL('../web/client/', import.meta.url));
const [, , argument] = process.argv;
if (argument === '--remove') {
  rmSync(`${client}dist`, { recursive: true, force: true });
} else {
  let esbuild;
  try {
    esbuild = createRequire(new URL('../tests/package.json', import.meta.url))('esbuild');
  } catch {
    const installer = fileURLToPath(new URL('install-npm.sh', import.meta.url));
    console.error(`dist/sigway.classic.js is made by esbuild, which is not installed yet. Install it with\n\n  ${installer}\n\nand then run this again.`);
    process.exit(1);
  }
  await esbuild.build({
    stdin: { contents: "export * from './sigway.js';\nexport * from './peer.js';", resolveDir: client },
    bundle: true, format: 'iife', globalName: 'sigway', target: 'es2022', platform: 'browser', legalComments: 'none', charset: 'utf8',
    banner: { js: `// sigway-client ${process.env.npm_package_version ?? ''}: sigway.connect(…), sigway.PeerLink` },
    outfile: argument ?? `${client}dist/sigway.classic.js`, logLevel: 'warning',
    // sigway.js imports its parts by name as well, so that a browser fetches all of them at once.
    logOverride: { 'ignored-bare-import': 'silent' },
  });
}
