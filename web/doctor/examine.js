// The examination: which probes, in which order, side by side where they mostly wait. Ends within a minute. What comes out is
// measurements only, a value for JSON; what they mean is diagnose.js's.

import { isFew, isOneDelivery, kFew } from './diagnose.js';
import { Network, checksum } from './network.js';

export const kSchema = 'sigway-doctor/1';

// In milliseconds. `cap`: how long anything is watched; `whole`: when the examination ends, whatever is still out.
export const kTimes = { cap: 35000, whole: 55000, request: 6000, reach: 12000 };
const kSmall = { interval: 100, size: 128, count: 30 };
const kLarge = { interval: 30, size: 2048, count: 120 };
const kMostBody = 256 * 1024;
const kSpell = 4000;    // somebody else's answers are waited out for so long
const kRepeated = 42;   // requests that show what is lost, and what comes twice
const kAtOnce = 4, kHold = 500, kUnserved = 2500;   // answers waited for at once; how long each is held, and is late if nobody serves its connection
const kLeast = 2000;    // the least time for which watching is worth it
const kBlock = 6000;    // more than the blocks of 4 KiB in which some proxies pass a WebSocket, and no multiple of them

// examine({url, fetch, WebSocket, times, signal, onProgress({step, done, of, text})}) resolves with the measurements.
export async function examine({ url, fetch, WebSocket, times = {}, signal, onProgress = () => {} }) {
  const limits = { ...kTimes, ...times };
  const ending = new AbortController();
  const stop = () => ending.abort();
  const timer = setTimeout(stop, limits.whole);
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  const network = new Network({ url, fetch, WebSocket, signal: ending.signal });
  const began = performance.now();
  const found = { schema: kSchema, url: network.url, at: new Date().toISOString(), times: limits };
  const steps = new Steps(onProgress);
  const context = { network, limits, found, ended: ending.signal };
  const machine = watchMachine();
  try {
    await steps.run('reach', 'Asking the server', () => reach(context));
    if (found.reach.kind === 'answered') {
      await steps.run('connections', 'Connections at a time', () => connections(context));
      const quick = [
        ['websocket', 'WebSocket', () => websocket(context)],
        ['streams', 'Event streams', () => streams(context)],
        ['headers', 'Headers and proxies', () => headers(context)],
        ['cache', 'Caches', () => cache(context)],
        ['repeats', 'Lost and repeated requests', () => repeats(context)],
        ['post', 'How much a request may carry', () => post(context)],
        ['methods', 'Other methods', () => methods(context)],
      ];
      const answers = [
        ['longAnswer', 'How long an answer may last', async () => { found.longAnswer = brief(await lasting(context, 1000)); }],
        ['hold', 'How long an answer may be waited for', async () => {
          const { kind, ms, status } = await network.ask('hold', { query: { ms: limits.cap }, timeout: limits.cap + limits.request });
          found.hold = { kind, ms, status };
        }],
      ];
      const long = [
        ['websocketLife', 'How long a WebSocket lives', async () => { found.websocketLife = await network.socket({ life: limits.cap, interval: 1000 }); }],
        ['websocketSilence', 'How long a WebSocket may be silent', async () => { found.websocketSilence = await network.socket({ life: limits.cap }); }],
        ['silentAnswer', 'How long an answer may be silent', async () => { found.silentAnswer = brief(await lasting(context, limits.cap)); }],
        ...answers,
      ];
      if (!isFew(found.connections)) {
        await Promise.all([...long.map((one) => steps.run(...one)), steps.all(quick)]);
      } else {
        // What is watched would keep the connections from everything else: afterwards, only the two that matter most, and no longer
        // than there is time.
        await steps.all(quick);
        const isAlone = found.connections.served < answers.length;
        const left = limits.whole - (performance.now() - began) - 2 * limits.request;
        const each = Math.min(limits.cap, Math.floor(isAlone ? left / answers.length : left));
        limits.cap = Math.max(kHold, each);
        if (each >= kLeast) await (isAlone ? steps.all(answers) : Promise.all(answers.map((one) => steps.run(...one))));
      }
      await steps.run('afterwards', 'What came twice', () => afterwards(context));
    }
  } finally {
    clearTimeout(timer);
    found.machine = machine();
    signal?.removeEventListener('abort', stop);
  }
  found.took = performance.now() - began;
  return found;
}

// Whether this computer itself kept still: how late its timers were. The function that comes back stops it and tells.
function watchMachine() {
  const kTick = 50;
  let last = performance.now(), ticks = 0, late = 0, worst = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    const by = now - last - kTick;
    last = now;
    ++ticks;
    if (by > kTick) ++late;
    worst = Math.max(worst, by);
  }, kTick);
  return () => {
    clearInterval(timer);
    return { ticks, late, worst };
  };
}

class Steps {
  #told; #done = 0; #of = 0; #running = new Map();
  constructor(told) { this.#told = told; }

  async run(step, text, act) {
    ++this.#of;
    this.#running.set(step, text);
    this.#tell(step, 'begins');
    try {
      await act();
    } finally {
      ++this.#done;
      this.#running.delete(step);
      this.#tell(step, 'ends');
    }
  }

  // One after another: beside the long ones a browser has three connections left for these.
  async all(list) {
    for (const [step, text, act] of list) await this.run(step, text, act);
  }

  #tell(step, what) {
    this.#told({ step, what, done: this.#done, of: this.#of, running: [...this.#running.values()] });
  }
}

const pause = (ms, signal) => new Promise((resolve) => {
  const done = () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', done);
    resolve();
  };
  const timer = setTimeout(done, ms);
  signal.addEventListener('abort', done);
});

// What is remembered of a stream that was only watched for its length.
const brief = ({ kind, ms, status, code, head, lines, reads }) => ({ kind, ms, status, code, head, first: lines[0]?.[2] ?? null, chunks: lines.length,
  last: reads.at(-1)?.[0] ?? null });

// A failure is asked about again: only what stays is the network's rule and not its luck. While somebody else answers for a while,
// that is waited out.
async function insist({ ended }, act, isGood, times = 3) {
  let result;
  const until = performance.now() + kSpell;
  do {
    result = await act();
    if (isGood(result)) break;
    if (isStranger(result) && performance.now() < until) await pause(300, ended);
    else times -= result.kind === 'timeout' ? 2 : 1;   // a timeout is patience enough
  } while (times > 0 && !ended.aborted);
  return result;
}
export const isStranger = ({ kind, status }) => kind === 'redirected' || kind === 'foreign' && ![413, 502, 503, 504].includes(status);

async function reach({ network, limits, found, ended }) {
  const tries = [];
  const began = performance.now();
  do {
    const { kind, ms, status, type, code, reason, text } = await network.ask('echo', { timeout: limits.request });
    tries.push({ kind, ms, status, type, code, reason, text });
    if (kind === 'answered') break;
    await pause(500, ended);
  } while (performance.now() - began < limits.reach && !ended.aborted);
  found.reach = { ...tries.at(-1), before: tries.slice(0, -1).slice(0, 20) };
}

// Once more if it never began.
const lasting = (context, interval) => insist(context,
  () => context.network.stream({ interval, size: 64, count: Math.floor(context.limits.cap / interval) + 1, timeout: context.limits.cap + context.limits.request }),
  ({ status }) => status !== undefined, 2);

// Answers that are waited for, at once. A connection that nobody serves says nothing at all; once more, because that may be luck.
async function connections({ network, found, ended }) {
  const timeout = kHold + kUnserved + 2 * found.reach.ms;
  found.connections = { asked: kAtOnce, served: 0, hold: kHold };
  for (let i = 0; i < 2 && found.connections.served <= kFew && !ended.aborted; ++i) {
    const results = await Promise.all(Array.from({ length: kAtOnce }, () => network.ask('hold', { query: { ms: kHold }, timeout })));
    found.connections.served = Math.max(found.connections.served, results.filter(({ kind }) => kind !== 'timeout').length);
  }
}

async function websocket(context) {
  const { network, limits, found } = context;
  const result = await insist(context, () => network.socket({ life: 900, interval: 150, timeout: Math.min(limits.request, 5000) }), ({ kind }) => kind === 'lived', 2);
  if (result.kind !== 'lived' && result.opened !== null && result.said.length > 0) {
    // Nothing came back. Did it go up?
    const { report } = await network.ask('echo', { query: { of: result.said } });
    if (report) result.arrived = result.said.filter((word) => report.of?.[word] > 0).length;
  }
  found.websocket = { ...result, said: result.said.length };
  if (result.kind !== 'lived') return;
  // Twice, as some proxies pass the first block as it comes.
  const { kind, trips } = await network.socket({ life: 0, last: 2, size: kBlock, timeout: limits.request + 2000 });
  found.websocket.large = { kind, trips };
}

async function streams(context) {
  const { network, limits, found } = context;
  const one = (options) => insist(context, () => network.stream({ ...options, timeout: options.interval * options.count + limits.request }),
    ({ kind, lines }) => kind === 'complete' || lines.length > 0, 2);
  found.streams = { events: await one(kSmall) };
  const { events } = found.streams;
  const isRefused = events.kind === 'foreign' || events.kind === 'failed' || events.kind === 'timeout' && events.lines.length === 0;
  // The same bytes by another name show whether the name was the matter.
  if (isRefused) found.streams.text = await one({ ...kSmall, type: 'text' });
  // Nothing until its end: in larger blocks, or not at all?
  if (events.kind === 'complete' && isOneDelivery(events)) found.streams.large = await one(kLarge);
}

async function headers(context) {
  const { network, found } = context;
  const isPage = typeof document !== 'undefined';
  if (isPage) document.cookie = 'sigway_probe=1; path=/v1/probe; SameSite=Strict; max-age=20';
  const sent = { 'content-type': 'text/plain', 'x-sigway-probe': 'yes', authorization: 'Probe sigway', ...(isPage ? {} : { cookie: 'sigway_probe=1' }) };
  const { kind, status, report, headers: answer } = await insist(context, () => network.ask('echo', { body: 'headers', headers: sent }), ({ kind }) => kind === 'answered');
  found.headers = { kind, status, sent: ['x-sigway-probe', 'authorization', 'cookie'] };
  if (!report) return;
  found.headers.missing = found.headers.sent.filter((name) => !(name in report.headers));
  found.headers.arrived = report.headers;
  found.headers.answer = answer;
  found.headers.http = report.http;
  found.headers.address = report.address;
}

// One URL, three times: each has to reach the server.
async function cache({ network, found }) {
  const u = network.nonce();
  found.cache = { counts: [], foreign: 0, asked: 0 };
  for (let i = 0; i < 3; ++i) {
    const answer = await network.ask('echo', { method: 'GET', u });
    ++found.cache.asked;
    if (answer.kind === 'answered') {
      // Another URL's answer is a cache's too: one that does not look at the query.
      if (answer.report.u === u) found.cache.counts.push(answer.report.seen);
      else ++found.cache.foreign;
    }
  }
  found.cache.u = u;
}

// What is lost, and what comes twice: many small requests. What became of each is in network.asked.
async function repeats({ network, limits, found, ended }) {
  const until = performance.now() + Math.min(10000, limits.cap / 2);
  const body = 'repeats';
  const sum = checksum(new TextEncoder().encode(body));
  found.repeats = { altered: 0 };
  const count = isFew(found.connections) ? 1 : 3;
  const rows = Array.from({ length: count }, async (_, row) => {
    for (let i = row; i < kRepeated && performance.now() < until && !ended.aborted; i += count) {
      const { report } = await network.ask('echo', i % 2 ? { method: 'GET', timeout: 4000 } : { body, timeout: 4000 });
      if (report?.method === 'POST' && report.checksum !== sum) ++found.repeats.altered;
    }
  });
  await Promise.all(rows);
}

// Doubling until something is refused, then halving what is between.
async function post(context) {
  const { network, limits, found, ended } = context;
  const text = new Uint8Array(kMostBody).fill(0x78);
  const steps = [];
  const until = performance.now() + Math.min(14000, limits.cap / 2);
  const isOver = () => performance.now() >= until || ended.aborted;
  // Whether a body of that size passes; null if no body at all does just now.
  const passes = async (size) => {
    const body = text.subarray(0, size);
    for (;;) {
      // 413 is a rule; a connection that breaks might be luck.
      const result = await insist(context, () => network.ask('echo', { body, timeout: limits.request }), ({ kind, status }) => kind === 'answered' || status === 413);
      const { kind, status, ms, report } = result;
      steps.push({ size, kind, status, ms });
      if (kind === 'answered') return report.length === size;
      if (status === 413 || kind === 'timeout') return false;
      // It is not the size for which somebody refuses everything for a while.
      if ((await network.ask('echo', { body: text.subarray(0, 1), timeout: limits.request })).kind === 'answered') return false;
      if (isOver()) return null;
      await pause(300, ended);
    }
  };
  let good = 0, bad = 0, isBlocked = false, isSlow = false;
  const look = async (size) => {
    const result = await passes(size);
    if (result === null) isBlocked = true;
    if (result) good = size;
    else bad = size;
    isSlow = steps.at(-1).kind === 'timeout';
  };
  for (let size = 1024; size <= kMostBody && !bad && !isOver(); size *= 2) {
    await look(size);
    // What takes too long fills a thin line for everything that comes after it: no need to try.
    if (bad || 2 * steps.at(-1).ms - Math.min(...steps.map(({ ms }) => ms)) <= limits.request) continue;
    bad = size * 2;
    isSlow = true;
  }
  while (bad && bad - good > Math.max(64, good / 64) && !isSlow && !isOver()) await look(Math.round((good + bad) / 2));
  const failure = steps.findLast(({ kind }) => kind !== 'answered');
  found.post = { largest: good, refused: isBlocked && good > 0 ? null : bad || null, status: failure?.status ?? null,
    reason: isSlow ? 'timeout' : failure?.kind ?? null, steps };
}

// sigway answers OPTIONS with 204 and PUT with its own 405.
async function methods({ network, found }) {
  const passes = async (method, isOurs) => {
    const result = await network.ask('echo', { method, headers: {} });
    if (isOurs(result)) return true;
    // A refusal, but for good: what is allowed passes at the same time.
    const { kind } = await network.ask('echo');
    return kind === 'answered' && result.status !== undefined && ![502, 503, 504].includes(result.status) ? false : null;
  };
  found.methods = { options: await passes('OPTIONS', ({ status }) => status === 204), put: await passes('PUT', ({ code }) => code === 'wrong_method') };
}

// How often each request came in, asked when all is over: copies may be late.
async function afterwards(context) {
  const { network, found } = context;
  const all = [...network.asked];
  const seen = {};
  for (let i = 0; i < all.length; i += 16) {
    const { report } = await insist(context, () => network.ask('echo', { query: { of: all.slice(i, i + 16).map(({ u }) => u) } }), ({ kind }) => kind === 'answered');
    Object.assign(seen, report?.of);
  }
  const times = {};
  for (const { u } of all) times[u] = (times[u] ?? 0) + 1;   // the cache's test asks thrice by one name
  found.requests = all.filter(({ u }) => times[u] === 1).map(({ u, ms, ...rest }) => ({ ...rest, ms: Math.round(ms), seen: seen[u] ?? null }));
}
