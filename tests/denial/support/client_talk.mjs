// Pairs as in talk.mjs that use the JavaScript client, which comes back when it has been cut off. A message that the server
// refuses for a moment (`busy`) is said again.

import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { connect } from '../../../web/client/sigway.js';
import { makeKey } from '../../conformance/support/members.mjs';
import { Inbox, within } from '../../conformance/support/patience.mjs';

const kPatience = Number(process.env.SIGWAY_PATIENCE ?? 20000) * 3;   // a client waits between its attempts

// The certificate of a server under test is signed by itself. (For fetch, the caller sets NODE_TLS_REJECT_UNAUTHORIZED.)
class AnyWebSocket extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { rejectUnauthorized: false });
  }
}

class ClientPair {
  turns = 0;

  constructor(url, transport) {
    const room = makeKey();
    this.transport = transport;
    this.members = [0, 1].map(() => {
      const connection = connect({ url, room, capacity: 2, transport, keyStore: false, WebSocket: AnyWebSocket });
      const member = { connection, heard: new Inbox(), ready: new Promise((resolve) => connection.on('ready', resolve)) };
      const fail = (what) => member.heard.fail(new Error(`${transport}: ${what}`));
      connection.opened.catch((error) => fail(`not opened: ${error.message}`));
      connection.on('message', ({ data }) => member.heard.put(data));
      connection.on('refused', ({ code }) => {
        if (code === 'busy') pause(100).then(() => this.#say(member)); else fail(`refused: ${code}`);
      });
      connection.on('reset', ({ reason }) => fail(`the session was lost: ${reason}`));
      connection.on('closed', ({ code }) => fail(`the session ended: ${code}`));
      return member;
    });
  }

  async open() {
    for (const { connection, ready } of this.members) {
      await within(connection.opened, () => `a ${this.transport} client`, kPatience);
      await within(ready, () => `the other ${this.transport} client`, kPatience);
    }
  }

  #say({ connection }) {
    if (connection.state !== 'closed') connection.send('talk', this.turns);
  }

  async turn() {
    const [from, to] = this.turns % 2 === 0 ? this.members : [this.members[1], this.members[0]];
    this.#say(from);
    const heard = await to.heard.take(() => `message ${this.turns} on ${this.transport}`, kPatience);
    if (heard !== this.turns) throw new Error(`${this.transport}: message ${this.turns} expected, not ${JSON.stringify(heard)}`);
    this.turns += 1;
  }
}

export class ClientTalk {
  #isOver = false;

  static async start({ url }, transports = ['websocket', 'sse', 'poll']) {
    const talk = new ClientTalk();
    talk.pairs = transports.map((transport) => new ClientPair(url, transport));
    await Promise.all(talk.pairs.map((pair) => pair.open()));
    talk.ended = Promise.all(talk.pairs.map(async (pair) => {
      while (!talk.#isOver) {
        await pair.turn();
        await pause(20);
      }
    }));
    talk.ended.catch(() => {});   // turns() and stop() report it
    return talk;
  }

  // Resolves when every pair has taken so many turns more.
  async turns(count) {
    const goals = this.pairs.map(({ turns }) => turns + count);
    const reached = () => this.#isOver || this.pairs.every(({ turns }, i) => turns >= goals[i]);
    await Promise.race([(async () => { while (!reached()) await pause(10); })(), this.ended]);
  }

  async stop() {
    this.#isOver = true;
    await this.ended;
  }

  async close() {
    this.#isOver = true;
    await Promise.all(this.pairs.flatMap(({ members }) => members).map(({ connection }) => connection.close().catch(() => {})));
  }
}
