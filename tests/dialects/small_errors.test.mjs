// The tables "Error handling" of y-webrtc, libdatachannel and Matchbox: a row is a test, or several.

import assert from 'node:assert/strict';
import { makeKey } from '../conformance/support/members.mjs';
import { get, refusesGet, refusesPost, refusesSocket, tableOfBadInput } from './support/bad_input.mjs';
import { PollClient, WsClient, post, withQuery } from './support/clients.mjs';
import { fresh } from './support/gateway.mjs';
import * as topics from './support/topics.mjs';

const row = tableOfBadInput(['--max-room-capacity', '4']);
const kDeep = `${'['.repeat(65)}${']'.repeat(65)}`;
const tell = topics.tell;
const told = topics.told;

// The requests with `key`, of which a stream is no poll: each is refused.
async function refusedByKey(server, path, status, code) {
  const key = makeKey();
  await refusesGet(server, withQuery(path, { key }), status, code);
  await refusesGet(server, withQuery(path, { key, next: 1 }), status, code);
}

for (const path of ['/y-webrtc', '/libdatachannel/id', '/matchbox/room']) {
  row(`${path}: POST without a key`, (t, server) => refusesPost(server, path, 400, 'bad_key'));
  row(`${path}: POST with a key that nobody has`, (t, server) => refusesPost(server, withQuery(path, { key: makeKey() }), 404, 'unknown_key'));
  row(`${path}: more messages than the rate allows`, async (t, server) => {
    const client = await WsClient.open(server, path);
    // Nothing comes of them in y-webrtc: others it reads more slowly.
    const type = path === '/y-webrtc' ? 'nothing' : 'ping';
    for (let i = 0; i < 500; ++i) client.say(`{"type":"${type}","id":"nobody-here","Signal":{"receiver":"61626364-6566-8000-8000-676832370000","data":1}}`);
    const { code, reason } = await client.closed;
    assert.deepEqual([code, reason], [4029, 'rate_limited']);
  });
}

// -- y-webrtc

const yWebrtc = (name, body) => row(`y-webrtc: ${name}`, async (t, server) => body(await topics.open(t, server), t, server));

async function hearsError(client, pattern) {
  const { type, message, ...rest } = await told(client);
  assert.deepEqual([type, rest], ['error', {}]);
  assert.match(message, pattern);
}

for (const [what, text] of [['nothing', ''], ['a word', 'hello'], ['half an object', '{"type":"ping"'], ['two objects', '{"type":"ping"}{"type":"ping"}'], ['a line break in a string', '{"type":"pi\nng"}'],
  ['65 levels', `{"type":"ping","x":${kDeep}}`], ['levels without an end', '['.repeat(60000)], ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22])]]) {
  yWebrtc(`no JSON: ${what}`, async (client) => {
    client.say(text);
    await hearsError(client, /^A message is one JSON object\. At byte \d+: .+\.$/);
    await topics.isQuiet(client);
  });
}

yWebrtc('a message that is too large', async (client) => {
  tell(client, { type: 'publish', topic: 't', data: 'x'.repeat(70000) });
  await hearsError(client, /^What is published may have 65,536 bytes\.$/);
  client.say(' '.repeat(262145));
  assert.equal((await client.closed).code, 1009);
});

for (const text of ['[]', 'null', '5', '"ping"', 'true', '{}', '{"type":null}', '{"type":5}', '{"type":["ping"]}', '{"type":"dance"}', '{"type":"\\ud800"}',
  '{"type":"subscribe"}', '{"type":"unsubscribe"}', '{"type":"subscribe","topics":"all"}', '{"type":"subscribe","topics":{"0":"a"}}', '{"type":"subscribe","topics":[5,null,{},["x"]]}', '{"type":"subscribe","topic":5}',
  '{"type":"unsubscribe","topics":["never"]}', '{"type":"publish","data":1}', '{"type":"publish","topic":"","data":1}', '{"type":"publish","topic":5,"data":1}', '{"type":"publish","topic":"nobody is here","data":1}']) {
  yWebrtc(`nothing comes of ${text}`, async (client) => {
    client.say(text);
    await topics.isQuiet(client);
  });
}

yWebrtc('a topic that is too long, or half a character: the others count', async (client) => {
  const good = fresh('topic');
  for (const [bad, why] of [['x'.repeat(1025), /^A topic may have 1,024 bytes\.$/], ['\ud800', /^A topic is not Unicode text\.$/]]) {
    await tell(client, { type: 'subscribe', topics: [bad, good] });
    await hearsError(client, why);
    await tell(client, { type: 'publish', topic: bad, data: 1 });
    await hearsError(client, why);
    await tell(client, { type: 'publish', topic: good, data: 1 });
    await topics.hears(client, { type: 'publish', topic: good, data: 1, clients: 1 });
    await tell(client, { type: 'unsubscribe', topics: [good] });
  }
});

yWebrtc('a field twice: the last one counts', async (client) => {
  client.say('{"type":"dance","type":"ping"}');
  await topics.hears(client, { type: 'pong' });
});

// -- libdatachannel

const libdatachannel = (name, body) => row(`libdatachannel: ${name}`, async (t, server) => {
  const id = fresh('id');
  const client = Object.assign(await WsClient.open(server, `/libdatachannel/${id}`), { id });
  t.after(() => client.close());
  await body(client, t, server);
  await tell(client, { id, type: 'still here' });
  await topics.hears(client, { id, type: 'still here' });
});

for (const [what, path] of [['none', '/libdatachannel'], ['an empty one', '/libdatachannel/'], ['65 characters', `/libdatachannel/${'x'.repeat(65)}`], ['one that begins with @', '/libdatachannel/@x'],
  ['a control character', '/libdatachannel/a%00b']]) {
  row(`libdatachannel, an id in the path: ${what}`, async (t, server) => {
    const code = what === 'a control character' ? 'bad_request' : 'bad_name';   // %00 is no path at all
    await refusedByKey(server, path, 400, code);
    await refusesPost(server, withQuery(path, { key: makeKey() }), 400, code);
    await refusesSocket(server, path, 400, code);
  });
}

libdatachannel('an id that another client holds', async (client, t, server) => {
  const second = await WsClient.open(server, `/libdatachannel/${client.id}`);
  assert.deepEqual(await second.closed, { code: 4107, reason: 'name_taken' });
  await refusedByKey(server, `/libdatachannel/${client.id}`, 409, 'name_taken');
});

for (const text of ['', 'hello', '[]', 'null', '5', '"id"', '{', '{"id":"x"}{', `{"id":"x","a":${kDeep}}`]) {
  libdatachannel(`no JSON object: ${text.slice(0, 20)}`, async (client) => {
    client.say(text);
    await hearsError(client, /^A message is one JSON object\.$/);
  });
}
for (const text of ['{}', '{"type":"offer","description":"v=0"}', '{"id":5}', '{"id":null}', '{"id":{}}', '{"id":["x"]}']) {
  libdatachannel(`no id in ${text}`, async (client) => {
    client.say(text);
    await hearsError(client, /^A message needs `id`, a string: the id of the client that it is for\.$/);
  });
}
for (const id of ['', '@x', 'a\u0000b', 'x'.repeat(65), 'nobody who is here']) {
  libdatachannel(`nothing comes of a message to ${JSON.stringify(id).slice(0, 20)}`, (client) => tell(client, { id, type: 'offer', description: 'v=0' }));
}
libdatachannel('a binary frame', (client) => client.say(Buffer.from(JSON.stringify({ id: client.id }))));
libdatachannel('an id twice: the last one counts', async (client) => {
  client.say(`{"id":"somebody","type":"x","id":"${client.id}"}`);
  await topics.hears(client, { id: client.id, type: 'x' });
});
libdatachannel('a mailbox that is full', async (client) => {
  const absent = fresh('absent');
  for (let n = 0; n < 70; ++n) await tell(client, { id: absent, n });
  for (let n = 64; n < 70; ++n) await hearsError(client, /^Nobody has this name, and its mailbox is full\.$/);
});
row('libdatachannel: the key of a session with another id', async (t, server) => {
  const path = `/libdatachannel/${fresh('id')}`;
  const client = await PollClient.open(server, path);
  t.after(() => client.close());
  const other = `/libdatachannel/${fresh('id')}`;
  for (const query of [{ key: client.key }, { key: client.key, next: 1 }]) await refusesGet(server, withQuery(other, query), 409, 'open_mismatch');
  await refusesGet(server, other, 409, 'open_mismatch', { 'Last-Event-ID': `${client.key}.0` });
  await refusesPost(server, withQuery(other, { key: client.key }), 409, 'open_mismatch');
  assert.equal((await post(server, withQuery(path, { key: client.key }), '{"id":"nobody-here"}')).status, 200);
});

// -- Matchbox

async function peer(t, server, path) {
  const client = await WsClient.open(server, path);
  t.after(() => client.close());
  return Object.assign(client, { uuid: (await told(client)).IdAssigned });
}

for (const [what, name, code] of [['129 bytes', 'x'.repeat(129), 'bad_room'], ['a line break', 'a%0Ab', ['bad_room', 'bad_request']], ['half a character', '%ed%a0%80', ['bad_room', 'bad_request']]]) {
  row(`Matchbox, a room: ${what}`, async (t, server) => {
    await refusedByKey(server, `/matchbox/${name}`, 400, code);
    await refusesSocket(server, `/matchbox/${name}`, 400, code);
  });
}
for (const next of ['0', '-1', '', 'x', '2x', '1.5', '99999999999999999999', '4294967295'])
  row(`Matchbox: next=${next}`, (t, server) => refusesSocket(server, `/matchbox/${fresh('room')}?next=${next}`, 400, 'bad_request'));

row('Matchbox: next above the capacity of a room', async (t, server) => {
  const client = await WsClient.open(server, `/matchbox/${fresh('room')}?next=5`);
  assert.deepEqual(await client.closed, { code: 4106, reason: 'full' });
});
row('Matchbox: a room that is full', async (t, server) => {
  const path = `/matchbox/${fresh('room')}`;
  for (let i = 0; i < 4; ++i) await peer(t, server, path);
  const client = await WsClient.open(server, path);
  assert.deepEqual(await client.closed, { code: 4106, reason: 'full' });
  await refusedByKey(server, path, 409, 'full');
});

const kNobody = '61626364-6566-8000-8000-676832370000';
for (const text of ['', 'hello', '{', '[]', '5', '{}', '"Signal"', '"keepalive"', '{"KeepAlive":null}', '{"Signal":5}', '{"Signal":{}}', '{"Signal":{"data":1}}', `{"Signal":{"receiver":"${kNobody}"}}`,
  '{"Signal":{"receiver":5,"data":1}}', '{"Signal":{"receiver":"","data":1}}', '{"Signal":{"receiver":"x","data":1}}', `{"Signal":{"receiver":"{${kNobody}}","data":1}}`, `{"Signal":{"receiver":"${kNobody}","data":1}}`,
  `{"Signal":{"receiver":"${kNobody}","data":${kDeep}}}`, Buffer.from('{"Signal":{}}')]) {
  row(`Matchbox: nothing comes of ${String(text).slice(0, 60)}`, async (t, server) => {
    const client = await peer(t, server, `/matchbox/${fresh('room')}`);
    client.say(text);
    await tell(client, { Signal: { receiver: client.uuid, data: 'still here' } });
    await topics.hears(client, { Signal: { sender: client.uuid, data: 'still here' } });
  });
}

row('y-webrtc: a plain GET is greeted, one that names a session or a stream is not', async (t, server) => {
  assert.deepEqual((({ status, text }) => [status, text])(await get(server, '/y-webrtc')), [200, 'okay']);
  const { status, json } = await get(server, '/y-webrtc?next=1&wait=0');
  assert.deepEqual([status, json.messages], [200, []]);
  await refusesGet(server, '/y-webrtc?key=short', 400, 'bad_key');
});
