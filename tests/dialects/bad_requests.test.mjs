// What bad requests get at the paths of plain broadcast and the login guide: a row is a test.

import assert from 'node:assert/strict';
import { fetchJson, kTransports, makeKey } from '../conformance/support/members.mjs';
import { RawConnection, get as rawGet, post as rawPost } from '../conformance/support/raw.mjs';
import { upgradeLines } from '../conformance/support/websocket.mjs';
import { expectRefusal, get, refusesGet, refusesPost, refusesSocket, tableOfBadInput } from './support/bad_input.mjs';
import { CurlClient, PollClient, WsClient, kBinary, withQuery } from './support/clients.mjs';
import { fresh } from './support/gateway.mjs';
import { expectNext, gather, hears, isQuiet, told } from './support/talk.mjs';

const row = tableOfBadInput();
const raw = () => `/raw/${fresh('room')}`;
const kPaths = { raw: raw(), login: '/login' };

// On each way in: stream, poll, POST and WebSocket.
async function refusedEverywhere(server, path, status, code, headers) {
  await refusesGet(server, path, status, code, headers);
  await refusesGet(server, withQuery(path, { next: 1 }), status, code, headers);
  await refusesPost(server, path, status, code, { headers });
  await refusesSocket(server, path, status, code, headers);
}

for (const [what, name, status] of [
  ['NUL', 'a%00b', 400],
  ['a line break', 'a%0Ab', 400],
  ['DEL', '%7f', 400],
  ['a control character of two bytes', '%C2%85', 400],
  ['129 bytes', 'x'.repeat(129), 400],
  ['129 bytes, percent-encoded', '%C5%BE'.repeat(65), 400],
  ['a byte that is no UTF-8', 'a%ff', 400],
  ['NUL in two bytes', '%c0%80', 400],
  ['half a surrogate pair', '%ed%a0%80', 400],
  ['a percent sign without digits', 'a%', 400],
  ['a percent sign with one digit', 'a%4', 400],
  ['a percent sign with other letters', 'a%zz', 400],
  ['an encoded slash', 'a%2Fb', 400],
  ['an encoded backslash', 'a%5Cb', 400],
]) {
  row(`raw, the name of a room: ${what}`, (t, server) => refusedEverywhere(server, `/raw/${name}`, status));
}

row('raw, the name of a room: 128 bytes are none too many', async (t, server) => {
  const [client] = await gather(t, server, `/raw/${'%C5%BE'.repeat(64)}`, [WsClient]);
  await client.say('here');
  await expectNext(client, 'here');
});

row('login: a path below it', (t, server) => refusedEverywhere(server, '/login/room', 404, 'unknown_route'));
row('a path that begins alike is not theirs', async (t, server) => {
  for (const path of ['/rawx', '/loginx', '/RAW', '/v1/raw']) {
    const { headers } = await get(server, path);
    assert.doesNotMatch(headers['content-type'] ?? '', /event-stream/, path);
    const { status } = await fetchJson(server, withQuery(path, { key: makeKey() }), 'x');
    assert.ok([404, 405].includes(status), `${path}: ${status}`);
  }
});

for (const [dialect, path] of Object.entries(kPaths)) {
  for (const method of ['PUT', 'DELETE', 'PATCH']) {
    row(`${dialect}: ${method}`, async (t, server) => {
      const answer = expectRefusal(await fetchJson(server, path, 'x', { method }), 405, 'wrong_method');
      assert.match(answer.headers.allow, /GET/);
      assert.match(answer.headers.allow, /POST/);
    });
  }

  for (const [what, key] of [['15 characters', 'k'.repeat(15)], ['129 characters', 'k'.repeat(129)], ['none', ''], ['a dot', `${'k'.repeat(16)}.`],
    ['a space', `${'k'.repeat(16)} `], ['plus', `${'k'.repeat(16)}+`], ['a letter that is not ASCII', `${'k'.repeat(16)}ž`], ['a line break', `${'k'.repeat(16)}\n`]]) {
    row(`${dialect}, a key with ${what}`, async (t, server) => {
      for (const query of [{ key }, { key, next: 1 }]) await refusesGet(server, withQuery(path, query), 400, 'bad_key');
      await refusesPost(server, withQuery(path, { key }), 400, 'bad_key');
    });
  }

  row(`${dialect}: POST with a key that nobody has`, (t, server) =>
    refusesPost(server, withQuery(path, { key: makeKey() }), 404, 'unknown_key'));

  for (const next of ['0', '-1', '', 'x', '1.5', '1e3', '0x1', ' 1', '99999999999999999999']) {
    row(`${dialect}: next=${next}`, (t, server) => refusesGet(server, `${path}?next=${encodeURIComponent(next)}`, 400));
  }

  row(`${dialect}: a next that is beyond what was told, or below what was acknowledged`, async (t, server) => {
    const { json: { key } } = await get(server, withQuery(path, { next: 1, wait: 0 }));
    for (const text of ['{"type":"one"}', '{"type":"two"}']) await fetchJson(server, withQuery(path, { key }), text);
    let told = 0;
    while (told < 2) told = (await get(server, withQuery(path, { key, next: 1 }))).json.messages.length;
    await refusesGet(server, withQuery(path, { key, next: 4 }), [400, 409]);
    await refusesGet(server, withQuery(path, { key, next: 1000000 }), [400, 409]);
    assert.equal((await get(server, withQuery(path, { key, next: 3, wait: 0 }))).json.next, 3);
    await refusesGet(server, withQuery(path, { key, next: 1 }), [400, 409]);
    assert.deepEqual((await get(server, withQuery(path, { key, next: 3, wait: 0 }))).json, { key, next: 3, messages: [] }, 'the session is as it was');
  });

  for (const query of ['next=1&wait=x', 'next=1&wait=-1', 'next=1&wait=',
    ...(dialect === 'raw' ? ['echo=2', 'echo=', 'echo=false'] : [])]) {
    row(`${dialect}: ?${query}`, async (t, server) => {
      await refusesGet(server, `${path}?${query}`, 400);
      if (!query.includes('next')) await refusesSocket(server, `${path}?${query}`, 400);
    });
  }

  row(`${dialect}: a wait that is longer than the server's is the server's`, async (t, server) => {
    const key = makeKey();
    const waiting = get(server, withQuery(path, { next: 1, key, wait: 1000000 }));
    for (const began = Date.now(); ;) {
      const { status } = await fetchJson(server, withQuery(path, { key }), '{"type":"now"}');
      if (status === 200) break;
      assert.equal(status, 404, 'before the poll has come there is no session');
      assert.ok(Date.now() - began < 60000, 'the poll opened no session');
    }
    const { status, text, json } = await waiting;
    assert.equal(status, 200, text);
    assert.equal(json.messages.length, 1);
  });

  row(`${dialect}: a text that is no UTF-8, by POST`, async (t, server) => {
    const [client] = await openAll(t, server, path, [PollClient]);
    await refusesPost(server, withQuery(path, { key: client.key }), 400, 'bad_utf8', { body: Buffer.from([0x61, 0xff]) });
    await refusesPost(server, withQuery(path, { key: client.key }), 400, 'bad_utf8', { body: Buffer.from([0xed, 0xa0, 0x80]) });
    await goesOn(dialect, client);
  });

  row(`${dialect}: a body that is a form of several parts`, (t, server) => refusesPost(server, path, 415, 'wrong_content_type',
    { body: '--x\r\n\r\na\r\n--x--\r\n', headers: { 'Content-Type': 'multipart/form-data; boundary=x' } }));

  row(`${dialect}: a body of a megabyte`, async (t, server) => {
    const [client] = await openAll(t, server, path, [CurlClient]);
    const connection = await RawConnection.open(server);
    t.after(() => connection.destroy());
    // Refused by its head; what is written then may meet a closed connection.
    connection.request([`POST ${withQuery(path, { key: client.key })} HTTP/1.1`, `Host: ${server.authority}`, 'Content-Length: 1048576'], 'x'.repeat(70000));
    const response = await connection.response();
    expectRefusal({ ...response, text: response.body }, 413);
    await goesOn(dialect, client);
  });

  row(`${dialect}: a foreign Origin`, (t, server) => refusedEverywhere(server, path, 403, 'origin_refused', { Origin: 'https://evil.example' }));
  row(`${dialect}: a request from a foreign page without an Origin`, (t, server) =>
    refusesGet(server, path, 403, 'origin_refused', { 'Sec-Fetch-Site': 'cross-site' }));
  row(`${dialect}: a foreign Host`, (t, server) => refusedEverywhere(server, path, 421, 'host_refused', { Host: 'evil.example' }));

  row(`${dialect}: an Upgrade of another version, in HTTP/1.0, or with a wrong key`, async (t, server) => {
    const bad = (change) => upgradeLines({ authority: server.authority }, path).map(change);
    for (const [lines, status] of [[bad((line) => line.replace('Version: 13', 'Version: 8')), 426],
      [bad((line) => line.replace(/Key: .*/, 'Key: short')), 400], [bad((line) => line.replace('HTTP/1.1', 'HTTP/1.0')), 426]]) {
      const connection = await RawConnection.open(server);
      try {
        assert.equal((await connection.request(lines).response()).status, status);
      } finally {
        connection.destroy();
      }
    }
  });

  row(`${dialect}: several requests on one connection, bad and good in turns`, async (t, server) => {
    const [client] = await openAll(t, server, path, [CurlClient]);
    const connection = await RawConnection.open(server);
    t.after(() => connection.destroy());
    for (let round = 0; round < 3; ++round) {
      assert.equal((await connection.request(...rawGet(server, `${path}?next=x`)).response()).status, 400);
      assert.equal((await connection.request(...rawPost(server, withQuery(path, { key: makeKey() }), 'x')).response()).status, 404);
      assert.equal((await connection.request(...rawPost(server, withQuery(path, { key: client.key }), '{"type":"z"}')).response()).status, 200);
      if (dialect === 'raw') await expectNext(client, '{"type":"z"}');
      else await hears(client, { type: 'error', message: 'Command not found: z' });
    }
  });
}

row('login: POST without a key', async (t, server) => {
  const { json: { error } } = await refusesPost(server, '/login', 400, undefined, { body: '{"type":"login","name":"x"}' });
  assert.match(error.hint, /key/);
});

row('login: bytes by POST', async (t, server) => {
  const [client] = await openAll(t, server, '/login', [CurlClient]);
  const { status } = await fetchJson(server, `/login?key=${client.key}`, '{"type":"bytes"}', { headers: { 'Content-Type': kBinary } });
  assert.ok([200, 415].includes(status), String(status));
  if (status === 200) assert.equal((await told(client)).type, 'error');
  await isQuiet(client);
});

row('the key of a session of another dialect opens nothing', async (t, server) => {
  const room = raw();
  const [broadcast] = await openAll(t, server, room, [CurlClient]);
  const [guest] = await openAll(t, server, '/login', [CurlClient]);
  const native = await new kTransports.websocket(server).open({ room: fresh('native') });
  t.after(() => native.close());
  await native.event('created');
  const refusals = [400, 404, 409];
  for (const [path, key] of [['/login', broadcast.key], [room, guest.key], [room, native.key], ['/login', native.key]]) {
    const at = withQuery(path, { key });
    await refusesPost(server, at, refusals);
    // A session of its own under that key would be as good as a refusal.
    const answer = await get(server, withQuery(at, { next: 1, wait: 0 }));
    if (answer.status === 200) assert.deepEqual(answer.json, { key, next: 1, messages: [] });
    else expectRefusal(answer, refusals);
  }
  for (const { key } of [broadcast, guest]) {
    expectRefusal(await fetchJson(server, '/v1/send', { key, type: 'message', data: 1 }), refusals);
  }
  await goesOn('raw', broadcast);
  await isQuiet(guest);
  await native.say({ type: 'join', room: fresh('native') });
  await native.event('created');
});

row('a Last-Event-ID of another dialect or another room is refused', async (t, server) => {
  const [spied] = await openAll(t, server, raw(), [CurlClient]);
  await spied.say('a secret');
  await expectNext(spied, 'a secret');
  for (const path of ['/login', raw()]) {
    expectRefusal(await get(server, path, { 'Last-Event-ID': `${spied.key}.0` }), [404, 409]);
  }
  await goesOn('raw', spied);
});

async function openAll(t, server, path, Kinds) {
  const clients = [];
  t.after(() => { for (const client of clients) client.close(); });
  for (const Kind of Kinds) clients.push(await Kind.open(server, path));
  return clients;
}

async function goesOn(dialect, client) {
  if (dialect === 'login') return isQuiet(client);
  const text = fresh('goes on');
  await client.say(text);
  await expectNext(client, text);
}
