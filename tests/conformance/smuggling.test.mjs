// Requests that two readers could read differently (RFC 9112 §11.2): each is refused with 400 and the connection
// closed, so that nothing that was hidden in it is ever answered.

import { test, before, after, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { Bystanders } from './support/members.mjs';
import { RawConnection, get } from './support/raw.mjs';
import { Server } from './support/server.mjs';

let server;
let bystanders;
before(async () => {
  server = await Server.start();
  bystanders = await Bystanders.start(server);
});
afterEach(() => bystanders.areUnharmed());
after(async () => {
  bystanders.stop();
  assert.equal(await server.stop(), 0, server.log);
});

const kHidden = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';

async function isRefused(text, statuses = [400]) {
  // Whole, in two halves, and after a good request on the same connection.
  for (const cut of [0, text.length >> 1, text.length - 3]) {
    const connection = await RawConnection.open(server);
    if (cut) {
      connection.request(...get(server, '/healthz'));
      assert.equal((await connection.response()).body, 'ok\n');
    }
    await new Promise((resolve) => connection.socket.write(text.slice(0, cut), 'latin1', resolve));
    connection.write(text.slice(cut));
    const response = await connection.response();
    assert.ok(statuses.includes(response.status), `${response.status} ${response.body}`);
    assert.equal(response.headers.connection, 'close');
    assert.ok(response.json.error.hint);
    assert.equal(await connection.ended(), '', 'one answer, then the end');
  }
}

const head = (...lines) => [`POST /v1/send HTTP/1.1`, `Host: ${server.authority}`, ...lines].join('\r\n');
const chunked = (body) => `${head('Transfer-Encoding: chunked')}\r\n\r\n${body}`;
const short = `5\r\n{   }\r\n0\r\n\r\n`;

// name → what is sent; a function, because the server's address is not known before.
const cases = {
  'Content-Length and Transfer-Encoding': () => `${head('Content-Length: 5', 'Transfer-Encoding: chunked')}\r\n\r\n${short}${kHidden}`,
  'Transfer-Encoding and Content-Length': () => `${head('Transfer-Encoding: chunked', 'Content-Length: 5')}\r\n\r\n${short}${kHidden}`,
  'two Content-Lengths that differ': () => `${head('Content-Length: 2', 'Content-Length: 40')}\r\n\r\n{}${kHidden}`,
  'two Content-Lengths that agree': () => `${head('Content-Length: 2', 'Content-Length: 2')}\r\n\r\n{}${kHidden}`,
  'a list as Content-Length': () => `${head('Content-Length: 2, 2')}\r\n\r\n{}${kHidden}`,
  'Content-Length with a sign': () => `${head('Content-Length: +2')}\r\n\r\n{}${kHidden}`,
  'a negative Content-Length': () => `${head('Content-Length: -2')}\r\n\r\n{}${kHidden}`,
  'Content-Length in hexadecimal': () => `${head('Content-Length: 0x2')}\r\n\r\n{}${kHidden}`,
  'Content-Length with a space inside': () => `${head('Content-Length: 2 0')}\r\n\r\n{}${kHidden}`,
  'an empty Content-Length': () => `${head('Content-Length:')}\r\n\r\n${kHidden}`,
  'a Content-Length that overflows': () => `${head('Content-Length: 18446744073709551618')}\r\n\r\n{}${kHidden}`,
  'two Transfer-Encodings': () => `${head('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}\r\n\r\n${short}${kHidden}`,
  'chunked twice': () => `${head('Transfer-Encoding: chunked, chunked')}\r\n\r\n${short}${kHidden}`,
  'chunked not last': () => `${head('Transfer-Encoding: chunked, identity')}\r\n\r\n${short}${kHidden}`,
  'a coding that only looks like chunked': () => `${head('Transfer-Encoding: xchunked')}\r\n\r\n${short}${kHidden}`,
  'chunked with a control character': () => `${head('Transfer-Encoding: \x0bchunked')}\r\n\r\n${short}${kHidden}`,
  'a space before the colon': () => `${head('Transfer-Encoding : chunked')}\r\n\r\n${short}${kHidden}`,
  'a space before the name': () => `${head(' Content-Length: 2')}\r\n\r\n{}${kHidden}`,
  'a folded header': () => `${head('X-A: 1', ' Content-Length: 2')}\r\n\r\n{}${kHidden}`,
  'a header folded by a tab': () => `${head('Transfer-Encoding:', '\tchunked')}\r\n\r\n${short}${kHidden}`,
  'a header without a colon': () => `${head('Content-Length')}\r\n\r\n${kHidden}`,
  'a header without a name': () => `${head(': 2')}\r\n\r\n${kHidden}`,
  'a bare line feed after a header': () => `${head('X-A: 1\nContent-Length: 2')}\r\n\r\n{}${kHidden}`,
  'a bare line feed at the head\'s end': () => `${head('Content-Length: 2')}\r\n\n{}${kHidden}`,
  'a bare carriage return in a header': () => `${head('X-A: 1\rContent-Length: 2')}\r\n\r\n{}${kHidden}`,
  'a bare carriage return in the request line': () => `POST /v1/send\r HTTP/1.1\r\nHost: ${server.authority}\r\n\r\n${kHidden}`,
  'NUL in a value': () => `${head('X-A: a\0b')}\r\n\r\n${kHidden}`,
  'NUL in a name': () => `${head('X\0A: b')}\r\n\r\n${kHidden}`,
  'NUL in the target': () => `GET /health\0z HTTP/1.1\r\nHost: ${server.authority}\r\n\r\n${kHidden}`,
  'two spaces in the request line': () => `GET  /healthz HTTP/1.1\r\nHost: ${server.authority}\r\n\r\n${kHidden}`,
  'a tab in the request line': () => `GET\t/healthz HTTP/1.1\r\nHost: ${server.authority}\r\n\r\n${kHidden}`,
  'HTTP/0.9': () => `GET /healthz\r\n\r\n${kHidden}`,
  'chunks in HTTP/1.0': () => `POST /v1/send HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n${short}${kHidden}`,
  'a chunk size that is not one': () => chunked(`g\r\n{}\r\n0\r\n\r\n${kHidden}`),
  'a chunk size with 0x': () => chunked(`0x2\r\n{}\r\n0\r\n\r\n${kHidden}`),
  'a chunk size with a sign': () => chunked(`+2\r\n{}\r\n0\r\n\r\n${kHidden}`),
  'a negative chunk size': () => chunked(`-2\r\n{}\r\n0\r\n\r\n${kHidden}`),
  'an empty chunk size': () => chunked(`\r\n{}\r\n0\r\n\r\n${kHidden}`),
  'a chunk size after a space': () => chunked(` 2\r\n{}\r\n0\r\n\r\n${kHidden}`),
  'a chunk size that wraps around': () => chunked(`10000000000000002\r\n{}\r\n0\r\n\r\n${kHidden}`),
  'a chunk size with a bare line feed': () => chunked(`2\n{}\r\n0\r\n\r\n${kHidden}`),
  'a chunk extension with a bare line feed': () => chunked(`2;a\nb\r\n{}\r\n0\r\n\r\n${kHidden}`),
  'a chunk longer than it says': () => chunked(`2\r\n{} \r\n0\r\n\r\n${kHidden}`),
  'a chunk without its line end': () => chunked(`2\r\n{}0\r\n\r\n${kHidden}`),
  'a chunk ended by a bare line feed': () => chunked(`2\r\n{}\n0\r\n\r\n${kHidden}`),
  'a trailer that is not one': () => chunked(`2\r\n{}\r\n0\r\nnonsense\r\n\r\n${kHidden}`),
  'a trailer with a bare line feed': () => chunked(`2\r\n{}\r\n0\r\nA: b\n\r\n${kHidden}`),
};

for (const [name, make] of Object.entries(cases)) {
  // An unknown coding may be called that, as long as nothing behind it is read.
  test(name, () => isRefused(make(), name.includes('looks like') ? [400, 501] : [400]));
}

test('a body with GET is read as one, not as the next request', async () => {
  const connection = await RawConnection.open(server);
  connection.request([...get(server, '/healthz')[0], `Content-Length: ${kHidden.length}`], kHidden);
  connection.request(...get(server, '/readyz'));
  assert.equal((await connection.response()).body, 'ok\n');
  assert.equal((await connection.response()).body, 'ready\n');
  connection.destroy();
});
