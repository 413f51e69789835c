// The bytes of Engine.IO 3 and 4, and of Socket.IO on them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { kText } from './support/codelab.mjs';
import { errorText, eventOf, packetsOf, payloadOf, Polling, refusal, request, Socket, stamp } from './support/engine.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { Line } from './support/line.mjs';

const kPlain = 'text/plain; charset=UTF-8';
const kBytes = Buffer.from([0, 1, 2]);
const kArrival = 200;   // ms in which a request arrives, as a rule; a test holds if it arrives later
const kBinaryMessage = '451-["message",{"_placeholder":true,"num":0}]';

let server;
before(async () => { server = await startGateway(); });
after(() => stopGateway(server));

const say = (message) => `42${JSON.stringify(['message', message])}`;

// Two in a room of their own.
async function pair(t, open, openOther = open) {
  const room = fresh('room');
  const [one, other] = [await open(), await openOther()];
  t.after(() => { for (const { socket } of [one, other]) socket?.close(); });
  await one.enter(room);
  await other.enter(room);
  assert.deepEqual(await one.event('join', 1), [room]);
  for (const client of [one, other]) assert.deepEqual(await client.event('ready', 1), [room]);
  return { one, other, room };
}

const polling = (eio, query) => () => Polling.open(server, eio, { query });
const webSocket = (eio) => () => Socket.session(server, eio);

for (const eio of [3, 4]) {
  describe(`EIO ${eio}`, () => {
    test('the handshake on polling', async () => {
      const { opening, sid } = await Polling.open(server, eio, { connects: false });
      assert.deepEqual([opening.status, opening.type, opening.headers['cache-control']], [200, kPlain, 'no-store']);
      assert.match(sid, /^[A-Za-z0-9_-]{20,}$/);
      const fields = `{"sid":"${sid}","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000`;
      if (eio === 4) {
        assert.equal(opening.text, `0${fields},"maxPayload":262144}`);
      } else {
        const [open, ...more] = packetsOf(3, opening.text);
        assert.ok([`0${fields}}`, `0${fields},"maxPayload":262144}`].includes(open), open);
        assert.ok([0, 1].includes(more.length) && (more[0] ?? '40') === '40', opening.text);   // a server of 1.x sends it with the next poll
      }
    });

    test('the handshake on WebSocket', async () => {
      const { opening, handshake, socket } = await Socket.session(server, eio);
      assert.match(opening, /^0\{"sid":"[A-Za-z0-9_-]{20,}","upgrades":\[\],"pingInterval":25000,"pingTimeout":20000(,"maxPayload":262144)?\}$/);
      if (eio === 4) assert.equal(handshake.maxPayload, 262144);
      socket.close();
    });

    test('POST is answered `ok`, and several packets of one POST are taken in order', async (t) => {
      const { one, other } = await pair(t, polling(eio));
      const answer = await one.post(say('first'), say('second'), say(kText));
      assert.match(answer.type, /^text\/html/);
      for (const message of ['first', 'second', kText]) assert.deepEqual(await other.event('message', 1), [message]);
      for (const message of ['first', 'second', kText]) {
        assert.deepEqual(await one.event('log', 1), [['Message from server:', 'Client said: ', message]]);
      }
    });

    test('several packets of one answer, each as long as it says', async (t) => {
      const { one, other } = await pair(t, polling(eio));
      await one.post(say('a'), say(kText), say('b'));
      await one.event('log', 1);   // by then the other has them, too
      const messages = [];
      while (messages.length < 3) {
        const { status, type, text } = await other.get();
        assert.deepEqual([status, type], [200, kPlain]);
        messages.push(...packetsOf(eio, text).filter((packet) => packet !== '2').map((packet) => eventOf(packet, 1).args[0]));
      }
      assert.deepEqual(messages, ['a', kText, 'b']);
    });

    test('an upgrade: probe, noop on the waiting poll, upgrade, and no polling from then on', async (t) => {
      const { one, other } = await pair(t, polling(eio));
      const waiting = one.get();
      const socket = await Socket.open(server, one.path().replace('polling', 'websocket'));
      t.after(() => socket.close());
      socket.send('2probe');
      assert.equal(await socket.next(), '3probe');
      assert.equal((await waiting).text, payloadOf(eio, '6'));
      await one.post(say('by POST, after the probe'));
      assert.deepEqual(await other.event('message', 1), ['by POST, after the probe']);
      socket.send('5');
      assert.deepEqual(await socket.event('log', 1), [['Message from server:', 'Client said: ', 'by POST, after the probe']]);
      socket.send(say('by WebSocket'));
      assert.deepEqual(await other.event('message', 1), ['by WebSocket']);
      assert.deepEqual(await socket.event('log', 1), [['Message from server:', 'Client said: ', 'by WebSocket']]);
      await other.post(say(kText));
      assert.deepEqual(await socket.event('message', 1), [kText]);
      const refused = await one.get();
      assert.deepEqual([refused.status, refused.text], [400, errorText(3)]);
      await other.post(say('still there'));
      assert.deepEqual(await socket.event('message', 1), ['still there']);
    });

    test('a probe that is given up leaves the session on polling', async (t) => {
      const { one, other } = await pair(t, polling(eio));
      const socket = await Socket.open(server, one.path().replace('polling', 'websocket'));
      socket.send('2probe');
      assert.equal(await socket.next(), '3probe');
      socket.close();
      await socket.ends();
      await other.post(say('are you there?'));
      for (;;) {
        const packet = await one.next();
        if (packet === '6') continue;
        assert.deepEqual(eventOf(packet, 1).args, ['are you there?']);
        break;
      }
    });

    test('a WebSocket that was to take over goes with its session', async (t) => {
      const { one } = await pair(t, polling(eio));
      const socket = await Socket.open(server, one.path().replace('polling', 'websocket'));
      socket.send('2probe');
      assert.equal(await socket.next(), '3probe');
      await one.postBody(payloadOf(eio, '1'));
      await socket.ends();
    });

    test('a close packet ends the session: the waiting poll gets a noop, the sid is unknown', async (t) => {
      const { one, other } = await pair(t, polling(eio));
      const waiting = one.get();
      await pause(kArrival);
      await one.post('41');
      await one.postBody(payloadOf(eio, '1'));
      const { status, text } = await waiting;
      if (status === 200) assert.match(text, new RegExp(`${payloadOf(eio, '6')}|${payloadOf(eio, '41')}`));
      else assert.equal(text, errorText(1));
      await one.ends();
      assert.deepEqual(await other.event('bye', 0), []);
    });

    test('a second poll beside a waiting one ends the session', async (t) => {
      const { one, other } = await pair(t, polling(eio));
      const waiting = one.get('first');
      await pause(kArrival);
      const answers = [await one.get('second'), await waiting].sort((a, b) => a.status - b.status);
      assert.deepEqual(answers.map(({ status, text }) => [status, text]), [[200, payloadOf(eio, '1')], [eio === 4 ? 400 : 500, '']]);
      await one.ends();
      // A client of EIO 4 may come back for what it has missed, and keeps its place until then.
      if (eio === 3) assert.deepEqual(await other.event('bye', 0), []);
    });

    test('a poll whose answer was lost gets the same packets when it is repeated', async (t) => {
      const { one, other } = await pair(t, polling(eio));
      const line = await Line.start(t, server);
      line.isSwallowing = true;
      const t1 = stamp();
      const lost = request(line.server, 'GET', one.path(t1)).then(() => assert.fail('the answer was to be lost'), () => {});
      await other.post(say(1), say(2));
      await other.event('log', 1);
      await other.event('log', 1);
      await line.hasSwallowed();
      line.cut();
      await lost;
      const messages = [];
      for (let at = t1; messages.length < 2; at = stamp()) {
        const { status, text } = await one.get(at);
        assert.equal(status, 200, text);
        messages.push(...packetsOf(eio, text).map((packet) => eventOf(packet, 1).args[0]));
      }
      assert.deepEqual(messages, [1, 2]);
      await other.post(say(3));
      assert.deepEqual(await one.event('message', 1), [3]);
    });

    test('bytes on polling are base64', async (t) => {
      const { one, other } = await pair(t, polling(eio, eio === 3 ? '&b64=1' : ''));
      const base64 = (eio === 4 ? 'b' : 'b4') + kBytes.toString('base64');
      await one.post(kBinaryMessage, base64);
      const packet = await other.next();
      const { event, args, attachments } = eventOf(packet, 1);
      assert.deepEqual([event, args, attachments], ['message', [{ _placeholder: true, num: 0 }], 1]);
      assert.equal(await other.next(), base64);
    });

    test('bytes on WebSocket are a binary frame', async (t) => {
      const { one, other } = await pair(t, webSocket(eio));
      const frame = eio === 4 ? kBytes : Buffer.concat([Buffer.from([4]), kBytes]);
      one.send(kBinaryMessage);
      one.send(frame);
      const { args, attachments } = eventOf(await other.next(), 1);
      assert.deepEqual([args, attachments], [[{ _placeholder: true, num: 0 }], 1]);
      assert.deepEqual(await other.next(), frame);
    });

    test('a namespace of its own beside the first', async (t) => {
      const one = await webSocket(eio)();
      t.after(() => one.close());
      const room = fresh('room');
      one.send('40/chan,');
      const connected = await one.next();
      if (eio === 4) {
        const [, id] = /^40\/chan,\{"sid":"([^"]+)"(?:,"pid":"[^"]+")?\}$/.exec(connected) ?? assert.fail(connected);
        assert.notEqual(id, JSON.parse(one.connected.slice(2)).sid);
      } else {
        assert.match(connected, /^40\/chan,?$/);
      }
      one.send(`42/chan,["create or join","${room}"]`);
      for (;;) {
        const frame = await one.next();
        assert.match(frame, /^42\/chan,\[/);
        if (!frame.startsWith('42/chan,["log"')) {
          assert.deepEqual(eventOf(frame, 2).args[0], room);
          break;
        }
      }
      one.send('41/chan,');
      one.send('42["message","the first is still there"]');
      assert.deepEqual(await one.event('log', 1), [['Message from server:', 'Client said: ', 'the first is still there']]);
    });

    test('names of namespaces', async (t) => {
      const one = await webSocket(eio)();
      t.after(() => one.close());
      for (const name of ['/a', '/news.of-today_1', '/a/b', `/${'n'.repeat(63)}`]) {
        one.send(`40${name},`);
        const answer = await one.next();
        assert.ok(answer.startsWith(`40${name}`), `${name}: ${answer}`);
        one.send(`41${name},`);
      }
      const refused = ['//a', `/${'n'.repeat(64)}`, '/a\u0001b', ...(eio === 4 ? ['/a?b=c', '/a#b'] : [])];   // EIO 3 has a query there
      for (const name of refused) {
        one.send(`40${name},`);
        assert.equal(await one.next(), eio === 4 ? `44${name},{"message":"Invalid namespace"}` : `44${name},"Invalid namespace"`);
      }
      one.send(say('unharmed'));
      assert.deepEqual(await one.event('log', 1), [['Message from server:', 'Client said: ', 'unharmed']]);
    });

    if (eio === 4) {
      test('a private id is good for its own namespace alone', async (t) => {
        const one = await webSocket(eio)();
        const answerIn = async (socket, space, auth = '') => {
          socket.send(`40${space},${auth}`);
          return JSON.parse((await socket.next()).replace(/^40[^{]*/, ''));
        };
        const { sid, pid } = await answerIn(one, '/a/b');
        one.socket.terminate();
        for (const [space, tried] of [['/other', pid], ['/b', `${pid}/a`], ['/a/b', 'nobody']]) {
          const other = await webSocket(eio)();
          t.after(() => other.close());
          assert.notEqual((await answerIn(other, space, JSON.stringify({ pid: tried }))).sid, sid, space);
        }
        const again = await webSocket(eio)();
        t.after(() => again.close());
        assert.equal((await answerIn(again, '/a/b', JSON.stringify({ pid }))).sid, sid);
      });
    }

    test('eight namespaces and no more', async (t) => {
      const one = await webSocket(eio)();
      t.after(() => one.close());
      const isAccepted = [];
      for (let n = 1; n <= 10; ++n) {
        one.send(`40/n${n},`);
        isAccepted.push((await one.next()).startsWith(`40/n${n}`));
      }
      const count = isAccepted.lastIndexOf(true) + 1;
      assert.ok(count === 7 || count === 8, `${isAccepted}`);
      assert.ok(isAccepted.slice(0, count).every(Boolean), `${isAccepted}`);
      one.send(say('unharmed'));
      assert.deepEqual(await one.event('log', 1), [['Message from server:', 'Client said: ', 'unharmed']]);
    });
  });
}

describe('EIO 4 alone', () => {
  test('CONNECT: an id that is not that of the session; what it carries is ignored', async () => {
    for (const connect of ['40', '40{"token":"x"}', '40{"pid":"nobody","offset":"nothing"}']) {
      const one = await Polling.open(server, 4, { connects: false });
      await one.post(connect);
      const [, sid] = /^40\{"sid":"([^"]+)"(?:,"pid":"[^"]+")?\}$/.exec(await one.next()) ?? assert.fail();
      assert.notEqual(sid, one.sid);
      const room = fresh('room');
      assert.deepEqual(await one.enter(room), [room, sid]);
    }
  });

  test('the events of `create or join`, as they are on the wire', async () => {
    const one = await Polling.open(server, 4);
    const room = fresh('room');
    await one.post(`42["create or join","${room}"]`);
    const { sid } = JSON.parse(one.connected.slice(2));
    for (const text of [`Received request to create or join room ${room}`, `Room ${room} now has 0 client(s)`, `Client ID ${sid} created room ${room}`]) {
      const packet = await one.next();
      const expected = `42["log",["Message from server:","${text}"]`;
      assert.ok(packet === `${expected}]` || packet.startsWith(`${expected},"`), packet);
    }
    const packet = await one.next();
    assert.ok(packet === `42["created","${room}","${sid}"]` || packet.startsWith(`42["created","${room}","${sid}","`), packet);
  });
});

describe('EIO 3 alone', () => {
  for (const query of ['EIO=3', '', 'EIO=abc']) {
    test(`the handshake with ${query || 'no EIO'}`, async () => {
      const { status, text } = await request(server, 'GET', `/socket.io/?${query}&transport=polling&t=${stamp()}`);
      assert.equal(status, 200, text);
      assert.match(packetsOf(3, text)[0], /^0\{"sid"/);
    });
  }

  test('a ping gets its own data back', async (t) => {
    const one = await polling(3)();
    for (const data of ['', 'data', kText]) {
      await one.post(`2${data}`);
      assert.equal(await one.next(), `3${data}`);
    }
    const other = await webSocket(3)();
    t.after(() => other.close());
    for (const data of ['', 'data', kText]) {
      other.send(`2${data}`);
      assert.equal(await other.next(), `3${data}`);
    }
  });

  test('a namespace with a query, as 2.x sends it', async (t) => {
    const one = await webSocket(3)();
    t.after(() => one.close());
    one.send('40/chan?token=abc,');
    assert.match(await one.next(), /^40\/chan,?$/);
  });

  test('bytes on polling, without b64: lengths of one digit a byte', async (t) => {
    const { one, other } = await pair(t, webSocket(4), polling(3));
    one.send(kBinaryMessage);
    one.send(kBytes);
    const { type, bytes } = await other.get();
    assert.equal(type, 'application/octet-stream');
    const packets = [];   // [kind, content]
    for (let at = 0; at < bytes.length;) {
      const end = bytes.indexOf(0xff, at);
      const length = Number([...bytes.subarray(at + 1, end)].join(''));
      packets.push([bytes[at], bytes.subarray(end + 1, end + 1 + length)]);
      at = end + 1 + length;
    }
    assert.equal(packets[0][0], 0);
    assert.deepEqual(eventOf(String(packets[0][1]), 1).args, [{ _placeholder: true, num: 0 }]);
    assert.deepEqual(packets[1], [1, Buffer.concat([Buffer.from([4]), kBytes])]);
  });

  // 1.x encodes text twice on polling, and counts after the first time.
  test('the double UTF-8 of 1.x on polling', async (t) => {
    const { one, other } = await pair(t, polling(3), webSocket(4));
    const once = (text) => Buffer.from(text).toString('latin1');
    const twice = (packet) => payloadOf(3, once(packet));
    for (const text of [kText, 'Ã©', 'Zoë']) {
      assert.equal((await one.postBody(twice(say(text)))).text, 'ok');
      assert.deepEqual(await other.event('message', 1), [text]);
      const [log] = packetsOf(3, (await one.get()).text);
      assert.deepEqual(eventOf(Buffer.from(log, 'latin1').toString(), 1).args, [['Message from server:', 'Client said: ', text]]);
      other.send(say(text));
      await other.event('log', 1);
      const [message] = packetsOf(3, (await one.get()).text);
      assert.deepEqual(eventOf(Buffer.from(message, 'latin1').toString(), 1).args, [text]);
    }
  });
});

test('a WebSocket with a sid that nobody has is refused before the upgrade', async () => {
  for (const eio of [3, 4]) {
    const { status, text } = await refusal(server, `/socket.io/?EIO=${eio}&transport=websocket&sid=${'A'.repeat(20)}`);
    assert.equal(status, 400);
    assert.match(text, /Session ID unknown/);
  }
});
