// The bytes of Socket.IO 0.9.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { kText } from './support/codelab.mjs';
import { request, Socket, stamp } from './support/engine.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';

const kPlain = 'text/plain; charset=UTF-8';
const kScript = 'text/javascript; charset=UTF-8';

let server;
before(async () => { server = await startGateway(); });
after(() => stopGateway(server));

const event = (name, ...args) => `5:::${JSON.stringify({ name, args })}`;
const say = (message) => event('message', message);
const logOf = (message) => event('log', ['Message from server:', 'Client said: ', message]);

// Packets of one body: one packet is as it is, several have their lengths in front, in characters of JavaScript.
const payloadOf = (...packets) => (packets.length === 1 ? packets[0] : packets.map((packet) => `\ufffd${packet.length}\ufffd${packet}`).join(''));
function packetsOf(text) {
  if (!text.startsWith('\ufffd')) return [text];
  const packets = [];
  for (let rest = text; rest !== '';) {
    const [head, length] = /^\ufffd(\d+)\ufffd/.exec(rest) ?? assert.fail(`not a payload: ${JSON.stringify(text)}`);
    assert.ok(rest.length >= head.length + Number(length), `cut off: ${JSON.stringify(text)}`);
    packets.push(rest.slice(head.length, head.length + Number(length)));
    rest = rest.slice(head.length + Number(length));
  }
  return packets;
}

async function handshake() {
  const { status, text } = await request(server, 'GET', `/socket.io/1/?t=${stamp()}`);
  assert.equal(status, 200, text);
  return text.split(':')[0];
}

class LegacyPolling {
  #packets = [];

  static async open() {
    const one = Object.assign(new LegacyPolling(), { sid: await handshake() });
    assert.equal((await one.get()).text, '1::');
    return one;
  }

  get path() { return `/socket.io/1/xhr-polling/${this.sid}?t=${stamp()}`; }
  get() { return request(server, 'GET', this.path); }

  async post(...packets) {
    const answer = await request(server, 'POST', this.path, payloadOf(...packets), { 'Content-Type': 'text/plain;charset=UTF-8' });
    assert.deepEqual([answer.status, answer.text], [200, '1']);
    return answer;
  }

  async next() {
    while (this.#packets.length === 0) {
      const { status, type, text } = await this.get();
      assert.deepEqual([status, type], [200, kPlain]);
      this.#packets.push(...packetsOf(text).filter((packet) => packet !== '8::'));
    }
    return this.#packets.shift();
  }

  send(packet) { return this.post(packet); }
  close() {}
}

class LegacySocket {
  static async open() {
    const one = new LegacySocket();
    one.socket = await Socket.open(server, `/socket.io/1/websocket/${one.sid = await handshake()}`);
    assert.equal(await one.socket.next(), '1::');
    return one;
  }

  async next() {
    const packet = await this.socket.next();
    if (packet !== '2::') return packet;
    this.send('2::');
    return this.next();
  }

  send(packet) { this.socket.send(packet); }
  close() { this.socket.close(); }
}

// Asks for the room and takes all that is said about that; gives the id.
async function enter(client, room) {
  await client.send(event('create or join', room));
  for (;;) {
    const { name, args } = JSON.parse((await client.next()).replace(/^5:::/, ''));
    if (name === 'log') continue;
    assert.match(name, /^(created|joined)$/);
    assert.equal(args[0], room);
    return args[1];
  }
}

async function pair(t, Kind, Other = Kind) {
  const room = fresh('room');
  const [one, other] = [await Kind.open(), await Other.open()];
  t.after(() => { for (const client of [one, other]) client.close(); });
  await enter(one, room);
  await enter(other, room);
  assert.deepEqual([await one.next(), await one.next()], [event('join', room), event('ready', room)]);
  assert.equal(await other.next(), event('ready', room));
  return { one, other, room };
}

test('the handshake', async () => {
  for (const path of ['/socket.io/1/', `/socket.io/1/?t=${stamp()}`]) {
    const { status, type, text } = await request(server, 'GET', path);
    assert.equal(status, 200);
    assert.match(type, /^text\/plain\b/);
    const [, names] = /^[A-Za-z0-9_-]{20,}:60:60:([a-z,-]+)$/.exec(text) ?? assert.fail(text);
    for (const name of ['websocket', 'xhr-polling', 'jsonp-polling']) assert.ok(names.split(',').includes(name), text);
  }
});

test('the handshake by JSONP', async () => {
  const { status, type, text } = await request(server, 'GET', `/socket.io/1/?t=${stamp()}&jsonp=0`, undefined, { Referer: `${server.url}/page.html` });
  assert.equal(status, 200);
  assert.match(type, /^application\/javascript\b/);
  assert.match(text, /^io\.j\[0\]\("[A-Za-z0-9_-]{20,}:60:60:[a-z,-]+"\);$/);
});

for (const [name, Kind] of [['xhr-polling', LegacyPolling], ['websocket', LegacySocket]]) {
  describe(name, () => {
    test('events, as they are on the wire', async (t) => {
      const client = await Kind.open();
      t.after(() => client.close());
      const room = fresh('room');
      await client.send(event('create or join', room));
      const heard = [];
      for (let i = 0; i < 4; ++i) heard.push(await client.next());
      const { args: [, id] } = JSON.parse(heard[3].slice(4));
      const log = (text) => event('log', ['Message from server:', text]);
      assert.deepEqual(heard, [log(`Received request to create or join room ${room}`), log(`Room ${room} now has 0 client(s)`),
        log(`Client ID ${id} created room ${room}`), event('created', room, id)]);
    });

    test('texts and objects of send() are the event `message`', async (t) => {
      const { one, other } = await pair(t, Kind);
      for (const [packet, message] of [
        ['3:::a text', 'a text'],
        [`3:::with: colons ::: and ${kText}`, `with: colons ::: and ${kText}`],
        ['3:::', ''],
        ['4:::{"type":"offer","sdp":"v=0"}', { type: 'offer', sdp: 'v=0' }],
        ['4:::[1,"two",null]', [1, 'two', null]],
        [say(kText), kText],
      ]) {
        await one.send(packet);
        assert.deepEqual(JSON.parse((await other.next()).slice(4)), { name: 'message', args: [message] });
        assert.deepEqual(JSON.parse((await one.next()).slice(4)), { name: 'log', args: [['Message from server:', 'Client said: ', message]] });
      }
    });

    test('a namespace of its own beside the first', async (t) => {
      const client = await Kind.open();
      t.after(() => client.close());
      const room = fresh('room');
      await client.send('1::/chan1');
      assert.equal(await client.next(), '1::/chan1');
      await client.send(`5::/chan1:{"name":"create or join","args":["${room}"]}`);
      for (;;) {
        const packet = await client.next();
        assert.ok(packet.startsWith('5::/chan1:{"name":'), packet);
        const { name, args } = JSON.parse(packet.slice('5::/chan1:'.length));
        if (name === 'log') continue;
        assert.deepEqual([name, args[0]], ['created', room]);
        break;
      }
      await client.send('0::/chan1');
      await client.send(say('the first is still there'));
      for (;;) {
        const packet = await client.next();
        if (packet === '0::/chan1') continue;   // it may be confirmed
        assert.equal(packet, logOf('the first is still there'));
        break;
      }
    });

    test('an acknowledgement that the server gives by itself', async (t) => {
      const client = await Kind.open();
      t.after(() => client.close());
      await client.send('3:7::x');
      const heard = [await client.next(), await client.next()].sort();
      assert.deepEqual(heard, [logOf('x'), '6:::7'].sort());
    });

    test('a goodbye: the other hears `bye`', async (t) => {
      const { one, other } = await pair(t, Kind);
      await one.send('0::');
      assert.deepEqual(JSON.parse((await other.next()).slice(4)).name, 'bye');
    });

    for (const [what, pathOf] of [
      ['the path of its transport', (sid) => `/socket.io/1/${name}/${sid}?disconnect=1`],
      ['the path of the client, which has no transport in it', (sid) => `/socket.io/1//${sid}/?disconnect=1`],
    ]) {
      test(`a goodbye of a page that is unloaded, by ${what}`, async (t) => {
        const { one, other } = await pair(t, Kind);
        assert.equal((await request(server, 'GET', pathOf(one.sid))).status, 200);
        assert.deepEqual(JSON.parse((await other.next()).slice(4)).name, 'bye');
        const { status, text } = await request(server, 'GET', `/socket.io/1/xhr-polling/${one.sid}?t=${stamp()}`);
        assert.deepEqual([status, text], [200, '7:::1+0']);
      });
    }

    for (const bad of ['', 'x', '9:::', '5', '5:::', '5:::{', '5:::{}', '5:::[]', '5:::{"name":7}', '5:::{"name":"message","args":7}', '4:::{', '6:::', '6:::99+[', '6:::99',
      '1:', '7:::', '\ufffd', '\ufffd3\ufffd5', '\ufffd99\ufffd5:::{}', '\ufffdx\ufffd5:::{}']) {
      test(`${JSON.stringify(bad)} harms nobody else`, async (t) => {
        const { one, other } = await pair(t, Kind);
        const mallory = await Kind.open();
        t.after(() => mallory.close());
        if (Kind === LegacySocket) {
          mallory.send(bad);
        } else {
          const { status } = await request(server, 'POST', mallory.path, bad);
          assert.ok(status === 200 || (status >= 400 && status < 500), String(status));
        }
        for (const [from, to] of [[one, other], [other, one]]) {
          await from.send(say('unharmed'));
          assert.equal(await to.next(), say('unharmed'));
          assert.equal(await from.next(), logOf('unharmed'));
        }
      });
    }
  });
}

describe('xhr-polling alone', () => {
  test('a POST with several packets, and an answer with several', async (t) => {
    const { one, other } = await pair(t, LegacyPolling);
    const messages = ['first', kText, 'third'];
    const answer = await one.post(...messages.map(say));
    assert.equal(answer.type, kPlain);
    const packets = [];
    while (packets.length < 3) packets.push(...packetsOf((await other.get()).text).filter((packet) => packet !== '8::'));
    assert.deepEqual(packets.map((packet) => JSON.parse(packet.slice(4))), messages.map((message) => ({ name: 'message', args: [message] })));
  });

  test('a session that nobody has', async () => {
    const { status, type, text } = await request(server, 'GET', `/socket.io/1/xhr-polling/nobody?t=${stamp()}`);
    assert.deepEqual([status, type, text], [200, kPlain, '7:::1+0']);
  });

  test('other methods, transports and versions are refused', async () => {
    const one = await LegacyPolling.open();
    for (const [method, path] of [['PUT', one.path], ['DELETE', one.path], ['GET', `/socket.io/1/tube/${one.sid}`], ['GET', `/socket.io/2/?t=${stamp()}`],
      ['GET', '/socket.io/1/xhr-polling/'], ['GET', '/socket.io/1/xhr-polling/a/b/c']]) {
      const { status, text } = await request(server, method, path, method === 'GET' ? undefined : say('x'));
      assert.ok(status >= 400 || text === '7:::1+0', `${method} ${path}: ${status} ${text}`);
    }
    await one.post(say('unharmed'));
    assert.equal(await one.next(), logOf('unharmed'));
  });

  test('a body above the limit: 413', async () => {
    const one = await LegacyPolling.open();
    const { status } = await request(server, 'POST', one.path, say('x'.repeat(262144)));
    assert.equal(status, 413);
  });
});

test('nobody says anything before a transport is open', async () => {
  const path = `/socket.io/1/xhr-polling/${await handshake()}`;
  const first = await request(server, 'POST', `${path}?t=${stamp()}`, '1::/chat');
  assert.deepEqual([first.status, first.text], [200, '7:::1+0']);
  assert.equal((await request(server, 'GET', `${path}?t=${stamp()}`)).text, '7:::1+0');
});

test('a value may be nested as deeply as any client says it', async (t) => {
  const { one, other } = await pair(t, LegacySocket);
  for (const levels of [60, 120, 126]) {
    const deep = JSON.parse('['.repeat(levels) + ']'.repeat(levels));
    one.send(say(deep));
    assert.equal(await one.next(), logOf(deep));
    assert.equal(await other.next(), say(deep));
  }
});

describe('jsonp-polling', () => {
  const own = () => ({ Referer: `${server.url}/page.html` });

  test('answers are calls; what is posted is a form with JSON', async (t) => {
    const path = `/socket.io/1/jsonp-polling/${await handshake()}`;
    const get = async (index) => {
      const { status, type, text } = await request(server, 'GET', `${path}?t=${stamp()}&i=${index}`, undefined, own());
      assert.deepEqual([status, type], [200, kScript]);
      const [, json] = new RegExp(`^io\\.j\\[${index}\\]\\((".*")\\);$`, 's').exec(text) ?? assert.fail(text);
      assert.doesNotMatch(text, /[\u2028\u2029]/);
      return JSON.parse(json);
    };
    assert.equal(await get(3), '1::');
    const other = await LegacySocket.open();
    t.after(() => other.close());
    const room = fresh('room');
    await enter(other, room);
    const post = async (packet) => {
      const { status, text } = await request(server, 'POST', `${path}?t=${stamp()}&i=3`, new URLSearchParams({ d: JSON.stringify(packet) }).toString(),
        { ...own(), 'Content-Type': 'application/x-www-form-urlencoded' });
      assert.deepEqual([status, text], [200, '1']);
    };
    await post(event('create or join', room));
    assert.deepEqual([await other.next(), await other.next()], [event('join', room), event('ready', room)]);
    const text = `a line\nand another, \\n, "quoted", \u2028 and ${kText}`;
    await post(say(text));
    assert.deepEqual(JSON.parse((await other.next()).slice(4)).args, [text]);
    other.send(say(text));
    for (let index = 0; ; ++index) {
      const messages = packetsOf(await get(index)).filter((packet) => packet.startsWith('5:::{"name":"message"'));
      if (messages.length === 0) continue;
      assert.deepEqual(JSON.parse(messages[0].slice(4)).args, [text]);
      break;
    }
  });

  test('a page of another origin gets none', async () => {
    const { status } = await request(server, 'GET', `/socket.io/1/?t=${stamp()}&jsonp=0`, undefined, { Referer: 'http://elsewhere.example/page.html' });
    assert.ok(status >= 400 && status < 500, String(status));
  });
});

test('a WebSocket with a session that nobody has is told so, or refused', async () => {
  const socket = await Socket.open(server, '/socket.io/1/websocket/nobody').catch((error) => error);
  if (socket instanceof Error) return assert.match(socket.message, /\b4\d\d\b/);
  assert.equal(await socket.next(), '7:::1+0');
  await socket.ends();
});
