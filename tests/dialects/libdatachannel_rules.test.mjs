// The signaling protocol of libdatachannel's examples: ids in the path, and messages that name who they are for.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { kTransports } from '../conformance/support/members.mjs';
import { CurlClient, EventSourceClient, WsClient, kAll } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { hears, tell } from './support/talk.mjs';

const kSdp = 'v=0\r\ns=žluť\r\n';
const kLine = 'candidate:1 1 udp 1 127.0.0.1 9 typ host';

let server;
before(async () => { server = await startGateway(['--probe-timeout', '2s'], { listen: ['libdatachannel'] }); });
after(() => stopGateway(server));

// A client that has its id, and is gone after the test: what it sends to itself comes back.
async function client(t, id = fresh('id'), { Kind = WsClient, at = server, path = `/libdatachannel/${encodeURIComponent(id)}` } = {}) {
  const made = Object.assign(await Kind.open(at, path), { id });
  t.after(() => made.close());
  await isQuiet(made);
  return made;
}

// All that the client was told before has been taken: its next message is the one that it sends to itself.
async function isQuiet(made) {
  const word = fresh('fence');
  await tell(made, { id: made.id, type: 'fence', word });
  await hears(made, { id: made.id, type: 'fence', word });
}

const pair = (t) => Promise.all([client(t), client(t)]);

test('descriptions and candidates arrive with the id of their sender', async (t) => {
  const [a, b] = await pair(t);
  for (const type of ['offer', 'answer']) {
    await tell(a, { id: b.id, type, description: kSdp });
    await hears(b, { id: a.id, type, description: kSdp });
  }
  await tell(b, { id: a.id, type: 'candidate', candidate: kLine, mid: '0' });
  await hears(a, { id: b.id, type: 'candidate', candidate: kLine, mid: '0' });
  await isQuiet(a);
});

test('all else arrives as it is, but for the id', async (t) => {
  const [a, b] = await pair(t);
  for (const rest of [{ type: 'request' }, { type: 'offer', sdp: kSdp }, { type: 'offer', description: kSdp, more: [1] }, { type: 'offer', description: 5 },
    { type: 'candidate', candidate: kLine }, { type: 'candidate', candidate: kLine, mid: null }, { type: 'peer-left', peer: 'x' }, { type: 5 }, {},
    { type: 'bye', data: { a: { id: 'inner' } } }, { data: 'no type' }]) {
    await tell(a, { id: b.id, ...rest });
    await hears(b, { id: a.id, ...rest });
  }
});

test('the name of a field stays what it is, whatever is in it', async (t) => {
  const [a, b] = await pair(t);
  for (const name of ['x":1,"id":"forged', '\\', '\t', '\u0000', '\ud800', '\u00e4', '']) {
    await tell(a, { id: b.id, [name]: 1 });
    await hears(b, { id: a.id, [name]: 1 });
  }
  a.say(`{"\\u0069d":"${b.id}","n":1,"i\\u0064":"${b.id}"}`);
  assert.equal(await b.next(), `{"id":"${a.id}","n":1}`);
});

test('whatever stands between the tokens, and the last of an id that is there twice', async (t) => {
  const [a, b] = await pair(t);
  a.say(`{"id":"${a.id}",\n"type":\r"x" , "n":1.50,"id":"${b.id}"}`);
  assert.equal(await b.next(), `{"id":"${a.id}","type":"x","n":1.50}`);
});

test('to nobody: nothing is said; descriptions and candidates wait for the id', async (t) => {
  const [a] = await pair(t);
  const absent = fresh('absent');
  await tell(a, { id: absent, type: 'offer', description: kSdp });
  await tell(a, { id: absent, type: 'candidate', candidate: kLine, mid: '0' });
  for (const id of ['', '@x', 'a\u0000b', 'x'.repeat(65)]) await tell(a, { id, type: 'offer', description: kSdp });
  await isQuiet(a);
  const late = await WsClient.open(server, `/libdatachannel/${absent}`);
  t.after(() => late.close());
  await hears(late, { id: a.id, type: 'offer', description: kSdp });
  await hears(late, { id: a.id, type: 'candidate', candidate: kLine, mid: '0' });
});

test('whom it called hears bye when a client goes, once', async (t) => {
  const [a, b] = await pair(t);
  await tell(a, { id: b.id, type: 'offer', description: kSdp });
  await hears(b, { id: a.id, type: 'offer', description: kSdp });
  a.cut();
  await hears(b, { id: a.id, type: 'bye' });
  await isQuiet(b);
});

test('an id that is held is refused, its holder notices nothing, and it is free when the holder has gone', async (t) => {
  const holder = await client(t);
  const path = `/libdatachannel/${holder.id}`;
  const second = await WsClient.open(server, path);
  assert.deepEqual(await second.closed, { code: 4107, reason: 'name_taken' });
  await isQuiet(holder);
  holder.cut();
  await client(t, holder.id);
});

test('the id of a client that answers nothing passes on', async (t) => {
  const holder = await client(t);
  holder.socket._socket.pause();   // a line that is dead: pings find no answer
  let second;
  for (let isIn = false; !isIn;) {
    second = await WsClient.open(server, `/libdatachannel/${holder.id}`);
    await tell(second, { id: holder.id, type: 'mine' });
    isIn = await second.next().then(() => true, () => false);   // or it was closed
  }
  t.after(() => second.close());
  await isQuiet(Object.assign(second, { id: holder.id }));
  holder.socket._socket.resume();
  assert.deepEqual(await holder.closed, { code: 4107, reason: 'name_taken' });
});

test('ids are text; the first segment of the path is the id', async (t) => {
  for (const id of ['žluť \u{1F600}', '__proto__', 'constructor', 'a.b', '4']) {
    const a = await client(t, id);
    a.close();
    await a.closed;
  }
  const id = fresh('id');
  await client(t, id, { path: `/libdatachannel/${id}/and/more?x=1` });
});

test('a port of its own: the id right behind the port, as the examples have it', async (t) => {
  const id = fresh('id');
  const a = await client(t, id, { at: server.own.libdatachannel, path: `/${id}` });
  const b = await client(t);
  await tell(b, { id, type: 'offer', description: kSdp });
  await hears(a, { id: b.id, type: 'offer', description: kSdp });
  await client(t, fresh('id'), { at: server.own.libdatachannel });
});

for (const [what, Kind] of Object.entries(kAll)) {
  test(`${what} has an id, calls and is called`, async (t) => {
    const a = await client(t, fresh('id'), { Kind });
    const b = await client(t);
    await tell(a, { id: b.id, type: 'offer', description: kSdp });
    await hears(b, { id: a.id, type: 'offer', description: kSdp });
    await tell(b, { id: a.id, type: 'answer', description: kSdp });
    await hears(a, { id: b.id, type: 'answer', description: kSdp });
  });
}

// -- Native clients: names are shared.

async function native(t, Transport = kTransports.websocket) {
  const user = await new Transport(server).open({ name: fresh('native') });
  t.after(() => user.close());
  return Object.assign(user, { id: (await user.event('login')).name });
}

async function nativeHears(user, type, data, name) {
  const event = await user.event(type);
  assert.deepEqual([event.data ?? null, event.name], [data, name]);
}

for (const [transport, Transport] of Object.entries(kTransports)) {
  test(`a native client by ${transport} and a script call each other`, async (t) => {
    const user = await native(t, Transport);
    const script = await client(t);
    await tell(script, { id: user.id, type: 'offer', description: kSdp });
    await nativeHears(user, 'offer', { type: 'offer', sdp: kSdp }, script.id);
    await user.say({ type: 'answer', to: `@${script.id}`, data: { type: 'answer', sdp: kSdp } });
    await hears(script, { id: user.id, type: 'answer', description: kSdp });
    await user.say({ type: 'candidate', to: `@${script.id}`, data: [{ candidate: kLine, sdpMid: 'data', sdpMLineIndex: 0 }, { candidate: kLine, sdpMLineIndex: 1 }, { candidate: kLine }] });
    for (const mid of ['data', '1', '0']) await hears(script, { id: user.id, type: 'candidate', candidate: kLine, mid });
    await tell(script, { id: user.id, type: 'candidate', candidate: kLine, mid: '0' });
    await nativeHears(user, 'candidate', { candidate: kLine, sdpMid: '0' }, script.id);
    await user.say({ type: 'bye', to: `@${script.id}` });
    await hears(script, { id: user.id, type: 'bye' });
    script.close();
    await script.closed;
    const again = await client(t, script.id);
    await tell(again, { id: user.id, type: 'offer', description: kSdp });
    await nativeHears(user, 'offer', { type: 'offer', sdp: kSdp }, script.id);
    again.close();
    await nativeHears(user, 'bye', null, script.id);
  });
}

test('what has no word for the examples is left out, other types arrive with their data', async (t) => {
  const user = await native(t);
  const script = await client(t);
  const to = `@${script.id}`;
  await user.say({ type: 'candidate', to, data: null }, { type: 'candidate', to, data: { candidate: '' } }, { type: 'candidate', to, data: [] }, { type: 'offer', to, data: null },
    { type: 'offer', to, data: { sdp: 5 } });
  await user.say({ type: 'chat', to, data: { a: 1 } }, { type: 'chat', to }, { type: 'message', to, data: 'text' }, { type: 'message', to, data: { type: 'request', id: 'forged', a: [1] } });
  await hears(script, { id: user.id, type: 'chat', data: { a: 1 } });
  await hears(script, { id: user.id, type: 'chat' });
  await hears(script, { id: user.id, type: 'message', data: 'text' });
  await hears(script, { id: user.id, type: 'request', a: [1] });
  await tell(script, { id: user.id, type: 'peer-left', room: 'x' });
  await nativeHears(user, 'message', { type: 'peer-left', room: 'x' }, script.id);
});

test('a native client without a name: there is no id in what arrives', async (t) => {
  const user = await new kTransports.websocket(server).open({});
  t.after(() => user.close());
  const script = await client(t);
  await user.say({ type: 'offer', to: `@${script.id}`, data: { type: 'offer', sdp: kSdp } });
  await hears(script, { type: 'offer', description: kSdp });
});

test('a user of the login guide and a script exchange what they call each other with', async (t) => {
  const script = await client(t);
  const user = await WsClient.open(server, '/login');
  t.after(() => user.close());
  const name = fresh('user');
  await tell(user, { type: 'login', name });
  await hears(user, { type: 'login', success: true });
  await tell(user, { type: 'offer', offer: { type: 'offer', sdp: kSdp }, name: script.id });
  await hears(script, { id: name, type: 'offer', description: kSdp });
  await tell(script, { id: name, type: 'answer', description: kSdp });
  await hears(user, { type: 'answer', answer: { type: 'answer', sdp: kSdp }, name: script.id });
});

test('an event stream that was cut keeps its id and misses nothing', async (t) => {
  const stream = await client(t, fresh('id'), { Kind: EventSourceClient });
  const caller = await client(t);
  stream.close();
  await tell(caller, { id: stream.id, type: 'offer', description: kSdp });
  await isQuiet(caller);
  const again = await CurlClient.open(server, stream.path, { key: stream.key, headers: { 'Last-Event-ID': stream.ids.at(-1) } });
  t.after(() => again.close());
  await hears(again, { id: caller.id, type: 'offer', description: kSdp });
});

test('a message that is none gets an error and the client goes on', async (t) => {
  const a = await client(t);
  for (const text of ['', 'hello', '[]', 'null', '{', `{"id":"x","a":${'['.repeat(65)}${']'.repeat(65)}}`]) {
    await tell(a, text);
    await hears(a, { type: 'error', message: 'A message is one JSON object.' });
  }
  for (const message of [{}, { type: 'offer', description: kSdp }, { id: 5 }, { id: null }]) {
    await tell(a, message);
    await hears(a, { type: 'error', message: 'A message needs `id`, a string: the id of the client that it is for.' });
  }
  a.say(Buffer.from('{"id":"x"}'));
  await isQuiet(a);
});
