// A second client of `sigway.v1`, written from docs/protocol.md alone, so that web/client/sigway.js and the server cannot agree
// on the same mistake. It is simple where that one is clever: one upload at a time, fixed patience, always the same short pause
// before the next try; and it uses what that one does not: tickets, polls sent again under the same number, messages in pieces
// for no reason, messages inside polls, activation inside and after the attach.

import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { WebSocket } from 'ws';
import { sleep } from './random.mjs';

const kHeartbeat = 1000;
const kPatience = 2500;        // for an answer, and for a sign of life on a stream
const kPieceLength = 60;
const kLeastPiece = 200;        // characters, where there is a reason: the smallest limit is 800 bytes
const kInFrame = 50;           // messages; with some in pieces that stays below the 256 that a request may have

class Refused extends Error {
  constructor(code, retry = 0) {
    super(code);
    Object.assign(this, { code, retry });
  }
}

const newKey = () => randomBytes(24).toString('base64url');

export class MinimalClient {
  key;
  peer = '';
  transport = null;            // of the active carrier
  #server = null;              // its id, once it has welcomed us
  #cursor = 0;
  #unacknowledged = [];        // messages not taken yet: {n, text}
  #said = 0;                   // the last number given
  #turn = 0;
  #attempts = 0;
  #active = null;              // the carrier that gets the events
  #wanted;                     // transport
  #trying = null;
  #uploading = false;
  #most = 10;                  // messages in a request; fewer where large bodies are refused, and 0: one in pieces
  #piece = 6400;               // characters in each of those, halved by each refusal
  #over = false;
  #leaving = false;
  #agent = new http.Agent({ keepAlive: true, maxSockets: 6 });
  #sockets = new Set();

  // hooks: event(event, number, transport), broken(code), closed(code), trace(text)
  constructor({ url, room, capacity, replaces, transport }, random, hooks) {
    Object.assign(this, { url, random, hooks });
    this.key = newKey();
    this.open = { room, capacity, ...(replaces ? { replaces } : {}) };
    this.#wanted = transport;
    this.#live();
  }

  get pending() { return this.#unacknowledged.length; }

  send(type, data, { to, room } = {}) {
    return this.#say({ type, ...(to ? { to } : {}), room, data });
  }

  join(room, capacity) { return this.#say({ type: 'join', room, capacity }); }
  leave(room) { return this.#say({ type: 'leave', room }); }

  #say(message) {
    this.#unacknowledged.push({ n: ++this.#said, text: JSON.stringify(message) });
    this.#pump();
    return this.#said;
  }

  switchTransport(kind) {
    this.#wanted = kind;
  }

  // Says that it may come back: what a page does when it is hidden.
  away() {
    this.#post('/v1/send', { away: true, ack: this.#cursor }).catch(() => {});
  }

  // As a process that is killed: nothing more is said.
  kill() {
    this.#over = true;
    for (const socket of this.#sockets) socket.destroy();
    this.#agent.destroy();
  }

  async close() {
    if (!this.#leaving) this.#say({ type: 'leave' });
    this.#leaving = true;
    while (!this.#over) await sleep(10);
  }

  // ---- Carriers, one after the other or, for a switch, beside the old one ----

  async #live() {
    while (!this.#over) {
      const kind = this.#wanted;
      if ((!this.#active || this.#active.kind !== kind) && !this.#trying) {
        const carrier = this.#trying = { kind, name: `${kind[0]}-${++this.#attempts}`, turn: 0, next: 0 };
        this[`_${kind}`](carrier).catch((error) => error).then((error) => this.#ended(carrier, error));
        setTimeout(() => { if (this.#trying === carrier) carrier.stop?.(); }, 2 * kPatience).unref();
      }
      await sleep(this.random.between(30, 100));
    }
  }

  async #ended(carrier, error) {
    carrier.done = true;
    carrier.stop?.();
    const code = error instanceof Refused ? error.code : 'cut';
    if (this.#active === carrier) {
      this.#active = null;
      this.transport = null;
    }
    if (['left', 'replaced'].includes(code)) this.#finish(code);
    else if (this.#leaving && code === 'gone') this.#finish('left');
    else if (code === 'gone' && !this.#server) this.key = newKey();   // it took too long to open: nobody had seen it
    else if (!error.code) this.hooks.broken(String(error.stack));
    else if (['gone', 'unknown_key', 'restarted', 'timeout', 'no_ack', 'slow_consumer', 'memory', 'bad_cursor', 'open_mismatch',
      'bad_request', 'bad_json', 'unknown_field', 'number_gap'].includes(code)) this.#fail(code);
    await sleep(Math.max(error?.retry ?? 0, 50));
    if (this.#trying === carrier) this.#trying = null;
  }

  // The session is over against our will. `gone` may be the news that we were replaced: another carrier says which.
  #fail(code) {
    if (this.#over) return;
    this.#finish(code);
    this.hooks.broken(code);
  }

  #finish(code) {
    if (this.#over) return;
    this.kill();
    this.hooks.closed(code);
  }

  #identity() {
    return this.#server ? { resume: { server: this.#server } } : { open: this.open };
  }

  #attach(carrier) {
    if (!this.#active && this.random.chance(0.5)) carrier.turn = ++this.#turn;
    return { key: this.key, ...this.#identity(), carrier: carrier.name, ack: this.#cursor,
      ...(carrier.turn ? { turn: carrier.turn } : {}) };
  }

  #welcome(carrier, welcome, next) {
    this.#server = welcome.server;
    this.peer = welcome.peer;
    this.#turn = Math.max(this.#turn, welcome.turn);
    carrier.next = next;
    this.#taken(welcome.up);
    if (welcome.active && carrier.turn && welcome.turn === carrier.turn) this.#activated(carrier);
  }

  #activated(carrier) {
    if (this.#active === carrier || carrier.done || carrier.superseded) return;
    if (this.#active) this.#active.superseded = true;    // it will hear `moved`
    this.#active = carrier;
    this.transport = carrier.kind;
    if (this.#trying === carrier) this.#trying = null;
    this.#pump();
  }

  #nextTurn(carrier, seen = 0) {
    return (carrier.turn = this.#turn = Math.max(this.#turn, seen) + 1);
  }

  #heard(carrier, number, event) {
    if (this.#over || number <= this.#cursor) return;
    if (number !== this.#cursor + 1) return this.hooks.broken(`event ${number} after ${this.#cursor} on ${carrier.name}`);
    this.#cursor = number;
    this.hooks.event(event, number, carrier.kind);
  }

  #taken(up) {
    while (this.#unacknowledged.length && this.#unacknowledged[0].n <= up) this.#unacknowledged.shift();
  }

  #messages(most) {
    return this.#unacknowledged.slice(0, most).map((message) => this.#wire(message)).join();
  }

  // The message, or for no reason its pieces, cut anew each time.
  #wire({ n, text }) {
    if (text.length < 400 && this.random.chance(0.1)) return this.#pieces({ n, text }).join();
    return `{"n":${n},${text.slice(1)}`;
  }

  #pieces({ n, text }, least = 1) {
    const characters = [...text];   // never through a surrogate pair
    const of = Buffer.byteLength(text);
    const pieces = [];
    for (let at = 0; characters.length;) {
      const piece = characters.splice(0, this.random.integer(least, Math.max(least, kPieceLength))).join('');
      pieces.push(JSON.stringify({ n, at, of, piece }));
      at += Buffer.byteLength(piece);
    }
    return this.random.chance(0.5) ? pieces : pieces.reverse();
  }

  // ---- Up ----

  #pump() {
    const carrier = this.#active;
    if (!carrier) return;
    if (carrier.kind === 'websocket') {
      const fresh = this.#unacknowledged.filter(({ n }) => n > (carrier.sent ?? 0)).slice(0, kInFrame);
      if (!fresh.length) return;
      carrier.sent = fresh.at(-1).n;
      carrier.socket.send(`{"messages":[${fresh.map((message) => this.#wire(message)).join()}]}`);
      setTimeout(() => this.#pump(), 300).unref();
    } else if (!this.#uploading) {
      this.#upload();
    }
  }

  async #upload() {
    this.#uploading = true;
    let bodies = [];             // that are still to be said
    while (this.#active && this.#active.kind !== 'websocket' && this.#unacknowledged.length && !this.#over) {
      if (!bodies.length) bodies = this.#most ? [this.#messages(this.#most)] : this.#pieces(this.#unacknowledged[0], this.#piece);
      try {
        const answer = await this.#exchange('/v1/send', `{"key":"${this.key}","ack":${this.#cursor},"messages":[${bodies[0]}]}`);
        bodies.shift();
        this.#taken(answer?.up ?? 0);
      } catch (error) {
        if (error.code === 'gone' || error.code === 'bad_cursor') break;     // the carrier hears why
        if (this.#most || error.code === 'http_413') bodies = [];            // with what has been said meanwhile, or smaller
        await sleep(Math.max(error.retry ?? 0, 80));
      }
    }
    this.#uploading = false;
    if (this.#active?.kind === 'websocket') this.#pump();
  }

  #post(path, request) {
    return this.#exchange(path, JSON.stringify({ key: this.key, ...request }));
  }

  async #exchange(path, body, patience = kPatience) {
    const { response, done } = await this.#request('POST', path, body, patience);
    let text = '';
    try {
      response.setEncoding('utf8');
      for await (const chunk of response) text += chunk;
    } catch {
      throw new Refused('cut');
    } finally {
      done();
    }
    this.hooks.trace(`< ${response.statusCode} ${text} of ${body}`);
    return this.#answer(response, text);
  }

  #answer({ statusCode, headers }, text) {
    if (statusCode === 413) {
      this.#most >>= 1;
      if (!this.#most) this.#piece = Math.max(kLeastPiece, this.#piece >> 1);
    }
    if (/^text\/html/.test(headers['content-type'] ?? '')) throw new Refused(`http_${statusCode}`);
    const value = text ? JSON.parse(text) : null;
    if (value?.error) throw new Refused(value.error.code, 1000 * (headers['retry-after'] ?? 0));
    if (statusCode !== 200) throw new Refused(`http_${statusCode}`);
    return value;
  }

  #request(method, path, body, patience, headers = {}) {
    this.hooks.trace(`> ${path} ${body}`);
    return new Promise((resolve, reject) => {
      const request = http.request(new URL(path, this.url), { method, agent: this.#agent, headers });
      const timer = setTimeout(() => request.destroy(new Refused('patience')), patience);
      const done = () => clearTimeout(timer);
      this.#sockets.add(request);
      request.on('close', () => this.#sockets.delete(request));
      request.on('error', (error) => {
        done();
        this.hooks.trace(`< ${error.message} of ${path}`);
        reject(error instanceof Refused ? error : new Refused('cut'));
      });
      request.on('response', (response) => resolve({ response, done, request }));
      if (this.#over) request.destroy();
      request.end(body);
    });
  }

  // ---- WebSocket ----

  _websocket(carrier) {
    return new Promise((resolve, reject) => {
      const socket = carrier.socket = new WebSocket(new URL('/v1/ws', this.url).href.replace('http', 'ws'), 'sigway.v1');
      let ping = 0, pong = 0, watch = null;
      const alive = () => {
        clearTimeout(watch);
        watch = setTimeout(() => socket.terminate(), 2 * kPatience);
      };
      const pinging = setInterval(() => {
        if (socket.readyState !== WebSocket.OPEN || !carrier.next) return;
        if (ping > pong + 2) return socket.terminate();
        socket.send(`{"ping":${++ping},"ack":${this.#cursor}}`);
      }, kHeartbeat);
      this.#sockets.add(socket);
      socket.destroy = carrier.stop = () => socket.terminate();
      alive();
      socket.on('open', () => socket.send(JSON.stringify({ ...this.#attach(carrier), heartbeat: kHeartbeat })));
      socket.on('message', (data) => {
        alive();
        this.hooks.trace(`<< ${data}`);
        const value = JSON.parse(data);
        if (!value.control) {
          this.#heard(carrier, carrier.next++, value);
          if (this.#active === carrier && this.random.chance(0.3)) socket.send(`{"ack":${this.#cursor}}`);
          return;
        }
        switch (value.control) {
          case 'welcome':
            this.#welcome(carrier, value, value.next);
            if (carrier.turn) break;
            socket.send(JSON.stringify({ turn: this.#nextTurn(carrier), carrier: carrier.name, ack: this.#cursor }));
            break;
          case 'activated':
            carrier.next = value.next;
            this.#activated(carrier);
            break;
          case 'standby':
            if (value.turn === carrier.turn) this.#activated(carrier);
            else socket.send(JSON.stringify({ turn: this.#nextTurn(carrier, value.turn), carrier: carrier.name }));
            break;
          case 'heartbeat':
            // Events that another carrier brought, and that are acknowledged, are left out here.
            if (value.next > carrier.next && value.next <= this.#cursor + 1) carrier.next = value.next;
            if (value.next !== carrier.next) this.hooks.broken(`heartbeat: next ${value.next}, counted ${carrier.next}`);
            break;
          case 'pong': pong = value.ping; break;
          case 'probe': socket.send('{}'); break;
          case 'up': this.#taken(value.up); break;
          case 'error': if (!['rate_limited', 'overloaded'].includes(value.code)) carrier.error = value.code; break;
          case 'end': carrier.error = value.code; break;
        }
      });
      socket.on('error', () => {});
      socket.on('close', (code, reason) => {
        clearTimeout(watch);
        clearInterval(pinging);
        this.#sockets.delete(socket);
        const said = String(reason) || carrier.error;
        this.hooks.trace(`<< closed ${code} ${said}`);
        reject(new Refused(said || 'cut'));
      });
    });
  }

  // ---- Server-Sent Events ----

  async _sse(carrier) {
    const attach = JSON.stringify({ ...this.#attach(carrier), heartbeat: kHeartbeat });
    if (!this.random.chance(0.3)) return this.#stream(carrier, 'POST', '/v1/sse', attach);
    const { ticket } = await this.#exchange('/v1/sse', `${attach.slice(0, -1)},"ticket":true}`);
    for (let again = this.random.integer(0, 2); ; --again) {   // as an EventSource would
      const headers = carrier.lastId ? { 'Last-Event-ID': carrier.lastId } : {};
      const error = await this.#stream(carrier, 'GET', `/v1/sse?ticket=${ticket}`, undefined, headers).catch((error) => error);
      if (!again || carrier.error || error?.code !== 'cut') throw error ?? new Refused('cut');
      await sleep(50);
    }
  }

  async #stream(carrier, method, path, body, headers) {
    const { response, request, done } = await this.#request(method, path, body, kPatience, headers);
    carrier.stop = () => request.destroy();
    if (response.statusCode !== 200) {
      let text = '';
      for await (const chunk of response) text += chunk;
      done();
      throw response.statusCode === 204 ? new Refused('ended') : this.#answer(response, text);
    }
    done();
    let watch = null, rest = '', event = {};
    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(() => request.destroy(), 2 * kPatience);
    };
    try {
      response.setEncoding('utf8');
      alive();
      for await (const chunk of response) {
        alive();
        const lines = (rest + chunk).split('\n');
        rest = lines.pop();
        for (const line of lines) {
          const [, field, value] = /^(\w*):? ?(.*?)\r?$/s.exec(line);
          if (field) event[field] = value;
          else if (line.startsWith(': heartbeat')) this.#tell(carrier, {});
          else if (line.trim() === '') {
            if (event.data) this.#streamed(carrier, event);
            event = {};
          }
        }
      }
    } catch (error) {
      if (!error.code) throw error;
      this.hooks.trace(`<< ${error.message}`);
    } finally {
      clearTimeout(watch);
    }
    throw new Refused(carrier.error ?? 'cut');
  }

  #streamed(carrier, { id, event, data }) {
    this.hooks.trace(`<< ${id ?? event} ${data}`);
    const value = JSON.parse(data);
    if (event !== 'control') {
      carrier.lastId = id;
      this.#heard(carrier, Number(id), value);
      if (this.#active === carrier && this.random.chance(0.3)) this.#tell(carrier, {});
      return;
    }
    switch (value.control) {
      case 'welcome': return this.#welcome(carrier, value, value.next);
      case 'hello':
        if (value.hello === 1) return this.#tell(carrier, { hello: 1 });
        if (!carrier.turn) this.#tell(carrier, { turn: this.#nextTurn(carrier) });
        return;
      case 'activated': return this.#activated(carrier);
      case 'standby':
        if (value.turn === carrier.turn) this.#activated(carrier);
        else this.#tell(carrier, { turn: this.#nextTurn(carrier, value.turn) });
        return;
      case 'error':
      case 'end':
        carrier.error = value.code;
    }
  }

  async #tell(carrier, what) {
    const quiet = !Object.keys(what).length;
    if (quiet && carrier.telling) return;
    carrier.telling ||= quiet;
    for (let tries = 0; tries < 5 && !carrier.done && !this.#over; ++tries) {
      const answer = await this.#post('/v1/send', { ack: this.#cursor, carrier: carrier.name, ...what }).catch((error) => error);
      if (!(answer instanceof Error)) {
        this.#taken(answer?.up ?? 0);
        break;
      }
      await sleep(50);
    }
    if (quiet) carrier.telling = false;
  }

  // ---- Long-polling ----

  async _poll(carrier) {
    let n = 1, failures = 0, welcomed = false;
    let attach = { ...this.#attach(carrier), n: 1 };
    carrier.stop = () => { carrier.stopped = true; };
    while (!this.#over && !carrier.stopped) {
      let request = { key: this.key, carrier: carrier.name, n, ack: this.#cursor, wait: 1000 };
      if (!welcomed) request = { ...attach, n };
      else if (this.#active !== carrier && !carrier.superseded) request.turn = carrier.turn || this.#nextTurn(carrier);
      let text = JSON.stringify(request);
      if (welcomed && this.#most > 1 && this.#unacknowledged.length && this.random.chance(0.3)) {
        text = `${text.slice(0, -1)},"messages":[${this.#messages(this.#most >> 1)}]}`;
      }
      try {
        const answer = await this.#exchange('/v1/poll', text, 1000 + kPatience);
        failures = 0;
        ++n;
        if (answer) welcomed = this.#polled(carrier, answer) || welcomed;
        else await sleep(20);
      } catch (error) {
        if (!['cut', 'patience'].includes(error.code) && !error.code?.startsWith('http_')) throw error;
        if (++failures > 3) throw error;
        if (this.random.chance(0.7)) ++n;    // else the same poll again
        await sleep(50);
      }
    }
    throw new Refused('cut');
  }

  #polled(carrier, { welcome, first, events = [], up, activated, standby, ended }) {
    if (welcome) this.#welcome(carrier, welcome, first);
    this.#taken(up ?? 0);
    events.forEach((event, i) => this.#heard(carrier, first + i, event));
    if (activated) this.#activated(carrier);
    if (standby) {
      if (standby.turn === carrier.turn) this.#activated(carrier);
      else this.#nextTurn(carrier, standby.turn);
    }
    if (ended) {
      carrier.error = ended.code;
      throw new Refused(ended.code);
    }
    return Boolean(welcome);
  }
}
