// The JSON Schema and the AsyncAPI document of the protocol (docs/schema/): every event, control and answer that the server says is what
// they say, and the server takes and refuses what they do.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import http from 'node:http';
import { after, before, test } from 'node:test';
import Ajv from 'ajv';
import { WebSocket } from 'ws';
import { fetchJson, makeKey, readEventStream } from '../conformance/support/members.mjs';
import { Inbox, within } from '../conformance/support/patience.mjs';
import { Server } from '../conformance/support/server.mjs';
import { asyncApi, kinds, schema, wrong } from './schema.mjs';

let server;
const heard = new Set();       // kinds of events and controls
before(async () => { server = await Server.start(); });
after(async () => {
  for (const socket of Client.all) socket.terminate();
  assert.equal(await server.stop(), 0);
});

const known = (list) => kinds(list).filter((kind) => kind !== 'a peer\'s');

// Something that came down: it is what the schema says.
function came(value) {
  const isControl = value.control !== undefined;
  assert.equal(wrong(isControl ? 'control' : 'event', value), null);
  heard.add(isControl ? `control ${value.control}` : known('event').includes(value.type) ? `event ${value.type}` : 'event of a peer');
  return value;
}

// A session on WebSockets, one after the other. What it says is what the schema says, but for what is `raw`.
class Client {
  static all = new Set();
  key = makeKey();
  received = 0;
  said = 0;
  attached = 0;
  server = server;

  async attach(fields) {
    const carrier = this.carrier = `w${++this.attached}`;
    const inbox = this.inbox = new Inbox();
    const socket = this.socket = new WebSocket(`ws://${this.server.authority}/v1/ws`, 'sigway.v1');
    Client.all.add(socket);
    socket.on('message', (bytes) => inbox.put(JSON.parse(bytes)));
    await within(new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject)), () => 'a WebSocket');
    this.send({ key: this.key, carrier, ack: this.received, ...fields });
    this.welcome = await this.until('welcome');
    return this;
  }

  open(open) { return this.attach({ open, turn: 5 }); }

  back(turn) { return this.attach({ resume: { server: this.welcome.server }, turn }); }

  send(request) {
    assert.equal(wrong('request', request), null);
    this.socket.send(JSON.stringify(request));
  }

  raw(text) { this.socket.send(text); }

  say(...messages) { this.send({ messages: messages.map((message) => ({ n: ++this.said, ...message })) }); }

  /** The next event or control of that kind, or of one of those kinds. What comes before it is checked, too. */
  until(kind) {
    return within(this.#until(kind), () => `${kind}; came ${[...heard].join(', ')}`);     // heartbeats alone are not enough
  }

  async #until(kind) {
    for (;;) {
      const value = came(await this.inbox.take(() => kind));
      if (value.type) this.send({ ack: ++this.received });
      if (value.control === 'probe') this.send({});
      if ([kind].flat().includes(value.type ?? value.control)) return value;
      if (value.control === 'error' || value.control === 'end') throw new Error(`${kind} expected, came ${JSON.stringify(value)}`);
    }
  }

  /** All of these, in any order. */
  async all(...kinds) {
    for (const left = [...kinds]; left.length;) {
      const value = await this.until(left.length === 1 ? left[0] : left);
      left.splice(left.indexOf(value.type ?? value.control), 1);
    }
  }

  async away() {
    this.send({ away: true });
    this.send({ ping: 1 });
    await this.until('pong');
    this.socket.terminate();
  }

}

test('every event and control is what the schema says', async () => {
  const room = `schema-${makeKey()}`;
  const ann = await new Client().open({ room, name: 'ann' });
  await ann.until('created');
  const bob = await new Client().open({ room });
  await bob.all('joined', 'ready');
  await ann.all('peer-joined', 'ready');
  ann.say({ type: 'offer', data: { sdp: 'v=0' } }, { type: 'letter', to: '@nobody-has-this', data: [1, null] }, { type: 'hello', room: 'another', data: '' });
  await ann.all('up', 'stored', 'error');
  await bob.until('offer');
  bob.say({ type: 'login', name: 'bob' }, { type: 'logout' });
  await bob.all('login', 'logout');
  await ann.all('peer-named', 'peer-named');
  // Ann moves to another carrier.
  const first = ann.inbox;
  await ann.attach({ resume: { server: ann.welcome.server } });
  ann.send({ turn: 3, carrier: ann.carrier });
  await ann.until('standby');
  ann.send({ turn: 6, carrier: ann.carrier });
  await ann.until('activated');
  while (came(await first.take(() => 'end')).control !== 'end');
  ann.raw('{"nonsense":1}');
  await ann.until('error');
  // Two that know each other for more than a second are asked before a third is told that there is no place.
  await new Promise((resolve) => { setTimeout(resolve, 1200); });
  const carl = await new Client().open({ room });
  await Promise.all([ann.until('probe'), bob.until('probe')]);
  await carl.until('full');
  await bob.away();
  await ann.until('peer-suspended');
  await bob.back(6);
  await ann.until('peer-resumed');
  await bob.away();
  await ann.until('peer-suspended');
  carl.say({ type: 'join', room });
  await carl.until('joined');
  assert.equal((await ann.until('peer-left')).reason, 'place-lost');
  await bob.back(7);
  await bob.until('place-lost');
  await ann.away();
  const anna = await new Client().open({ name: 'ann' });
  await anna.until('login');
  await ann.back(7);
  await ann.until('name-lost');
  ann.say({ type: 'leave', room });
  await ann.until('left');

  const stream = new Inbox();
  const key = makeKey();
  const request = http.request(`${server.url}/v1/sse`, { method: 'POST', agent: false }, (response) => {
    readEventStream(response, ({ data }) => { if (data !== undefined) stream.put(JSON.parse(data)); });
  });
  request.end(JSON.stringify({ key, open: { room }, carrier: 's', turn: 1 }));
  while (came(await stream.take(() => 'hello')).control !== 'hello');
  request.destroy();

  // One that has heartbeats soon. (A peer that answers pings need not be probed.)
  const beating = await Server.start(['--ping-interval', '1s']);
  const dora = await Object.assign(new Client(), { server: beating }).open({});
  await dora.until('heartbeat');
  dora.socket.terminate();
  assert.equal(await beating.stop(), 0);

  const all = [...known('event').map((kind) => `event ${kind}`), ...kinds('control').map((kind) => `control ${kind}`), 'event of a peer'];
  assert.deepEqual(all.filter((kind) => !heard.has(kind)), [], 'not heard');
});

const key = makeKey();
const kTaken = {
  'an opening': { key, open: { room: 'schema', name: 'someone', capacity: 3 }, carrier: 'a', n: 1, turn: 1, ack: 0, wait: 0, messages: [] },
  'a message': { key, messages: [{ n: 1, type: 'hello', room: 'schema', to: ['@a', '@b'], data: { any: [1, 'x', null] } }] },
  'a piece': { key, messages: [{ n: 2, at: 0, of: 40, piece: '{"type":"he' }] },
  'nothing but a sign of life': { key },
  'ten things at once': { key, ack: 0, messages: [], away: true, hello: 1, carrier: 'a' },
};
const kRefused = {
  'a field that is not known': { key, nonsense: 1 },
  'a short key': { key: 'too-short' },
  'a key of other characters': { key: `${'k'.repeat(22)}!` },
  'open and resume': { key, open: { room: 'schema' }, resume: {} },
  'an unknown field of open': { key, open: { rom: 'schema' } },
  'a room without a name': { key, open: { room: '' } },
  'a room with a line break': { key, open: { room: 'a\nb' } },
  'a name with an @': { key, open: { name: '@x' } },
  'a capacity of 0': { key, open: { room: 'schema', capacity: 0 } },
  'a name of a carrier with a space': { key, carrier: 'a b' },
  'a turn of 0': { key, turn: 0, carrier: 'a' },
  'a negative ack': { key, ack: -1 },
  'an ack that is no number': { key, ack: '1' },
  'a fraction': { key, ack: 1.5 },
  'messages that are no list': { key, messages: {} },
  'a message that is no object': { key, messages: ['hello'] },
  'too many messages': { key, messages: Array.from({ length: 257 }, (_, i) => ({ n: i + 1, type: 'a' })) },
  'a number of 0': { key, messages: [{ n: 0, type: 'a' }] },
  'away that is false': { key, away: false },
  'a ticket that is false': { key, ticket: false },
  'a heartbeat that is too short': { key, open: {}, carrier: 'b', heartbeat: 999 },
  'padding beyond the limit': { key, open: {}, carrier: 'b', pad: 65537 },
  'a hello of 0': { key, carrier: 'a', hello: 0 },
};

for (const [what, request] of Object.entries(kTaken)) {
  test(`taken: ${what}`, async () => {
    assert.equal(wrong('request', request), null);
    const { status, text } = await fetchJson(server, request.open ? '/v1/poll' : '/v1/send', request);
    assert.equal(status, 200, text);
  });
}

for (const [what, request] of Object.entries(kRefused)) {
  test(`refused: ${what}`, async () => {
    assert.notEqual(wrong('request', request), null);
    const { status, json } = await fetchJson(server, request.heartbeat || request.pad ? '/v1/sse' : '/v1/send', request);
    assert.equal(status, 400, JSON.stringify(json));
    assert.equal(wrong('refusal', json), null);
  });
}

test('types: what the schema lets a client send the server delivers or stores, and no other', async () => {
  const client = await new Client().open({ room: `types-${makeKey()}` });
  await client.until('created');
  const types = ['a', 'offer', 'a.b_c:d-1', 'x'.repeat(64), 'x'.repeat(65), '', '1a', 'a b', 'ä', ...schema.$defs.serverType.enum];
  for (const type of types) {
    const isType = wrong('clientType', type) === null;
    client.raw(JSON.stringify({ messages: [{ n: ++client.said, type, data: 1 }] }));
    const { code } = await client.until('error');      // nobody else is there
    assert.equal(code === 'nobody_there', isType, `${type}: ${code}`);
  }
});

test('the AsyncAPI document is one of version 3.0.0, and what it refers to is there', () => {
  const read = (name) => JSON.parse(readFileSync(createRequire(import.meta.url).resolve(name), 'utf8'));
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, meta: false });    // it brings draft 7 along
  const isDocument = ajv.compile(read('@asyncapi/specs/schemas/3.0.0.json'));
  assert.ok(isDocument(asyncApi), ajv.errorsText(isDocument.errors));
  const documents = { '': asyncApi, 'sigway-v1.schema.json': schema };
  const walk = (value) => {
    if (value === null || typeof value !== 'object') return 0;
    let count = 0;
    if (typeof value.$ref === 'string') {
      const [name, path] = value.$ref.split('#');
      const target = path.split('/').slice(1).reduce((at, part) => at?.[part], documents[name]);
      assert.ok(target, value.$ref);
      ++count;
    }
    return Object.values(value).reduce((sum, its) => sum + walk(its), count);
  };
  assert.ok(walk(asyncApi) > 40);
});
