// Networks whose lines are slow, narrow or short-lived: bytes and time, whatever runs over them.

const kSegment = 1460;           // what TCP sends at a time over Ethernet

// Each way, plus up to `jitter`; making the connection costs a round trip more, as TCP's handshake does.
export const latency = (ms, jitter = 0) => ({
  name: jitter ? 'jitter' : 'latency', says: `${ms}${jitter ? ` to ${ms + jitter}` : ''} ms each way`, delay: 2 * ms + jitter,
  on: (box) => ({
    line: (line) => {
      const give = () => ms + (jitter ? box.random.between(0, jitter) : 0);
      let first = 2 * ms;
      line.up.delays.push(() => {
        const handshake = first;
        first = 0;
        return give() + handshake;
      });
      line.down.delays.push(give);
    },
  }),
});

export const bandwidth = (kilobits) => ({
  name: 'bandwidth', says: `${kilobits} kbit/s each way on each connection`, rate: kilobits * 1000 / 8,
  on: () => ({
    line: (line) => {
      for (const pipe of [line.up, line.down]) Object.assign(pipe, { rate: kilobits * 1000 / 8, segment: kSegment });
    },
  }),
});

// One line for all connections together, each way, first in first out; 40 bytes of headers for each segment. What was given up on the
// way is carried all the same.
export const sharedLine = (bytes) => ({
  name: 'shared-line', says: `${bytes} bytes a second each way, for all connections together`, rate: bytes, waits: 500,
  on: () => {
    const free = { up: 0, down: 0 };
    return {
      line: (line) => {
        for (const way of ['up', 'down']) {
          line[way].segment = kSegment;
          line[way].delays.push((chunk) => {
            const now = performance.now();
            free[way] = Math.max(free[way], now) + ((chunk?.length ?? 0) + 40) * 1000 / bytes;
            return free[way] - now;
          });
        }
      },
    };
  },
});

export const resets = (ms) => ({
  name: 'resets', says: `every connection is reset after ${ms / 1000} s`, loses: true,
  on: (box) => ({
    line: (line) => box.after(ms, () => line.cut({ reset: true })),
  }),
});

export const silenceCut = (ms) => ({
  name: 'silence-cut', says: `a connection on which nothing passes for ${ms / 1000} s is cut`, loses: true,
  on: (box) => ({
    line: (line) => {
      const look = () => {
        if (line.isCut) return;
        const left = line.lastByte + ms - performance.now();
        if (left <= 0) line.cut();
        else box.after(left, look);
      };
      look();
    },
  }),
});

// At these moments (ms since the first connection) the client gets another address: its connections are dead, without a word to
// anybody, and new ones work.
export const addressChanged = (...moments) => ({
  name: 'address-changed', says: `after ${moments.map((ms) => ms / 1000).join(' and ')} s all connections are dead, without an end`, loses: true,
  noticed: 5000,
  on: (box) => ({
    line: (line) => {
      for (const moment of moments) if (box.age < moment) box.after(moment - box.age, () => line.die());
    },
  }),
});

// More connections than `most` are made, and wait until another one ends. With two a message may have to wait for a poll to be answered,
// until a stream carries; with one always.
export const connectionsAtMost = (most) => ({
  name: most > 2 ? 'few-connections' : `connections-${most}`, says: `${most} connections at a time, as a browser's to one server`,
  breaks: most < 2 ? ['sse'] : [], waits: most < 2 ? 3000 : most < 3 ? 1000 : 0,
  on: () => {
    let open = 0;
    const waiting = [];
    const leave = () => {
      const next = waiting.shift();
      if (next) next();
      else --open;
    };
    return {
      admit: async (line) => {
        if (open < most) ++open;
        else await new Promise((resolve) => waiting.push(resolve));
        line.ended.then(leave);
      },
    };
  },
});
