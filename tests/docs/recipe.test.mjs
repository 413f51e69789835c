// The minimal client of docs/protocol.md, as it stands there, against the server: it talks, and comes through a line that is cut, a server
// that is another one, and a session that has ended.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fetchJson, makeKey } from '../conformance/support/members.mjs';
import { Inbox } from '../conformance/support/patience.mjs';
import { Server } from '../conformance/support/server.mjs';

const document = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
const [, recipe] = /## A minimal client[^]*?```python\n([^]*?)```/.exec(document);
const folder = mkdtempSync(path.join(tmpdir(), 'sigway-recipe-'));
after(() => rmSync(folder, { recursive: true, force: true }));

// Prints each event as a line, and answers an offer. With a fourth argument that is its first key.
writeFileSync(path.join(folder, 'client.py'), `${recipe}
import sys
fresh, given = secrets.token_urlsafe, sys.argv[4:]
secrets.token_urlsafe = lambda size: given.pop() if given else fresh(size)
def hear(event):
    print(json.dumps(event), flush=True)
    return [{"type": "answer", "to": event["from"], "data": event["data"]}] if event["type"] == "offer" else []
print(json.dumps({"type": "end", "end": run(sys.argv[1], sys.argv[2], hear, json.loads(sys.argv[3]))}), flush=True)
`);

class Python {
  events = new Inbox();

  constructor(t, authority, room, { unsaid = [], key } = {}) {
    this.process = spawn('python3', ['-I', path.join(folder, 'client.py'), authority, room, JSON.stringify(unsaid), ...(key ? [key] : [])], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.ended = once(this.process, 'exit');
    createInterface({ input: this.process.stdout }).on('line', (line) => this.events.put(JSON.parse(line)));
    t.after(() => this.process.kill('SIGKILL'));
  }

  async event(type) {
    const event = await this.events.take(() => `the event ${type} in Python`);
    assert.equal(event.type, type, JSON.stringify(event));
    return event;
  }
}

// The other side, by hand: one poll after the other.
class Other {
  #waiting = [];
  #n = 0;
  #ack = 0;
  #said = 0;

  constructor(server, room, key = makeKey()) {
    Object.assign(this, { server, room, key });
  }

  say(...messages) {
    return fetchJson(this.server, '/v1/send', { key: this.key, messages: messages.map((message) => ({ n: ++this.#said, ...message })) });
  }

  async event(type) {
    const event = await this.next();
    assert.equal(event.type, type, JSON.stringify(event));
    return event;
  }

  async next() {
    while (this.#waiting.length === 0) {
      const opening = this.#n === 0 ? { open: { room: this.room }, turn: 1 } : {};
      const { json } = await fetchJson(this.server, '/v1/poll', { key: this.key, carrier: 'o', n: ++this.#n, ack: this.#ack, wait: 5000, ...opening });
      this.#waiting.push(...json.events);
      this.#ack += json.events.length;
    }
    return this.#waiting.shift();
  }
}

async function serve(t, ...flags) {
  const server = await Server.start(flags);
  t.after(() => server.process.kill('SIGKILL'));
  return server;
}

// The other side polls only where a test waits for it: that is no absence.
const kPatient = ['--suspend-after', '2m'];

test('it has 20 lines and needs the standard library only', () => {
  assert.ok(recipe.trimEnd().split('\n').length <= 20);
  assert.deepEqual([...recipe.matchAll(/^ *(?:import|from) .*/gm)].map(([line]) => line), ['import http.client, json, random, secrets, time']);
});

test('it says what it has to say, hears, and answers; a longer silence than a hold costs nothing', async (t) => {
  const server = await serve(t, '--poll-hold', '1s', ...kPatient);
  const other = new Other(server, 'recipe');
  await other.event('created');
  const python = new Python(t, server.authority, 'recipe', { unsaid: [{ type: 'hello', data: 1 }, { type: 'hello', data: 'é' }] });
  await python.event('joined');
  await python.event('ready');
  for (const type of ['peer-joined', 'ready']) await other.event(type);
  for (const data of [1, 'é']) assert.equal((await other.event('hello')).data, data);
  for (let i = 0; i < 3; ++i) {
    await other.say({ type: 'offer', data: { sdp: `v=${i}` } });
    assert.deepEqual((await python.event('offer')).data, { sdp: `v=${i}` });
    assert.deepEqual((await other.event('answer')).data, { sdp: `v=${i}` });
    await new Promise((resolve) => { setTimeout(resolve, i * 1200); });
  }
});

test('lines that are cut, before the request and before the answer, lose nothing and repeat nothing', async (t) => {
  const server = await serve(t, ...kPatient);
  let number = 0, cut = true;
  const sockets = new Set();
  const relay = net.createServer((near) => {
    const far = net.connect(server.port, '127.0.0.1');
    for (const [one, another] of [[near, far], [far, near]]) {
      sockets.add(one);
      one.on('error', () => {}).on('close', () => { sockets.delete(one); another.destroy(); });
    }
    near.pipe(far);
    const which = ++number;
    if (cut && which % 3 === 0) near.destroy();
    else if (cut && which % 2 === 0) far.once('data', () => near.destroy());
    else far.pipe(near);
  }).listen(0, '127.0.0.1');
  await once(relay, 'listening');
  t.after(() => { cut = false; relay.close(); for (const socket of sockets) socket.destroy(); });
  const other = new Other(server, 'cut');
  await other.event('created');
  const python = new Python(t, `127.0.0.1:${relay.address().port}`, 'cut', { unsaid: [1, 2, 3].map((data) => ({ type: 'hello', data })) });
  for (const type of ['peer-joined', 'ready']) await other.event(type);
  for (const data of [1, 2, 3]) assert.equal((await other.event('hello')).data, data);
  for (const type of ['joined', 'ready']) await python.event(type);
  for (let i = 0; i < 6; ++i) {
    await other.say({ type: 'offer', data: i });
    assert.equal((await python.event('offer')).data, i);
    assert.equal((await other.event('answer')).data, i);
  }
});

test('after restarted: a new session, and in it what had not been taken', async (t) => {
  const first = await serve(t);
  const python = new Python(t, first.authority, 'again');
  await python.event('created');
  first.process.kill('SIGKILL');
  await first.exit;
  const second = await serve(t, '--port', String(first.port));
  await python.event('created');
  const other = new Other(second, 'again');
  await other.event('joined');
  await other.event('ready');
  await other.say({ type: 'offer', data: 'after' });
  assert.equal((await other.event('answer')).data, 'after');
});

test('after gone: a new session where the old one was away too long', async (t) => {
  const server = await serve(t, '--resume-window', '1s', '--suspend-after', '1s', '--poll-hold', '1s');
  const python = new Python(t, server.authority, 'gone');
  await python.event('created');
  const watcher = new Other(server, 'gone');
  await watcher.event('joined');
  await watcher.event('ready');
  for (const type of ['peer-joined', 'ready']) await python.event(type);
  python.process.kill('SIGSTOP');
  // It is gone for the server once its place is free.
  let event;
  do event = await watcher.next(); while (event.type !== 'peer-left');
  assert.equal(event.reason, 'timeout');
  python.process.kill('SIGCONT');
  const back = await python.events.take();      // whether the other one has stayed or not
  assert.ok(['created', 'joined'].includes(back.type), JSON.stringify(back));
});

test('after gone: the end where a newer session has replaced this one', async (t) => {
  const server = await serve(t);
  const key = makeKey();
  const python = new Python(t, server.authority, 'replaced', { key });
  await python.event('created');
  const { json } = await fetchJson(server, '/v1/poll', { key: makeKey(), carrier: 'r', n: 1, turn: 1, open: { room: 'replaced', replaces: key } });
  assert.equal(json.events[0].type, 'created');
  const { end } = await python.event('end');
  assert.ok([end.code, end.reason].includes('replaced'), JSON.stringify(end));
  assert.deepEqual(await python.ended, [0, null]);
});

test('an empty 200 is what the document says', async (t) => {
  const server = await serve(t);
  const member = { key: makeKey(), carrier: 'e' };
  const poll = (more) => fetchJson(server, '/v1/poll', { ...member, ...more }).then(({ text }) => JSON.parse(text));
  await poll({ n: 1, turn: 1, open: { room: 'empty' } });
  assert.deepEqual(await poll({ n: 2, ack: 1, wait: 0 }), { first: 2, events: [], up: 0 });
  assert.deepEqual(await poll({ n: 1, ack: 1 }), { first: 2, events: [], up: 0 });
  const [overtaken] = await Promise.all([poll({ n: 3, ack: 1 }), new Promise((resolve) => { setTimeout(resolve, 300); }).then(() => poll({ n: 4, ack: 1, wait: 0 }))]);
  assert.deepEqual(overtaken, { first: 2, events: [], up: 0 });
});
