// The table "What bad input gets" of docs/protocol.md: [{what, http, websocket, code}].

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const kDocument = fileURLToPath(new URL('../../../docs/protocol.md', import.meta.url));

export function badInputTable() {
  const [, chapter] = readFileSync(kDocument, 'utf8').split('## What bad input gets\n');
  const rows = chapter.split('\n').filter((line) => line.startsWith('| ')).slice(1);
  return rows.map((line) => {
    const [what, http, websocket, code] = line.split('|').slice(1).map((cell) => cell.trim());
    return { what, http, websocket, code: code.replaceAll('`', '') };
  });
}
