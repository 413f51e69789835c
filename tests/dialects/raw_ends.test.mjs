// Plain broadcast by clients that say something and end at once: it is said, and an upload is answered.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RawConnection } from '../conformance/support/raw.mjs';
import { WsClient } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { expectNext, gather } from './support/talk.mjs';

const kTimes = 20;   // with several shards it depends on where the room and the connection are

let server;
before(async () => { server = await startGateway(); });
after(() => stopGateway(server));

// A frame of a client, whose mask is zero.
function frame(opcode, payload) {
  return `${String.fromCharCode(0x80 | opcode, 0x80 | payload.length)}\0\0\0\0${payload}`;
}

const upgrade = (path) => [`GET ${path} HTTP/1.1`, `Host: ${server.host}:${server.port}`, 'Upgrade: websocket', 'Connection: Upgrade',
  'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];

async function eachTime(t, say) {
  for (let i = 0; i < kTimes; ++i) {
    const path = `/raw/${fresh('room')}`;
    const [listener] = await gather(t, server, path, [WsClient]);
    await say(path);
    await expectNext(listener, 'hello');
    listener.close();
  }
}

test('an upload without a key whose client finishes sending right behind it', async (t) => {
  await eachTime(t, async (path) => {
    const connection = await RawConnection.open(server);
    connection.socket.end([`POST ${path} HTTP/1.1`, `Host: ${server.host}:${server.port}`, 'Content-Length: 5', '', 'hello'].join('\r\n'));
    assert.match(await connection.ended(), /^HTTP\/1\.1 200 /);
  });
});

test('a WebSocket with its message and its close frame behind the request to open', async (t) => {
  await eachTime(t, async (path) => {
    const connection = await RawConnection.open(server);
    connection.write(`${upgrade(path).join('\r\n')}\r\n\r\n${frame(1, 'hello')}${frame(8, '\x03\xe8')}`);
    assert.match(await connection.ended(), /^HTTP\/1\.1 101 /);
  });
});

test('a WebSocket whose client finishes sending behind its message', async (t) => {
  await eachTime(t, async (path) => {
    const connection = await RawConnection.open(server);
    connection.socket.end(`${upgrade(path).join('\r\n')}\r\n\r\n${frame(1, 'hello')}`, 'latin1');
    assert.match(await connection.ended(), /^HTTP\/1\.1 101 /);
  });
});
