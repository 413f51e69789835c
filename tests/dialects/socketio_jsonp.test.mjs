// JSONP of Engine.IO 3: each answer is a script that calls a function of the page, and what is posted is a form.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { kText } from './support/codelab.mjs';
import { eventOf, packetsOf, payloadOf, request, Socket, stamp } from './support/engine.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';

// The original says text/plain, which no browser takes for a script where the server forbids guessing.
const kScript = 'text/javascript; charset=UTF-8';

let server;
before(async () => { server = await startGateway(); });
after(() => stopGateway(server));

const say = (message) => `42${JSON.stringify(['message', message])}`;
const own = () => ({ Referer: `${server.url}/page.html` });
const scriptOf = (index, text) => {
  const [, json] = new RegExp(`^___eio\\[${index}\\]\\((".*")\\);$`, 's').exec(text) ?? assert.fail(text);
  assert.doesNotMatch(text, /[\u2028\u2029]/);
  return JSON.parse(json);
};

test('answers are calls; what is posted is a form', async (t) => {
  const get = (path) => request(server, 'GET', path, undefined, own());
  const handshake = await get(`/socket.io/?EIO=3&transport=polling&j=3&b64=1&t=${stamp()}`);
  assert.deepEqual([handshake.status, handshake.type], [200, kScript]);
  const [open, ...more] = packetsOf(3, scriptOf(3, handshake.text));
  const { sid } = JSON.parse(open.slice(1));
  const path = () => `/socket.io/?EIO=3&transport=polling&j=3&b64=1&t=${stamp()}&sid=${sid}`;
  if (more.length === 0) more.push(...packetsOf(3, scriptOf(3, (await get(path())).text)));
  assert.deepEqual(more, ['40']);

  const room = fresh('room');
  const other = await Socket.session(server, 4);
  t.after(() => other.close());
  await other.enter(room);
  const post = (packet) => request(server, 'POST', path(), new URLSearchParams({ d: payloadOf(3, packet).replaceAll('\\n', '\\\\n') }).toString(),
    { ...own(), 'Content-Type': 'application/x-www-form-urlencoded' });
  const answer = await post(`42["create or join","${room}"]`);
  assert.deepEqual([answer.status, answer.text], [200, 'ok']);
  assert.match(answer.type, /^text\/html/);
  assert.deepEqual(await other.event('join', 1), [room]);

  const text = `a line\nand another, \\n, "quoted", \u2028 and ${kText}`;
  assert.equal((await post(say(text))).text, 'ok');
  assert.deepEqual(await other.event('ready', 1), [room]);
  assert.deepEqual(await other.event('message', 1), [text]);
  other.send(say(text));
  for (;;) {
    const script = await get(path());
    assert.equal(script.type, kScript);
    const messages = packetsOf(3, scriptOf(3, script.text)).filter((packet) => packet.startsWith('42["message"'));
    if (messages.length === 0) continue;
    assert.deepEqual(eventOf(messages[0], 1).args, [text]);
    break;
  }
});

test('a page of another origin gets none', async () => {
  const { status } = await request(server, 'GET', `/socket.io/?EIO=3&transport=polling&j=0&t=${stamp()}`, undefined,
    { Referer: 'http://elsewhere.example/page.html' });
  assert.ok(status >= 400 && status < 500, String(status));
});

test('a page that does not say where it is gets none, unless the browser says that it is ours', async () => {
  const path = () => `/socket.io/?EIO=3&transport=polling&j=0&t=${stamp()}`;
  assert.equal((await request(server, 'GET', path())).status, 403);
  assert.equal((await request(server, 'GET', path(), undefined, { 'Sec-Fetch-Site': 'same-origin' })).status, 200);
});
