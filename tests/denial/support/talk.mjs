// Pairs that talk while the server is attacked, one on each transport. Each pair has a room of its own. Its members say
// numbered messages to each other in turns; each message must arrive, once and in order. What the server refuses for a
// moment (429, 503, `busy`) they say again, as docs/protocol.md tells a client to.

import { setTimeout as pause } from 'node:timers/promises';
import { kTransports, makeKey } from '../../conformance/support/members.mjs';
import { within } from '../../conformance/support/patience.mjs';

const kRefusedForNow = new Set(['busy', 'overloaded', 'rate_limited', 'mailbox_full']);
const kPauseMs = 10;

class Pair {
  latencies = [];   // ms that a message and its answer took, over all turns
  refusals = {};    // code → how often

  constructor(transport, burst) {
    Object.assign(this, { transport, burst });
  }

  async open(server) {
    const Transport = kTransports[this.transport];
    const room = makeKey();
    this.a = await new Transport(server).open({ room });
    await this.a.event('created');
    this.b = await new Transport(server).open({ room });
    await this.b.event('joined');
    await this.b.event('ready');
    await this.a.event('peer-joined');
    await this.a.event('ready');
  }

  async #say(member, values) {
    const messages = member.numbered(values.map((value) => ({ type: 'talk', data: value })));
    for (;;) {
      const error = await member.request({ ack: member.received, messages });
      if (!error) return;
      await this.#refused(error, member);
    }
  }

  async #refused(error, member) {
    if (!kRefusedForNow.has(error.code)) throw new Error(`${this.transport}, ${member === this.a ? 'a' : 'b'}: ${JSON.stringify(error)}`);
    this.refusals[error.code] = (this.refusals[error.code] ?? 0) + 1;
    await pause(200);
  }

  // What is heard at `to` is exactly what `from` said. `busy` comes to `from`, which then says that value again.
  async #turn(from, to, values) {
    await this.#say(from, values);
    for (const value of values) {
      for (let isHeard = false; !isHeard;) {
        const { event, member } = await Promise.race([this.#next(to), this.#next(from)]);
        member.next = null;
        if (member === from && event.type === 'error') {
          await this.#refused(event, from);
          await this.#say(from, [value]);
        } else if (member === from || event.type !== 'talk' || event.data !== value) {
          throw new Error(`${this.transport}: message ${value} expected, not ${JSON.stringify(event)}`);
        } else {
          isHeard = true;
        }
      }
    }
  }

  // The same promise until its event is used, so that the one that loses a race loses no event.
  #next(member) {
    return member.next ??= member.event().then((event) => ({ event, member }));
  }

  async round(count) {
    const values = Array.from({ length: this.burst }, (_, i) => count * this.burst + i);
    const began = performance.now();
    await this.#turn(this.a, this.b, values);
    await this.#turn(this.b, this.a, values);
    this.latencies.push(performance.now() - began);
  }

  close() {
    for (const member of [this.a, this.b]) {
      member?.close();
      member?.events.fail(new Error('closed'));
    }
  }
}

export class Talk {
  #isOver = false;

  // `burst`: messages that a member says at once. Where messages may be refused for a moment, only 1 keeps their order.
  // `pairs`: others than those of the native dialect.
  static async start(server, { transports = Object.keys(kTransports), burst = 3, pairs } = {}) {
    const talk = new Talk();
    talk.pairs = pairs ?? transports.map((transport) => new Pair(transport, burst));
    for (const pair of talk.pairs) await pair.open(server);
    talk.ended = Promise.all(talk.pairs.map((pair) => talk.#go(pair)));
    talk.ended.catch(() => {});   // rounds() and stop() report it
    await talk.rounds(5);
    return talk;
  }

  async #go(pair) {
    for (let count = 0; !this.#isOver; ++count) {
      await pair.round(count);
      await pause(kPauseMs);
    }
  }

  // Resolves when every pair has made so many rounds more.
  async rounds(count) {
    const goals = this.pairs.map(({ latencies }) => latencies.length + count);
    const reached = () => this.pairs.every(({ latencies }, i) => latencies.length >= goals[i]);
    const slow = () => `${count} rounds of the pairs; they have made ${this.pairs.map(({ latencies }) => latencies.length)}, wanted ${goals}`;
    let isLate = false;
    const waiting = async () => { while (!reached() && !isLate) await pause(5); };
    await within(Promise.race([waiting(), this.ended]), slow).finally(() => { isLate = true; });
  }

  // What a round took since the last call, for each transport: {p50, p99}.
  times() {
    return Object.fromEntries(this.pairs.map((pair) => {
      const sorted = pair.latencies.slice(pair.counted ?? 0).sort((a, b) => a - b);
      pair.counted = pair.latencies.length;
      const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
      return [pair.transport, { p50: at(0.5), p99: at(0.99) }];
    }));
  }

  // For a report: the longest round of each transport, and what was refused for a moment.
  toString() {
    return this.pairs.map(({ transport, latencies, refusals }) =>
      `${transport} ${latencies.length} rounds, the longest ${Math.max(...latencies).toFixed(0)} ms, refused ${JSON.stringify(refusals)}`).join('; ');
  }

  async stop() {
    this.#isOver = true;
    await within(this.ended, () => 'the last round of the pairs');
  }

  // Whatever still waits for something fails.
  close() {
    this.#isOver = true;
    for (const pair of this.pairs) pair.close();
  }
}
