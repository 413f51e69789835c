// RTCMultiConnection before 3.0: channels that are namespaces, a broadcast to all, and channels on a WebSocket.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { Inbox, within } from '../conformance/support/patience.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';

const require = createRequire(import.meta.url);
const kPackages = {
  0.9: () => require('socket.io-client-0'),
  1.7: () => require('socket.io-client-1'),
  2.5: () => require('socket.io-client-2'),
  4.8: () => require('socket.io-client-4').io,
};

let server;
before(async () => { server = await startGateway(); });
after(() => stopGateway(server));

// The published client, on the server's root or a namespace of it. What it hears of these events is kept.
function open(t, version, namespace = '') {
  const io = kPackages[version]();
  if (version === '0.9') io.transports = ['websocket'];
  const socket = io.connect(server.url + namespace, version === '0.9'
    ? { 'force new connection': true, reconnect: false }
    : { forceNew: true, reconnection: false, rejectUnauthorized: false, transports: ['websocket'] });
  const heard = Object.fromEntries(['message', 'presence', 'user-left', 'connect'].map((event) => [event, new Inbox()]));
  for (const [event, inbox] of Object.entries(heard)) socket.on(event, (value) => inbox.put(value));
  const close = () => (version === '0.9' ? socket.socket.disconnect() : socket.disconnect());
  t.after(close);
  return { socket, close, next: (event) => heard[event].take(() => `${event} at ${version}${namespace}`), hasHeard: (event) => !heard[event].isEmpty };
}

// As the pages of these versions open a channel: both at once, so that the namespace may come first.
async function enter(t, version, channel, name) {
  const root = open(t, version);
  const sender = fresh('sender');
  root.socket.emit('new-channel', { channel, sender });
  const member = open(t, version, `/${channel}`);
  await member.next('connect');
  member.says = (data) => member.socket.emit('message', { sender, data: { sender: name, ...data } });
  member.root = root;
  return member;
}

async function presence(client, channel) {
  client.socket.emit('presence', channel);
  return client.next('presence');
}

for (const version of Object.keys(kPackages)) {
  describe(`channels of ${version}`, () => {
    test('presence, messages to the others, and who has left', async (t) => {
      const channel = fresh('channel');
      const visitor = open(t, version);
      assert.equal(await presence(visitor, channel), false);
      const [ann, bob, carol] = [await enter(t, version, channel, 'ann'), await enter(t, version, channel, 'bob'), await enter(t, version, channel, 'carol')];
      while (!await presence(visitor, channel));
      ann.says({ number: 1 });
      for (const member of [bob, carol]) assert.deepEqual(await member.next('message'), { sender: 'ann', number: 1 });
      bob.says({ number: 2, text: 'é' });
      for (const member of [ann, carol]) assert.deepEqual(await member.next('message'), { sender: 'bob', number: 2, text: 'é' });
      ann.close();
      for (const member of [bob, carol]) assert.equal(await member.next('user-left'), 'ann');
      carol.close();   // it has never said who it is
      bob.says({ number: 3 });
      const other = await enter(t, version, fresh('channel'), 'dave');
      other.says({ number: 4 });
      for (const member of [ann, bob, carol, bob.root]) member.close();
      ann.root.close();
      carol.root.close();
      while (await presence(visitor, channel));
      assert.ok(!bob.hasHeard('message') && !bob.hasHeard('user-left') && !visitor.hasHeard('message'));
    });

    test('a message of the root to everybody there, also to those who have said nothing', async (t) => {
      const mine = fresh('message');
      const [ann, bob, carol] = [open(t, version), open(t, version), open(t, version)];
      for (const each of [ann, bob, carol]) await each.next('connect');
      ann.socket.emit('message', { mine, sdp: 'v=0' });
      for (const each of [bob, carol]) assert.deepEqual(await each.next('message'), { mine, sdp: 'v=0' });
      bob.socket.emit('message', { mine, number: 2 });
      for (const each of [ann, carol]) assert.deepEqual(await each.next('message'), { mine, number: 2 });
    });
  });
}

test('a channel of one version with members of all', async (t) => {
  const channel = fresh('channel');
  const members = [];
  for (const version of Object.keys(kPackages)) members.push(await enter(t, version, channel, version));
  members[0].says({ number: 1 });
  for (const member of members.slice(1)) assert.deepEqual(await member.next('message'), { sender: '0.9', number: 1 });
});

test('a channel that can be no namespace: a line in the log', async (t) => {
  const client = open(t, '4.8');
  await client.next('connect');
  const logged = new Promise((resolve) => client.socket.once('log', resolve));
  client.socket.emit('new-channel', { channel: 'a,b' });
  assert.match((await within(logged, () => 'a `log`'))[1], /channel/);
});

describe('channels on a WebSocket', () => {
  async function connect(t, at = server) {
    const socket = new WebSocket(`${at.url.replace('http', 'ws')}/channel`, { rejectUnauthorized: false });
    const heard = new Inbox();
    socket.on('message', (data) => heard.put(JSON.parse(data)));
    t.after(() => socket.terminate());
    await within(new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject)), () => 'a WebSocket to open');
    return {
      closed: new Promise((resolve) => socket.on('close', resolve)),
      close: () => socket.close(),
      sends: (message) => socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message)),
      next: () => heard.take(() => 'a message on the WebSocket'),
    };
  }
  const isPresent = async (client, channel) => {
    client.sends({ checkPresence: true, channel });
    return client.next();
  };
  async function enterChannel(t, channel) {
    const client = await connect(t);
    client.sends({ open: true, channel });
    assert.deepEqual(await isPresent(client, channel), { isChannelPresent: true });
    return client;
  }

  test('open, presence, messages to the others as they are', async (t) => {
    const channel = fresh('channel');
    const visitor = await connect(t);
    assert.deepEqual(await isPresent(visitor, channel), { isChannelPresent: false });
    const [ann, bob, carol] = [await enterChannel(t, channel), await enterChannel(t, channel), await enterChannel(t, channel)];
    assert.deepEqual(await isPresent(visitor, channel), { isChannelPresent: true });
    ann.sends({ data: { sdp: 'v=0 é' }, channel });
    for (const client of [bob, carol]) assert.deepEqual(await client.next(), { sdp: 'v=0 é' });
    for (const data of ['text', 7, null, [1]]) {
      bob.sends({ data, channel });
      for (const client of [ann, carol]) assert.deepEqual(await client.next(), data);
    }
    for (const client of [ann, bob, carol]) client.close();
    while ((await isPresent(visitor, channel)).isChannelPresent);
  });

  test('several channels on one connection', async (t) => {
    const [one, two] = [fresh('channel'), fresh('channel')];
    const ann = await enterChannel(t, one);
    ann.sends({ open: true, channel: two });
    ann.sends({ open: true, channel: two });   // again: nothing
    assert.deepEqual(await isPresent(ann, two), { isChannelPresent: true });
    const bob = await enterChannel(t, two);
    bob.sends({ data: 2, channel: two });
    assert.equal(await ann.next(), 2);
  });

  for (const [what, message, code] of [
    ['no JSON', 'hello', 'bad_json'],
    ['no object', '[]', 'bad_json'],
    ['bytes', Buffer.from('{}'), 'bad_json'],
    ['without a channel', { open: true }, 'bad_room'],
    ['a channel that is no name', { open: true, channel: 'a\nb' }, 'bad_room'],
    ['nothing to do', { channel: 'c' }, 'bad_request'],
    ['to a channel that is not open', { data: 1, channel: 'elsewhere' }, 'not_in_room'],
  ]) {
    test(`${what}: an error, and it goes on`, async (t) => {
      const channel = fresh('channel');
      const ann = await enterChannel(t, channel);
      ann.sends(message);
      assert.equal((await ann.next()).error.code, code);
      assert.deepEqual(await isPresent(ann, channel), { isChannelPresent: true });
    });
  }

  test('a message to an empty channel: nothing; a ninth channel: an error', async (t) => {
    const ann = await connect(t);
    for (let i = 0; i < 8; ++i) ann.sends({ open: true, channel: fresh('channel') });
    ann.sends({ open: true, channel: 'ninth' });
    assert.equal((await ann.next()).error.code, 'too_many_rooms');
    const lonely = fresh('channel');
    const bob = await enterChannel(t, lonely);
    bob.sends({ data: 1, channel: lonely });
    assert.deepEqual(await isPresent(bob, lonely), { isChannelPresent: true });
  });

  test('a channel that is full: closed with 4106', async (t) => {
    const small = await startGateway(['--max-room-capacity', '2']);
    t.after(() => stopGateway(small));
    const clients = [await connect(t, small), await connect(t, small), await connect(t, small)];
    for (const [i, client] of clients.entries()) {
      client.sends({ open: true, channel: 'c' });
      if (i < 2) assert.deepEqual(await isPresent(client, 'c'), { isChannelPresent: true });
    }
    assert.equal(await within(clients[2].closed, () => 'the third to be closed'), 4106);
    for (const client of clients) client.close();
  });
});
