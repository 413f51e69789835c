// The figures that the budget limits: counted, so that the load of the machine changes nothing.

import { MeasuredServer } from './callgrind.mjs';
import { exchange, kMembers, openPairs, restAll } from './exchange.mjs';
import { HeapServer } from './heap.mjs';

export const kFigures = {
  instructions: 'instructions a message',
  allocations: 'allocations a message',
  idle_bytes: 'bytes on the heap of an idle connection',
};

// Two runs of one binary differ by less than 0.3 % from these numbers on; beside twenty busy processes by 1.5 %.
const kFewMessages = 100, kManyMessages = 500;
const kFewPairs = 50, kMorePairs = 150;

async function costOf(binary, transport, messages) {
  const server = await MeasuredServer.start(binary);
  try {
    await exchange(server, transport, 1, messages);
    return await server.stop();
  } finally {
    server.remove();
  }
}

// A member with its session and its half of a room, once it is open and says nothing.
async function idleBytes(binary, heapCounter, transport) {
  const server = await HeapServer.start(binary, heapCounter);
  try {
    const pairs = await openPairs(server, transport, kFewPairs);
    const settled = async () => {
      restAll(pairs);
      // The server sees the ends of the connections when they come; the last ones may come after its first rest.
      for (let i = 0; i < 20; ++i) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        await server.rest();
      }
      return server.bytes();
    };
    const few = await settled();
    pairs.push(...await openPairs(server, transport, kMorePairs, kFewPairs));
    const many = await settled();
    for (const member of pairs.flat()) member.down.socket.destroy();
    return (many - few) / (2 * kMorePairs);
  } finally {
    server.remove();
  }
}

/** {transport: {instructions, allocations, idle_bytes}} */
export async function measureFigures(binary, heapCounter) {
  const measured = {};
  for (const transport of Object.keys(kMembers)) {
    // Two at a time: counts do not depend on what runs beside them.
    const [few, many] = await Promise.all([costOf(binary, transport, kFewMessages), costOf(binary, transport, kManyMessages)]);
    const each = (what) => (many[what] - few[what]) / (kManyMessages - kFewMessages);
    measured[transport] = {
      instructions: Math.round(each('instructions')),
      allocations: Number(each('allocations').toFixed(2)),
      idle_bytes: Math.round(await idleBytes(binary, heapCounter, transport)),
    };
  }
  return measured;
}
