// One seed: a server, rooms of exactly as many places as members, a network for each member, and a few seconds in which
// anything happens to them. Then the weather clears, and all must be well.

import { Member } from './member.mjs';
import { prove } from './proof.mjs';
import { Random, sleep } from './random.mjs';

// But for the resume window.
export const kFlags = ['--suspend-after', '900ms', '--probe-timeout', '800ms', '--ack-deadline', '15s',
  '--standby-timeout', '3s', '--ping-interval', '1s', '--poll-hold', '1s', '--message-rate', '1000', '--message-burst', '2000',
  '--drain-time', '500ms'];

const kHealed = 25000;         // ms after which everybody must be in its rooms again
const kBusy = 20000;           // ms that a restart or an absence may last at the end: its requests may all be swallowed twice
const kArrived = 12000;        // and for what is said then
const kLeft = 5000;            // for a goodbye
const kGone = 8000 + 4000;     // until nothing is left of the dead: the resume window, and some

export class World {
  faults = [];
  counts = {};
  members = [];
  born = Date.now();

  // With `traces`, an array, what goes over the wires is written down there.
  constructor(seed, server, { duration = 4000, traces = null } = {}) {
    Object.assign(this, { seed, server, duration, traces, random: new Random(seed) });
    const { random } = this;
    this.#mood();
    const size = random.integer(2, 5);
    const rooms = [{ name: `room ${seed}`, capacity: size, size }];
    if (size > 2 && random.chance(0.5)) {
      const some = random.integer(2, size);
      rooms.push({ name: `other ${seed}`, capacity: some, size: some });
    }
    this.rooms = rooms;
    for (let i = 0; i < size; ++i) {
      this.members.push(new Member(this, `m${i + 1}`, rooms.filter((room) => i < room.size)));
    }
  }

  // What this seed's networks are like: a few kinds of fault, each as bad as chance will have it.
  #mood() {
    const { random } = this;
    const some = (most) => (random.chance(0.6) ? random.next() * most : 0);
    const request = { drop: some(0.2), refuse: some(0.2), lose: some(0.3), delay: some(0.4), repeat: some(0.4), replay: some(0.4),
      old: some(0.3), buffer: some(0.3) };
    const most = Math.max(1, Object.values(request).reduce((sum, one) => sum + one, 0) / random.between(0.3, 0.8));
    for (const fault in request) request[fault] /= most;
    this.climate = {
      raw: random.pick([0, 0.3, 0.6, 1]),
      link: { cut: some(0.8), swallow: some(0.3), bytes: random.pick([600, 3000, 20000]), delay: random.pick([0, 0, 8, 40]),
        dribble: some(0.6) },
      request,
      delay: random.pick([50, 300, 1200]),
      upgrade: { refuse: some(0.5), swallow: some(0.2) },
      bodyLimit: Infinity,
    };
    this.bodyLimit = random.chance(0.2) ? random.integer(800, 6000) : Infinity;
  }

  weather(random) {
    if (random.chance(0.15)) return { ...this.climate, raw: 0.5, link: {}, request: {}, upgrade: {} };
    return { ...this.climate, raw: this.bodyLimit < Infinity ? 0 : this.climate.raw, bodyLimit: this.bodyLimit };
  }

  fault(what) {
    if (this.faults.length < 40) this.faults.push(what);
    this.trace('FAULT', what);
  }

  count(what) { this.counts[what] = (this.counts[what] ?? 0) + 1; }
  pause(ms) { return sleep(ms); }
  trace(who, what) { if (this.traces) this.traces.push(`${Date.now() - this.born} ${who} ${what}`); }

  heard(transport, { from }) {
    this.count(from === undefined ? 'events' : `messages by ${transport}`);
  }

  async run() {
    const { random, members } = this;
    for (const member of members) {
      await member.start();
      await sleep(random.magnitude(1, 300));
    }
    const end = Date.now() + this.duration;
    while (Date.now() < end) {
      this.#act(random.pick(members));
      await sleep(random.magnitude(1, 60));
    }
    await this.#whenAll(kBusy, 'busy', () => members.filter(({ busy }) => busy).map(({ name, busy }) => `${name} with ${busy}`));
    this.healed = Date.now();
    this.trace('world', 'heals');
    for (const member of members) member.heal();
    await this.#whenAll(kHealed, 'not healed', () => members.flatMap((member) => this.#ails(member)));
    if (!this.faults.length) {
      this.count('healed');
      this.healing = Date.now() - this.healed;
      for (const member of members) {
        for (const room of member.rooms) {
          for (let i = 0; i < 3; ++i) member.say(room.name, random.magnitude(1, 2000));
          member.sayTo(room.name, 20);
        }
      }
      await this.#whenAll(kArrived, 'not arrived', () => {
        const lacking = members.flatMap((member) => this.#lacks(member));
        if (!lacking.length) prove(members, (what) => lacking.push(what));
        return lacking;
      });
    }
    await this.#part();
    return this;
  }

  // One thing that happens to a member.
  #act(member) {
    if (member.busy) return;
    const { random } = this;
    const room = random.pick(member.rooms);
    const length = random.chance(0.04) ? random.magnitude(1000, 20000) : random.magnitude(1, 500);
    const during = (act) => {
      member.busy = act;
      const doing = { restart: () => member.restart(true), forget: () => member.restart(false), return: () => member.returnAnew(),
        away: () => member.goAway(random.magnitude(50, 2500)) }[act]();
      doing.catch((error) => this.fault(`${member.name} ${act}: ${error.stack}`)).finally(() => { member.busy = null; });
    };
    const what = random.choose({ say: 0.5, sayTo: 0.13, burst: 0.03, switch: 0.1, 'cut all': 0.05, leave: 0.03, restart: 0.03,
      forget: 0.015, return: 0.02, away: 0.03 });
    if (!what) return;
    this.count(what);
    if (!what.startsWith('say')) this.trace(member.name, what);
    switch (what) {
      case 'say': return member.say(room.name, length);
      case 'sayTo': return member.sayTo(room.name, length);
      case 'burst': for (let i = random.integer(2, 30); i > 0; --i) member.say(room.name, 10); return;
      case 'switch': return member.client.switchTransport(random.pick(['websocket', 'sse', 'poll']));
      case 'cut all': return member.relay.cut();
      case 'leave': return member.leave(room);
      default: return during(what);
    }
  }

  // Waits until nothing ails. The time in which a busy machine did not let us run does not count.
  async #whenAll(ms, what, ails) {
    let left = await ails();
    for (let waited = 0, last = Date.now(); left.length && waited < ms;) {
      await sleep(20);
      const now = Date.now();
      waited += Math.min(now - last, 60);
      last = now;
      left = await ails();
    }
    for (const one of left) this.fault(`${what} after ${ms} ms: ${one}`);
  }

  // What is wrong with a member: it is in all its rooms, sees exactly the others, and none of them is suspended.
  #ails(member) {
    const found = [];
    for (const { name } of member.rooms) {
      const stay = member.stayIn(name);
      const others = this.members.filter((other) => other !== member && other.rooms.some((room) => room.name === name));
      if (!stay) {
        found.push(`${member.name} is not in ${name} but ${member.states.get(name)}, on ${member.client.transport}`);
        continue;
      }
      if (member.states.get(name) !== 'in') found.push(`${member.name} is ${member.states.get(name)} ${name}`);
      for (const other of others) {
        const there = stay.present.get(other.stayIn(name)?.peer);
        if (!there) found.push(`${member.name} does not see ${other.name} in ${name}`);
        else if (there.suspended) found.push(`${member.name} sees ${other.name} suspended in ${name}`);
      }
      const ghosts = stay.present.size - others.length;
      if (ghosts > 0) found.push(`${member.name} sees ${ghosts} too many in ${name}`);
    }
    const { pending, transport } = member.client;
    if (pending) found.push(`${member.name} has not got rid of ${pending} messages, on ${transport}`);
    return found;
  }

  // Who has not heard the last that each of the others said.
  #lacks(member) {
    const found = this.#ails(member);
    for (const { name } of member.rooms) {
      const heard = member.life.stays.filter(({ room }) => room === name).flatMap((stay) => stay.heard);
      for (const other of this.members) {
        if (other === member || !other.rooms.some((room) => room.name === name)) continue;
        const last = other.life.said.findLast(({ room, to, refused }) => room === name && !to && !refused);
        if (last && !heard.some(({ tag, count, direct }) => tag === other.life.tag && count === last.count && !direct)) {
          found.push(`${member.name} lacks the last of ${other.life.tag} in ${name}`);
        }
      }
      for (const { life } of this.members) {
        const last = life.said.findLast(({ room, to, refused }) => room === name && to === member.stayIn(name)?.peer && !refused);
        if (last && !heard.some(({ tag, count, direct }) => tag === life.tag && count === last.count && direct)) {
          found.push(`${member.name} lacks what ${life.tag} said to it alone in ${name}`);
        }
      }
    }
    return found;
  }

  // All go: most say goodbye, some just stop. Nothing of them stays.
  async #part() {
    const { members, random, server } = this;
    await Promise.all(members.map(async (member) => {
      await sleep(random.integer(0, 100));
      if (random.chance(0.15)) return member.die();
      let gone = false;
      member.depart().then(() => { gone = true; });
      await this.#whenAll(kLeft, 'could not leave', () => (gone ? [] : [member.name]));
      return member.relay.close();
    }));
    await this.#whenAll(kGone, 'left behind', async () => {
      const metrics = await server.metrics();
      const left = ['sigway_sessions', 'sigway_queued_bytes'].filter((name) => metrics[name] !== 0);
      return left.map((name) => `${name} ${metrics[name]}`);
    });
  }
}
