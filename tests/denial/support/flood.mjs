// Eight connections that send as fast as the server takes it and read all answers. Runs as a thread of its own, so that the
// pairs' thread keeps its time: new Worker(file, {workerData: {server, kind, seconds}}).

import { isMainThread, parentPort, workerData, Worker } from 'node:worker_threads';
import { encodeFrame, opcode, RawWebSocket } from '../../conformance/support/websocket.mjs';
import { makeKey } from '../../conformance/support/members.mjs';
import { isSanitized, MiB } from './load.mjs';
import { deafSocket, deafWebSocket, getText, readIntoNowhere, repeated, textFrame } from './attacker.mjs';

const kConnections = 8;
const kChunk = 16384;
// What the kernel takes in advance must be dealt with as well when the flood is over: 20 s of work under a sanitizer.
const kMostBytes = isSanitized ? MiB / 2 : Infinity;

const badUpload = 'POST /v1/send HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx';

// A message of 1,000 fragments that hold nothing but for the last one.
const inFragments = () => Buffer.concat([encodeFrame(opcode.text, '', { fin: false }),
  ...Array(998).fill(encodeFrame(opcode.continuation, '', { fin: false })), encodeFrame(opcode.continuation, '{"ack":1}')]);

const openProbe = async (server) => (await RawWebSocket.open(server, { path: '/v1/probe/ws' })).connection.socket;

// kind → what is sent again and again, on a plain connection, in a session's WebSocket, or on what `open` opens.
export const kFloods = {
  'requests for a path that is not there': { unit: () => getText('/nothing-here') },
  'uploads with bad JSON': { unit: () => badUpload },
  'bodies in chunks of one byte': { unit: () => `POST /v1/send HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\n \r\n'.repeat(2000)}0\r\n\r\n` },
  'frames that ask for a pong': { isFrame: true, unit: () => textFrame({ ping: 1 }) },
  'frames that are no JSON': { isFrame: true, unit: () => textFrame('x') },
  'acknowledgements': { isFrame: true, unit: () => textFrame({ ack: 1 }) },
  'pings of RFC 6455': { isFrame: true, unit: () => encodeFrame(opcode.ping, 'p') },
  'fragments without payload': { isFrame: true, unit: inFragments },
  'pings of the probe socket': { open: openProbe, unit: () => encodeFrame(opcode.ping) },
  'empty texts of the probe socket': { open: openProbe, unit: () => textFrame('') },
};

const openAt = (path) => async (server) => (await RawWebSocket.open(server, { path })).connection.socket;
async function subscribed(server) {
  const socket = await openAt('/y-webrtc')(server);
  socket.write(textFrame({ type: 'subscribe', topic: 'the-same' }));
  return socket;
}
const upload = (path, body) => `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const offer = (name) => textFrame({ type: 'offer', offer: { type: 'offer', sdp: 'v=0' }, name });

// The same in the dialects whose clients number nothing. `chunk` makes other bytes each time.
export const kPlainFloods = {
  'broadcast texts': { open: openAt('/raw/flood'), unit: () => textFrame('x') },
  'broadcast texts without payload': { open: openAt('/raw/flood'), unit: () => textFrame('') },
  'broadcast bytes': { open: openAt('/raw/flood'), unit: () => encodeFrame(opcode.binary, Buffer.alloc(4096)) },
  'messages of guests': { unit: () => upload('/raw/flood', 'x') },
  'messages with the keys of others guessed': { chunk: () => repeatedly(() => upload(`/raw/flood?key=${makeKey()}`, 'x')) },
  'polls with new keys': { chunk: () => repeatedly(() => getText(`/raw/flood?next=1&wait=0&key=${makeKey()}`)) },
  'polls with new keys, each in a room of its own': { chunk: () => repeatedly(() => getText(`/raw/${makeKey()}?next=1&wait=0&key=${makeKey()}`)) },
  'polls of the login dialect with new keys': { chunk: () => repeatedly(() => getText(`/login?next=1&wait=0&key=${makeKey()}`)) },
  'logins': { open: openAt('/login'), chunk: () => repeatedly(() => textFrame({ type: 'login', name: makeKey() })) },
  'logins by the name of somebody else': { open: openAt('/login'), unit: () => textFrame({ type: 'login', name: 'the-same' }) },
  'offers to names that nobody has': { open: openAt('/login'), chunk: () => repeatedly(() => offer(makeKey())) },
  'leaves': { open: openAt('/login'), unit: () => textFrame({ type: 'leave', name: 'the-same' }) },
  'unknown commands': { open: openAt('/login'), unit: () => textFrame({ type: 'x' }) },
  'subscriptions': { open: openAt('/y-webrtc'), chunk: () => repeatedly(() => textFrame({ type: 'subscribe', topics: [makeKey(), makeKey()] })) },
  'subscriptions that come and go': { open: openAt('/y-webrtc'), chunk: () => repeatedly(() => Buffer.concat([textFrame({ type: 'subscribe', topic: 'the-same' }), textFrame({ type: 'unsubscribe', topic: 'the-same' })])) },
  'publications to one topic': { open: subscribed, unit: () => textFrame({ type: 'publish', topic: 'the-same', data: 'x' }) },
  'pings of y-webrtc': { open: openAt('/y-webrtc'), unit: () => textFrame({ type: 'ping' }) },
  'ids that come and go': { chunk: () => repeatedly(() => getText(`/libdatachannel/${makeKey()}?next=1&wait=0&key=${makeKey()}`)) },
  'polls of peers in a room': { chunk: () => repeatedly(() => getText(`/matchbox/flood?next=1&wait=0&key=${makeKey()}`)) },
  'messages to names that nobody can have': { open: openAt('/login'), unit: () => textFrame({ type: 'leave', name: '' }) },
};

let peers = 0;
const openPeer = (server) => openAt(`/peerjs/peerjs?key=peerjs&id=flood-${++peers}&token=t`)(server);
const toPeer = (dst) => textFrame({ type: 'CANDIDATE', dst, payload: 'x' });

// The same in PeerJS.
export const kPeerFloods = {
  'messages to ids that nobody has': { open: openPeer, chunk: () => repeatedly(() => toPeer(makeKey())) },
  'messages to an id that somebody has': { open: openPeer, unit: () => toPeer('flood-1') },
  'messages that are no JSON': { open: openPeer, unit: () => textFrame('x') },
  'requests for all ids': { unit: () => getText('/peerjs/peerjs/peers') },
};

function repeatedly(make) {
  const parts = [];
  for (let bytes = 0; bytes < kChunk; bytes += parts.at(-1).length) parts.push(Buffer.from(make()));
  return Buffer.concat(parts);
}

const floodOf = (kind) => kFloods[kind] ?? kPlainFloods[kind] ?? kPeerFloods[kind];

// Calls `begun` when all connections are open; resolves with the bytes that were sent. One listener takes all messages: Node
// hands out the last ones of a thread that has ended in one go, and whoever waits for one after the other misses the second.
export function flood(server, kind, seconds, begun) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { server, kind, seconds } });
  return new Promise((resolve, reject) => {
    worker.on('message', ({ bytes }) => { if (bytes === undefined) begun(); else resolve(bytes); });
    worker.on('error', reject);
    worker.on('exit', () => reject(new Error(`the flood of ${kind} ended without a report`)));
  });
}

const open = async (server, { isFrame, open: own }) => (own ? own(server) : isFrame ? (await deafWebSocket(server)).socket : deafSocket(server));

async function send(server, flood, socket, until) {
  const same = flood.unit && repeated(flood.unit(), kChunk);
  let bytes = 0;
  readIntoNowhere(socket);
  while (Date.now() < until && bytes < kMostBytes) {
    if (!socket || socket.destroyed) {   // the server may end who floods it; come again
      socket = await open(server, flood).catch(() => null);
      if (!socket) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      readIntoNowhere(socket);
    }
    const chunk = same ?? flood.chunk();
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, 200);
      socket.write(chunk, (error) => { if (!error) bytes += chunk.length; clearTimeout(timer); resolve(); });
    });
    await new Promise(setImmediate);
  }
  socket?.destroy();
  return bytes;
}

if (!isMainThread && workerData?.kind) {
  const { server, kind, seconds } = workerData;
  const sockets = await Promise.all(Array.from({ length: kConnections }, () => open(server, floodOf(kind))));
  parentPort.postMessage({});
  const until = Date.now() + seconds * 1000;
  const sent = await Promise.all(sockets.map((socket) => send(server, floodOf(kind), socket, until)));
  parentPort.postMessage({ bytes: sent.reduce((sum, bytes) => sum + bytes, 0) });
}
