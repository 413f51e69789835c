// Documents of npm y-webrtc, each in a process of its own, find each other here and converge over WebRTC.

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Inbox, within } from '../conformance/support/patience.mjs';
import { WsClient, wsUrl } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';

const kDocument = fileURLToPath(new URL('support/document.mjs', import.meta.url));

let server;
before(async () => { server = await startGateway([], { listen: ['y-webrtc'] }); });
after(() => stopGateway(server));

class Document {
  changes = new Inbox();
  text = '';

  // Two that announce themselves to each other at once both offer. The package rejects one of the offers by a random number, and
  // in Node the connection of the other one may come to nothing. So each announces itself before the next one is there.
  static async open(t, url, room, password) {
    const document = new Document(t, url, room, password);
    await within(document.isAnnounced, () => 'a document to announce itself');
    return document;
  }

  constructor(t, url, room, password) {
    this.process = fork(kDocument, [url, room, ...(password === undefined ? [] : [password])]);
    this.isAnnounced = new Promise((resolve) => this.process.on('message', ({ text, announced }) => {
      if (announced) resolve();
      if (text === undefined) return;
      this.text = text;
      this.changes.put(text);
    }));
    this.process.once('exit', (code) => this.changes.fail(new Error(`the process of a document ended with ${code}`)));
    t.after(() => this.process.kill('SIGKILL'));
  }

  write(text) { this.process.send({ write: text }); }

  async shows(...texts) {
    while (!texts.every((text) => this.text.includes(text)))
      await this.changes.take(() => `${texts} in a document that says ${JSON.stringify(this.text)}`);
  }
}

async function converge(...documents) {
  const texts = documents.map((_, i) => `${fresh(`document ${i} žluť`)};`);
  documents.forEach((document, i) => document.write(texts[i]));
  for (const document of documents) await document.shows(...texts);
  const last = fresh('last');
  documents[0].write(last);
  for (const document of documents) await document.shows(last);
  assert.equal(new Set(documents.map(({ text }) => text)).size, 1, 'the same text in all');
}

// What goes by in a topic, and how many hear it.
async function listenTo(t, room) {
  const listener = await WsClient.open(server, '/y-webrtc/some/path');
  t.after(() => listener.close());
  listener.say(JSON.stringify({ type: 'subscribe', topics: [room] }));
  return listener;
}

for (const [what, password] of [['without a password', undefined], ['with a password', 'correct horse']]) {
  test(`two documents in two processes converge ${what}`, async (t) => {
    const room = fresh('room');
    const listener = await listenTo(t, room);
    const url = wsUrl(server, '/y-webrtc');
    await converge(await Document.open(t, url, room, password), await Document.open(t, url, room, password));
    const { type, topic, data, clients } = JSON.parse(await listener.next());
    assert.deepEqual([type, topic], ['publish', room]);
    if (password) assert.match(data, /^[A-Za-z0-9+/]+=*$/);
    else assert.equal(data.type, 'announce');
    assert.ok(clients >= 2, `${clients} clients`);
  });
}

test('three documents, one at a port of its own; one that was killed comes back', async (t) => {
  const room = fresh('room');
  const url = wsUrl(server, '/y-webrtc/deep/path');
  const documents = [];
  for (const where of [url, wsUrl(server.own['y-webrtc'], '/'), url]) documents.push(await Document.open(t, where, room));
  await converge(...documents);
  documents.pop().process.kill('SIGKILL');
  documents.push(await Document.open(t, url, room));
  await converge(...documents);
});

test('another password shows nothing, and rooms are apart', async (t) => {
  const room = fresh('room');
  const url = wsUrl(server, '/y-webrtc');
  const stranger = await Document.open(t, url, room, 'another one');
  const neighbour = await Document.open(t, url, fresh('room'));
  await converge(await Document.open(t, url, room, 'the right one'), await Document.open(t, url, room, 'the right one'));
  assert.deepEqual([stranger.text, neighbour.text], ['', '']);
});
