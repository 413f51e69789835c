// Clients of RTCMultiConnection without a page: the published client of Socket.IO, with the query, the events and the
// acknowledgements of RTCMultiConnection 3.7.
//   emit(event, ...args), ask(event, ...args)   as in socketio.mjs
//   next(event)                                 the arguments of the next `event`
//   says(to, message)                           a message to another one
//   only(...events)                             it has heard these, and nothing else, since the last call
// SIGWAY_RTCMULTI_ORIGINAL=URL runs a file against another server, such as npm's rtcmulticonnection-server; tests that say `own`
// are then left out.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { Inbox, within } from '../../conformance/support/patience.mjs';
import { fresh, startGateway, stopGateway } from './gateway.mjs';

const require = createRequire(import.meta.url);
const kOriginal = process.env.SIGWAY_RTCMULTI_ORIGINAL;
const kPackages = {
  0.9: () => require('socket.io-client-0'),
  1.7: () => require('socket.io-client-1'),
  2.5: () => require('socket.io-client-2'),
  3.1: () => require('socket.io-client-3').io,
  4.8: () => require('socket.io-client-4').io,
};
export const kMessage = 'RTCMultiConnection-Message';
export const kCustom = 'RTCMultiConnection-Custom-Message';
const kArity = {
  'closed-entire-session': 2, 'extra-data-updated': 2, logs: 1, 'set-isInitiator-true': 1, 'user-connected': 1,
  'user-disconnected': 1, 'user-not-found': 1, 'userid-already-taken': 2,
};

// What only sigway does: the original does it wrong, or not at all.
export const own = (name, body) => test(name, { skip: kOriginal && 'differs from the original' }, body);

export const startServer = (flags) => (kOriginal ? { url: kOriginal, isOriginal: true } : startGateway(flags));
export const stopServer = (server) => (server.isOriginal ? undefined : stopGateway(server));

export class User {
  heard = [];
  #seen = 0;
  #inboxes = {};

  constructor(id, version, events) {
    Object.assign(this, { id, version, events: Object.fromEntries(Object.entries({ ...kArity, ...events })) });
    for (const event of Object.keys(this.events)) this.#inboxes[event] = new Inbox();
  }

  listen(socket) {
    this.socket = socket;
    this.isClosed = new Promise((resolve) => socket.on('disconnect', resolve));
    for (const [event, arity] of Object.entries(this.events)) {
      socket.on(event, (...args) => {
        // Engine.IO 4: an offset for recovery may follow (see socketio.mjs).
        if (args.length > arity && Number(this.version) >= 3) args.pop();
        this.heard.push([event, ...args]);
        this.#inboxes[event].put(args);
      });
    }
  }

  emit(event, ...args) { this.socket.emit(event, ...args); }

  ask(event, ...args) {
    return within(new Promise((resolve) => this.socket.emit(event, ...args, (...answer) => resolve(answer))),
      () => `the acknowledgement of \`${event}\` at ${this.id}`);
  }

  next(event) {
    return this.#inboxes[event].take(() => `\`${event}\` at ${this.id}, which heard ${JSON.stringify(this.heard.slice(-10)).slice(0, 2000)}`);
  }

  says(to, message, sender = this.id) { this.emit(kMessage, { remoteUserId: to.id ?? to, message, sender }); }

  only(...events) {
    assert.deepEqual(this.heard.slice(this.#seen), events, this.id);
    this.#seen = this.heard.length;
  }

  get closed() { return within(this.isClosed, () => `the end of ${this.id}`); }

  close() { this.socket.disconnect(); }
}

// Connects as the page's library does. `options`: of socket.io-client.
export async function enter(t, server, { userid = fresh('user'), extra = {}, ...profile } = {},
  { version = '4.8', transports = ['websocket'], events = { [kMessage]: 1, [kCustom]: 1 }, ...options } = {}) {
  const query = { userid, sessionid: fresh('session'), msgEvent: kMessage, socketCustomEvent: kCustom,
    autoCloseEntireSession: false, maxParticipantsAllowed: 1000, extra: JSON.stringify(extra), ...profile };
  const user = new User(userid, version, events);
  const url = `${server.url}/?${new URLSearchParams(query)}`;
  const io = kPackages[version]();
  let socket;
  if (version === '0.9') {
    io.transports = ['websocket'];
    socket = io.connect(url, { 'force new connection': true, reconnect: false, 'connect timeout': 60000 });
  } else {
    socket = io(url, { transports, forceNew: true, rejectUnauthorized: false, reconnection: false, timeout: 60000, ...options });
  }
  user.listen(socket);
  t.after(() => user.close());
  await within(new Promise((resolve, reject) => {
    socket.on('connect', resolve);
    for (const event of ['connect_error', 'error']) socket.on(event, (error) => reject(Object.assign(new Error(`${userid}: ${error.message ?? error}`), { cause: error })));
  }), () => `${userid} to connect`);
  return user;
}

const roomOf = (sessionid, more) => ({ sessionid, session: { audio: true, video: true }, mediaConstraints: {}, sdpConstraints: {}, streams: [], extra: {}, password: '', ...more });
export const openRoom = (user, room, more) => user.ask('open-room', roomOf(room, { identifier: '', ...more }));
export const joinRoom = (user, room, more) => user.ask('join-room', roomOf(room, more));

// So many users in a room; the first has opened it.
export async function roomFor(t, server, count, { profile = {}, ...more } = {}) {
  const room = fresh('room');
  const users = [];
  for (let i = 0; i < count; ++i) {
    const user = await enter(t, server, profile);
    assert.deepEqual(await (i === 0 ? openRoom : joinRoom)(user, room, more), [true]);
    users.push(user);
  }
  return { room, users };
}

// What the other one hears of a message.
export const heardFrom = (from, to, message, extra = {}) => [kMessage, { remoteUserId: to.id, message, sender: from.id, extra }];

// The two are in contact, and have heard nothing else. What others told them by then has arrived, too.
export async function meet(one, other, extra = {}) {
  one.says(other, { number: 1 });
  assert.deepEqual(await one.next('user-connected'), [other.id]);
  assert.deepEqual(await other.next('user-connected'), [one.id]);
  assert.deepEqual(await other.next(kMessage), heardFrom(one, other, { number: 1 }, extra).slice(1));
}
