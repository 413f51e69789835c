// A server whose heap is counted by heap_counter/.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ServerProcess } from './server_process.mjs';

export function requireHeapCounter(library) {
  if (existsSync(library)) return;
  throw new Error(`${library} is missing; build it: cmake --build build/release --target bench_heap_counter`);
}

export class HeapServer extends ServerProcess {
  static async start(binary, library) {
    return new HeapServer().start(binary, (folder) => ({ env: { LD_PRELOAD: library, SIGWAY_HEAP_COUNT: join(folder, 'heap') } }));
  }

  // Bytes of all blocks that are allocated now.
  bytes() {
    return Number(readFileSync(join(this.folder, 'heap')).readBigUInt64LE());
  }
}
