// Half-right clients on every transport, plain and TLS, that come, send something almost valid, and leave somehow, while pairs
// of the JavaScript client talk on each transport. Ends by itself after SIGWAY_CHAOS_SECONDS (3600). Fails if
//   a server writes a sanitizer's report, warns that its loop was stuck, or ends with another status than 0,
//   /healthz is not answered within 20 s, once,
//   memory at the end is more than a quarter and 48 MiB above what it was after a quarter of the time,
//   something is still held when the chaos is over and every timeout has passed, or
//   a pair loses a message.
//
//   SIGWAY_BINARY=build/asan/bin/sigway node chaos.mjs        SIGWAY_SEED=7 SIGWAY_CHAOS_SECONDS=60
//
// A seed gives the same cases in the same order; only time does not repeat.

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';   // the pairs' fetch; the certificate is signed by itself
process.removeAllListeners('warning');
// Freed memory that a sanitizer keeps to itself would look like growth.
process.env.ASAN_OPTIONS = [process.env.ASAN_OPTIONS, 'quarantine_size_mb=8'].filter(Boolean).join(':');

const { kExchanges, kWeights, makeOpen } = await import('./chaos/exchanges.mjs');
const { makeKey } = await import('./chaos/bodies.mjs');
const { Line } = await import('./chaos/line.mjs');
const { Random, sleep } = await import('../faults/random.mjs');
const { ClientTalk } = await import('../denial/support/client_talk.mjs');
const { MiB } = await import('../denial/support/load.mjs');
const { Target } = await import('../denial/support/target.mjs');

const kSeconds = Number(process.env.SIGWAY_CHAOS_SECONDS ?? 3600);
const kSeed = Number(process.env.SIGWAY_SEED ?? Date.now() % 1e9);
const kAtOnce = 80;            // cases; each has some 2 connections, 6 at the most
const kConnections = 480;      // at once, over all
const kEverySecond = 150;      // new connections
const kCaseMs = 15000;
const kAnswerMs = 20000;
const kAfter = 35000;          // resume window, ended keys and mailboxes are over by then
const kFlags = ['--shards', '2', '--message-rate', '200', '--memory-budget', '64MiB', '--head-timeout', '2s', '--body-timeout', '3s', '--attach-timeout', '2s',
  '--keep-alive', '5s', '--write-timeout', '3s', '--ping-interval', '5s', '--poll-hold', '5s', '--stream-max-age', '20s', '--resume-window', '10s',
  '--suspend-after', '2s', '--standby-timeout', '3s', '--ack-deadline', '5s', '--ended-key-memory', '15s', '--mailbox-lifetime', '10s'];

const random = new Random(kSeed);
const began = Date.now();
const elapsed = () => (Date.now() - began) / 1000;
const failures = [];
const fail = (what) => { failures.push(`${elapsed().toFixed(0)} s: ${what}`); console.error(`FAILED ${failures.at(-1)}`); };
const over = () => elapsed() > kSeconds || failures.length > 0;

console.log(`chaos: ${kSeconds} s, SIGWAY_SEED=${kSeed}`);

const targets = [];
for (const flags of [[], ['--tls-self-signed']]) {
  const target = await Target.start([...kFlags, ...flags]);
  target.server.isSecure = flags.length > 0;
  target.name = flags.length > 0 ? 'TLS' : 'plain';
  target.samples = [];
  target.talk = await ClientTalk.start(target.server);
  target.talk.ended.catch((error) => fail(`a pair on ${target.name}: ${error.message}`));
  target.server.exit.then(([code, signal]) => { if (!target.isStopping) fail(`the ${target.name} server ended: ${signal ?? code}`); });
  targets.push(target);
}

// A client that a busy machine keeps from sending its request for two seconds (--head-timeout) is cut. It comes again.
async function answersSoon(target) {
  const until = Date.now() + kAnswerMs;
  for (;;) {
    try {
      return await target.answers(`in the chaos, on ${target.name}`);
    } catch (error) {
      if (Date.now() > until) throw error;
      await sleep(200);
    }
  }
}

// ---- The cases ----

let connections = 0, opened = 0, begun = 0;
const recentKeys = [];

async function oneCase(number, random) {
  const target = random.pick(targets);
  const kind = random.choose(kWeights) ?? 'gets';
  const key = recentKeys.length > 0 && random.chance(0.15) ? random.pick(recentKeys) : makeKey(random);
  recentKeys.push(key);
  if (recentKeys.length > 200) recentKeys.shift();
  const lines = [];
  const one = {
    random,
    state: { key, keys: [...recentKeys], open: makeOpen(random), carrier: random.pick(['c', 'd', 'e']), said: 0 },
    line: async () => {
      if (lines.length >= 6 && !lines.at(-1).isClosed) return lines.at(-1);
      while (connections >= kConnections || opened > elapsed() * kEverySecond) await sleep(10);
      opened += 1;
      connections += 1;
      const line = await Line.open(target.server, random);
      if (line.raw.destroyed) connections -= 1; else line.raw.once('close', () => { connections -= 1; });
      lines.push(line);
      return line;
    },
  };
  await Promise.race([kExchanges[kind](one), sleep(kCaseMs)]).catch((error) => fail(`case ${number}, ${kind}: the client itself: ${error.stack}`));
  for (const line of lines) line.leave();
}

async function worker() {
  while (!over()) await oneCase(begun++, random.fork());
}

// ---- What is watched ----

async function watch(target) {
  while (!over()) {
    try {
      await answersSoon(target);
    } catch (error) {
      fail(error.message);
    }
    if (target.server.process.exitCode === null) target.samples.push({ at: elapsed(), resident: target.resident });
    await sleep(2000);
  }
}

async function report() {
  for (let next = 60; !over(); await sleep(1000)) {
    if (elapsed() < next) continue;
    next += Math.max(60, kSeconds / 30);
    console.log(`${elapsed().toFixed(0)} s: ${begun} cases, ${opened} connections, ${connections} open; ${targets.map(({ name, samples, talk }) =>
      `${name} ${((samples.at(-1)?.resident ?? 0) / MiB).toFixed(0)} MiB, ${talk.pairs.map(({ turns }) => turns)} turns`).join('; ')}`);
  }
}

const most = (target, from, to) => Math.max(...target.samples.filter(({ at }) => at >= from * kSeconds && at <= to * kSeconds).map(({ resident }) => resident));

async function finish(target) {
  const { name } = target;
  const [early, late] = [most(target, 0.2, 0.3), most(target, 0.9, 1.1)];
  console.log(`${name}: ${(early / MiB).toFixed(0)} MiB after a quarter, ${(late / MiB).toFixed(0)} MiB at the end; turns of the pairs: ${target.talk.pairs.map(({ transport, turns }) => `${transport} ${turns}`).join(', ')}`);
  if (kSeconds >= 60 && late > 1.25 * early + 48 * MiB) fail(`${name}: memory grew from ${early} to ${late} bytes`);
  const metrics = await target.metrics();
  const { total } = await target.memory();
  console.log(`${name}: ${metrics.sigway_sessions_opened_total} sessions were opened, ${metrics.sigway_messages_total} messages taken, ${metrics.sigway_events_total} events made`);
  console.log(`${name}, ${kAfter / 1000} s later: ${metrics.sigway_sessions} sessions, ${metrics.sigway_connections} connections, ${total} bytes held`);
  if (metrics.sigway_sessions > 0) fail(`${name}: ${metrics.sigway_sessions} sessions are left`);
  if (metrics.sigway_connections > 5) fail(`${name}: ${metrics.sigway_connections} connections are left`);
  if (total > 65536) fail(`${name}: ${total} bytes are still counted`);
  await target.isIdle('after the chaos').catch((error) => fail(error.message));
  target.isStopping = true;
  await target.stop().catch((error) => fail(error.message));
  // A turn of a second may be the machine's, which does other things as well; ten are the server's.
  for (const [line, ms] of target.server.log.matchAll(/a turn of the loop.* (\d+) ms/g)) {
    console.log(`${name}: ${line}`);
    if (Number(ms) >= 10000) fail(`${name}: the watchdog warned: ${line}`);
  }
}

await Promise.all([report(), ...targets.map(watch), ...Array.from({ length: kAtOnce }, worker)]);
console.log(`${begun} cases, ${opened} connections in ${elapsed().toFixed(0)} s`);
if (failures.length === 0) {
  for (const { talk } of targets) {
    await talk.turns(5).then(() => talk.stop()).catch(() => {});   // a failure is reported already
    await talk.close();
  }
  await sleep(kAfter);
  for (const target of targets) await finish(target);
}
for (const target of targets) {
  if (failures.length > 0) console.error(`--- the ${target.name} server said:\n${target.server.log.slice(-20000)}`);
  target.kill();
}
console.log(failures.length === 0 ? '1 passed, 0 failed' : `0 passed, 1 failed\n${failures.join('\n')}`);
process.exit(failures.length === 0 ? 0 : 1);
