// What bad input gets on /socket.io/: a row is a test. Two who have nothing to do with it are heard of in the end.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { errorText, payloadOf, Polling, refusal, request, Socket, stamp } from './support/engine.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { areQuiet, create, join, logged } from './support/codelab.mjs';
import { open } from './support/socketio.mjs';

const kNobody = 'A'.repeat(20);
const kLimit = 262144;
const kJson = /^application\/json/;

let server, neighbours, leave;
before(async () => {
  server = await startGateway();
  const closing = [];
  const scope = { after: (close) => closing.push(close) };
  leave = () => { for (const close of closing) close(); };
  neighbours = [await open(scope, server, '4.8', 'websocket'), await open(scope, server, '2.5', 'polling')];
  const room = fresh('neighbours');
  await create(neighbours[0], room);
  await join(neighbours[1], room, neighbours[0]);
});
after(async () => {
  try {
    await areQuiet(...neighbours);
  } finally {
    leave();
    await stopGateway(server);
  }
});

const say = (message) => `42${JSON.stringify(['message', message])}`;
const handshake = (query) => `/socket.io/?${query}&t=${stamp()}`;

async function isRefused(method, path, code, body) {
  const { status, type, text } = await request(server, method, path, body);
  assert.deepEqual([status, text], [400, errorText(code)], `${method} ${path}`);
  assert.match(type, kJson);
}

for (const eio of [3, 4]) {
  describe(`EIO ${eio}`, () => {
    const base = `EIO=${eio}`;

    test('code 0: a transport that is unknown, or none', async () => {
      for (const transport of ['', '&transport=', '&transport=tube', '&transport=POLLING', '&transport=constructor', '&transport=__proto__']) {
        await isRefused('GET', handshake(`${base}${transport}`), 0);
      }
    });

    test('code 1: a session that is unknown', async () => {
      for (const sid of [kNobody, 'x', '__proto__', '%00', 'x'.repeat(1000)]) {
        await isRefused('GET', handshake(`${base}&transport=polling&sid=${sid}`), 1);
        await isRefused('POST', handshake(`${base}&transport=polling&sid=${sid}`), 1, payloadOf(eio, say(1)));
      }
    });

    test('code 2: a handshake that is no GET', async () => {
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
        await isRefused(method, handshake(`${base}&transport=polling`), 2, payloadOf(eio, say(1)));
      }
    });

    test('code 3: polling on a session that is on WebSocket', async () => {
      const { handshake: { sid }, socket } = await Socket.session(server, eio);
      await isRefused('GET', handshake(`${base}&transport=polling&sid=${sid}`), 3);
      await isRefused('POST', handshake(`${base}&transport=polling&sid=${sid}`), 3, payloadOf(eio, say(1)));
      socket.send(say('unharmed'));
      socket.close();
    });

    test('code 3: a WebSocket as transport without an upgrade', async () => {
      const { status } = await request(server, 'GET', handshake(`${base}&transport=websocket`));
      assert.equal(status, 400);
    });

    test('a poll that names another version of the protocol', async () => {
      const one = await Polling.open(server, eio);
      const { status } = await request(server, 'GET', handshake(`EIO=${7 - eio}&transport=polling&sid=${one.sid}`));
      // The original ignores the version here. It may be refused, and the session may end, but only this one.
      assert.ok(status === 200 || (status >= 400 && status < 500), String(status));
    });

    test('a second WebSocket for a session that is on one does not disturb the first', async () => {
      const one = await Socket.session(server, eio);
      const second = await Socket.open(server, `/socket.io/?${base}&transport=websocket&sid=${one.handshake.sid}`).catch(() => null);
      second?.send('2probe');   // the original lets it in
      one.send(say('unharmed'));
      assert.deepEqual(await one.event('log', 1), [['Message from server:', 'Client said: ', 'unharmed']]);
      for (const { socket } of [one, second ?? one]) socket.terminate();
    });

    test('PUT, DELETE and PATCH are refused, and the session goes on', async () => {
      const one = await Polling.open(server, eio);
      for (const method of ['PUT', 'DELETE', 'PATCH']) {
        for (const path of [one.path(), handshake(`${base}&transport=polling`)]) {
          const { status } = await request(server, method, path, payloadOf(eio, say('by another method')));
          assert.ok(status >= 400 && status < 600, `${method}: ${status}`);
        }
      }
      await one.post(say('by POST'));
      assert.deepEqual(await one.event('log', 1), [['Message from server:', 'Client said: ', 'by POST']]);
    });

    test('a body above the limit: 413', async () => {
      const one = await Polling.open(server, eio);
      const { status } = await one.postBody(payloadOf(eio, say('x'.repeat(kLimit))));
      assert.equal(status, 413);
    });

    test('a body just below the limit: all its packets are taken', async () => {
      const one = await Polling.open(server, eio);
      const texts = ['a', 'b', 'c', 'd', 'e'].map((letter) => letter.repeat(50000));
      const body = payloadOf(eio, ...texts.map(say));
      assert.ok(body.length < kLimit);
      assert.equal((await one.postBody(body)).text, 'ok');
      for (const text of texts) assert.deepEqual(await one.event('log', 1), [['Message from server:', 'Client said: ', logged(text)]]);
    });

    for (const [what, packet] of [
      ['an unknown type', '49'],
      ['no JSON', '42["message",'],
      ['an event that is no array', '42{"message":1}'],
      ['an event without a name', '42[]'],
      ['a name that is an object', '42[{},1]'],
      ['more attachments than a server can mean', '4599999999-["message",{"_placeholder":true,"num":0}]'],
      ['attachments that are no number', '45x-["message"]'],
      ['an acknowledgement that is no array', '431"x"'],
    ]) {
      test(`a Socket.IO packet with ${what}: the POST is \`ok\`, the client is disconnected`, async () => {
        const one = await Polling.open(server, eio);
        assert.equal((await one.postBody(payloadOf(eio, packet))).text, 'ok');
        await one.ends();
        const other = await Socket.session(server, eio);
        other.send(packet);
        await other.ends();
      });
    }

    test('an attachment that nothing announced, and text where an attachment is due', async () => {
      for (const packets of [[eio === 4 ? 'bAAEC' : 'b4AAEC'], ['451-["message",{"_placeholder":true,"num":0}]', say('text')]]) {
        const one = await Polling.open(server, eio);
        assert.equal((await one.postBody(payloadOf(eio, ...packets))).text, 'ok');
        await one.ends();
      }
    });

    test('an acknowledgement that nobody asked for is ignored', async () => {
      const one = await Polling.open(server, eio);
      await one.post('43999["x"]', '430[]', say('unharmed'));
      assert.deepEqual(await one.event('log', 1), [['Message from server:', 'Client said: ', 'unharmed']]);
    });

    test('events that nobody knows, or with arguments that make no sense', async () => {
      const one = await Polling.open(server, eio);
      await one.post('42["unheard of",1,2]', '42["create or join"]', '42["create or join",{}]', '42["create or join",null,1]', '42["bye"]',
        '42["bye",7]', '42["ipaddr",{"a":1}]', say('unharmed'));
      for (;;) {
        const packet = await one.next();
        if (packet.startsWith('42["log",["Message from server:","Client said: ","unharmed"]')) break;
        assert.match(packet, /^42\["(log|ipaddr|created|joined|full)",/);
      }
    });
  });
}

describe('payloads that are none', () => {
  for (const [eio, what, body] of [
    [3, 'no length', 'abc'],
    [3, 'a length that is no number', 'x:4'],
    [3, 'a length beyond its end', '100:42["message",1]'],
    [3, 'a length of nothing', ':4'],
    [3, 'a length that counts bytes', `${Buffer.byteLength(say('é€😀'))}:${say('é€😀')}`],
    [4, 'an unknown type', 'x'],
    [4, 'nothing between two separators', '\x1e\x1e'],
    [4, 'base64 that is none', 'b!!'],
  ]) {
    test(`EIO ${eio}, ${what}: \`ok\`, then the session is unknown`, async () => {
      const one = await Polling.open(server, eio);
      const { status, text } = await one.postBody(body);
      assert.deepEqual([status, text], [200, 'ok']);
      await one.ends();
    });
  }

  test('bytes that are no UTF-8', async () => {
    for (const eio of [3, 4]) {
      const one = await Polling.open(server, eio);
      const { status } = await one.postBody(Buffer.concat([Buffer.from(eio === 3 ? '15:' : ''), Buffer.from('42["message","'), Buffer.from([0xff]), Buffer.from('"]')]));
      assert.ok(status === 200 || status === 400, String(status));
      const socket = await Socket.session(server, eio);
      socket.socket.on('error', () => {});
      socket.socket._socket.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]));   // a text frame
      await socket.ends();
    }
  });
});

test('a WebSocket that breaks the rules is refused before its upgrade', async () => {
  for (const [query, status] of [['EIO=4', 400], ['EIO=4&transport=tube', 400], [`EIO=4&transport=websocket&sid=${kNobody}`, 400]]) {
    assert.equal((await refusal(server, handshake(query))).status, status, query);
  }
});

test('a version that is unknown is treated as 3, or refused as such', async () => {
  for (const version of ['2', '5', 'abc', '44']) {
    const { status, text } = await request(server, 'GET', handshake(`EIO=${version}&transport=polling`));
    if (status === 200) assert.match(text, /^\d+:0\{"sid"/);
    else assert.deepEqual([status, text], [400, errorText(5)]);
  }
});

test('OPTIONS of a page of the same origin: 204', async () => {
  const { status, text } = await request(server, 'OPTIONS', handshake('EIO=4&transport=polling'), undefined,
    { Origin: server.url, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type' });
  assert.deepEqual([status, text], [204, '']);
});

describe('pages of other origins', () => {
  const kOrigin = 'http://page.example';
  let open;
  before(async () => { open = await startGateway(['--allow-origin', kOrigin]); });
  after(() => stopGateway(open));

  for (const eio of [3, 4]) {
    test(`EIO ${eio}: an origin that is allowed is named in every answer`, async () => {
      for (const [method, path, status] of [
        ['GET', handshake(`EIO=${eio}&transport=polling`), 200],
        ['GET', handshake(`EIO=${eio}&transport=polling&sid=${kNobody}`), 400],
        ['POST', handshake(`EIO=${eio}&transport=polling&sid=${kNobody}`), 400],
        ['OPTIONS', handshake(`EIO=${eio}&transport=polling`), 204],
      ]) {
        const { status: given, headers } = await request(open, method, path, undefined, {
          Origin: kOrigin, ...(method === 'OPTIONS' && { 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type' }),
        });
        assert.deepEqual([given, headers['access-control-allow-origin']], [status, kOrigin], `${method} ${path}`);
        if (eio === 3) assert.equal(headers['access-control-allow-credentials'], 'true');
      }
    });

    test(`EIO ${eio}: any other is refused, and may read why`, async () => {
      for (const target of [server, open]) {
        const { status, headers } = await request(target, 'GET', handshake(`EIO=${eio}&transport=polling`), undefined, { Origin: 'http://elsewhere.example' });
        assert.deepEqual([status, headers['access-control-allow-origin']], [403, 'http://elsewhere.example']);
        assert.equal(headers['access-control-allow-credentials'], undefined);
      }
    });
  }
});
