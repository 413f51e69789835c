// Socket.IO: engines, namespaces, polls, attachments, recovery. Beside each attack two pairs talk all the time, one by WebSocket
// and one by polling, of two versions; they may miss nothing. What an attack has made the server hold must be given back.

import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { makeKey } from '../conformance/support/members.mjs';
import { within } from '../conformance/support/patience.mjs';
import { RawConnection, get, post } from '../conformance/support/raw.mjs';
import { encodeFrame, opcode } from '../conformance/support/websocket.mjs';
import { Polling, Socket, eventOf, payloadOf, request, stamp } from '../dialects/support/engine.mjs';
import { push, repeated } from './support/attacker.mjs';
import { MiB, isSanitized, kSeconds, scaled } from './support/load.mjs';
import { Attacker, goDeaf, legacyHandshake, socketIoPairs } from './support/socketio.mjs';
import { attacked } from './support/target.mjs';

const kLimit = 262144;         // bytes of a body, of a message, of a packet with its attachments
const kRateLimited = 4029;
const kEnded = 4100;
const kUnknownSid = [400, '{"code":1,"message":"Session ID unknown"}'];

const isSecure = process.env.SIGWAY_TEST_TLS === '1';
const kVariant = [...(isSecure ? ['--tls-self-signed'] : []),
  ...(process.env.SIGWAY_TEST_SHARDS ? ['--shards', process.env.SIGWAY_TEST_SHARDS] : [])];
// The default rates count. A client that was cut is gone soon.
const kFlags = [...kVariant, '--message-rate', '200', '--message-burst', '400', '--resume-window', '1s', '--max-connections-per-address', '5000'];

const all = (count, make) => Promise.all(Array.from({ length: count }, (_, i) => make(i)));
async function inTurn(count, make, atOnce = 20) {
  const made = [];
  for (let i = 0; i < count; i += atOnce) made.push(...await all(Math.min(atOnce, count - i), (at) => make(i + at)));
  return made;
}
async function until(is, what) {
  await within((async () => { while (!await is()) await pause(50); })(), what);
}

const say = (message) => `42${JSON.stringify(['message', message])}`;
const kOne = '{"_placeholder":true,"num":0}';
const wants = (count) => `45${count}-["message",${kOne}]`;

async function heldBy(target) {
  const metrics = await target.metrics();
  return { sessions: metrics.sigway_sessions, connections: metrics.sigway_connections, bytes: (await target.memory()).total };
}

// The pairs that poll have one or two connections more at one moment than at another, and some bytes on their way.
async function leavesNothing(target, before) {
  let now;
  await until(async () => {
    now = await heldBy(target);
    return now.sessions === before.sessions && now.connections <= before.connections + 8 && now.bytes < before.bytes + 65536;
  }, () => `what the attack left: ${JSON.stringify(now)}, before it ${JSON.stringify(before)}`);
}

// The attack's requests use connections again: with TLS most of the time would be handshakes.
const besieged = (flags, attack, { mostGrowth = 24 * MiB } = {}) => attacked([...kFlags, ...flags], async (target, talk) => {
  const before = await heldBy(target);
  const { resident } = target;
  const agent = new (isSecure ? https : http).Agent({ keepAlive: true, maxSockets: 20 });
  const attacker = Object.create(target, { server: { value: Object.create(target.server, { agent: { value: agent } }) } });
  await attack(attacker, talk, before).finally(() => agent.destroy());
  await talk.rounds(3);
  await target.answers('after the attack');
  target.grewByLess(resident, mostGrowth);
  await leavesNothing(target, before);
  console.log(String(talk));
}, { talk: { pairs: socketIoPairs() } });

// -- Polling of an attacker, whatever the version

class LegacyPolling {
  static async open(server) {
    const one = Object.assign(new LegacyPolling(), { server, sid: await legacyHandshake(server) });
    assert.equal((await request(server, 'GET', one.path())).text, '1::');
    return one;
  }

  path() { return `/socket.io/1/xhr-polling/${this.sid}?t=${stamp()}`; }
  postBody(body) { return request(this.server, 'POST', this.path(), body, { 'Content-Type': 'text/plain;charset=UTF-8' }); }
}

const openPolling = (server, version) => (version === 0.9 ? LegacyPolling.open(server) : Polling.open(server, version));
const payload = (version, ...packets) => (version === 0.9
  ? packets.map((packet) => `\ufffd${packet.length}\ufffd${packet}`).join('')
  : payloadOf(version, ...packets));

// An upload says whether the session is still there.
async function isOver(one, version) {
  const { status, text } = await one.postBody(payload(version, version === 0.9 ? '8::' : '6'));
  if (version === 0.9) return text === '7:::1+0';
  if (status === 200) return false;
  assert.deepEqual([status, text], kUnknownSid);
  return true;
}

// -- What carries no message

const kNoise = [
  [4, 'noops', '6'],
  [4, 'pongs that nobody asked for', '3'],
  [4, 'acknowledgements that nobody asked for', '431["x"]'],
  [4, 'DISCONNECTs of a namespace that it is not in', '41/nowhere,'],
  [4, 'CONNECTs to the namespace that it is in', '40'],
  [4, 'events that nobody knows', '42["x"]'],
  [4, 'events whose acknowledgement never comes', '421["x"]'],
  [3, 'noops', '6'],
  [3, 'pings', '2'],
  [3, 'acknowledgements that nobody asked for', '431["x"]'],
  [0.9, 'noops', '8::'],
  [0.9, 'heartbeats', '2::'],
  [0.9, 'acknowledgements that nobody asked for', '6:::1'],
  [0.9, 'errors', '7:::'],
  [0.9, 'CONNECTs to the namespace that it is in', '1::'],
  [0.9, 'DISCONNECTs of a namespace that it is not in', '0::/nowhere'],
  [0.9, 'events that are acknowledged', '5:1::{"name":"x"}'],
];

const kLongIndex = '9'.repeat(8000);   // a request's target may have 8 KiB
const kManyPackets = 4000;   // a payload may have 4,096

// -- All tests. The one that waits for a timeout of 20 s begins first, and others run beside it.

describe('Socket.IO', { concurrency: 3 }, () => {
  test('engines without a namespace fill the share of their address, until their time is over', () => {
    const share = 90;
    return besieged(['--max-sessions-per-address', String(share)], async (target) => {
      const { server } = target;
      const sockets = [];
      const ways = [
        async () => (await request(server, 'GET', `/socket.io/?EIO=4&transport=polling&t=${stamp()}`)).status,
        async () => (await request(server, 'GET', `/socket.io/1/?t=${stamp()}`)).status,
        async () => {
          const one = await Attacker.open(server, 4, { connects: false }).catch((error) => /no upgrade: 429/.exec(error.message) ?? assert.fail(error));
          if (!(one instanceof Attacker)) return 429;
          sockets.push(one);
          return 200;
        },
      ];
      const answers = { 200: 0, 429: 0 };
      const tryOne = async (i) => ++answers[await ways[i % ways.length]()];
      await inTurn(2 * share, tryOne);
      assert.deepEqual(answers, { 200: share, 429: share });
      const refused = await request(server, 'GET', `/socket.io/?EIO=4&transport=polling&t=${stamp()}`);
      assert.ok(refused.headers['retry-after'] > 0, 'who is refused hears when to come again');
      const elsewhere = await Polling.open(target.from('127.0.0.3'), 4);
      await elsewhere.post('41');

      for (const socket of sockets.splice(0)) assert.ok(await socket.closeCode() >= 4000, 'no CONNECT in time');
      await until(async () => { await inTurn(20, tryOne); return answers[200] >= 2 * share; }, () => `the share to be free again: ${JSON.stringify(answers)}`);
      for (const socket of sockets) socket.destroy();
    });
  });

  // EIO 3 is in the namespace `/` at once.
  test('handshakes of EIO 3 that are never polled fill the share of their address', () => {
    const share = 60;
    return besieged(['--max-sessions-per-address', String(share)], async (target, talk, before) => {
      const { server } = target;
      const opened = (await inTurn(2 * share, () => Polling.open(server, 3, { connects: false }).catch(() => null))).filter(Boolean);
      assert.equal(opened.length, share);
      assert.equal((await heldBy(target)).sessions, before.sessions + share);
      await talk.rounds(3);
      for (const one of opened) await one.postBody(payloadOf(3, '1'));
    });
  });

  test('handshakes in a row, whose answers nobody reads', () => besieged(['--max-sessions-per-address', '1000'], async (target, talk) => {
    const connections = await all(3, () => RawConnection.open(target.server));
    for (const { socket } of connections) goDeaf(socket);
    const paths = ['/socket.io/?EIO=4&transport=polling', '/socket.io/?EIO=4&transport=polling&t=x', '/socket.io/1/'];
    await all(3, (i) => push(connections[i].socket, repeated(`GET ${paths[i]} HTTP/1.1\r\nHost: localhost\r\n\r\n`), scaled(2 * MiB)));
    await talk.rounds(3);
    for (const connection of connections) connection.destroy();
  }));

  test('namespaces, known and unknown, again and again', () => besieged([], async (target) => {
    const floods = {
      'names that are good': (i) => `40/n${i},`,
      'names that are none': (i) => `40//n${i},`,
      'long names': (i) => `40/${'n'.repeat(1000)}${i},`,
      'CONNECT and DISCONNECT in turn': (i) => (i % 2 === 0 ? '40/n,' : '41/n,'),
    };
    for (const eio of [4, 3]) {
      for (const [what, packet] of Object.entries(floods)) {
        const packets = Array.from({ length: 200 }, (_, i) => packet(i));
        const one = await Attacker.open(target.server, eio);
        one.send(...packets);
        assert.equal(await one.closeCode(), kRateLimited, `${what}, EIO ${eio}`);
        one.destroy();
        const other = await Polling.open(target.server, eio);
        assert.equal((await other.postBody(payloadOf(eio, ...packets))).text, 'ok');
        assert.ok(await isOver(other, eio), `${what} by polling, EIO ${eio}`);
      }
    }
    // Each new connection may connect a few times.
    await inTurn(scaled(100), async () => {
      const one = await Attacker.open(target.server, 4);
      for (let i = 0; i < 7; ++i) one.send(`40/n${i},`);
      for (let i = 0; i < 7; ++i) assert.match(await one.text(), /^40\/n/);
      one.leave();
    });
  }));

  test('floods of what carries no message end their sender, by WebSocket', () => besieged([], async ({ server }) => {
    for (const [version, what, packet] of kNoise) {
      const one = await Attacker.open(server, version);
      one.sendMany(packet, 65536);
      one.send('no packet');
      assert.equal(await one.closeCode(), kRateLimited, `${what} of ${version}`);
      one.destroy();
    }
  }));

  test('floods of what carries no message end their sender, by polling', () => besieged([], async ({ server }) => {
    for (const [version, what, packet] of kNoise) {
      const one = await openPolling(server, version);
      assert.equal((await one.postBody(payload(version, ...Array(kManyPackets).fill(packet)))).status, 200);
      assert.ok(await isOver(one, version), `${what} of ${version}`);
    }
  }));

  test('all of these floods at once, by clients that come again', () => besieged([], async ({ server }) => {
    // What the server has taken from a client that is gone is counted, and given up some frames in a turn.
    await Promise.all(kNoise.map(async ([version, , packet]) => {
      for (let i = 0; i < scaled(30); ++i) {
        const one = await Attacker.open(server, version);
        one.readIntoNowhere();
        await one.flood(packet, 16384, { seconds: 1 });
        one.destroy();
      }
    }));
  }, { mostGrowth: 48 * MiB }));

  test('floods of messages without a limit of their rate', () => besieged(['--message-rate', '0'], async ({ server }) => {
    const end = Date.now() + kSeconds * 1000;
    await all(6, async (i) => {
      const version = [4, 3, 0.9][i % 3];
      const one = await Attacker.open(server, version);
      one.readIntoNowhere();
      const packet = version === 0.9 ? '5:::{"name":"message","args":["x"]}' : say('x');
      while (Date.now() < end) await one.flood(packet, 32768, { seconds: 1 });
      one.destroy();
    });
  }));

  test('WebSockets that probe for an upgrade: floods, and more than one', () => besieged([], async ({ server }) => {
    for (const eio of [4, 3]) {
      const one = await Polling.open(server, eio);
      const path = () => one.path().replace('polling', 'websocket');
      const flooding = await Attacker.at(server, path());
      flooding.sendMany('2probe', 65536);
      assert.equal(await flooding.closeCode(), kRateLimited);
      flooding.destroy();
      for (let i = 0; i < scaled(40); ++i) {
        let candidate;
        await until(async () => {   // the one before may still be there for the server
          candidate = await Attacker.at(server, path());
          candidate.send('2probe');
          const { opcode: code } = await candidate.raw.next();
          if (code === opcode.close) candidate.destroy();
          return code === opcode.text;
        }, () => 'another probe');
        const second = await Attacker.at(server, path());
        assert.equal(await second.closeCode(), 1002, 'one at a time');
        for (const each of [candidate, second]) each.destroy();
      }
      await one.post(say('unharmed'));
      let packet;
      do packet = await one.next(); while (packet === '6');
      assert.match(packet, /Client said: ","unharmed"/);
      await one.postBody(payloadOf(eio, '1'));
    }
  }));

  // [version, what, body, whether the session ends, content type]
  const kPayloads = [
    [4, 'nothing but separators', '\x1e'.repeat(kLimit), true],
    [4, 'noops in thousands', '6\x1e'.repeat(kLimit / 2), true],
    [4, 'messages in thousands', payloadOf(4, ...Array(kManyPackets).fill(say(1))), true],
    [4, 'JSON of a hundred thousand levels', `42["message",${'['.repeat(100000)}`, true],
    [4, 'an event of a hundred thousand arguments', `42["message"${',1'.repeat(100000)}]`, true],
    [4, 'binary packets whose attachments are missing', payloadOf(4, wants(1), wants(1)), true],
    [4, 'seventeen attachments', `4517-["message",${kOne}]`, true],
    [3, 'lengths of nothing', '0:'.repeat(kLimit / 2), false],
    [3, 'noops in thousands', '1:6'.repeat(kLimit / 3), true],
    [3, 'lengths beyond the end', '999999999:4'.repeat(20000), true],
    [3, 'noops in thousands, in bytes', Buffer.concat(Array(kLimit / 4).fill(Buffer.from([0, 1, 255, 54]))), true, 'application/octet-stream'],
    [0.9, 'noops in thousands', '\ufffd3\ufffd8::'.repeat(20000), true],
    [0.9, 'lengths beyond the end', '\ufffd999999999\ufffd8::', true],
  ];

  test('payloads of thousands of packets, and of nothing', () => besieged([], async ({ server }) => {
    await inTurn(scaled(5) * kPayloads.length, async (i) => {
      const [version, what, body, ends, type = 'text/plain;charset=UTF-8'] = kPayloads[i % kPayloads.length];
      const one = await openPolling(server, version);
      assert.equal((await one.postBody(body, { 'Content-Type': type })).status, 200, what);
      assert.equal(await isOver(one, version), ends, `${what} of ${version}`);
      if (!ends) await one.postBody(payload(version, '1'));
    }, 7);
  }));

  test('bodies and frames beyond the limit, and uploads of which nothing comes', () => besieged([], async (target) => {
    const { server } = target;
    const one = await Polling.open(server, 4);
    await inTurn(scaled(100), async (i) => {
      const connection = await RawConnection.open(server);
      const length = i % 2 === 0 ? 99999999999 : kLimit + 1;
      connection.request([`POST ${one.path()} HTTP/1.1`, `Host: ${server.authority}`, `Content-Length: ${length}`]);
      assert.equal((await connection.response()).status, 413);
      connection.destroy();
    });
    await inTurn(scaled(40), async (i) => {
      const attacker = await Attacker.open(server, i % 2 === 0 ? 4 : 3);
      // The head of a frame of 2^40 bytes, and a message of a byte too much in fragments.
      if (i % 4 < 2) attacker.socket.write(Buffer.from([0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
      else for (let at = 0; at <= 4; ++at) attacker.socket.write(encodeFrame(at === 0 ? opcode.text : opcode.continuation, '4'.repeat(60000), { fin: false }));
      assert.equal(await attacker.closeCode(), 1009);
      attacker.destroy();
    });
    await one.post(say('unharmed'));
    assert.deepEqual(await one.event('log', 1), [['Message from server:', 'Client said: ', 'unharmed']]);
    await one.post('41', '1');
  }));

  test('connections that are cut in the middle of an upload', () => besieged([], async (target, talk) => {
    const { server } = target;
    const one = await Polling.open(server, 4);
    const half = Buffer.from('4'.repeat(100000));
    const cut = await inTurn(scaled(200), async () => {
      const connection = await RawConnection.open(server);
      connection.request([`POST ${one.path()} HTTP/1.1`, `Host: ${server.authority}`, 'Content-Length: 200000']);
      await push(connection.socket, half, 1);
      return connection;
    });
    if (!isSanitized) await until(async () => (await target.memory()).input > cut.length * half.length / 2, () => 'the halves to be counted');
    await talk.rounds(3);
    for (const connection of cut) connection.destroy();
    await one.post(say('unharmed'));
    assert.deepEqual(await one.event('log', 1), [['Message from server:', 'Client said: ', 'unharmed']]);
    await one.post('41', '1');
  }, { mostGrowth: 48 * MiB }));

  test('polls and uploads of one session at once', () => besieged([], async ({ server }) => {
    await inTurn(scaled(60), async (i) => {
      const eio = i % 2 === 0 ? 4 : 3;
      const one = await Polling.open(server, eio);
      const statuses = (await Promise.all([one.get('a'), one.get('b')])).map(({ status }) => status);
      assert.ok(statuses.some((status) => status >= 400), `two polls at once: ${statuses}`);
      assert.ok(await isOver(one, eio));
    });

    // The same poll in many copies: all are answered, and what was said is told.
    const room = makeKey();
    const one = await Polling.open(Object.create(server, { agent: { value: false } }), 4);   // a copy comes on another connection
    const other = await Socket.session(server, 4);
    await one.enter(room);
    await other.enter(room);
    for (const event of ['join', 'ready']) assert.deepEqual(await one.event(event, 1), [room]);
    const copies = all(40, () => one.get('copy'));
    await pause(100);
    other.send(say('to all of them'));
    const answers = await copies;
    assert.ok(answers.every(({ status }) => status === 200), 'each copy is answered');
    assert.ok(answers.filter(({ text }) => text.includes('to all of them')).length > 0);

    // Uploads that overlap are taken each as a whole.
    await all(20, (i) => one.post(...Array.from({ length: 5 }, (_, at) => say(`${i} ${at}`))));
    const next = {};
    for (let heard = 0; heard < 100;) {
      const packet = await other.next();
      if (packet === '2') other.send('3');
      if (!packet.startsWith('42["message"')) continue;
      const [i, at] = eventOf(packet, 1).args[0].split(' ').map(Number);
      assert.equal(at, next[i] ?? 0, `the messages of upload ${i} in order`);
      next[i] = at + 1;
      ++heard;
    }
    other.send('41');
    other.close();
    await one.post('41', '1');
  }));

  // name → what a client says and then waits for ever
  const kWaiting = {
    'attachments that came': [wants(16), ...Array(15).fill(Buffer.alloc(16000))],
    'the JSON': [`451-["message","${'x'.repeat(240000)}",${kOne}]`],
    'the name of a namespace': [`451-/${'n'.repeat(240000)},["message",${kOne}]`],
  };
  for (const [what, messages] of Object.entries(kWaiting)) {
    test(`attachments that never come: ${what} waits under a small budget`, () => {
      const budget = isSanitized ? 8 * MiB : 16 * MiB;
      return besieged(['--memory-budget', String(budget)], async (target, talk) => {
        const attackers = await inTurn(scaled(120), async () => {
          const one = await Attacker.open(target.server, 4).catch(() => null);   // may be refused
          if (!one) return null;
          one.readIntoNowhere();
          for (const message of messages) {
            await push(one.socket, typeof message === 'string' ? encodeFrame(opcode.text, message) : encodeFrame(opcode.binary, message), 1);
          }
          return one;
        }, 10);
        await talk.rounds(5);
        const { input, total } = await target.memory();
        console.log(`${what}: ${attackers.filter(Boolean).length} came in, ${(input / MiB).toFixed(1)} MiB counted`);
        assert.ok(total < 1.1 * budget, `${total} bytes are held`);
        assert.ok(isSanitized || input > budget / 4, `${input} bytes are counted`);
        for (const one of attackers) one?.destroy();
      }, { mostGrowth: budget + 32 * MiB });
    });
  }

  test('attachments that are too many, too large, or no attachments', () => besieged([], async ({ server }) => {
    const frame = (data) => (typeof data === 'string' ? encodeFrame(opcode.text, data) : encodeFrame(opcode.binary, data));
    const bad = [
      [`4517-["message",${kOne}]`],
      ['4599999999999999999999-["message"]'],
      [wants(2), Buffer.alloc(150000), Buffer.alloc(150000)],
      [wants(16), ...Array(15).fill(Buffer.alloc(0)), say('text')],
      [`451-["message",${kOne},${kOne}]`],
      [Buffer.from('of nothing')],
    ];
    await inTurn(scaled(10) * bad.length, async (i) => {
      const one = await Attacker.open(server, 4);
      for (const data of bad[i % bad.length]) one.socket.write(frame(data));
      assert.equal(await one.closeCode(), kEnded, `case ${i % bad.length}`);
      one.destroy();
    });
  }));

  test('a large binary event that is whole leaves nothing behind', () => besieged([], async (target, talk) => {
    const attackers = await inTurn(scaled(160), async () => {
      const one = await Attacker.open(target.server, 4);
      one.socket.write(encodeFrame(opcode.text, `451-["x","${'x'.repeat(240000)}",${kOne}]`));
      one.socket.write(encodeFrame(opcode.binary, 'b'));
      one.send(say('that was all'));
      assert.match(await one.text(), /that was all/);
      return one;
    }, 4);
    await talk.rounds(3);
    for (const one of attackers) one.destroy();
  }));

  test('the answers to many packets, when the next poll comes late, leave nothing behind', () => besieged(['--message-rate', '0'], async ({ server }) => {
    const clients = await inTurn(scaled(400), async () => {
      const one = await Polling.open(server, 3);
      await one.post(...Array(900).fill('2'));
      assert.equal((await one.get()).status, 200);
      return one;
    });
    await inTurn(clients.length, (i) => clients[i].postBody(payloadOf(3, '1')));
  }, { mostGrowth: 10 * MiB }));

  test('JSONP: long numbers of callbacks, forms that are none', () => besieged([], async (target) => {
    const { server } = target;
    const own = `Referer: ${server.url}/page.html`;
    // {status, body} of a request, which comes from a page of the server.
    const ask = async (connection, lines, body) => {
      connection.request([...lines, own], body);
      return connection.response();
    };
    const path = (sid) => `/socket.io/?EIO=3&transport=polling&j=0&sid=${sid}`;
    const upload = async (connection, sid, body) =>
      (await ask(connection, ...post(server, path(sid), body, 'Content-Type: application/x-www-form-urlencoded'))).status;
    await all(4, async () => {
      const connection = await RawConnection.open(server);
      const sids = [];
      for (let i = 0; i < scaled(200); ++i) {
        const { status, body } = await ask(connection, ...get(server, `/socket.io/?EIO=3&transport=polling&j=${kLongIndex}`));
        assert.equal(status, 200);
        sids.push(/sid\\":\\"([^\\]+)/.exec(body)[1]);
      }
      // 0.9 says with each poll by which callback it wants the answer.
      const legacy = [];
      for (let i = 0; i < scaled(80); ++i) {
        const { body } = await ask(connection, ...get(server, `/socket.io/1/?jsonp=${kLongIndex}`));
        const sid = /\("([^:]+):/.exec(body)[1];
        assert.equal((await ask(connection, ...get(server, `/socket.io/1/jsonp-polling/${sid}?i=${kLongIndex}`))).status, 200);
        legacy.push(sid);
      }
      for (const body of ['', 'd', 'd=1&d=2', '&'.repeat(kLimit), 'd=%', `x=${'y'.repeat(200000)}`]) assert.equal(await upload(connection, sids[0], body), 400);
      assert.equal(await upload(connection, sids[0], `d=${'\\n'.repeat(100000)}`), 200);
      for (const sid of sids) await upload(connection, sid, `d=${encodeURIComponent('1:1')}`);
      for (const sid of legacy) assert.equal((await ask(connection, ...get(server, `/socket.io/1/xhr-polling/${sid}?disconnect`))).status, 200);
      connection.destroy();
    });
  }, { mostGrowth: 8 * MiB }));

  // -- Readers that read nothing, or drip

  // A client that keeps up confirms what it got a round or two later.
  const kOutbox = 4 * MiB;
  const kAtOnce = 16;
  const kFilling = '.'.repeat(16000);

  // Clients without a room hear each other.
  async function member(server, eio = 4) {
    const one = await Socket.session(server, eio);
    one.send(say('in'));
    assert.match(await one.next(), /"in"/);
    return one;
  }

  for (const count of [1, 3]) {
    test(`clients that read nothing or drip while ${count} ${count > 1 ? 'others send' : 'other sends'}`, () =>
      besieged(['--message-rate', '0', '--outbox-limit', String(kOutbox)], async (target) => {
        const { server } = target;
        const reader = await member(server);
        const senders = await all(count, () => member(server));
        // A sender is told of each of its messages, and has to read that as the reader reads.
        const told = senders.map(() => 0);
        senders.forEach((sender, s) => {
          sender.frames.put = (frame) => {
            if (frame === '2') sender.send('3');
            if (frame.startsWith('42["log"')) ++told[s];
          };
        });
        const slow = await all(2, (i) => Attacker.open(server, i === 0 ? 4 : 3));
        const polling = await Polling.open(server, 4);
        for (const one of slow) {
          one.send(say('in'));
          while (!/"in"/.test(await one.text()));
        }
        await polling.post(say('in'));
        while (!/"in"/.test(await polling.next()));
        slow[0].goDeaf();
        slow[1].goDeaf(1000);
        const unread = await RawConnection.open(server);
        goDeaf(unread.socket);
        unread.request(get(server, polling.path())[0]);

        const heard = senders.map(() => 0);
        let most = 0;
        const times = scaled(Math.ceil(1024 / kAtOnce / count));
        for (let said = 0; said < times * kAtOnce; said += kAtOnce) {
          for (let n = said; n < said + kAtOnce; ++n) senders.forEach((sender, s) => sender.send(say(`${s} ${n} ${kFilling}`)));
          for (let i = 0; i < kAtOnce * count;) {
            const frame = await reader.next();
            if (frame === '2') reader.send('3');
            if (!frame.startsWith('42["message"')) continue;
            const [message] = eventOf(frame, 1).args;
            if (message === 'in') continue;
            const [s, n] = message.split(' ').map(Number);
            assert.equal(n, heard[s]++, `the messages of sender ${s} in order`);
            ++i;
          }
          await until(() => told.every((count) => count >= said + kAtOnce), () => `the senders to read: ${told} of ${said + kAtOnce}`);
          if (said % (8 * kAtOnce) === 0) most = Math.max(most, (await target.memory()).outbox);
        }
        const { outbox } = await target.memory();
        console.log(`${count} senders: outboxes held ${(most / MiB).toFixed(1)} MiB at the most; ${await target.ended('slow_consumer')} ended as slow`);
        assert.ok(most < 5 * kOutbox, `the outboxes held ${most} bytes`);
        if (count === 1) {
          assert.equal(await target.ended('slow_consumer'), 0, 'one sender fills half of an outbox');
          assert.ok(isSanitized || outbox > 0.4 * kOutbox, `${outbox} bytes wait for the slow ones`);
          assert.ok(outbox < 3 * 0.7 * kOutbox, `${outbox} bytes wait for the slow ones`);
        } else if (!isSanitized) {
          await until(async () => await target.ended('slow_consumer') === 3, () => 'the end of the slow ones');
        }
        unread.destroy();
        for (const one of slow) one.destroy();
        for (const one of [reader, ...senders]) {
          one.send('41');
          one.close();
        }
        await polling.postBody('1');
      }, { mostGrowth: 32 * MiB }));
  }

  // -- Recovery

  const connectedAs = (frame) => JSON.parse(frame.replace(/^40[^{]*/, ''));

  // A client and its partner in a room. What the client knows for its way back is kept in `known`.
  async function talkingTwo(server, other) {
    const room = makeKey();
    const [client, partner] = [await Socket.session(server, 4), await Socket.session(other, 4)];
    const { sid, pid } = connectedAs(client.connected);
    await client.enter(room);
    await partner.enter(room);
    const known = { sid, pid, offset: null };
    // The next message; its offset is kept.
    const hear = async (socket, message) => {
      for (;;) {
        const frame = await socket.next();
        if (frame === '2') {
          socket.send('3');
          continue;
        }
        if (!frame.startsWith('42')) assert.fail(`${message} expected, not ${frame}`);
        const [event, ...args] = JSON.parse(frame.slice(2));
        known.offset = args.at(-1);
        if (event !== 'message') continue;
        assert.equal(args[0], message);
        return;
      }
    };
    const back = async () => {
      const socket = await Socket.open(server, '/socket.io/?EIO=4&transport=websocket');
      await socket.next();
      socket.send(`40${JSON.stringify({ pid: known.pid, offset: known.offset })}`);
      return socket;
    };
    partner.send(say(0));
    await hear(client, 0);
    return { client, partner, known, hear, back };
  }

  test('guesses of private ids and offsets', () => besieged(['--resume-window', '60s'], async (target) => {
    const own = target.from('127.0.0.3');
    const { client, partner, known, hear, back } = await talkingTwo(own, own);
    client.socket.terminate();
    // [namespace, private id]
    const guesses = [['', makeKey], ['', () => known.pid.slice(0, -1)], ['', () => known.sid], ['', () => `${known.pid}\n`], ['', () => 'x'.repeat(100000)],
      ['', () => ''], ['/other,', () => known.pid]];
    await inTurn(scaled(80), async (i) => {
      const one = await Attacker.open(target.server, 4);
      one.send('41');
      for (let guess = 0; guess < 12; ++guess) {
        const [space, makePid] = guesses[(i + guess) % guesses.length];
        const pid = makePid();
        const offset = [known.offset, `${known.sid}.0`, `${known.sid}.18446744073709551615`, 'x'.repeat(10000)][guess % 4];
        one.send(`40${space}${JSON.stringify({ pid, offset })}`);
        const { sid } = connectedAs(await one.text());
        assert.notEqual(sid, known.sid);
        one.send(`41${space}`);
      }
      one.socket.end();
    });
    for (let n = 1; n <= 20; ++n) partner.send(say(n));
    const again = await back();
    assert.equal(connectedAs(await again.next()).sid, known.sid);
    for (let n = 1; n <= 20; ++n) await hear(again, n);
    for (const one of [again, partner]) {
      one.send('41');
      one.close();
    }
  }));

  test('recoveries in a row, and many at once', () => besieged([], async (target, talk, before) => {
    const { client, partner, known, hear, back } = await talkingTwo(target.server, target.server);
    let current = client;
    const left = [];
    for (let n = 1; n <= scaled(100); ++n) {
      const next = await back();
      assert.equal(connectedAs(await next.next()).sid, known.sid, 'it gets back what is its own');
      left.push(current);
      current = next;
      partner.send(say(n));
      await hear(current, n);
    }
    // An answer came, so all before are settled. Of many at once one has it in the end.
    const many = await all(scaled(60), back);
    await all(many.length, async (i) => {
      const frame = await many[i].next().catch(() => '');   // the session may have moved on by then
      if (frame.startsWith('40')) many[i].isIn = connectedAs(frame).sid === known.sid;
    });
    assert.ok(many.some(({ isIn }) => isIn));
    for (const one of [...left, ...many, current]) one.socket.terminate();
    await until(async () => (await heldBy(target)).sessions === before.sessions + 1, () => 'the client to be gone');
    partner.send('41');
    partner.close();
  }));
});
