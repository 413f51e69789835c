// The networks of the bed. Each is
//   {name, title, behaviours: [...]}            what it does (middlebox.mjs, behaviours/)
//   real: 'nginx', 'haproxy', 'squid', 'tinyproxy'   a proxy from Debian instead, or behind it (real.mjs)
//   restarts: true                              the gateway is restarted halfway through the traffic
//   sizes: [least, most], pace                  other message sizes, and slower traffic, where 1 to 8 KB at full pace do not fit
//   gap                                         ms of silence in the shape `silence`, where the network's limit is a longer one
//   idle: true                                  it lets long-polls be held, so that silence must cost next to nothing
//   breaks, loses, closes, delay                facts, as of a behaviour, of a real proxy
// What can be expected of it follows from its behaviours, see expectations() below.

import { headersStripped, http10, interimAnswers, noKeepAlive, rudeCache } from './behaviours/headers.mjs';
import { addressChanged, bandwidth, connectionsAtMost, latency, resets, sharedLine, silenceCut } from './behaviours/lines.mjs';
import {
  answersLost, balancerErrors, bodyLimit, getsDoubled, latin1, onlyGetAndPost, optionsRefused, postsRepeated, reordered, requestsLost,
} from './behaviours/requests.mjs';
import { anotherServer, captivePortal, redirectLoop, uploadsRefused, wrongJson } from './behaviours/strangers.mjs';
import {
  acceptWanted, answersCut, bufferedBlocks, bufferedWhole, eventStreamsRefused, gzipUnflushed, oneBehind, slowFirstByte,
} from './behaviours/streams.mjs';
import { upgradeHangs, upgradeStripped, websocketBlocks, websocketClosed, websocketCut, websocketDead, websocketRefused } from './behaviours/websocket.mjs';
import { atOnce, kSizes } from './shapes.mjs';

// Most faults of HTTP would go unnoticed if a WebSocket were there to be used.
const noWebSocket = () => websocketRefused(403);
const kNagle = 45;               // ms that tinyproxy keeps the end of a message, until what went before is acknowledged: it has no TCP_NODELAY
const kEnvelope = 100;           // bytes around a message
const kUploads = 3;              // at a time, where bodies must be small
const kPassingShare = 1.3;
const kBedTrip = 8;              // ms of an upload among kUploads through the bed itself, which is one process: measured 4 to 7
// At the start, and once more in the middle of the traffic.
const kSpells = [[0, 1500], [5000, 7000]];
const kBlockade = [[3000, 13000]];

export const networks = [
  { name: 'clear', title: 'nothing in the way', behaviours: [] },

  // ---- WebSocket ----
  { name: 'ws-403', title: 'WebSocket refused with 403', behaviours: [websocketRefused(403)] },
  { name: 'ws-400', title: 'WebSocket refused with 400', behaviours: [websocketRefused(400)] },
  { name: 'ws-closed', title: 'WebSocket: the connection is closed', behaviours: [websocketClosed()] },
  { name: 'ws-stripped', title: 'Upgrade stripped', behaviours: [upgradeStripped()] },
  { name: 'ws-hangs', title: 'Upgrade hangs', behaviours: [upgradeHangs()] },
  { name: 'ws-dead', title: 'WebSocket accepted and dead both ways', behaviours: [websocketDead('both')] },
  { name: 'ws-dead-up', title: 'WebSocket dead up only', behaviours: [websocketDead('up')] },
  { name: 'ws-dead-down', title: 'WebSocket dead down only', behaviours: [websocketDead('down')] },
  { name: 'ws-blocks', title: 'WebSocket in blocks of 4 KiB', behaviours: [websocketBlocks(4096)] },
  { name: 'ws-blocks-behind', title: 'WebSocket in blocks of 4 KiB, rests pass when more comes', behaviours: [websocketBlocks(4096, 'forgotten')] },
  { name: 'ws-cut', title: 'WebSocket cut after 3 s', behaviours: [websocketCut(3000)] },

  // ---- Streams ----
  { name: 'sse-whole', title: 'streams buffered whole, headers passed', behaviours: [noWebSocket(), bufferedWhole()], idle: true },
  { name: 'sse-whole-late', title: 'streams buffered whole, headers too', behaviours: [noWebSocket(), bufferedWhole('late')] },
  { name: 'sse-1k', title: 'streams buffered in blocks of 1 KiB', behaviours: [noWebSocket(), bufferedBlocks(1024)] },
  { name: 'sse-4k', title: 'streams buffered in blocks of 4 KiB', behaviours: [noWebSocket(), bufferedBlocks(4096)] },
  { name: 'sse-64k', title: 'streams buffered in blocks of 64 KiB', behaviours: [noWebSocket(), bufferedBlocks(65536)] },
  { name: 'sse-first-held', title: 'first event held until the next', behaviours: [noWebSocket(), oneBehind()] },
  { name: 'sse-one-behind', title: 'each event held until the next', behaviours: [noWebSocket(), oneBehind({ always: true })] },
  { name: 'sse-gzip', title: 'gzip without flush', behaviours: [noWebSocket(), gzipUnflushed()] },
  { name: 'sse-unnamed', title: 'streams held back that were not asked for as such', behaviours: [noWebSocket(), acceptWanted()] },
  { name: 'sse-refused', title: 'text/event-stream refused by type', behaviours: [noWebSocket(), eventStreamsRefused()] },
  { name: 'answers-cut', title: 'responses cut after 5 s', behaviours: [noWebSocket(), answersCut(5000)] },
  { name: 'answers-cut-buffered', title: 'responses cut after 5 s, and buffered', behaviours: [noWebSocket(), bufferedWhole(), answersCut(5000)] },
  { name: 'slow-first-byte', title: 'slow first byte', behaviours: [noWebSocket(), slowFirstByte(500)] },

  // ---- Requests ----
  { name: 'posts-repeated', title: 'POSTs repeated at once', behaviours: [noWebSocket(), postsRepeated()] },
  { name: 'posts-repeated-later', title: 'POSTs repeated later', behaviours: [noWebSocket(), postsRepeated({ later: true })] },
  { name: 'posts-repeated-poll', title: 'POSTs repeated, streams buffered', behaviours: [noWebSocket(), bufferedWhole(), postsRepeated(), postsRepeated({ later: true })] },
  { name: 'gets-doubled', title: 'GETs doubled', behaviours: [noWebSocket(), getsDoubled()] },
  { name: 'answers-lost', title: 'responses lost after the gateway acted', behaviours: [noWebSocket(), bufferedWhole(), answersLost(0.15)] },
  { name: 'requests-lost', title: 'requests lost before', behaviours: [noWebSocket(), requestsLost(0.15)] },
  { name: 'requests-lost-poll', title: 'requests lost before, streams buffered', behaviours: [noWebSocket(), bufferedWhole(), requestsLost(0.15)] },
  { name: 'requests-swallowed', title: 'requests lost silently', behaviours: [noWebSocket(), bufferedWhole(), requestsLost(0.05, { silently: true })] },
  { name: 'body-2k', title: 'POST limit of 2 KiB', behaviours: [noWebSocket(), bodyLimit(2048)] },
  { name: 'body-8k', title: 'POST limit of 8 KiB', behaviours: [noWebSocket(), bodyLimit(8192)] },
  { name: 'latin-1', title: 'request bodies recoded to Latin-1', behaviours: [noWebSocket(), latin1()] },
  { name: 'reordered', title: 'parallel requests reordered', behaviours: [noWebSocket(), reordered(150)] },
  { name: 'balancer', title: 'a balancer that answers 502/503/504 now and then', behaviours: [balancerErrors(0.15)] },
  { name: 'balancer-http', title: 'the same, without WebSocket', behaviours: [noWebSocket(), balancerErrors(0.15)] },
  { name: 'methods', title: 'only GET and POST, OPTIONS refused', behaviours: [noWebSocket(), onlyGetAndPost(), optionsRefused()] },

  // ---- HTTP, old and mangled ----
  { name: 'http-1.0', title: 'HTTP/1.0 downgrade', behaviours: [http10()] },
  { name: 'early-hints', title: 'interim answers before each answer', behaviours: [interimAnswers()] },
  { name: 'early-hints-http', title: 'the same, no WebSocket', behaviours: [noWebSocket(), interimAnswers()] },
  { name: 'no-keep-alive', title: 'no keep-alive', behaviours: [noWebSocket(), noKeepAlive()] },
  { name: 'cache', title: 'a cache that ignores headers', behaviours: [noWebSocket(), rudeCache()] },
  { name: 'headers-stripped', title: 'headers and cookies stripped', behaviours: [noWebSocket(), headersStripped()] },

  // ---- Lines ----
  { name: 'latency', title: '400 ms each way', behaviours: [latency(400)] },
  { name: 'latency-http', title: '400 ms each way, no WebSocket', behaviours: [noWebSocket(), latency(400)] },
  { name: 'latency-poll', title: '400 ms each way, no WebSocket, streams buffered', behaviours: [noWebSocket(), bufferedWhole(), latency(400)] },
  { name: 'jitter', title: '800 ms round trip with jitter', behaviours: [noWebSocket(), latency(300, 200)] },
  { name: 'narrow', title: '32 kbit/s', behaviours: [bandwidth(32)], sizes: [64, 256], pace: 5 },
  { name: 'narrow-http', title: '256 kbit/s, no WebSocket', behaviours: [noWebSocket(), bandwidth(256)], pace: 5 },
  { name: 'thin-line', title: '32 kbit/s for all connections together', behaviours: [sharedLine(4000)], sizes: [64, 256], pace: 5 },
  { name: 'thin-line-http', title: 'the same, no WebSocket', behaviours: [noWebSocket(), sharedLine(4000)], sizes: [64, 256], pace: 5 },
  { name: 'resets', title: 'every connection reset after 3 s', behaviours: [resets(3000)] },
  { name: 'resets-poll', title: 'every connection reset after 3 s, no WebSocket, streams buffered', behaviours: [noWebSocket(), bufferedWhole(), resets(3000)] },
  { name: 'silence', title: 'silence cut after 5 s', behaviours: [silenceCut(5000)] },
  { name: 'silence-http', title: 'silence cut after 5 s, no WebSocket', behaviours: [noWebSocket(), silenceCut(5000)] },
  { name: 'address', title: 'another address twice', behaviours: [addressChanged(4000, 9000)] },
  { name: 'address-http', title: 'another address twice, no WebSocket', behaviours: [noWebSocket(), addressChanged(4000, 9000)] },
  { name: 'address-poll', title: 'another address twice, no WebSocket, streams buffered', behaviours: [noWebSocket(), bufferedWhole(), addressChanged(4000, 9000)] },
  { name: 'six', title: '6 connections a client', behaviours: [noWebSocket(), connectionsAtMost(6)] },
  { name: 'two-connections', title: '2 connections a client', behaviours: [noWebSocket(), connectionsAtMost(2)] },
  { name: 'one-connection', title: '1 connection a client', behaviours: [noWebSocket(), connectionsAtMost(1)] },

  // ---- Real proxies ----
  { name: 'nginx', title: 'nginx with proxy_pass and nothing else', real: 'nginx', behaviours: [], breaks: ['websocket'] },
  { name: 'haproxy', title: 'haproxy with timeouts of 10 s', real: 'haproxy', behaviours: [], gap: 11000, loses: true },
  { name: 'haproxy-http', title: 'the same, no WebSocket', real: 'haproxy', behaviours: [noWebSocket()], gap: 11000, loses: true },
  { name: 'squid', title: 'squid as an explicit proxy', real: 'squid', behaviours: [] },
  { name: 'squid-http', title: 'the same, no WebSocket', real: 'squid', behaviours: [noWebSocket()] },
  { name: 'tinyproxy', title: 'tinyproxy as an explicit proxy', real: 'tinyproxy', behaviours: [], delay: kNagle },
  { name: 'tinyproxy-http', title: 'the same, no WebSocket', real: 'tinyproxy', behaviours: [noWebSocket()], delay: kNagle },

  // ---- Strangers ----
  { name: 'portal', title: 'a captive portal at first and in between', behaviours: [noWebSocket(), captivePortal(kSpells)] },
  { name: 'redirects', title: 'a redirect loop at first and in between', behaviours: [noWebSocket(), redirectLoop(kSpells)] },
  { name: 'wrong-json', title: 'wrong JSON at first and in between', behaviours: [noWebSocket(), wrongJson(kSpells)] },
  { name: 'stranger', title: 'another server answers at first and in between', behaviours: [anotherServer(kSpells)] },
  { name: 'uploads-403', title: 'a firewall answers uploads with 403 and a page for 10 s', behaviours: [noWebSocket(), uploadsRefused(403, kBlockade)] },
  { name: 'uploads-429', title: 'the same with 429 and Retry-After', behaviours: [noWebSocket(), uploadsRefused(429, kBlockade)] },
  { name: 'restart', title: 'the gateway is restarted in between', behaviours: [], restarts: true },
  { name: 'restart-http', title: 'the gateway is restarted in between, no WebSocket', behaviours: [noWebSocket()], restarts: true },
];

// One of each subject at the most, and nothing that adds up to a network that lets nothing through.
const kParts = [
  [() => websocketRefused(403), () => websocketRefused(400), websocketClosed, upgradeStripped, upgradeHangs, () => websocketDead('both'),
    () => websocketDead('up'), () => websocketDead('down'), () => websocketCut(3000), http10],
  [null, bufferedWhole, () => bufferedWhole('late'), () => bufferedBlocks(1024), () => bufferedBlocks(4096), () => bufferedBlocks(65536),
    oneBehind, gzipUnflushed, eventStreamsRefused],
  [null, null, postsRepeated, () => postsRepeated({ later: true }), () => answersLost(0.1), () => requestsLost(0.1), () => balancerErrors(0.1)],
  [null, () => bodyLimit(2048), () => bodyLimit(8192), noKeepAlive, headersStripped, () => reordered(150), () => connectionsAtMost(6)],
  [null, null, () => latency(100), () => latency(400), () => resets(3000), () => silenceCut(5000), () => answersCut(5000)],
];

// Combinations drawn with a Random.
export function combinations(random, count) {
  return Array.from({ length: count }, (_, i) => {
    let behaviours = kParts.map((part) => random.pick(part)).filter(Boolean).map((make) => make());
    // A megabyte each way in pieces of 2 KiB takes hundreds of requests; with long round trips it would take minutes.
    if (behaviours.some(({ name }) => name === 'body-limit-2048')) behaviours = behaviours.filter(({ name }) => name !== 'latency');
    // And eight KiB pass so slowly then that half a second is not enough for ten messages.
    const crawls = ['body-limit-8192', 'latency'].every((wanted) => behaviours.some(({ name }) => name === wanted));
    return { name: `random-${i + 1}`, title: behaviours.map(({ name }) => name).join(' + '), behaviours, ...(crawls ? { pace: 5 } : {}) };
  });
}

// Milliseconds in which the network lets pass what is said at once: some more than on an average; of what is said alone, a message as
// large as 95 % are at the most.
function passing(behaviours, roundTrip, [least, most], shape) {
  const rates = behaviours.map(({ rate, body }) => rate ?? (body ? kUploads * body / (Math.max(roundTrip, kBedTrip) / 1000) : Infinity));
  const count = atOnce(shape);
  const bytes = count > 1 ? kPassingShare * count * ((least + most) / 2 + kEnvelope) : least + 0.95 * (most - least) + kEnvelope;
  return 1000 * bytes / Math.min(...rates);
}

// What follows from the behaviours:
//   works    transports, best first      loses, outage      a round trip in ms      p95: what 95 % of the messages must keep to
// A round trip is that of the messages: to the other member and back. With both behind the network it goes through it twice.
// Where the line is narrow, or bodies must be small, what is said at once takes its time besides.
export function expectations({ behaviours, restarts = false, breaks, loses: itLoses, closes, delay, sizes = kSizes }, behind = 'one', shape = 'steady') {
  const all = [...behaviours, { breaks, closes, delay, outage: restarts, loses: itLoses || restarts }];
  const broken = new Set(all.flatMap((each) => each.breaks ?? []));
  const roundTrip = all.reduce((sum, each) => sum + (each.delay ?? 0), 0) * (behind === 'both' ? 2 : 1);
  const loses = all.some((each) => each.loses);
  const works = ['websocket', 'sse', 'poll'].filter((kind) => !broken.has(kind));
  // An HTTP client has closed its connection by the end of the silence, after four seconds of it; and a loss ends the connection by which
  // it is noticed, so that what is said again waits for another one.
  const keepsAlive = !loses && !all.some((each) => each.closes) && !(shape === 'silence' && works[0] !== 'websocket');
  const usual = Math.max((keepsAlive ? 2 : 4) * roundTrip + 100, ...all.map(({ waits }) => waits ?? 0));
  return {
    works, loses, outage: all.some((each) => each.outage), waits: all.some((each) => each.waits), roundTrip,
    p95: Math.round((loses ? Math.max(3000, usual, ...all.map(({ noticed }) => noticed ?? 0)) : usual) + passing(all, roundTrip, sizes, shape) * (behind === 'both' ? 2 : 1)),
  };
}
