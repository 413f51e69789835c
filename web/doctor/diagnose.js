// From measurements (examine.js) to findings: pure, and the same rules as src/doctor/diagnose.cpp; tests/doctor/cases/ holds both to
// it. A finding is {id, …data}; what it means in words is words.json's. Times are milliseconds, sizes bytes.

// diagnose(measurements) → {findings, works: {websocket, sse, poll}, transport}
export function diagnose(m) {
  const findings = [];
  const add = (id, data = {}) => findings.push({ id, ...data });
  if (!reached(m, add)) return { findings, works: { websocket: false, sse: false, poll: false }, transport: null };
  // The quicker ones are the network's; the others may have met a busy machine.
  const trip = quantile((m.requests ?? []).filter(({ kind }) => kind === 'answered').map(({ ms }) => ms), 0.25) ?? m.reach.ms;
  const cuts = cutAll(m, add);
  dead(m, add);
  const websocket = webSocket(m, add, cuts);
  const sse = eventStream(m, add, cuts, trip);
  const poll = polling(m, add, cuts);
  requests(m, add, cuts);
  line(m, add, trip);
  headers(m, add);
  busy(m, add);
  const works = { websocket, sse, poll };
  return { findings, works, transport: websocket ? 'websocket' : sse ? 'sse' : poll ? 'poll' : null };
}

const kYoung = 10000;     // what is cut younger than this is no transport to stay on
const kSlow = 300;        // ms for a round trip that people notice
const kNarrow = 500;      // kbit/s
const kFilled = 4096;     // bytes of a block that the clients fill with padding
export const kFew = 2;    // connections at a time; a session needs no more, but a doctor and a page do

function quantile(values, part) {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * part)];
}
const median = (values) => quantile(values, 0.5);

// --- Is it there? -------------------------------------------------------------------------------
const kStrangers = { foreign: 'stranger', redirected: 'redirected', failed: 'unreachable', timeout: 'unreachable', refused: 'refused' };

function reached({ reach }, add) {
  if (reach.kind === 'answered') {
    const before = reach.before.filter(({ kind }) => kind === 'foreign' || kind === 'redirected');
    // A balancer's 502 is told elsewhere.
    const stranger = before.find(({ status }) => !(status >= 502 && status <= 504));
    if (stranger) add(`${kStrangers[stranger.kind]}-at-first`, { status: stranger.status });
    return true;
  }
  const { kind, status, code, type } = reach;
  if (kind === 'refused' && code === 'unknown_route') add('probes-off');
  else if (kind === 'foreign' && /html/.test(type)) add('portal', { status });
  else add(kStrangers[kind], { status, code });
  return false;
}

// --- What is cut, and when ----------------------------------------------------------------------
// {life, silence, answer, quietAnswer, hold, all}: ms, or null where nothing was cut as long as it was watched
function cutAll(m, add) {
  const cut = (one) => (one?.kind === 'cut' ? one.ms : null);
  const isWebSocket = m.websocket?.kind === 'lived' || m.websocket?.kind === 'cut';
  const cuts = {
    life: isWebSocket ? cut(m.websocketLife) : null, silence: isWebSocket ? cut(m.websocketSilence) : null,
    answer: cut(m.longAnswer), quietAnswer: cut(m.silentAnswer), hold: null, all: null,
  };
  const { hold } = m;
  if (hold && hold.kind !== 'answered' && hold.ms > 1500 && hold.ms < m.times.cap) cuts.hold = hold.ms;
  // A browser whose connection is cut before the answer sends the request again, and so waits for longer.
  if (hold?.kind === 'timeout' && cuts.quietAnswer !== null) cuts.hold = cuts.quietAnswer;
  // Whatever runs on it: the connection is what is cut. Answers alone may be a proxy's limit.
  const isAnyAnswer = cuts.answer !== null && cuts.quietAnswer !== null && cuts.hold !== null && hold.kind === 'failed';
  // A connection that was used before is cut sooner than a new one.
  if (isAnyAnswer && (!isWebSocket || cuts.life !== null && cuts.answer < cuts.life * 1.3)) {
    cuts.all = Math.max(cuts.life ?? 0, cuts.answer, cuts.quietAnswer, cuts.hold);
    add('connections-cut', { ms: cuts.all });
  }
  return cuts;
}

// Whether so few connections are served at a time that probes wait for each other.
export const isFew = (connections) => connections?.served > 0 && connections.served <= kFew;

// Nothing comes any more on what is watched, and nobody ended it.
function dead(m, add) {
  if (isFew(m.connections)) return add('few-connections', { count: m.connections.served });
  const isWebSocket = m.websocket?.kind === 'lived' || m.websocket?.kind === 'cut';
  const answers = [m.longAnswer, m.silentAnswer, m.hold].filter(Boolean);
  const sockets = isWebSocket ? [m.websocketLife, m.websocketSilence].filter(Boolean) : [];
  const deadAnswers = answers.filter(({ kind }) => kind === 'timeout').length;
  // One may be a request that was lost.
  if (deadAnswers > 1) add('connections-die', { count: deadAnswers + sockets.filter(({ kind }) => kind === 'silent').length, of: answers.length + sockets.length });
}

// --- WebSocket ----------------------------------------------------------------------------------
function webSocket({ websocket, websocketLife: life, times }, add, cuts) {
  if (!websocket) return false;
  const { kind, opened, greeted, trips, arrived, status } = websocket;
  if (opened === null) {
    add(kind === 'timeout' ? 'websocket-hangs' : 'websocket-refused', { status });
    return false;
  }
  if (kind === 'foreign') {
    add('websocket-stranger');
    return false;
  }
  if (trips.length === 0) {
    const down = greeted !== null;
    const up = arrived > 0;
    add(down && up ? 'websocket-cut' : down ? 'websocket-dead-up' : up ? 'websocket-dead-down' : 'websocket-dead', { ms: websocket.ms });
    return false;
  }
  if (websocket.large?.kind === 'silent') {
    add('websocket-blocks');
    return false;
  }
  const lasted = kind === 'cut' ? websocket.ms : cuts.life;
  if (lasted !== null && cuts.all === null) add('websocket-cut', { ms: lasted });
  if (lasted === null && cuts.silence !== null) add('websocket-silence-cut', { ms: cuts.silence });
  // Where everything is cut nothing else lives longer.
  if (lasted !== null && lasted < kYoung && cuts.all === null) return false;
  add('websocket-works', { opened: Math.round(opened), trip: Math.round(median(trips)), ms: lasted ?? (life?.kind === 'silent' ? Math.max(0, life.ms - times.request) : times.cap), least: lasted === null });
  return true;
}

// --- Event streams ------------------------------------------------------------------------------
function eventStream({ streams, silentAnswer, longAnswer, times, connections }, add, cuts, trip) {
  if (!streams) return false;
  if (connections?.served === 1) {
    add('stream-alone');
    return false;
  }
  const { events, text, large } = streams;
  const isCompressed = Boolean(events.encoding) && events.encoding !== 'identity';
  if (isCompressed) add('compressed', { encoding: events.encoding });
  if (events.kind === 'foreign' || events.kind === 'failed' || events.kind === 'refused') {
    add(text && text.lines.length > 0 ? 'stream-type-refused' : 'stream-refused', { status: events.status });
    return false;
  }
  if (cuts.answer !== null && cuts.all === null) add('answers-cut', { ms: cuts.answer });
  else if (cuts.quietAnswer !== null && cuts.all === null) add('silence-cut', { ms: cuts.quietAnswer });
  const held = isHeld(silentAnswer, times, trip);
  const how = buffering(events, large, held, trip);
  if (how) {
    add(how.id, how.data);
    const isFilled = how.id === 'stream-buffered-blocks' && how.data.bytes <= kFilled && !isCompressed;
    if (isFilled) add('stream-padded', { bytes: how.data.bytes });
    return isFilled;
  }
  if (events.lines.length === 0) {
    add('stream-silent');
    return false;
  }
  const lasted = cuts.all ?? cuts.answer;
  add('stream-works', { first: Math.round(events.lines[0][2]), ms: lasted ?? (longAnswer?.kind === 'timeout' ? longAnswer.last ?? 0 : times.cap), least: lasted === null });
  return true;
}

// Whether something small is kept back until more comes: the first chunk of a stream that then says nothing. null: not known.
function isHeld(silent, { cap }, trip) {
  if (!silent || silent.kind === 'failed' || silent.kind === 'foreign' || silent.kind === 'refused') return null;
  if (silent.first === null) return silent.ms > 2 * trip + 1500 ? true : null;
  return silent.first > Math.max(2 * trip + 1500, cap / 2);
}

export function buffering(small, large, held, trip) {
  const { interval } = small.asked;
  const lags = lagsOf(small.lines);
  if (small.lines.length === 0) return held || small.kind === 'timeout' ? { id: 'stream-buffered-whole', data: { bytes: small.bytes } } : null;
  if (small.lines.length > 4 && isOneDelivery(small)) {
    if (held === false) return { id: 'stream-buffered-time', data: { ms: Math.round(Math.max(...lags)) } };
    if (!large || isOneDelivery(large)) return { id: 'stream-buffered-whole', data: { bytes: Math.max(small.bytes, large?.bytes ?? 0) } };
    return blocks(large) ?? { id: 'stream-buffered-whole', data: { bytes: small.bytes } };
  }
  if (held) {
    const early = lags.slice(1, -1);
    if (median(lags) > interval / 2 && small.reads.length > small.lines.length / 2) return { id: 'stream-one-behind', data: {} };
    if (median(early) < interval / 2) return { id: 'stream-first-held', data: {} };
    return blocks(small) ?? { id: 'stream-buffered-whole', data: { bytes: small.bytes } };
  }
  if (held === null && small.reads.length <= small.lines.length / 3) return blocks(small);
  // Bunched, but nothing stays behind; jitter of the line itself does that too.
  if (held === false && small.reads.length <= small.lines.length / 3 && median(lags) > 2 * interval + trip) {
    return { id: 'stream-buffered-time', data: { ms: Math.round(Math.max(...lags)) } };
  }
  return null;
}

// All within a moment, while it was written over a longer time.
export function isOneDelivery({ reads, lines }) {
  const [, written] = lines.at(-1) ?? [0, 0];
  return reads.length > 0 && reads.at(-1)[0] - reads[0][0] < written / 4;
}

// How much later than the fastest of its stream each line came.
function lagsOf(lines) {
  const delays = lines.map(([, written, arrived]) => arrived - written);
  const base = Math.min(...delays);
  return delays.map((delay) => delay - base);
}

// Deliveries of one size, but for the last, which the end brings out.
function blocks({ reads, bytes }) {
  const sizes = reads.map(([, upTo], i) => upTo - (reads[i - 1]?.[1] ?? 0)).slice(0, -1);
  if (sizes.length === 0) return null;
  let block = Math.min(...sizes);
  // Several at once count as several.
  if (sizes.some((size) => size % block > block / 16 && size % block < block - block / 16)) block = median(sizes);
  return { id: 'stream-buffered-blocks', data: { bytes: block, of: bytes } };
}

// --- Long-polling and requests ------------------------------------------------------------------
function polling({ hold, post, times, connections }, add, cuts) {
  if (cuts.hold !== null && cuts.all === null) add('hold-cut', { ms: cuts.hold, status: hold.status });
  const passes = post ? post.largest > 0 : true;
  if (passes) add('poll-works', { ms: cuts.hold ?? (hold?.kind === 'timeout' ? connections?.hold ?? 0 : times.cap), least: cuts.hold === null });
  else add('post-refused');
  const isSlow = post?.reason === 'timeout';
  // Where few connections are served it may have waited for one.
  if (post?.refused && isSlow && !isFew(connections)) add('post-slow', { bytes: post.largest });
  if (post?.refused && !isSlow && post.largest > 0) add('post-limit', { bytes: post.largest, status: post.status });
  return passes;
}

function requests({ requests: all = [], repeats, cache, methods, reach }, add) {
  const echo = all.filter(({ status, method }) => status !== 413 && (method === 'GET' || method === 'POST'));
  const count = (test) => echo.filter(test).length;
  const some = (id, number) => { if (number > 0) add(id, { count: number, of: echo.length }); };
  const isBalancer = ({ kind, status }) => kind === 'foreign' && status >= 502 && status <= 504;
  some('requests-lost', count(({ kind, seen }) => (kind === 'failed' || kind === 'timeout') && seen === 0));
  some('answers-lost', count(({ kind, seen }) => kind === 'failed' && seen > 0));
  some('stalled', count(({ kind, seen }) => kind === 'timeout' && seen > 0));
  some('balancer-errors', count(isBalancer));
  // Where an answer is lost, browsers and libcurl send the request again by themselves: some of them.
  const isLossy = count(({ kind, seen }) => kind === 'failed' && seen > 0) > 0;
  for (const [name, id] of [['POST', 'posts-repeated'], ['GET', 'gets-repeated']]) {
    const repeated = count(({ method, seen }) => method === name && seen > 1);
    if (!isLossy || 2 * repeated > count(({ method }) => method === name)) some(id, repeated);
  }
  const isForeign = (with_) => ({ kind, status }) => kind === 'foreign' && status === with_;
  for (const [status, id] of [[403, 'requests-blocked'], [429, 'requests-limited']]) {
    some(id, count(isForeign(status)) - reach.before.filter(isForeign(status)).length);
  }
  const isStranger = (one) => (one.kind === 'foreign' || one.kind === 'redirected') && !isBalancer(one) && one.status !== 403 && one.status !== 429;
  some('strangers', count(isStranger) - reach.before.filter(isStranger).length);
  const servers = new Set(echo.map(({ server }) => server).filter(Boolean));
  if (servers.size > 1) add('several-servers', { count: servers.size });
  if (repeats?.altered > 0) add('altered', { count: repeats.altered });
  if (cache && (cache.foreign > 0 || new Set(cache.counts).size < cache.counts.length)) add('cached');
  if (methods?.options === false) add('options-refused');
  if (methods?.put === false) add('only-get-and-post');
  // On this side of a proxy, or on the other.
  const connections = echo.filter(({ request }) => request > 0);
  const isEach = (test) => connections.length >= 8 && connections.every(test);
  if (isEach(({ request }) => request === 1) || isEach(({ closes }) => closes)) add('no-keep-alive');
}

function line({ requests: all = [], websocket, post }, add, trip) {
  const onSocket = websocket?.trips.length > 0 ? median(websocket.trips) : null;
  if (onSocket !== null && trip > onSocket + kSlow) add('slow-answers', { trip: Math.round(trip), socket: Math.round(onSocket) });
  else if (trip > kSlow) add('slow-line', { trip: Math.round(trip) });
  else add('round-trip', { trip: Math.round(trip) });
  // The best of the larger ones; bits in a millisecond are kilobits in a second.
  const rates = (post?.steps ?? []).filter(({ kind, size }) => kind === 'answered' && size >= 4096).map(({ size, ms }) => size * 8 / Math.max(1, ms - trip));
  const rate = Math.max(...rates);
  if (rates.length > 0 && rate < kNarrow) add('narrow', { kilobits: Math.max(1, Math.round(rate)) });
}

// --- This computer ------------------------------------------------------------------------------
function busy({ machine }, add) {
  if (machine && (machine.worst > 700 || machine.late > machine.ticks / 20)) add('busy', { ms: machine.worst });
}

// --- Headers and proxies ------------------------------------------------------------------------
const kProxyRequest = ['via', 'x-forwarded-for', 'forwarded', 'x-real-ip', 'x-bluecoat-via', 'proxy-connection', 'client-ip', 'cdn-loop'];
const kProxyAnswer = ['via', 'server', 'x-cache', 'x-cache-lookup', 'age', 'cf-ray', 'x-squid-error'];

function headers({ headers: seen }, add) {
  if (!seen?.arrived) return;
  if (seen.missing.length > 0) add('headers-stripped', { names: seen.missing.join(', ') });
  if (seen.answer && !('x-sigway-probe' in seen.answer)) add('answer-headers-stripped', { names: 'x-sigway-probe' });
  if (seen.http === '1.0') add('http-1.0');
  const marks = [...kProxyRequest.filter((name) => seen.arrived[name]).map((name) => `${name}: ${seen.arrived[name]}`),
    ...kProxyAnswer.filter((name) => seen.answer?.[name]).map((name) => `${name}: ${seen.answer[name]}`)];
  if (marks.length > 0) add('proxy', { names: marks.join('; ') });
}
