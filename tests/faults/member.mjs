// One member: an application over one client after the other, that wants to be in its rooms, says numbered things there and
// writes down what it hears. The proof (proof.mjs) reads only these notes.

import { LibraryClient } from './library_client.mjs';
import { MinimalClient } from './minimal_client.mjs';
import { Relay } from './relay.mjs';

const kUseless = new Set(['no_such_peer', 'nobody_there', 'not_in_room', 'no_room']);   // refusals that a race explains
const kTransports = ['websocket', 'sse', 'poll'];

// A stay in a room: from `created` or `joined` to the end.
class Stay {
  constructor(life, room, { peer, join, members = [] }) {
    Object.assign(this, { life, room, peer, join });
    this.present = new Map(members.map((member) => [member.peer, { suspended: member.suspended ?? false }]));
    this.begin = members.map((member) => member.peer);
    this.heard = [];          // {kind, about, ...}: events and messages in their order
    this.end = null;          // 'left' | 'place-lost': it heard so; 'closed' | 'dead'
  }
}

// One client from its start to its end. Messages carry its tag.
class Life {
  constructor(tag) {
    Object.assign(this, { tag, stays: [], said: [], peer: '' });   // said: {id, room, to, count, refused, late}
    this.counts = new Map();  // 'room' or 'room>peer' -> how many were said
    this.end = null;          // 'left' | 'dead'
    this.taken = 0;           // of what was said, when it ended
  }
}

export class Member {
  lives = [];
  states = new Map();         // room -> 'out' | 'joining' | 'in' | 'leaving'
  closed = null;

  constructor(world, name, rooms) {
    Object.assign(this, { world, name, rooms, random: world.random.fork() });
    this.minimal = this.random.chance(0.4);
  }

  get life() { return this.lives.at(-1); }

  // Opens in the first of its rooms, and joins the others.
  async start(replaces) {
    const { world, random } = this;
    const count = (what) => world.count(what);
    this.relay = await new Relay(world.server, random.fork(), world.weather(random), count).listen();
    const life = new Life(`${this.name}.${this.lives.length + 1}`);
    this.lives.push(life);
    const [room] = this.rooms;
    const mine = (act) => (...values) => { if (life === this.life && !life.end) act(...values); };
    const Client = this.minimal ? MinimalClient : LibraryClient;
    this.client = new Client({ url: this.relay.url, room: room.name, capacity: room.capacity, replaces,
      transport: random.pick(this.minimal ? kTransports : [...kTransports, 'auto']) }, random.fork(), {
      event: mine((event, number, transport) => this.#heard(life, event, number, transport)),
      broken: mine((reason) => this.#broken(reason)),
      closed: mine((code) => this.#closed(life, code)),
      trace: (what) => world.trace(life.tag, what),
    });
    this.states = new Map(this.rooms.map(({ name }, i) => [name, i ? 'out' : 'joining']));
  }

  // ---- What chance makes it do ----

  say(room, length) {
    const stay = this.#stayIn(room);
    if (!stay) return;
    this.#send(room, null, length);
  }

  sayTo(room, length) {
    const stay = this.#stayIn(room);
    const peers = stay ? [...stay.present.keys()] : [];
    if (peers.length) this.#send(room, this.random.pick(peers), length);
  }

  #send(room, to, length) {
    const { life } = this;
    const line = to ? `${room}>${to}` : room;
    const count = (life.counts.get(line) ?? 0) + 1;
    life.counts.set(line, count);
    const data = { tag: life.tag, count, ...(to ? { to } : {}), text: textOf(life.tag, count, length) };
    const id = this.client.send(this.random.pick(['offer', 'candidate', 'note']), data, { room, ...(to ? { to } : {}) });
    life.said.push({ id, room, to, count, refused: null, late: this.#isUnderWay() });
  }

  // What is said now may find the place gone, or may wait for the answer to a `join` and end with the session.
  #isUnderWay() {
    return [...this.states.values()].some((state) => state !== 'in' && state !== 'out');
  }

  join(room) {
    if (this.states.get(room.name) !== 'out' || this.closed) return;
    this.states.set(room.name, 'joining');
    this.client.join(room.name, room.capacity);
  }

  leave(room) {
    if (this.states.get(room.name) !== 'in') return;
    this.states.set(room.name, 'leaving');
    this.client.leave(room.name);
  }

  // The client dies, and another begins; as a reload does, or with nothing left of the first.
  async restart(remembers) {
    const { key } = this.client;
    this.die();
    await this.start(remembers ? key : undefined);
  }

  die() {
    const { life } = this;
    life.taken = this.#taken();
    life.end = 'dead';
    for (const stay of life.stays) stay.end ??= 'dead';
    this.client.kill();
    this.relay.close(this.random.chance(0.4) ? this.random.magnitude(10, 2500) : 0);
  }

  #taken() {
    const { said } = this.life;
    return Math.max(0, said.length - this.client.pending);
  }

  async goAway(ms) {
    const { client, relay, random } = this;
    const says = random.chance(0.5);
    if (says) client.away();
    relay.goDown(random.chance(0.5));
    await this.world.pause(ms);
    relay.comeBack();
    if (random.chance(0.5)) client.back?.();
  }

  // Leaves for good, or for a new life.
  async depart() {
    const { life } = this;
    life.leaving = true;
    await this.client.close();      // without waiting for ever: what is pending may be lost
    life.taken = this.#taken();
    if (!this.closed && this.life === life) this.#closed(life, 'left');
  }

  async returnAnew() {
    await this.depart();
    this.relay.close();
    this.closed = null;
    await this.start();
  }

  heal() {
    this.relay.heal(this.random.chance(0.5));
    if (this.random.chance(0.5)) this.client.back?.();
  }

  // ---- What it hears ----

  #stayIn(room) {
    const stay = this.life.stays.findLast((one) => one.room === room);
    return stay && !stay.end ? stay : null;
  }

  stayIn(room) { return this.#stayIn(room); }

  #heard(life, event, number, transport) {
    life.numbers = (life.numbers ?? 0) + 1;
    if (number !== life.numbers) this.#fault(`event ${number} where ${life.numbers} was due`);
    life.peer = this.client.peer;
    this.world.trace(life.tag, `hears ${number} ${JSON.stringify(event)}`);
    this.world.heard(transport, event);
    const { type, room } = event;
    const stay = this.#stayIn(room);
    if (event.from !== undefined) {
      if (!stay) return this.#fault(`a message in ${room}, where it is not: ${JSON.stringify(event).slice(0, 200)}`);
      const { tag, count, to, text } = event.data ?? {};
      if (text !== textOf(tag, count, text?.length)) this.#fault(`a message was changed: ${JSON.stringify(event).slice(0, 200)}`);
      if (to !== undefined && to !== stay.peer) this.#fault(`a message to ${to} came to ${stay.peer}`);
      stay.heard.push({ kind: 'message', about: event.from, tag, count, direct: to !== undefined });
      return;
    }
    switch (type) {
      case 'created':
      case 'joined':
        if (stay) return this.#fault(`${type} in ${room} twice`);
        life.stays.push(new Stay(life, room, event));
        this.states.set(room, 'in');
        for (const other of this.rooms) this.join(other);
        break;
      case 'full':
      case 'left':
      case 'place-lost':
        if (stay) stay.end = type;
        this.states.set(room, 'out');
        this.#comeBackTo(room);
        break;
      case 'error': return this.#refused(life, event);
      case 'ready': if (stay) stay.heard.push({ kind: type, about: '' }); break;
      case 'peer-joined':
      case 'peer-left':
      case 'peer-suspended':
      case 'peer-resumed': return this.#peer(stay, event);
      default: this.#fault(`did not expect ${JSON.stringify(event)}`);
    }
  }

  #peer(stay, { type, room, peer, reason, join }) {
    if (!stay) return this.#fault(`${type} in ${room}, where it is not`);
    stay.heard.push({ kind: type, about: peer, reason, join });
    const known = stay.present.get(peer);
    if (Boolean(known) === (type === 'peer-joined')) {
      return this.#fault(`${type} ${peer}, who is ${known ? 'there' : 'not there'}`);
    }
    if (type === 'peer-joined') stay.present.set(peer, { suspended: false });
    else if (type === 'peer-left') stay.present.delete(peer);
    else {
      if (known.suspended === (type === 'peer-suspended')) this.#fault(`${type} ${peer} twice`);
      known.suspended = type === 'peer-suspended';
    }
  }

  #refused(life, event) {
    const said = life.said.find(({ id }) => id === event.re);
    if (said && kUseless.has(event.code)) said.refused = event.code;
    else if (!said && event.code === 'not_in_room') return;   // the place was lost before the `leave` came
    else this.#fault(`refused: ${JSON.stringify(event)}`);
  }

  #comeBackTo(room) {
    const wanted = this.rooms.find(({ name }) => name === room);
    const { life } = this;
    setTimeout(() => { if (this.life === life && !life.end) this.join(wanted); }, this.random.between(50, 400)).unref();
  }

  #broken(reason) {
    this.#fault(`the session was lost: ${reason}`);
  }

  #closed(life, code) {
    if (code !== 'left' || !life.leaving) this.#fault(`closed, without having asked for it: ${code}`);
    life.end = 'left';
    for (const stay of life.stays) stay.end ??= 'closed';
    this.closed = code;
  }

  #fault(what) {
    this.world.fault(`${this.life.tag} (${this.client?.constructor.name} on ${this.client?.transport}): ${what}`);
  }
}

// What a message says, so that its receiver knows whether it is whole: every kind of character that something might touch.
export function textOf(tag, count, length) {
  const unit = `${tag}#${count} "quoted" \\ \n\r\t\u0000\u2028 é ж 漢 \u{1f600} </script> data: id:\n\n`;
  return unit.repeat(Math.ceil(length / unit.length)).slice(0, length).replace(/[\ud800-\udbff]$/, '?');
}
