// A server and its clients in the process, for an application's unit tests: `new FakeServer()`, then `server.connect(…)` in the place
// of `connect(…)`. No network and no pauses: all that is said has been heard after `await server.settled()`.
//
// tests/client/testing.test.mjs runs the same scenarios against this and against the real client and server, and compares what is heard.

import { FakeConnection } from './testing/fake_connection.js';

const kMailLifetime = 60;            // s; a fake's clock does not run, so nothing is thrown away
const kQuietTurns = 20;              // of the microtask queue without anything new
const kMostTasks = 100000;           // in one go: more than any test says
const kCapacity = 2;

/** A refusal, as the event `error`. */
const refusal = (re, code, message, more = {}) => ({ type: 'error', re, code, message, hint: 'docs/protocol.md', ...more });

export class FakeServer {
  iceServers;
  features = ['drain', 'mail'];
  /** Every message for others that the server has taken: {from, name, type, to, room, data}. */
  messages = [];
  #connections = new Set();
  #rooms = new Map();        // name -> {capacity, joins, members: Map(connection -> join)}
  #mail = new Map();         // name -> messages
  #tasks = [];
  #busy = false;
  #running = true;
  #peers = 0;
  #lives = 1;

  constructor({ iceServers = [] } = {}) {
    this.iceServers = iceServers;
  }

  /** A client; the options are those of connect(), of which room, name, capacity, transport, signal and deadline do something. */
  connect(options = {}) {
    const connection = new FakeConnection(options, {
      life: () => this.#lives,
      peer: () => `peer-${++this.#peers}`,
      iceServers: () => this.iceServers,
      features: () => this.features,
      later: (act) => this.#later(act),
      opened: () => this.#opened(connection),
      take: (message, re) => this.#take(connection, message, re),
      gone: (reason) => this.#gone(connection, reason),
    });
    this.#connections.add(connection);
    this.#later(() => this.#online(connection));
    return connection;
  }

  /** Its network fails: it is `reconnecting`, the others hear `peer-suspended`, and what is said waits. */
  lose(connection) {
    this.#later(() => {
      connection.fake.isLost = true;
      if (!connection.fake.goOffline()) return;
      this.#tellPeers(connection, (room) => ({ type: 'peer-suspended', room, peer: connection.peer }));
    });
  }

  /** The network is back. */
  restore(connection) {
    this.#later(() => {
      const isKnown = connection.state === 'reconnecting' && connection.fake.life === this.#lives;
      connection.fake.isLost = false;
      this.#online(connection);
      if (isKnown && connection.state === 'open') this.#tellPeers(connection, (room) => ({ type: 'peer-resumed', room, peer: connection.peer }));
    });
  }

  /** The server ends its session for good: `replaced`, `origin_refused`, … */
  end(connection, code) {
    this.#later(() => connection.fake.finish(code, `ended by the server: ${code}`));
  }

  /** The server goes away, until `restart()`: clients are `reconnecting`, and new ones stay `connecting`. */
  stop() {
    this.#later(() => {
      this.#running = false;
      for (const connection of this.#connections) connection.fake.goOffline();
    });
  }

  /** Another one takes its place, which knows nobody: each client has `reset`, and comes back into its rooms under another peer id. */
  restart() {
    this.stop();
    this.#later(() => {
      this.#running = true;
      ++this.#lives;
      this.#rooms.clear();
      this.#mail.clear();
      for (const connection of this.#connections) this.#later(() => this.#online(connection));
    });
  }

  /** Resolves when all that was said has been heard. Handlers that wait for something else are not waited for. */
  async settled() {
    for (let quiet = 0; quiet < kQuietTurns; ++quiet) {
      await null;
      if (this.#tasks.length || this.#busy) quiet = 0;
    }
  }

  // One thing after the other, each in a turn of its own.
  #later(act) {
    this.#tasks.push(act);
    if (this.#busy) return;
    this.#busy = true;
    (async () => {
      for (let count = 0; this.#tasks.length && count < kMostTasks; ++count) {
        await null;
        this.#tasks.shift()();
      }
      this.#busy = false;
      // No timer could have ended it: microtasks go before all others.
      if (this.#tasks.splice(0).length) throw new Error('FakeServer: the clients answer each other without end');
    })();
  }

  // ---- Sessions ----

  #online(connection) {
    if (this.#running && !connection.fake.isLost) connection.fake.goOnline();
  }

  // It says where it wants to be.
  #opened(connection) {
    connection.fake.life = this.#lives;
    const { name, rooms } = connection.fake.wanted;
    if (name !== undefined) this.#login(connection, name);
    for (const [room, capacity] of rooms) this.#join(connection, room, capacity);
  }

  #gone(connection, reason) {
    this.#connections.delete(connection);
    for (const [name, { members }] of this.#rooms) if (members.has(connection)) this.#leave(connection, name, reason);
    connection.fake.holds = undefined;
  }

  #take(connection, message, re) {
    const { type, room, name } = message;
    if (type === 'join') this.#join(connection, room, message.capacity, re);
    else if (type === 'login') this.#login(connection, name, re);
    else if (type === 'logout') this.#logout(connection, re);
    else if (type === 'leave' && this.#rooms.get(room)?.members.has(connection)) this.#leave(connection, room, 'left', re);
    else if (type === 'leave') connection.fake.hear(refusal(re, 'not_in_room', `you are not in ${room}`));
    else this.#deliver(connection, message, re);
  }

  // ---- Rooms ----

  #roomsOf(connection) {
    return [...this.#rooms].filter(([, { members }]) => members.has(connection)).map(([name]) => name);
  }

  #tellPeers(connection, event) {
    for (const [name, { members }] of this.#rooms) {
      if (members.has(connection)) for (const member of members.keys()) if (member !== connection) member.fake.hear(event(name));
    }
  }

  #join(connection, name, capacity = kCapacity, re = undefined) {
    const room = this.#rooms.get(name) ?? { capacity, joins: 0, members: new Map() };
    const { members } = room;
    if (members.has(connection)) return connection.fake.hear(refusal(re, 'already_joined', `you are in ${name} already`));
    if (members.size >= room.capacity) return connection.fake.hear({ type: 'full', room: name, capacity: room.capacity, re });
    this.#rooms.set(name, room);
    const join = ++room.joins;
    const others = [...members].map(([member, number]) =>
      ({ peer: member.peer, name: member.fake.holds, join: number, polite: true, suspended: member.state === 'reconnecting' }));
    members.set(connection, join);
    const answer = { room: name, peer: connection.peer, join, capacity: room.capacity, re };
    connection.fake.hear(others.length ? { type: 'joined', ...answer, members: others } : { type: 'created', ...answer });
    this.#tellPeers(connection, (each) => each === name
      ? { type: 'peer-joined', room: name, peer: connection.peer, name: connection.fake.holds, join, polite: false } : null);
    if (members.size === room.capacity) for (const member of members.keys()) member.fake.hear({ type: 'ready', room: name });
  }

  #leave(connection, name, reason, re) {
    this.#tellPeers(connection, (each) => each === name ? { type: 'peer-left', room: name, peer: connection.peer, reason } : null);
    const { members } = this.#rooms.get(name);
    members.delete(connection);
    if (!members.size) this.#rooms.delete(name);
    if (re !== undefined) connection.fake.hear({ type: 'left', room: name, re });
  }

  // ---- Names ----

  #holder(name) {
    return [...this.#connections].find((each) => each.fake.holds === name);
  }

  #login(connection, name, re = undefined) {
    const holder = this.#holder(name);
    if (holder && holder !== connection) {
      if (holder.state !== 'reconnecting') return connection.fake.hear(refusal(re, 'name_taken', `${name} is taken`, { to: `@${name}` }));
      holder.fake.holds = undefined;
      holder.fake.hear({ type: 'name-lost', name });
    }
    connection.fake.holds = name;
    for (const event of this.#mail.get(name) ?? []) connection.fake.hear(event);
    this.#mail.delete(name);
    connection.fake.hear({ type: 'login', name, re });
    this.#tellPeers(connection, (room) => ({ type: 'peer-named', room, peer: connection.peer, name }));
  }

  #logout(connection, re) {
    const name = connection.fake.holds;
    if (name === undefined) return connection.fake.hear(refusal(re, 'no_name', 'you have no name'));
    connection.fake.holds = undefined;
    connection.fake.hear({ type: 'logout', name, re });
    this.#tellPeers(connection, (room) => ({ type: 'peer-named', room, peer: connection.peer }));
  }

  // ---- Messages ----

  #deliver(connection, { type, to, room, data }, re) {
    const { peer: from } = connection, name = connection.fake.holds;
    this.messages.push({ from, name, type, to, room, data });
    const receivers = to === undefined ? [] : [...new Set([to].flat())];
    for (const receiver of receivers.filter((each) => each.startsWith('@'))) {
      const event = { type, from, name, data };
      const holder = this.#holder(receiver.slice(1));
      if (holder) holder.fake.hear(event);
      else {
        this.#mail.set(receiver.slice(1), [...this.#mail.get(receiver.slice(1)) ?? [], event]);
        connection.fake.hear({ type: 'stored', to: receiver, lifetime: kMailLifetime, re });
      }
    }
    const peers = receivers.filter((each) => !each.startsWith('@'));
    if (to !== undefined && !peers.length) return;
    const own = this.#roomsOf(connection);
    const where = room ?? (own.length === 1 ? own[0] : undefined);
    if (where === undefined) return connection.fake.hear(own.length ? refusal(re, 'bad_request', 'say in which room') : refusal(re, 'no_room', 'you are in no room'));
    if (!own.includes(where)) return connection.fake.hear(refusal(re, 'not_in_room', `you are not in ${where}`));
    const others = [...this.#rooms.get(where).members.keys()].filter((member) => member !== connection);
    if (to === undefined && !others.length) return connection.fake.hear(refusal(re, 'nobody_there', `nobody else is in ${where}`));
    for (const peer of peers) {
      if (!others.some((other) => other.peer === peer)) connection.fake.hear(refusal(re, 'no_such_peer', `${peer} is not there`, { to: peer }));
    }
    for (const other of others) if (to === undefined || peers.includes(other.peer)) other.fake.hear({ type, room: where, from, name, data });
  }
}
