// sigway join, send and tail: in pipes, on each transport, with proxies, certificates and bad input.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { createInterface } from 'node:readline';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { interimAnswers } from '../networks/behaviours/headers.mjs';
import { Middlebox } from '../networks/middlebox.mjs';
import { Child } from './child.mjs';

const kBinary = process.env.SIGWAY_BINARY;
const kTransports = ['websocket', 'sse', 'poll', 'auto'];
// A proxy of the machine that runs the tests is none of theirs.
const kClean = { http_proxy: '', https_proxy: '', HTTPS_PROXY: '', all_proxy: '', ALL_PROXY: '', no_proxy: '', NO_PROXY: '', SIGWAY_URL: '', SIGWAY_MEMORY: '' };
const folder = mkdtempSync(join(tmpdir(), 'sigway-native-'));
kClean.XDG_CACHE_HOME = join(folder, 'cache');    // what is remembered

async function serve(...flags) {
  const child = spawn(kBinary, ['--port', '0', '--log-level', 'warn', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const url = line.replace('sigway listening on ', '');
  return { url, async stop() { child.kill('SIGINT'); const [code] = await once(child, 'exit'); process.off('exit', kill); assert.equal(code, 0); } };
}

let server;
let rooms = 0;
const room = () => `room-${++rooms}`;
const sigway = (...args) => new Child(kBinary, args, kClean);
const at = (...args) => sigway(...args, '--url', server.url);

before(async () => { server = await serve('--shards', '1'); });
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

test('what worked is remembered for the next run, unless that is not wanted', async () => {
  const file = join(folder, 'memory', 'networks.json');
  const run = async (...flags) => {
    const child = at('join', room(), '--verbose', ...flags);
    await child.event('created');
    child.end();
    assert.equal(await child.exit(), 0, child.err);
    return child.err;
  };
  assert.doesNotMatch(await run('--no-memory'), /remembers/);
  assert.doesNotMatch(await run('--memory', file, '--transport', 'sse'), /remembers/);
  const kept = JSON.parse(readFileSync(file, 'utf8'));
  assert.deepEqual(Object.keys(kept), [`${server.url}/`]);
  assert.equal(kept[`${server.url}/`].transport, 'sse');
  assert.match(await run('--memory', file), /remembers that sse worked here/);
  assert.match(await run('--memory', '/proc/none'), /nothing will be remembered/);
  // Without the flag it is in the folder for such things.
  await run();
  assert.ok(JSON.parse(readFileSync(join(kClean.XDG_CACHE_HOME, 'sigway/networks.json'), 'utf8'))[`${server.url}/`]);
});

for (const transport of kTransports) {
  test(`join | join: an offer and its answer, ${transport}`, async () => {
    const name = room();
    const alice = at('join', name, '--name', 'alice', '--transport', transport);
    await alice.event('created');
    const bob = at('join', name, '--name', 'bob', '--transport', transport);
    await bob.event('ready');
    await alice.event('ready');
    const offer = { sdp: 'v=0\r\na=ä€😀\r\n', list: [1, 2.5, null, true] };
    alice.say({ type: 'offer', data: offer });
    const heard = await bob.event('offer');
    assert.deepEqual(heard.data, offer);
    assert.equal(heard.name, 'alice');
    bob.say({ type: 'answer', to: heard.from, data: 'yes' }, { type: 'candidate', data: [] });
    assert.equal((await alice.event('answer')).data, 'yes');
    await alice.event('candidate');
    alice.end();
    assert.equal(await alice.exit(), 0, alice.err);
    await bob.event('peer-left');
    bob.end();
    assert.equal(await bob.exit(), 0, bob.err);
    assert.equal(alice.err + bob.err, '');
  });

  test(`send | tail: everything, in order, ${transport}`, async () => {
    const name = room();
    const tail = at('tail', name, '--capacity', '3', '--count', '103', '--transport', transport);
    const all = at('join', name, '--wait', '--transport', transport);
    for (let i = 0; i < 100; ++i) all.say({ type: 'n', data: i });
    all.end();
    assert.equal(await all.exit(), 0, all.out + all.err);
    for (const data of ['"one"', '{"two":2}']) {
      const send = at('send', name, 'm', data, '--transport', transport);
      assert.equal(await send.exit(), 0, send.err);
      assert.equal(send.out, 'delivered\n');
    }
    const piped = at('send', name, 'm', '-', '--text', '--transport', transport);
    piped.process.stdin.end('from a pipe: "quoted"\n');
    assert.equal(await piped.exit(), 0, piped.err);
    assert.equal(await tail.exit(), 0, tail.err);
    assert.deepEqual(tail.events.map(({ data }) => data),
      [...Array.from({ length: 100 }, (_, i) => i), 'one', { two: 2 }, 'from a pipe: "quoted"\n']);
  });
}

test('a reader that takes its time is not taken for a dead network', async () => {
  const own = await serve('--ping-interval', '1s');
  const name = room();
  const slow = sigway('join', name, '--url', own.url, '--transport', 'websocket', '--verbose');
  await slow.event('created');
  const fast = sigway('join', name, '--url', own.url, '--transport', 'websocket');
  await slow.event('ready');
  slow.process.stdout.pause();
  for (let i = 0; i < 60; ++i) fast.say({ type: 'n', data: 'x'.repeat(10000) });    // more than a pipe holds
  await new Promise((resolve) => { setTimeout(resolve, 5000); });                 // of which two heartbeats are 2 s
  slow.process.stdout.resume();
  await slow.until(() => slow.events.filter(({ type }) => type === 'n').length === 60, 'all that was sent');
  assert.doesNotMatch(slow.err, /was lost/);
  for (const each of [slow, fast]) {
    each.end();
    assert.equal(await each.exit(), 0, each.err);
  }
  await own.stop();
});

test('send to a name: sent to whoever has it, or stored for it', async () => {
  const stored = at('send', '@carol', 'letter', '"first"');
  assert.equal(await stored.exit(), 0, stored.err);
  assert.match(stored.out, /^stored for \d+ s: nobody is called carol now\n$/);
  const carol = at('join', room(), '--name', 'carol');
  await carol.event('login');
  const sent = at('send', '@carol', 'letter', '"second"');
  assert.equal(await sent.exit(), 0, sent.err);
  assert.equal(sent.out, 'sent: the server delivers it as soon as carol is connected\n');
  await carol.until(() => carol.events.filter(({ type }) => type === 'letter').length === 2, 'letters');
  carol.end();
  assert.equal(await carol.exit(), 0, carol.err);
  assert.deepEqual(carol.events.filter(({ type }) => type === 'letter').map(({ data }) => data), ['first', 'second']);
});

test('send does not claim that somebody has it who is away', async () => {
  const name = room();
  const key = `away-${name}-0123456789abcdef`;
  const say = (path, body) => fetch(`${server.url}${path}`, { method: 'POST', body: JSON.stringify({ key, ...body }) });
  await (await say('/v1/poll', { open: { room: name, name: `n-${name}` }, carrier: 'a', n: 1, turn: 1 })).json();
  await (await say('/v1/send', { ack: 1, away: true })).json();
  const toRoom = at('send', name, 'm', '1');
  assert.equal(await toRoom.exit(), 0, toRoom.err);
  assert.equal(toRoom.out, 'sent: everybody else in the room is away, and gets it on coming back\n');
  const toName = at('send', `@n-${name}`, 'm', '2');
  assert.equal(await toName.exit(), 0, toName.err);
  assert.equal(toName.out, `sent: the server delivers it as soon as n-${name} is connected\n`);
  const { events } = await (await say('/v1/poll', { carrier: 'a', n: 2, ack: 1 })).json();
  assert.deepEqual(events.filter(({ type }) => type === 'm').map(({ data }) => data), [1, 2]);
});

test('nobody is there: send says so, waits if it is told to, and gives up', async () => {
  const name = room();
  const early = at('send', name, 'm', '1');
  assert.equal(await early.exit(), 1);
  assert.match(early.err, /nobody is in the room .*--wait/);
  const never = at('send', name, 'm', '1', '--wait', '--timeout', '5s');
  assert.equal(await never.exit(), 1);
  assert.match(never.err, /nobody came into the room within 5s/);
  const patient = at('send', name, 'm', '1', '--wait');
  const tail = at('tail', name, '-n', '1');
  assert.equal(await patient.exit(), 0, patient.err);
  assert.equal(await tail.exit(), 0, tail.err);
});

test('a message that is refused makes the status 1, and is told as an event', async () => {
  const lonely = at('join', room());
  lonely.say({ type: 'chat', data: 'anybody?' });
  lonely.end();
  assert.equal(await lonely.exit(), 1);
  assert.equal((await lonely.event('error')).code, 'nobody_there');
  assert.equal((await lonely.event('error')).re, 1);
});

test('a room that is full is an error with a hint', async () => {
  const name = room();
  const one = at('join', name, '--capacity', '1');
  await one.event('ready');
  const two = at('join', name);
  assert.equal(await two.exit(), 1);
  assert.match(two.err, /full: wait until somebody leaves/);
  const three = at('tail', name);
  assert.equal(await three.exit(), 1);
  one.end();
  assert.equal(await one.exit(), 0, one.err);
});

test('lines that are no messages are named, the others are said', async () => {
  const name = room();
  const tail = at('tail', name, '-n', '1');
  const talk = at('join', name, '--wait');
  talk.say('not json', '[1]', { type: '7' }, { typo: 1 }, { type: 'a', data: 'x'.repeat(70000) }, '', { type: 'good', data: 1 });
  talk.end();
  assert.equal(await talk.exit(), 1);
  for (const [line, sentence] of [[1, 'is no JSON'], [2, 'is no JSON object'], [3, "'7' is not a type"], [4, "has a field 'typo'"], [5, '65536']]) {
    assert.match(talk.err, new RegExp(`line ${line} of standard input .*${sentence}`));
  }
  assert.equal(await tail.exit(), 0, tail.err);
  assert.equal(tail.events[0].type, 'good');
});

test('what was misused is said, with status 2', async () => {
  for (const [args, sentence] of [
    [['join'], /ROOM is required.*see sigway join --help/],
    [['join', 'r', '--url', 'localhost'], /not the URL of a server; write it like/],
    [['join', 'r', '--proxy', 'socks5://x'], /not a proxy; write it like/],
    [['join', 'r', '--transport', 'pigeon'], /write auto, websocket, sse or poll/],
    [['join', 'r', '--nonsense'], /nonsense.*see sigway join --help/],
    [['join', 'r', '--ca-file', '/nowhere.pem'], /nowhere.pem/],
    [['send', 'r', 'm', '{no'], /not JSON.*--text/],
    [['send', 'r', 'm', '1', '--timeout', 'soon'], /write 500ms, 30s or 2m/],
    [['tail', 'r', '--count', '0'], /^sigway tail: --count: '0' is no number of messages to end after; write 1 or more, or leave it out to listen on; see sigway tail --help\n$/],
    [['tail', 'r', '-n', '-1'], /'-1' is no number of messages.*write 1 or more/],
    [['tail', 'r', '-n', '2.5'], /'2.5' is no number of messages.*write 1 or more/],
    [['fly'], /no command 'fly'; there are .*join, send, tail/],
  ]) {
    const child = sigway(...args);
    assert.equal(await child.exit(), 2, `${args}: ${child.err}`);
    assert.match(child.err, sentence, args.join(' '));
    assert.equal(child.out, '');
  }
  for (const verb of ['join', 'send', 'tail']) {
    const help = sigway(verb, '--help');
    assert.equal(await help.exit(), 0);
    assert.match(help.out, /--url/);
  }
});

test('sigway --help names each command that there is', async () => {
  const fly = sigway('fly');
  await fly.exit();
  const [, list] = /there are ([a-z, ]+), and without one/.exec(fly.err);
  const commands = list.split(', ');
  assert.ok(commands.includes('doctor') && commands.length >= 4, list);
  const help = sigway('--help');
  assert.equal(await help.exit(), 0);
  for (const command of commands) assert.match(help.out, new RegExp(`^ +${command}\\b`, 'm'));
});

test('no server: said once, tried on, and given up by send', async () => {
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const url = `http://127.0.0.1:${free.address().port}`;
  free.close();
  const send = sigway('send', '@x', 'm', '1', '--url', url, '--timeout', '5s');
  assert.equal(await send.exit(), 1);
  assert.match(send.err, /nothing gets through.*Is the server running there\?/);
  assert.match(send.err, /there was no server within 5s/);
});

test('a signal ends it politely: the others hear that it has left', async () => {
  const name = room();
  const stays = at('join', name, '--stay');
  await stays.event('created');
  const goes = at('join', name, '--stay');
  await goes.event('ready');
  goes.end();
  stays.say({ type: 'm', data: 1 });
  await goes.event('m');                      // the end of its input did not end it
  goes.process.kill('SIGTERM');
  assert.equal(await goes.exit(), 128 + 15);
  assert.equal((await stays.event('peer-left')).reason, 'left');
  stays.process.kill('SIGINT');
  assert.equal(await stays.exit(), 128 + 2);
});

test('interim answers are skipped', async () => {
  const { hostname: host, port } = new URL(server.url);
  const box = await Middlebox.start({ host, port: Number(port) }, [interimAnswers([100, 102, 103])]);
  try {
    for (const transport of kTransports) {
      const sent = sigway('send', '@x', 'm', '1', '--url', box.url, '--transport', transport);
      assert.equal(await sent.exit(), 0, `${transport}: ${sent.err}`);
    }
  } finally {
    await box.close();
  }
});

test('a reader that goes away ends it', async () => {
  const name = room();
  const tail = at('tail', name, '--capacity', '4');
  const talk = at('join', name, '--wait');
  await talk.until(() => talk.events.find(({ type }) => type === 'joined' || type === 'peer-joined'), 'other');
  tail.process.stdout.destroy();
  for (let i = 0; i < 50; ++i) talk.say({ type: 'm', data: i });
  assert.equal(await tail.exit(), 0, tail.err);
  talk.end();
  await talk.exit();
});

test('TLS: not trusted, unless its certificate is, or anything is', async () => {
  const key = join(folder, 'key.pem'), cert = join(folder, 'cert.pem');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-keyout', key, '-out', cert,
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], { stdio: 'ignore' });
  writeFileSync(join(folder, 'empty.pem'), '');
  const secure = await serve('--tls-cert', cert, '--tls-key', key);
  try {
    for (const transport of kTransports) {
      const none = sigway('join', room(), '--url', secure.url, '--transport', transport, '--verbose');
      await none.until(() => /certificate is not trusted/.test(none.err), `refusal by ${transport}`);
      none.process.kill('SIGTERM');
      await none.exit();
      assert.equal(none.out, '');
      for (const trust of [['--ca-file', cert], ['--insecure']]) {
        const sent = sigway('send', '@x', 'm', '1', '--url', secure.url, '--transport', transport, ...trust);
        assert.equal(await sent.exit(), 0, `${transport} ${trust}: ${sent.err}`);
      }
    }
  } finally {
    await secure.stop();
  }
});

// An HTTP proxy: absolute URIs, CONNECT, and a password if there is one.
async function proxy(password) {
  const seen = [];
  const allowed = ({ headers }) => !password || headers['proxy-authorization'] === `Basic ${Buffer.from(password).toString('base64')}`;
  const server = createServer((incoming, answer) => {
    seen.push(incoming.url);
    if (!allowed(incoming)) return answer.writeHead(407).end();
    const { hostname, port, pathname } = new URL(incoming.url);
    const { 'proxy-authorization': hidden, 'proxy-connection': hop, ...headers } = incoming.headers;
    const out = request({ hostname, port, path: pathname, method: incoming.method, headers }, (reply) => {
      answer.writeHead(reply.statusCode, reply.headers);
      reply.on('error', () => answer.destroy());
      reply.pipe(answer);
    });
    out.on('error', () => answer.destroy());
    answer.on('close', () => out.destroy());
    incoming.pipe(out);
  });
  server.on('connect', (incoming, socket) => {
    seen.push(`CONNECT ${incoming.url}`);
    if (!allowed(incoming)) return socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    const [host, port] = incoming.url.split(':');
    const out = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n');
      out.pipe(socket).pipe(out);
    });
    for (const end of [out, socket]) end.on('error', () => { out.destroy(); socket.destroy(); });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { seen, authority: `127.0.0.1:${server.address().port}`, stop: () => { server.close(); server.closeAllConnections?.(); } };
}

test('HTTP proxies: by the environment, by an option, with a password, and not for the exempt', async () => {
  const way = await proxy('us er:p@ss');
  try {
    const login = `http://us%20er:p%40ss@${way.authority}`;
    for (const [transport, used] of [['websocket', /^CONNECT /], ['sse', /^http:.*v1\/sse$/], ['poll', /^http:.*v1\/poll$/]]) {
      way.seen.length = 0;
      const sent = new Child(kBinary, ['send', '@x', 'm', '1', '--url', server.url, '--transport', transport], { ...kClean, http_proxy: login });
      assert.equal(await sent.exit(), 0, `${transport}: ${sent.err}`);
      assert.ok(way.seen.some((each) => used.test(each)), `${transport}: ${way.seen}`);
    }
    way.seen.length = 0;
    const given = at('send', '@x', 'm', '1', '--proxy', login);
    assert.equal(await given.exit(), 0, given.err);
    assert.ok(way.seen.length > 0);
    const refused = at('send', '@x', 'm', '1', '--proxy', `http://${way.authority}`, '--timeout', '5s', '-v');
    assert.equal(await refused.exit(), 1);
    assert.match(refused.err, /407/);
    way.seen.length = 0;
    for (const [args, env] of [[[], { no_proxy: '127.0.0.1' }], [['--no-proxy'], {}]]) {
      const exempt = new Child(kBinary, ['send', '@x', 'm', '1', '--url', server.url, ...args], { ...kClean, http_proxy: login, ...env });
      assert.equal(await exempt.exit(), 0, exempt.err);
    }
    assert.deepEqual(way.seen, []);
  } finally {
    way.stop();
  }
});
