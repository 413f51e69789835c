// One cell of the matrix: a gateway, two members in a room of two, one of them or both behind a network, traffic both ways while
// it misbehaves, and the verdict: all delivered, exactly once, in order.

import { randomBytes } from 'node:crypto';
import { Random } from '../faults/random.mjs';
import { Gateway } from './gateway.mjs';
import { Member } from './member.mjs';
import { Middlebox } from './middlebox.mjs';
import { expectations } from './networks.mjs';
import { Noise } from './noise.mjs';
import { real } from './real.mjs';
import { kSizes, quietAfter, shapes } from './shapes.mjs';

const kPatience = 45000;         // for being ready, and without any progress
const kLongest = 240000;         // for the last message, where it is slow but goes on
const kSettling = 2000, kSettlingTrips = 5;   // ms and round trips after `ready`, whichever is longer: each step of a race takes some
const kAtRest = 6000;            // ms of silence after which no connection is kept for what might come
const kSettled = 2;
const kIdleRequests = 1.5;       // in 20 s: a poll is held for 25 s, and in the 70 s that are looked at something better may be tried once

const kCalm = 15;                // ms of noise up to which times are believed
const noise = await Noise.listen();

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// A gateway, and as many ways to it through the network as are asked for.
class Scene {
  static async open(network, seed, behind) {
    const scene = new Scene();
    scene.gateway = await Gateway.start();
    const random = new Random(seed);
    const before = network.real ? await real[network.real](scene.gateway) : { target: scene.gateway, via: null };
    scene.before = before;
    scene.boxes = [];
    for (let i = 0; i < behind; ++i) {
      scene.boxes.push(await Middlebox.start(before.target, network.behaviours, { random: random.fork(), via: before.via }));
    }
    return scene;
  }

  async close() {
    for (const box of this.boxes) await box.close();
    await this.before.stop?.();
    return this.gateway.stop();
  }
}

async function orLate(promise, ms) {
  let timer;
  const late = new Promise((resolve) => { timer = setTimeout(() => resolve('late'), ms); });
  try {
    return await Promise.race([promise.then(() => 'done'), late]);
  } finally {
    clearTimeout(timer);
  }
}

// {faults, transport, ready, p95, worst, requests, bytes, idle, notes, …}
export async function runCell({ network, shape, behind, start, seed }) {
  let scene;
  try {
    scene = await Scene.open(network, seed, behind === 'both' ? 2 : 1);
  } catch (error) {
    return { network, shape, behind, seed, faults: [`the network did not come up: ${error.message}`], transport: null, notes: [], ready: NaN,
      p95: NaN, worst: NaN, moves: [], requests: 0, bytes: 0, idle: null, noise: noise.since(performance.now() - 10000) };
  }
  const room = `cell-${randomBytes(6).toString('hex')}`;
  const members = [];
  let changed = () => {};
  const settings = { seed, sizes: network.sizes ?? kSizes, forgives: network.restarts, start, tell: () => changed() };
  const faults = [];
  const began = performance.now();
  let traffic = { bursts: [], settled: null };
  try {
    const bob = new Member('bob', settings, { url: (scene.boxes[1] ?? scene.gateway).url, room });
    members.push(bob);
    if (await orLate(bob.attached, kPatience) === 'late') throw new Error('bob never came into the room');
    const alice = new Member('alice', settings, { url: scene.boxes[0].url, room });
    members.push(alice);
    if (await orLate(Promise.all([alice.ready, bob.ready]), kPatience) === 'late') throw new Error('the room was never complete');
    const complete = () => alice.heard.length >= bob.said.size && bob.heard.length >= alice.said.size;
    // False if nothing came any more.
    const all = async () => {
      const began = performance.now();
      for (;;) {
        if (complete()) return true;
        if (members.some((member) => member.faults.length)) return false;
        const progress = new Promise((resolve) => { changed = resolve; });
        if (await orLate(progress, kPatience) === 'late' || performance.now() - began > kLongest) return false;
      }
    };
    traffic = await talk(members, scene.boxes[0], network, shape, async () => {
      if (!network.restarts) return;
      await all();
      await scene.gateway.restart();
    });
    await all();
    await sleep(300);      // for what comes twice
    alice.judge(bob);
    bob.judge(alice);
  } catch (error) {
    faults.push(error.message);
  }
  faults.push(...members.flatMap((member) => member.faults));
  const transport = members[1]?.client.transport ?? null;
  const calm = noise.since(began);
  const measured = measure(members, scene.boxes[0], shape, traffic,
    Math.max(kSettling, kSettlingTrips * expectations(network).roundTrip));
  await orLate(Promise.all(members.map((member) => Promise.resolve(member.client.close()).catch(() => {}))), 5000);
  const wrong = await scene.close();
  if (wrong) faults.push(wrong);
  const notes = members.flatMap((member) => [`--- ${member.name} ---`, ...member.notes]);
  return { network, shape, behind, seed, faults, transport, notes, noise: calm, ...measured };
}

// Both say what the shape plans; `halfway` may hold it up.
async function talk(members, box, { pace = 1, gap }, shape, halfway) {
  const plan = shapes[shape]({ gap });
  let number = 0, shift = 0;
  const bursts = [];
  let settled = null;      // connections that were open after the last silence
  const began = performance.now();
  for (const [i, { at, count }] of plan.entries()) {
    if (i === plan.length >> 1) {
      const stopped = performance.now();
      await halfway();
      shift += performance.now() - stopped;
    }
    await sleep(began + shift + at * pace - performance.now());
    if (performance.now() - bursts.at(-1) > kAtRest) settled = box.counts.open;
    bursts.push(performance.now());
    for (let k = 0; k < count; ++k) {
      ++number;
      for (const member of members) member.say(number);
    }
  }
  return { bursts, settled };
}

function measure(members, box, shape, { bursts, settled }, settling) {
  const [bob, alice] = members;
  const latencies = [];
  for (const [from, to] of [[bob, alice], [alice, bob]]) {
    for (const { number, at } of to?.heard ?? []) {
      const said = from?.said.get(number);
      if (said !== undefined && alice.readyAt !== null && said > alice.readyAt + settling) latencies.push(at - said);
    }
  }
  latencies.sort((one, other) => one - other);
  const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? NaN;
  let idle = 0, idleTime = 0;
  for (let i = 1; i < bursts.length; ++i) {
    const from = bursts[i - 1] + quietAfter(shape), to = bursts[i];
    if (to - from < 2000) continue;
    idleTime += to - from;
    idle += box.requestTimes.filter((time) => time > from && time < to).length;
  }
  return {
    ready: alice?.readyAt ? alice.readyAt - alice.startedAt : NaN,
    p50: at(0.5), p95: at(0.95), worst: at(1),
    moves: alice?.moves.map((move) => move.transport) ?? [],
    requests: box.counts.requests, bytes: box.counts.up + box.counts.down, connections: box.counts.mostOpen, settled,
    methods: [...box.counts.methods],
    idle: idleTime ? idle * 20000 / idleTime : null,
  };
}

// Milliseconds until the room is complete, over one transport alone; NaN if it never is.
export async function readyOver({ network, transport, start, seed }) {
  const scene = await Scene.open(network, seed, 1);
  const room = `ready-${randomBytes(6).toString('hex')}`;
  const settings = { seed, sizes: kSizes, start };
  const bob = new Member('bob', settings, { url: scene.gateway.url, room });
  await orLate(bob.attached, kPatience);
  const alice = new Member('alice', settings, { url: scene.boxes[0].url, room, transport });
  await orLate(alice.ready, 15000);
  const ready = alice.readyAt ? alice.readyAt - alice.startedAt : NaN;
  await orLate(Promise.all([alice, bob].map(({ client }) => Promise.resolve(client.close()).catch(() => {}))), 5000);
  await scene.close();
  return ready;
}

// Where a cell misses what a network allows: what is wrong, and whether the machine was calm enough to say so.
export function slowness({ network, shape, behind, p95, idle, settled, noise: calm }) {
  if (shape === 'idle') return idle > kIdleRequests ? { text: `${idle.toFixed(1)} requests in 20 s of silence`, isSure: true } : null;
  const wanted = expectations(network, behind, shape);
  // Where round trips are long, what a burst needed is still waiting to be used again.
  if (settled > kSettled && !wanted.loses && !wanted.roundTrip && !wanted.waits) return { text: `${settled} connections after ${kAtRest / 1000} s of silence`, isSure: true };
  if (wanted.outage || p95 <= wanted.p95) return null;
  return { text: `95 % within ${Math.round(p95)} ms, not ${wanted.p95} ms`, isSure: calm <= kCalm };
}
