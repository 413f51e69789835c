// Exchanges on every transport that begin as they should. Each takes a case: {random, server, line(), state}, and may stop at
// any step.

import { encodeFrame, opcode } from '../../conformance/support/websocket.mjs';
import { sleep } from '../../faults/random.mjs';
import { encode, makeOpen, makeRequest, spoilBytes } from './bodies.mjs';

const kHeaders = ['Connection: close', 'Connection: keep-alive', 'Expect: 100-continue', 'Transfer-Encoding: chunked', 'Content-Length: 5',
  'Origin: https://elsewhere.example', 'X-Forwarded-For: 10.0.0.1', 'Upgrade: h2c', 'Sec-Fetch-Site: cross-site', `X-Long: ${'x'.repeat(8000)}`,
  'Host: two', 'bad header', 'Content-Type: image/png', 'Range: bytes=0-'];

function head(random, method, target, lines) {
  const all = [`${method} ${target} HTTP/1.1`, 'Host: localhost', ...lines];
  if (random.chance(0.1)) all.splice(random.integer(1, all.length), 0, random.pick(kHeaders));
  const bytes = Buffer.from(`${all.join('\r\n')}\r\n\r\n`);
  return random.chance(0.04) ? spoilBytes(random, bytes) : bytes;
}

function post(random, path, request) {
  const body = encode(random, request);
  if (random.chance(0.15)) {
    const chunk = `${body.length.toString(16)}\r\n`;
    return Buffer.concat([head(random, 'POST', path, ['Transfer-Encoding: chunked']), Buffer.from(chunk), body, Buffer.from(random.chance(0.9) ? '\r\n0\r\n\r\n' : '\r\n')]);
  }
  const length = random.chance(0.05) ? random.magnitude(1, 300000) : body.length;
  return Buffer.concat([head(random, 'POST', path, [`Content-Length: ${length}`]), body]);
}

// How often an exchange goes on, and with what pauses.
async function goesOn({ random }) {
  if (random.chance(0.3)) await sleep(random.between(0, 150));
  return random.chance(0.85);
}

const attachment = ({ random, state }) => ({
  key: state.key, carrier: state.carrier,
  ...(random.chance(0.85) ? { open: state.open } : { resume: {} }),
  ...(random.chance(0.7) ? { turn: random.integer(1, 3) } : {}),
  ...(random.chance(0.05) ? { open: { ...state.open, replaces: random.pick(state.keys) } } : {}),
});

async function poll(one) {
  const { random, state } = one;
  const line = await one.line();
  await line.write(post(random, '/v1/poll', { ...attachment(one), n: 1, wait: random.integer(0, 500) }));
  await line.until(/"welcome"/);
  for (let n = 2; n < 12 && await goesOn(one); ++n) {
    const request = { key: state.key, carrier: state.carrier, n: n + (random.chance(0.1) ? random.integer(-2, 2) : 0), wait: random.integer(0, 2000), ...makeRequest(random, state) };
    await (random.chance(0.8) ? line : await one.line()).write(post(random, '/v1/poll', request));
    await line.until(/"events":\[[^\]]/, random.integer(0, 500));
  }
}

async function stream(one) {
  const { random, state } = one;
  const down = await one.line();
  await down.write(post(random, '/v1/sse', { ...attachment(one), ...(random.chance(0.2) ? { pad: random.magnitude(1, 65536) } : {}),
    ...(random.chance(0.1) ? { ticket: true } : {}), ...(random.chance(0.2) ? { heartbeat: 1000 } : {}) }));
  await down.until(/"hello":1|"ticket"/);
  const ticket = /"ticket":"([^"]+)"/.exec(down.received)?.[1];
  if (ticket) await (await one.line()).write(head(random, 'GET', `/v1/sse?ticket=${ticket}`, random.chance(0.3) ? [`Last-Event-ID: ${random.integer(0, 9)}`] : []));
  const up = await one.line();
  while (await goesOn(one)) await up.write(post(random, '/v1/send', { key: state.key, ...makeRequest(random, state) }));
}

function frame(random, request) {
  const body = request === undefined ? Buffer.from(random.pick(['', 'p', 'x'.repeat(125), 'x'.repeat(126)])) : encode(random, request);
  const options = { fin: !random.chance(0.03), rsv: random.chance(0.02) ? random.integer(1, 7) : 0, masked: !random.chance(0.02) };
  if (random.chance(0.03)) options.lengthForm = body.length < 126 ? 16 : 64;
  const code = request === undefined ? random.pick([opcode.ping, opcode.pong, opcode.close, opcode.continuation, opcode.binary, 11])
    : random.chance(0.02) ? opcode.binary : opcode.text;
  const bytes = encodeFrame(code, body, options);
  return random.chance(0.03) ? spoilBytes(random, bytes) : bytes;
}

const upgrade = (random, target) => head(random, 'GET', target, ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${random.chance(0.97) ? 'A'.repeat(22) : 'A'}==`, ...(random.chance(0.3) ? ['Sec-WebSocket-Protocol: sigway.v1'] : [])]);

async function webSocket(one) {
  const { random, state } = one;
  const line = await one.line();
  const isPerson = random.chance(0.15);
  await line.write(upgrade(random, isPerson ? `/v1/ws?room=${state.open.room ?? 'chaos-0'}` : '/v1/ws'));
  await line.until(/\r\n\r\n/);
  if (!isPerson) await line.write(frame(random, attachment(one)));
  if (random.chance(0.8)) await line.until(/"welcome"/);
  while (await goesOn(one)) {
    const frames = Array.from({ length: random.magnitude(1, 30) }, () => frame(random,
      random.chance(0.1) ? undefined : random.chance(0.1) ? { ping: 1 } : makeRequest(random, state)));
    await line.write(Buffer.concat(frames));
  }
}

const kPaths = ['/', '/r/chaos', '/doctor', '/metrics', '/healthz', '/readyz', '/nothing', '/v1/poll?room=chaos-1', '/v1/sse?room=chaos-2', '/v1/send',
  '/../etc/passwd', '/%00', '/v1/probe/echo?u=a', '/v1/probe/hold?ms=300', '/v1/probe/stream?size=5000&interval=10&count=200', '/v1/probe/echo?of=a&of=b',
  `/v1/poll?room=${'r'.repeat(300)}`, '/v1/sse?key=0123456789012345678901234567'];

async function gets(one) {
  const { random } = one;
  const line = await one.line();
  do {
    const request = head(random, random.pick(['GET', 'GET', 'GET', 'HEAD', 'POST', 'OPTIONS', 'PUT', 'BREW']), random.pick(kPaths), []);
    await line.write(Buffer.concat(Array(random.magnitude(1, 50)).fill(request)));
  } while (await goesOn(one));
}

async function probeSocket(one) {
  const { random } = one;
  const line = await one.line();
  await line.write(upgrade(random, '/v1/probe/ws?u=a'));
  await line.until(/\r\n\r\n/);
  while (await goesOn(one)) await line.write(random.chance(0.5) ? frame(random) : encodeFrame(opcode.text, 'x'.repeat(random.magnitude(1, 70000))));
}

// Bytes that are no HTTP at all, or another version of it.
async function noise({ random, line: open }) {
  const line = await open();
  await line.write(random.pick([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]), Buffer.alloc(random.magnitude(1, 50000), 'A'),
    Buffer.from('GET / HTTP/1.0\r\n\r\n'), Buffer.from(Array.from({ length: 300 }, () => random.integer(0, 255)))]));
  await sleep(random.between(0, 300));
}

export const kExchanges = { poll, stream, webSocket, gets, probeSocket, noise };
export const kWeights = { poll: 0.22, stream: 0.22, webSocket: 0.3, gets: 0.16, probeSocket: 0.05, noise: 0.05 };
export { makeOpen };
