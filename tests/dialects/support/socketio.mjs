// The published clients of Socket.IO, each with nothing in it but what its package does, behind one interface:
//   emit(event, ...args)      sends an event
//   ask(event, ...args)       sends an event and resolves with the arguments of its acknowledgement
//   next(event)               the arguments of the next `event`, in the order of arrival
//   heard                     every event so far: [[event, ...args], …]
//   id, transport             what the client itself reports
//   close()                   says goodbye
// open(server, version, way, options): `way` is one of kWays.

import { createRequire } from 'node:module';
import { Inbox, within } from '../../conformance/support/patience.mjs';

const require = createRequire(import.meta.url);

// The arguments of each event of the codelab's rooms. Only what is listed here is heard.
const kArity = { created: 2, join: 1, joined: 2, ready: 1, full: 1, message: 1, ipaddr: 1, log: 1, bye: 0 };
const kAnswers = new Set(['created', 'joined', 'full']);
const kWays = {
  polling: { transports: ['polling'], ends: 'polling' },
  websocket: { transports: ['websocket'], ends: 'websocket' },
  upgrade: { transports: ['polling', 'websocket'], ends: 'websocket' },
};

class Client {
  inboxes = Object.fromEntries(Object.keys(kArity).map((event) => [event, new Inbox()]));
  answers = new Inbox();
  heard = [];
  offsets = [];
  connections = 0;

  listen(socket) {
    this.socket = socket;
    for (const event of Object.keys(kArity)) socket.on(event, (...args) => this.hear(event, args));
    socket.on('connect', () => ++this.connections);
    this.isClosed = new Promise((resolve) => socket.on('disconnect', (reason) => {
      if (this.reconnects) return;
      for (const inbox of [...Object.values(this.inboxes), this.answers]) inbox.fail(new Error(`${this.name} was disconnected: ${reason}`));
      resolve(reason);
    }));
  }

  hear(event, args) {
    this.heard.push([event, ...args]);
    this.inboxes[event].put(args);
    if (kAnswers.has(event)) this.answers.put([event, ...args]);
  }

  // What `create or join` is answered with, whichever of the three it is. A test uses this or next() for them, not both.
  answer() {
    return this.answers.take(() => `an answer to \`create or join\` at ${this.name}`);
  }

  next(event, what = () => `\`${event}\` at ${this.name}, which heard ${JSON.stringify(this.heard.slice(-10)).slice(0, 1000)}`) {
    return this.inboxes[event].take(what);
  }

  emit(event, ...args) {
    this.socket.emit(event, ...args);
  }

  ask(event, ...args) {
    return within(new Promise((resolve) => this.socket.emit(event, ...args, (...answer) => resolve(answer))),
      () => `the acknowledgement of \`${event}\` at ${this.name}`);
  }

  // The reason, when the connection has ended.
  get closed() {
    return within(this.isClosed, () => `the end of ${this.name}`);
  }

  close() {
    this.socket.disconnect();
  }
}

// 1.0 and later: they differ in their packages only.
class ModernClient extends Client {
  static async open(server, version, way, { namespace = '', reconnects = false, waits = true, ...options } = {}) {
    const { transports, ends } = kWays[way];
    const client = Object.assign(new ModernClient(), { version, way, reconnects, name: `${version} (${way})` });
    const socket = kPackages[version]()(server.url + namespace, {
      transports,
      forceNew: true,
      rejectUnauthorized: false,
      reconnection: reconnects,
      reconnectionDelay: 50,
      reconnectionDelayMax: 200,
      timeout: 60000,
      ...options,
    });
    client.listen(socket);
    await within(new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      for (const event of ['connect_error', 'error']) {
        socket.once(event, (error) => reject(Object.assign(new Error(`${client.name}: ${error.message ?? error}`), { cause: error })));
      }
    }), () => `${client.name} to connect`);
    if (waits) await client.transportBecomes(ends);
    return client;
  }

  // From Engine.IO 4 on, the server may add an offset to each event for connection state recovery: a text after the last
  // argument, which the client shows to its handlers. No other client may see one.
  hear(event, args) {
    const isOffset = Number(this.version) >= 3 && args.length === kArity[event] + 1 && typeof args.at(-1) === 'string';
    if (isOffset) this.offsets.push(args.pop());
    super.hear(event, args);
  }

  get id() { return this.socket.id; }
  get transport() { return this.socket.io.engine.transport.name; }

  // Resolves when it is connected another time than now.
  async reconnected() {
    await within(new Promise((resolve) => this.socket.once('connect', resolve)), () => `${this.name} to connect again`);
  }

  // Resolves when it knows that it is not connected.
  async disconnected() {
    if (!this.socket.connected) return;
    await within(new Promise((resolve) => this.socket.once('disconnect', resolve)), () => `${this.name} to see that it was cut`);
  }

  async transportBecomes(name) {
    const { engine } = this.socket.io;
    if (engine.transport.name === name) return;
    await within(new Promise((resolve, reject) => {
      engine.on('upgrade', (transport) => { if (transport.name === name) resolve(); });
      engine.on('close', () => reject(new Error(`${this.name} was closed before it was on ${name}`)));
    }), () => `${this.name} to be on ${name}`);
  }
}

// 0.9 knows no upgrade, and no setting for a self-signed certificate.
class LegacyClient extends Client {
  static async open(server, version, way, { namespace = '', reconnects = false, query = {} } = {}) {
    const transport = { polling: 'xhr-polling', websocket: 'websocket' }[way];
    const client = Object.assign(new LegacyClient(), { version, way, reconnects, name: `${version} (${way})` });
    // Its option `transports` is merged into the list of all transports, entry by entry. So the list itself is replaced.
    const io = kPackages[version]();
    io.transports = [transport];
    const socket = io.connect(`${server.url}${namespace}?${new URLSearchParams(query)}`, {
      'force new connection': true,
      reconnect: reconnects,
      'reconnection delay': 50,
      'connect timeout': 60000,
      'try multiple transports': false,
    });
    client.listen(socket);
    await within(new Promise((resolve, reject) => {
      socket.on('connect', resolve);
      socket.on('connect_failed', () => reject(new Error(`${client.name}: connect_failed`)));
      socket.on('error', (reason) => reject(new Error(`${client.name}: ${reason.message ?? reason}`)));
    }), () => `${client.name} to connect`);
    return client;
  }

  // Of a namespace, `disconnect` leaves that alone.
  close() {
    this.socket.socket.disconnect();
  }

  get id() { return this.socket.socket.sessionid; }
  get transport() { return { 'xhr-polling': 'polling' }[this.socket.socket.transport.name] ?? this.socket.socket.transport.name; }
}

const kPackages = {
  '0.9': () => require('socket.io-client-0'),
  '1.7': () => require('socket.io-client-1'),
  '2.5': () => require('socket.io-client-2'),
  '3.1': () => require('socket.io-client-3').io,
  '4.8': () => require('socket.io-client-4').io,
};

export const kVersions = Object.keys(kPackages);
export const waysOf = (version) => (version === '0.9' ? ['polling', 'websocket'] : Object.keys(kWays));
export const kAllWays = kVersions.flatMap((version) => waysOf(version).map((way) => ({ version, way })));
// Whether its clients and servers have binary arguments.
export const hasBinary = (version) => version !== '0.9';
// Whether the client is known by the id that the server tells everybody: in older versions it is the secret of the session.
export const knowsItsId = (version) => Number(version) >= 3;

// Opens a client, which is closed after the test.
export async function open(t, server, version, way, options) {
  const Kind = version === '0.9' ? LegacyClient : ModernClient;
  const client = await Kind.open(server, version, way, options);
  t.after(() => client.close());
  return client;
}
