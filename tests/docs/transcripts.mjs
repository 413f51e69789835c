// Runs every block marked `transcript` in the protocol and the dialects' pages against the server, one test a block.

import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { Inbox, within } from '../conformance/support/patience.mjs';
import { fetchJson, readEventStream } from '../conformance/support/members.mjs';
import { Server } from '../conformance/support/server.mjs';
import { wrong } from './schema.mjs';
import { Bindings, TranscriptError, parseStep, transcripts } from './transcript_language.mjs';

const kDocuments = ['docs/protocol.md', 'docs/dialects/raw.md', 'docs/dialects/login.md', 'docs/dialects/y-webrtc.md', 'docs/dialects/libdatachannel.md', 'docs/dialects/matchbox.md', 'docs/dialects/peerjs.md'];

class Transcript {
  #bindings = new Bindings();
  #ways = new Map();
  #answers = [];

  constructor(server, document) {
    Object.assign(this, { server, document });
    this.isNative = document === 'docs/protocol.md';
  }

  // Of our own protocol all that goes either way is what the JSON Schema says.
  #checks(name, value) {
    if (this.isNative) assert.equal(wrong(name, value), null);
  }

  #checksAnswer(path, { status, json }) {
    const [route] = path.split('?');
    if (!this.isNative || route.startsWith('/v1/probe')) return;
    if (status !== 200) this.#checks('refusal', json);
    else this.#checks(route === '/v1/poll' ? 'pollAnswer' : route === '/v1/sse' ? 'ticketAnswer' : 'sendAnswer', json);
  }

  #checksDown(value) {
    this.#checks(value.control === undefined ? 'event' : 'control', value);
  }

  async run(steps) {
    for (const { line, text } of steps) {
      try {
        const step = parseStep(text);
        await this[step.kind](step);
      } catch (error) {
        throw new Error(`${this.document}:${line}: ${error.message}\n    ${text}`, { cause: error });
      }
    }
    assert.equal(this.#answers.length, 0, 'a request without an answer');
  }

  stop() {
    for (const way of this.#ways.values()) way.stop();
  }

  #filled(json) {
    if (json === undefined) return undefined;
    const text = this.#bindings.fill(json);
    JSON.parse(text);   // an example that is not JSON is no example
    return text;
  }

  async #take(name, kind) {
    const way = this.#ways.get(name);
    if (!way) throw new TranscriptError(`nothing is called ${name}`);
    const next = await way.inbox.take(() => kind);
    if (next.kind !== kind) throw new TranscriptError(`${kind} expected, came ${JSON.stringify(next)}`);
    return next;
  }

  async exchange({ method, path, json }) {
    const body = this.#filled(json);
    const answer = await fetchJson(this.server, this.#bindings.fill(path), body, { method });
    this.#checksAnswer(path, answer);
    // What was refused may be no request.
    if (body && answer.status === 200 && !path.startsWith('/v1/probe')) this.#checks(body.includes('"type"') && !body.includes('"messages"') ? 'shortRequest' : 'request', JSON.parse(body));
    this.#answers.push(answer);
  }

  answer({ status, json }) {
    const answer = this.#answers.shift();
    if (!answer) throw new TranscriptError('an answer without a request');
    assert.equal(answer.status, Number(status), answer.text);
    if (json) this.#bindings.match(JSON.parse(json), answer.json);
  }

  async pause({ duration }) {
    await new Promise((resolve) => setTimeout(resolve, Number(duration)));
  }

  async openSocket({ path, name }) {
    const inbox = new Inbox();
    const protocols = path.startsWith('/v1/ws') ? ['sigway.v1'] : [];   // the others need none
    const socket = new WebSocket(`ws://${this.server.authority}${this.#bindings.fill(path)}`, protocols);
    this.#ways.set(name, { inbox, socket, stop: () => socket.terminate() });
    socket.on('message', (bytes) => inbox.put({ kind: 'frame', value: JSON.parse(bytes) }));
    socket.on('close', (code, reason) => inbox.put({ kind: 'closed', code, reason: String(reason) }));
    await within(new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject)), () => `a WebSocket at ${path}`);
  }

  openStream({ method, path, json, name }) {
    const inbox = new Inbox();
    const request = http.request(this.server.url + this.#bindings.fill(path), { method, agent: false });
    this.#ways.set(name, { inbox, stop: () => request.destroy() });
    request.on('error', (error) => inbox.fail(error));
    request.on('response', (response) => {
      response.on('error', (error) => inbox.fail(error));
      if (response.headers['content-type'] !== 'text/event-stream') return inbox.fail(new TranscriptError(`status ${response.statusCode}`));
      readEventStream(response, ({ event, id, data }) => {
        if (data === undefined) return;
        inbox.put({ kind: event === 'control' ? 'control' : 'event', id, value: JSON.parse(data) });
      });
    });
    request.end(this.#filled(json));
  }

  send({ name, json }) {
    this.#ways.get(name).socket.send(this.#filled(json));
  }

  async frame({ name, json }) {
    const { value } = await this.#take(name, 'frame');
    if (value.control || value.type) this.#checksDown(value);     // a probe's has neither
    this.#bindings.match(JSON.parse(json), value);
  }

  async control({ name, json }) {
    const { value } = await this.#take(name, 'control');
    this.#checksDown(value);
    this.#bindings.match(JSON.parse(json), value);
  }

  async event({ name, id, json }) {
    const event = await this.#take(name, 'event');
    assert.equal(event.id, id);
    this.#checksDown(event.value);
    this.#bindings.match(JSON.parse(json), event.value);
  }

  async closed({ name, code, reason }) {
    const end = await this.#take(name, 'closed');
    assert.deepEqual([end.code, end.reason], [Number(code), reason]);
  }
}

let server;
before(async () => { server = await Server.start(); });
after(async () => { assert.equal(await server.stop(), 0); });

for (const document of kDocuments) {
  const blocks = transcripts(readFileSync(fileURLToPath(new URL(`../../${document}`, import.meta.url)), 'utf8'));

  test(`${document} has transcripts`, () => { assert.ok(blocks.length >= 1); });

  for (const { line, heading, steps } of blocks) {
    test(`${document}:${line} ${heading}`, async () => {
      const transcript = new Transcript(server, document);
      try {
        await transcript.run(steps);
      } finally {
        transcript.stop();
      }
    });
  }
}
