// What is run: scenarios with their sizes, and the servers that take part.

export const kTransports = ['websocket', 'sse', 'poll'];

// `figure` is what the table shows first, with its unit. Sizes are options of bench_load.
export const kScenarios = {
  pairs: { title: 'relaying, as fast as it goes', figure: 'cpu_us', unit: 'CPU µs a message', size: { rooms: 1000, seconds: 2 } },
  rate: { title: '2,000 messages a second', figure: 'cpu_us', unit: 'CPU µs a message', also: 'p50_us', size: { rooms: 1000, rate: 2000, seconds: 3 } },
  'fan-out': { title: 'rooms of 20, one speaks', figure: 'cpu_us', unit: 'CPU µs a delivery', size: { rooms: 50, members: 20, seconds: 2 } },
  open: { title: 'connect, session, join, ready', figure: 'cpu_us', unit: 'CPU µs a member', size: { rooms: 2000 } },
  churn: { title: 'leave and come back', figure: 'cpu_us', unit: 'CPU µs a cycle', size: { rooms: 100, seconds: 2 } },
  storm: { title: 'create-or-join requests', figure: 'cpu_us', unit: 'CPU µs a request', also: 'p99_us', size: { rooms: 1000, seconds: 2 } },
  switch: { title: 'transports change under load', figure: 'cpu_us', unit: 'CPU µs a message', also: 'p99_us', size: { rooms: 1000, rate: 2000, 'switch-rate': 200, seconds: 3 } },
  idle: { title: 'members that say nothing', figure: 'bytes', unit: 'bytes resident a member', size: { rooms: 2000, seconds: 2 } },
};

const kRelaying = ['pairs', 'rate', 'fan-out', 'open', 'churn', 'idle'];
// Where a server keeps those who are gone for a while, they do not come and go.
const kStaying = ['pairs', 'rate', 'fan-out', 'open', 'idle'];

// `target` is what bench_load speaks to it. The floor's polls are answered by messages alone: nothing shows when one has come in,
// and it knows joins on no transport; a storm there is requests of the same size that reach nobody.
export const kServers = {
  sigway: { target: 'native', scenarios: { websocket: Object.keys(kScenarios), sse: Object.keys(kScenarios), poll: Object.keys(kScenarios) } },
  floor: {
    target: 'floor',
    scenarios: { websocket: kRelaying, sse: [...kRelaying, 'storm'], poll: ['pairs', 'rate', 'fan-out', 'open', 'storm', 'idle'] },
  },
  ws: { target: 'ws', scenarios: { websocket: kRelaying } },
  'socket.io': { target: 'socketio', scenarios: { websocket: kRelaying, poll: kStaying } },
  sockjs: { target: 'sockjs', scenarios: { websocket: kRelaying, sse: kStaying, poll: kStaying } },
  peerjs: { target: 'peerjs', scenarios: { websocket: ['pairs', 'rate', 'open', 'churn', 'idle'] } },
  nchan: {
    target: 'nchan',
    scenarios: { websocket: kRelaying, sse: kRelaying, poll: kStaying },
  },
};

// A moment of each, which shows that the tools work and that nothing is lost.
const kSmoke = { rooms: 4, seconds: 0.05, 'warm-up': 0, settle: 0.05, rate: 400, 'switch-rate': 100 };
const kSmokeMembers = 5;

/** Options of bench_load for a scenario. */
export function sizeOf(scenario, smoke) {
  const { size } = kScenarios[scenario];
  if (!smoke) return size;
  return { ...kSmoke, ...(size.members && { members: kSmokeMembers }) };
}

/** The runs of one round: servers take turns within each scenario and transport. */
export function runsOf({ servers, transports, scenarios }) {
  const runs = [];
  for (const scenario of scenarios) {
    for (const transport of transports) {
      for (const server of servers) {
        if (kServers[server].scenarios[transport]?.includes(scenario)) runs.push({ scenario, transport, server });
      }
    }
  }
  return runs;
}
