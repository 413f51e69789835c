// A client of any age in a room, behind one seam: javascript(connect) and native(binary) each give start(options) → Member.

import { WebSocket } from 'ws';
import { Child } from '../native/child.mjs';

const kPatience = 60000;     // a deadline on the busiest machine, never a pause

export class Member {
  events = [];               // what the server said, and what peers said
  resets = [];               // {reason, lost}
  ended = null;              // why it is over although nobody asked for it
  #waiting = new Set();

  hear(event) {
    this.events.push(event);
    this.look();
  }

  look() {
    for (const check of this.#waiting) check();
  }

  // Resolves with the first true value of `condition`.
  until(condition, what = String(condition)) {
    return new Promise((resolve, reject) => {
      const settle = (act, value) => {
        this.#waiting.delete(check);
        clearTimeout(timer);
        act(value);
      };
      const fail = (why) => settle(reject, new Error(`${this.name} ${why}: ${what}; ${this.ended ?? ''} ${JSON.stringify(this.resets)} ` +
        `${JSON.stringify(this.events.slice(-8).map(({ type, room, code, re, data }) => ({ type, room, code, re, number: data?.number })))} ${this.notes?.()}`));
      const check = () => {
        const value = condition(this);
        if (value) settle(resolve, value);
        else if (this.ended) fail('has ended');
      };
      const timer = setTimeout(() => fail('waited in vain'), kPatience);
      this.#waiting.add(check);
      check();
    });
  }

  // The first event of that type from number `from` on.
  event(type, from = 0) {
    return this.until(() => this.events.slice(from).find((event) => event.type === type), type);
  }

  get numbers() { return this.events.filter(({ type, from }) => from !== undefined && type === 'count').map(({ data }) => data.number); }
}

/** The JavaScript client that has this `connect`. */
export const javascript = (connect) => ({ name, ...options }) => {
  const member = Object.assign(new Member(), { name });
  const connection = connect({ ...options, name, WebSocket, keyStore: false, page: null, memory: false });
  let closing = false;
  const orders = { join: ({ room }) => connection.join(room), leave: ({ room }) => connection.leave(room), login: (order) => connection.login(order.name),
    logout: () => connection.logout() };
  connection.opened.catch(() => {});
  connection.on('event', (event) => member.hear(event));
  connection.on('reset', (reset) => {
    member.resets.push(reset);
    member.look();
  });
  connection.on('closed', (error) => {
    if (!closing) member.ended = error.message;
    member.look();
  });
  return Object.assign(member, {
    connection,
    transport: () => connection.transport,
    say: (type, data, to) => connection.send(type, data, { to, room: options.room }),
    // What is refused comes as an event, too.
    order(order) { orders[order.type](order).catch(() => {}); },
    notes: () => JSON.stringify(connection.journal.slice(-8)),
    close() {
      closing = true;
      return connection.close();
    },
  });
};

/** `sigway join` of that binary. */
export const native = (binary) => ({ name, url, room, transport }) => {
  const member = Object.assign(new Member(), { name });
  const child = new Child(binary, ['join', room, '--url', url, '--name', name, '--transport', transport, '--no-memory', '--verbose'],
    { http_proxy: '', https_proxy: '', all_proxy: '', no_proxy: '', SIGWAY_URL: '' });
  let closing = false, seen = 0, ids = 0;
  child.process.stdout.on('data', () => {
    for (const event of child.events.slice(seen)) {
      ++seen;
      if (event.type === 'reset' && event.from === undefined) member.resets.push(event);
      else member.events.push(event);
    }
    member.look();
  });
  child.ended.then((code) => {
    if (!closing) member.ended = `it ended with ${code}: ${child.err}`;
    member.look();
  });
  const write = (message) => {
    child.say(message);
    return ++ids;
  };
  return Object.assign(member, {
    transport: () => /.*events come by (\w+) now/s.exec(child.err)?.[1] ?? null,
    say: (type, data, to) => write({ type, data, to, room }),
    order: write,
    notes: () => child.err.slice(-1000),
    async close() {
      closing = true;
      child.end();
      await child.exit();
    },
  });
};
