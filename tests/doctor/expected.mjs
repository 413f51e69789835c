// What the doctor has to say about each behaviour of the bed, by the behaviour's name (tests/networks/behaviours/).
//   must   findings that have to be there: an id, or [id, test(finding)]
//   may    findings that can come of it as well
//   hides  findings of the other behaviours that need not show through it
//   filled  whether the clients get event streams through with padding
// Whatever is in neither of a network's behaviours is a false alarm.

const about = (ms) => ({ ms: found }) => found > ms * 0.6 && found < ms * 1.3 + 700;
const around = (bytes) => ({ bytes: found }) => found <= bytes && bytes - found <= Math.max(64, bytes / 64);

const kLossy = ['requests-lost', 'answers-lost', 'stalled'];
const kWaits = { must: [['slow-line', ({ trip }) => trip > 400]], may: ['stalled'] };
const kAtFirst = (id) => ({ must: [id], may: ['strangers', 'stalled', ...kLossy] });

// Their handshake waits for a connection that is kept for requests.
const kFew = (served, ...more) => ({ must: [['few-connections', ({ count }) => count === served], ...more], may: ['websocket-hangs', ...kLossy], hides: ['websocket-refused'] });

const byName = {
  'websocket-refused': { must: ['websocket-refused'] },
  'websocket-closed': { must: ['websocket-refused'] },
  'upgrade-stripped': { must: ['websocket-refused'] },
  'upgrade-hangs': { must: ['websocket-hangs'] },
  'websocket-dead-both': { must: ['websocket-dead'] },
  'websocket-dead-up': { must: ['websocket-dead-up'] },
  'websocket-dead-down': { must: ['websocket-dead-down'] },
  'websocket-blocks-held': { must: ['websocket-blocks'] },
  'websocket-blocks-forgotten': { must: ['websocket-blocks'] },
  'websocket-cut': { must: [['websocket-cut', about(3000)]] },
  'buffered-whole': { must: ['stream-buffered-whole'] },
  'first-held': { must: ['stream-first-held'] },
  'one-behind': { must: ['stream-one-behind'] },
  gzip: { must: [['compressed', ({ encoding }) => encoding === 'gzip']], may: ['stream-buffered-blocks', 'stream-buffered-whole'] },
  'accept-wanted': { must: [] },   // the doctor asks as the clients do
  'event-streams-refused': { must: ['stream-type-refused'] },
  'answers-cut': { must: [['answers-cut', about(5000)], ['hold-cut', ({ ms, status }) => about(5000)({ ms }) && status === 504]] },
  'slow-first-byte': kWaits,
  'posts-repeated': { must: ['posts-repeated'] },
  'posts-repeated-later': { must: ['posts-repeated'] },
  'gets-doubled': { must: ['gets-repeated'] },
  'answers-lost': { must: ['answers-lost'], may: kLossy },
  'requests-lost': { must: ['requests-lost'], may: kLossy },
  'requests-swallowed': { must: ['requests-lost'], may: kLossy },
  'latin-1': { must: [] },
  'only-get-and-post': { must: ['only-get-and-post'] },
  'options-refused': { must: ['options-refused'] },
  reordered: { must: [] },
  'balancer-errors': { must: ['balancer-errors'], may: ['stranger-at-first'] },
  'http-1.0': { must: ['http-1.0', 'websocket-refused'], may: ['no-keep-alive'] },
  'interim-answers': { must: [] },
  'no-keep-alive': { must: ['no-keep-alive'] },
  'rude-cache': { must: ['cached'] },
  'headers-stripped': { must: [['headers-stripped', ({ names }) => /x-sigway-probe, authorization, cookie/.test(names)], 'answer-headers-stripped'] },
  latency: kWaits,
  jitter: { must: kWaits.must, may: ['stream-buffered-time', 'stalled'] },
  bandwidth: { must: ['narrow'], may: ['post-slow', 'slow-line', 'slow-answers', ...kLossy] },
  'shared-line': { must: ['narrow'], may: ['post-slow', 'slow-line', 'slow-answers', ...kLossy] },
  resets: { must: [['connections-cut', about(3000)]], may: kLossy },
  'silence-cut': { must: [['silence-cut', about(5000)], ['hold-cut', about(5000)]], may: ['websocket-silence-cut'] },
  'address-changed': { must: ['connections-die'], may: kLossy },
  'few-connections': { must: [], may: kLossy },
  'connections-2': kFew(2),
  'connections-1': kFew(1, 'stream-alone'),
  'captive-portal': kAtFirst('stranger-at-first'),
  'redirect-loop': kAtFirst('redirected-at-first'),
  'wrong-json': kAtFirst('stranger-at-first'),
  'another-server': kAtFirst('stranger-at-first'),
  'uploads-refused-403': { must: ['requests-blocked'] },
  'uploads-refused-429': { must: ['requests-limited'] },
};
for (const bytes of [1024, 4096, 65536]) byName[`buffered-${bytes}`] = { must: [['stream-buffered-blocks', (finding) => finding.bytes === bytes]] };
for (const bytes of [1024, 4096]) Object.assign(byName[`buffered-${bytes}`], { may: ['stream-padded'], filled: true });
for (const bytes of [2048, 8192]) byName[`body-limit-${bytes}`] = { must: [['post-limit', around(bytes)]] };

// Real proxies. The 10 s of haproxy and the 30 s of tinyproxy show only to a doctor that watches for longer.
const silent = (ms) => ({ must: [['silence-cut', about(ms)], ['hold-cut', about(ms)]], may: ['websocket-silence-cut'] });
const byProxy = {
  nginx: () => ({ must: ['http-1.0', 'websocket-refused', 'proxy'], may: ['no-keep-alive'] }),
  haproxy: (cap) => (cap > 12000 ? silent(10000) : { must: [] }),
  squid: () => ({ must: [['proxy', ({ names }) => /squid/.test(names)]] }),
  tinyproxy: (cap) => {
    const { must, may } = cap > 33000 ? silent(30000) : { must: [], may: [] };
    return { must: [['proxy', ({ names }) => /tinyproxy/.test(names)], ...must], may: ['no-keep-alive', 'requests-lost', ...may] };
  },
};

const kPatience = 60000;         // nobody waits for longer, whatever the network does

// `busy` is about the computer that measures.
const kAlways = ['websocket-works', 'stream-works', 'poll-works', 'round-trip', 'busy'];

// What of these networks this file says nothing of, by name.
export function unknown(networks) {
  const names = networks.flatMap(({ behaviours }) => behaviours.map(({ name }) => name)).filter((name) => !byName[name]);
  const proxies = networks.flatMap(({ real = [] }) => real).filter((name) => !byProxy[name]);
  return [...new Set([...names, ...proxies])];
}

// What is wrong with a diagnosis of that network, as sentences.
export function faults(network, { findings, works }, { cap, took, works: expected }) {
  const rules = network.behaviours.map(({ name }) => byName[name]);
  if (network.real) rules.push(byProxy[network.real](cap));
  const wrong = [];
  if (took > kPatience) wrong.push(`took ${Math.round(took / 1000)} s`);
  const allowed = new Set(kAlways);
  const hidden = new Set(rules.flatMap(({ hides = [] }) => hides));
  for (const { must, may = [] } of rules) {
    for (const rule of must) {
      const [id, test = () => true] = [rule].flat();
      allowed.add(id);
      const finding = findings.find((one) => one.id === id);
      if (!finding && hidden.has(id)) continue;
      if (!finding) wrong.push(`does not say ${id}`);
      else if (!test(finding)) wrong.push(`says ${JSON.stringify(finding)}`);
    }
    for (const id of may) allowed.add(id);
  }
  for (const finding of findings) if (!allowed.has(finding.id)) wrong.push(`false alarm: ${JSON.stringify(finding)}`);
  const wanted = rules.some(({ filled }) => filled) ? [...expected, 'sse'] : expected;
  for (const kind of ['websocket', 'sse', 'poll']) {
    if (works[kind] !== wanted.includes(kind)) wrong.push(`says that ${kind} ${works[kind] ? 'works' : 'does not work'}`);
  }
  return wrong;
}
