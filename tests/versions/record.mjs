// Records what a server answers, for v1/answers.json:
//
//   node record.mjs BINARY > v1/answers.json

import { answers } from './answers.mjs';
import { LiveServer } from './live_server.mjs';

const server = await LiveServer.start(process.argv[2]);
const lines = Object.entries(await answers(server)).map(([kind, names]) => `  ${JSON.stringify(kind)}: ${JSON.stringify(names)}`);
console.log(`{\n${lines.join(',\n')}\n}`);
await server.stop();
