// Pairs as in talk.mjs, and attackers, that speak Socket.IO.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { Polling, Socket, request, stamp } from '../../dialects/support/engine.mjs';
import { makeKey } from '../../conformance/support/members.mjs';
import { Inbox } from '../../conformance/support/patience.mjs';
import { RawWebSocket, opcode } from '../../conformance/support/websocket.mjs';
import { push, repeated, textFrame } from './attacker.mjs';

const kPassedOn = /^(Received request|Room|Client ID|Client said)/;
const kEndless = 2 ** 31 - 1;

// One of a pair. It hears what the other one says, and of what it has said itself the log.
class Member {
  heard = new Inbox();
  refused = new Inbox();
  pending = {};

  static async open(server, way, eio) {
    const member = Object.assign(new Member(), { name: `EIO ${eio} by ${way}` });
    member.client = await (way === 'websocket' ? Socket.session(server, eio) : Polling.open(server, eio));
    return member;
  }

  async enter(room) {
    await this.client.enter(room);
    this.reading = this.#read().catch((error) => { this.heard.fail(error); this.refused.fail(error); });
  }

  say(value) { return this.#send(`42${JSON.stringify(['message', value])}`); }
  #send(packet) { return this.client.send ? this.client.send(packet) : this.client.post(packet); }

  async #read() {
    for (;;) {
      const packet = await this.client.next(kEndless);
      if (packet === '6') continue;
      if (packet === '2') {
        this.#send('3');
        continue;
      }
      const [, json] = /^42(\[.*\])$/s.exec(packet) ?? assert.fail(`${this.name} got ${JSON.stringify(packet)}`);
      const [event, argument] = JSON.parse(json);
      if (event === 'message') this.heard.put(argument);
      else if (event === 'log' && !kPassedOn.test(argument[1])) this.refused.put(argument[1]);
      else assert.ok(['log', 'join', 'ready'].includes(event), `${this.name} got ${packet}`);
    }
  }

  // The same promise until its value is used, so that the one that loses a race loses nothing.
  next(box, what, patience) {
    return this.pending[box] ??= this[box].take(what, patience).then((value) => ({ box, value }));
  }

  close() {
    this.client.socket?.terminate();
    for (const inbox of [this.heard, this.refused]) inbox.fail(new Error('closed'));
  }
}

class Pair {
  latencies = [];
  refusals = {};

  constructor(transport, first, second) {
    Object.assign(this, { transport, ways: [first, second], members: [] });
  }

  async open(server) {
    const room = makeKey();
    for (const way of this.ways) {
      const member = await Member.open(server, ...way);
      this.members.push(member);
      await member.enter(room);
    }
  }

  // What is refused for a moment is said again. The client is told so by a line of the log.
  async #turn(from, to, value) {
    const what = () => `message ${value} from ${from.name} to ${to.name}`;
    await from.say(value);
    for (;;) {
      const { box, value: got } = await Promise.race([to.next('heard', what), from.next('refused', what, kEndless)]);
      (box === 'heard' ? to : from).pending[box] = null;
      if (box === 'heard') return assert.equal(got, value, `${to.name}: every message once, and in order`);
      this.refusals[got] = (this.refusals[got] ?? 0) + 1;
      await pause(200);
      await from.say(value);
    }
  }

  async round(count) {
    const began = performance.now();
    const [a, b] = this.members;
    await this.#turn(a, b, count);
    await this.#turn(b, a, count);
    this.latencies.push(performance.now() - began);
  }

  close() {
    for (const member of this.members) member.close();
  }
}

export const socketIoPairs = () => [
  new Pair('WebSocket', ['websocket', 4], ['websocket', 3]),
  new Pair('polling', ['polling', 4], ['polling', 3]),
];

// -- Attackers

// The end of a connection that reads nothing is not seen, so it must not keep the process of a test that failed.
export function goDeaf(socket) {
  socket.removeAllListeners('data');
  socket.pause();
  socket.unref();
}

export const legacyHandshake = async (server) => {
  const { status, text } = await request(server, 'GET', `/socket.io/1/?t=${stamp()}`);
  assert.equal(status, 200, text);
  return text.split(':')[0];
};

// A WebSocket of which a test writes and reads the frames. It is connected to the namespace `/`.
export class Attacker {
  static async at(server, path) {
    const one = new Attacker();
    one.raw = await RawWebSocket.open(server, { path, localAddress: server.localAddress });
    one.socket = one.raw.connection.socket;
    return one;
  }

  static async open(server, eio, { query = '', connects = true } = {}) {
    if (eio === 0.9) {
      const legacy = await Attacker.at(server, `/socket.io/1/websocket/${await legacyHandshake(server)}`);
      assert.equal(await legacy.text(), '1::');
      return legacy;
    }
    const one = await Attacker.at(server, `/socket.io/?EIO=${eio}&transport=websocket${query}`);
    one.sid = JSON.parse((await one.text()).slice(1)).sid;
    if (!connects) return one;
    if (eio === 4) one.send('40');
    one.connected = await one.text();
    assert.match(one.connected, /^40/);
    return one;
  }

  send(...texts) {
    for (const text of texts) this.socket.write(textFrame(text));
  }

  // Sends so many bytes of the same at once.
  sendMany(text, bytes) {
    this.socket.write(repeated(textFrame(text), bytes));
  }

  // Sends the same again and again, as fast as it is taken.
  flood(text, bytes, options) {
    return push(this.socket, repeated(textFrame(text), Math.min(bytes, 16384)), bytes, options);
  }

  async text() {
    const { opcode: code, payload } = await this.raw.next();
    assert.equal(code, opcode.text, `opcode ${code}: ${payload.toString('latin1')}`);
    return payload.toString();
  }

  // Passes over everything up to the close frame; its code.
  async closeCode() {
    for (;;) {
      const { opcode: code, payload } = await this.raw.next();
      if (code === opcode.close) return payload.length >= 2 ? payload.readUInt16BE() : 1005;
    }
  }

  // From now on nothing is read. Or so many bytes a second.
  goDeaf(rate = 0) {
    goDeaf(this.socket);
    if (rate > 0) {
      const timer = setInterval(() => this.socket.read(rate), 1000).unref();
      this.socket.once('close', () => clearInterval(timer));
    }
  }

  readIntoNowhere() {
    this.socket.removeAllListeners('data');
    this.socket.on('data', () => {});
    this.socket.resume();
  }

  // As a client that says goodbye, in order not to be waited for.
  leave() {
    this.send('41');
    this.socket.end();
  }

  destroy() { this.socket.destroy(); }
}
