// The fixed exchange: pairs that each have a room, and messages of 1,200 bytes from the first member of a pair to the
// second, one after another. Both members do what the JavaScript client does once it has settled on a transport: a message
// in an upload of its own, an acknowledgement after each event. The bytes on the wire are the same in every run.

import net from 'node:net';

const kSdp = `v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n${'a=rtpmap:111 opus/48000/2\r\n'.repeat(100)}`;
const kBytes = 1200;   // of `data` as JSON; the padding makes up for the escapes
const kData = { type: 'offer', sdp: kSdp.slice(0, 1050), pad: '' };
kData.pad = '.'.repeat(kBytes - JSON.stringify(kData).length);

const endOf = (mark) => (bytes) => (bytes.includes(mark) ? bytes.indexOf(mark) + mark.length : 0);
const headEnd = endOf('\r\n\r\n');

/** Bytes that come on a connection, taken in whole answers: a function finds the end of the first one (0: it has not come yet). */
class Connection {
  #bytes = '';
  #wake = () => {};

  static async open(port) {
    const connection = new Connection();
    connection.socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    connection.socket.on('data', (bytes) => { connection.#bytes += bytes.toString('latin1'); connection.#wake(); });
    connection.socket.on('close', () => { connection.failure = new Error(`closed after ${connection.#bytes.slice(-300)}`); connection.#wake(); });
    await new Promise((resolve, reject) => connection.socket.once('connect', resolve).once('error', reject));
    return connection;
  }

  write(bytes) {
    this.socket.write(bytes);
  }

  async take(end) {
    for (;;) {
      const length = end(this.#bytes);
      if (length > 0) {
        const taken = this.#bytes.slice(0, length);
        this.#bytes = this.#bytes.slice(length);
        return taken;
      }
      if (this.failure) throw this.failure;
      await new Promise((resolve) => { this.#wake = resolve; });
    }
  }

  // Request and answer, both complete.
  async post(path, body) {
    this.ask(path, body);
    return this.answer();
  }

  ask(path, body) {
    const text = JSON.stringify(body);
    this.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
  }

  async answer() {
    const text = await this.take((bytes) => {
      const head = headEnd(bytes);
      const length = head && head + Number(/content-length: (\d+)/i.exec(bytes)[1]);
      return length <= bytes.length ? length : 0;
    });
    if (!text.startsWith('HTTP/1.1 200')) throw new Error(text);
    return JSON.parse(text.slice(text.indexOf('\r\n\r\n')));
  }
}


class Member {
  said = 0;
  received = 0;

  constructor(server, name, room) {
    this.server = server;
    this.key = `bench-member-0123456789-${name}`;
    this.attachment = { key: this.key, open: { room }, carrier: 'c', turn: 1 };
  }

  message() {
    return { ack: this.received, messages: [{ n: ++this.said, type: 'offer', data: kData }] };
  }
}

// A client's frame with a mask of zeros.
function frame(value) {
  const text = Buffer.from(JSON.stringify(value));
  const head = text.length < 126 ? [0x81, 0x80 | text.length] : [0x81, 0xfe, text.length >> 8, text.length & 255];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), text]);
}

function frameEnd(bytes) {
  if (bytes.length < 4) return bytes.length === 2 + bytes.charCodeAt(1) ? bytes.length : 0;
  const short = bytes.charCodeAt(1);
  const length = short < 126 ? 2 + short : 4 + bytes.charCodeAt(2) * 256 + bytes.charCodeAt(3);
  return length <= bytes.length ? length : 0;
}

class WebSocketMember extends Member {
  async open() {
    this.down = await Connection.open(this.server.port);
    this.down.write('GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sigway.v1\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n');
    await this.down.take(headEnd);
    this.down.write(frame(this.attachment));
  }

  async event(type) {
    while (!(await this.down.take(frameEnd)).includes(`"type":"${type}"`));
    this.received += 1;
  }

  async acknowledge() {
    this.down.write(frame({ ack: this.received }));
  }

  async say() {
    this.down.write(frame(this.message()));
    while (!(await this.down.take(frameEnd)).includes('"control":"up"'));
  }
}

class UploadingMember extends Member {
  async say() {
    await this.up.post('/v1/send', { key: this.key, ...this.message() });
  }
}

class EventStreamMember extends UploadingMember {
  async open() {
    this.up = await Connection.open(this.server.port);
    this.down = await Connection.open(this.server.port);
    this.down.ask('/v1/sse', this.attachment);
    await this.down.take(endOf('"hello":1}\n\n'));
    await this.up.post('/v1/send', { key: this.key, carrier: 'c', hello: 1 });
  }

  async event(type) {
    while (!(await this.down.take(endOf('\n\n'))).includes(`"type":"${type}"`));
    this.received += 1;
  }

  async acknowledge() {
    await this.up.post('/v1/send', { key: this.key, ack: this.received });
  }
}

class PollMember extends UploadingMember {
  n = 0;
  events = [];

  async open() {
    this.up = await Connection.open(this.server.port);
    this.down = await Connection.open(this.server.port);
    this.#ask(this.attachment);
  }

  #ask(fields) {
    this.down.ask('/v1/poll', { key: this.key, carrier: 'c', n: ++this.n, ack: this.received, wait: 3600000, ...fields });
  }

  async event(type) {
    for (;;) {
      while (this.events.length === 0) {
        if (this.isAnswered) this.#ask({});
        this.events = (await this.down.answer()).events;
        this.isAnswered = true;
      }
      this.received += 1;
      if (this.events.shift().type === type) return;
    }
  }

  async acknowledge() {
    if (this.events.length || !this.isAnswered) return;
    this.#ask({});
    this.isAnswered = false;
  }
}

export const kMembers = { websocket: WebSocketMember, sse: EventStreamMember, poll: PollMember };

/** Opens so many pairs, each with a room of its own, one member after another: [[first, second], ...]. */
export async function openPairs(server, transport, pairs, first = 0) {
  const Kind = kMembers[transport];
  const opened = [];
  for (let i = first; i < first + pairs; ++i) {
    const pair = ['a', 'b'].map((side) => new Kind(server, `${i}-${side}`, `bench-room-${i}`));
    opened.push(pair);
    for (const [at, member] of pair.entries()) {
      await member.open();
      await server.rest();
      await member.event(at === 0 ? 'created' : 'joined');
      if (at === 1) await member.event('ready');
      await member.acknowledge();
      await server.rest();
    }
    await pair[0].event('peer-joined');
    await pair[0].acknowledge();
    await server.rest();
    await pair[0].event('ready');
    await pair[0].acknowledge();
    await server.rest();
  }
  return opened;
}

/** Closes what a member does not need while it says nothing. */
export function restAll(pairs) {
  for (const member of pairs.flat()) member.up?.socket.destroy();
}

export async function exchange(server, transport, pairs, messages) {
  const opened = await openPairs(server, transport, pairs);
  const [sender, receiver] = opened[0];
  for (let i = 0; i < messages; ++i) {
    await Promise.all([sender.say(), receiver.event('offer')]);
    await server.rest();
    await receiver.acknowledge();
    await server.rest();
  }
  restAll(opened);
  for (const member of opened.flat()) member.down.socket.destroy();
  await server.rest();
}
