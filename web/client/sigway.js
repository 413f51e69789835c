// The client of a sigway server (docs/protocol.md, `sigway.v1`), for browsers and Node >= 18.
//
// connect(options) gives a Connection that keeps one session alive over WebSocket, Server-Sent Events or long-polling. What is
// sent arrives exactly once and in order, and so does what is received, whatever happens to requests and connections on the
// way, and also while the transport is switched. The types are in sigway.d.ts.
//
// From top to bottom: constants and errors · small tools · HTTP · carriers (one class a transport) · uplink · session (all that
// belongs to one key) · fallback strategy · key storage across a reload · Connection (what the application holds).

// ---- Constants and errors ------------------------------------------------------------------------------------------------

const kTransports = ['websocket', 'sse', 'poll'];
const kProofDeadline = { websocket: 3000, sse: 4000, poll: 8000 };  // in `auto`, where another transport can be tried
const kPatientDeadline = 10000;      // where the application named the only transport
const kActivationDeadline = 8000;
const kUploadDeadline = 15000;
const kPollSlack = 8000;             // beyond the hold: a slow network, not a dead one
const kPollFailures = 2;             // so many polls may fail in a row before the carrier counts as cut
const kUploadFailures = 4;           // likewise uploads: the way down may live while the way up is dead
const kUploadsInFlight = 3;          // a browser gives six connections to an origin, and the stream takes one
const kHeldMost = 64;                // messages that a server holds behind one that is still under way
const kAckDelay = 200;
const kAckEvents = 16;               // acknowledge at once beyond so many
const kBackoffBase = 500, kBackoffCap = 20000, kBackoffLeast = 50;
const kShortLife = 1000;             // a stream that ended politely earlier than this waits like any other
const kSafeBody = 500;               // nobody was ever seen to refuse so little
const kLeastBody = 400;              // smaller than this nothing can be split
const kMessageRate = 160;            // below the server's 200 a second and bursts of 400
const kQueueBytes = 4 << 20;
const kLimits = { data: 65536, body: 262144, messages: 256 };
const kDataDepth = 64;
const kCloseWait = 1500;

// What an error means to the session. Everything that is not listed is about the way there, and is tried again.
const kResetCodes = new Set(['gone', 'restarted', 'unknown_key', 'bad_cursor', 'timeout', 'no_ack', 'slow_consumer', 'memory',
  'unsplittable']);
const kFinalCodes = new Set(['left', 'replaced', 'origin_refused', 'host_refused', 'open_mismatch', 'bad_json', 'bad_utf8',
  'too_deep', 'bad_request', 'unknown_field', 'duplicate_field', 'bad_key', 'key_in_url', 'bad_room', 'bad_name',
  'bad_capacity', 'unknown_route', 'wrong_method', 'wrong_content_type']);

export class SigwayError extends Error {
  constructor(code, message, more = {}) {
    super(message || code);
    this.name = 'SigwayError';
    this.code = code;
    for (const [field, value] of Object.entries(more)) {
      if (value !== undefined && field !== 'code' && field !== 'message') this[field] = value;
    }
  }
}

// Only codes that the server itself wrote count; a 403 from a filter on the way says nothing about the session.
function verdict(error) {
  if (kResetCodes.has(error.code)) return 'reset';
  return kFinalCodes.has(error.code) ? 'close' : 'retry';
}

// ---- Small tools ---------------------------------------------------------------------------------------------------------

const encoder = new TextEncoder();
const utf8Length = (text) => encoder.encode(text).length;

// 144 random bits as 24 characters. Node 18 has Web Crypto, but not as a global.
async function makeKey() {
  const nodeModule = 'node:crypto';
  const crypto = globalThis.crypto ?? (await import(nodeModule)).webcrypto;
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_');
}

function deferred() {
  const result = {};
  result.promise = new Promise((resolve, reject) => Object.assign(result, { resolve, reject }));
  result.promise.catch(() => {});  // nobody may be waiting
  return result;
}

// Full jitter, so that clients that were cut together do not return together; and never at once.
const backoff = (failures) => kBackoffLeast + Math.random() * Math.min(kBackoffCap, kBackoffBase * 2 ** failures);

function sleep(ms, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const wake = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal?.addEventListener('abort', wake);
  });
}

function within(promise, ms, signal, what) {
  return new Promise((resolve, reject) => {
    const abort = () => settle(reject, new SigwayError('aborted', `${what} was given up`));
    const timer = setTimeout(() => settle(reject, new SigwayError('deadline', `${what} took longer than ${ms} ms`)), ms);
    const settle = (way, value) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      way(value);
    };
    if (signal?.aborted) return abort();
    signal?.addEventListener('abort', abort);
    promise.then((value) => settle(resolve, value), (error) => settle(reject, error));
  });
}

// How deep arrays and objects nest in a JSON text.
function jsonDepth(text) {
  let depth = 0, most = 0, quoted = false;
  for (let i = 0; i < text.length; ++i) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') ++i;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === '{' || c === '[') most = Math.max(most, ++depth);
    else if (c === '}' || c === ']') --depth;
  }
  return most;
}

// Cuts `text` into strings whose JSON form is at most `limit` bytes each, never through a surrogate pair.
function cutIntoPieces(text, limit) {
  const pieces = [];
  let start = 0, at = 0, bytes = 2;
  for (const character of text) {
    const code = character.codePointAt(0);
    const cost = code < 0x80 ? (character === '"' || character === '\\' ? 2 : 1) : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (bytes + cost > limit) {
      pieces.push(text.slice(start, at));
      start = at;
      bytes = 2;
    }
    bytes += cost;
    at += character.length;
  }
  pieces.push(text.slice(start));
  return pieces;
}

class Emitter {
  #handlers = new Map();

  on(type, handler) {
    if (!this.#handlers.has(type)) this.#handlers.set(type, new Set());
    this.#handlers.get(type).add(handler);
    return () => this.off(type, handler);
  }

  off(type, handler) {
    this.#handlers.get(type)?.delete(handler);
  }

  // A handler that throws is the application's mistake: it is reported, and the others hear the event all the same.
  emit(type, ...values) {
    for (const handler of [...this.#handlers.get(type) ?? []]) {
      try {
        handler(...values);
      } catch (error) {
        if (typeof reportError === 'function') reportError(error);
        else queueMicrotask(() => { throw error; });
      }
    }
  }
}

// ---- HTTP ----------------------------------------------------------------------------------------------------------------

// Only what CORS calls simple: POST, a text/plain body (a string is sent as that), no header of ours, no cookie.
class Http {
  constructor(base, fetch) {
    this.base = base;
    this.fetch = fetch;
  }

  url(path) {
    return new URL(path, this.base).href;
  }

  // The parsed answer, or null for an empty one. Throws a SigwayError: `network`, `deadline`, `aborted`, what the server said,
  // or `http_N` where something on the way answered.
  async post(path, body, { deadline = kUploadDeadline, signal, keepalive } = {}) {
    const { response, text } = await this.#request(path, body, { deadline, signal, keepalive });
    if (!response.ok) throw this.#refusal(response, text);
    return text === '' ? null : parseObject(text);
  }

  // The response with its unread body. The deadline is for the head; the body lives until `signal`.
  async stream(path, body, { deadline, signal }) {
    const { response, text } = await this.#request(path, body, { deadline, signal, stream: true });
    if (!response.ok) throw this.#refusal(response, text);
    return response;
  }

  async #request(path, body, { deadline, signal, keepalive = false, stream = false }) {
    const stop = new AbortController();
    const abort = () => stop.abort();
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
    let late = false;
    const timer = setTimeout(() => { late = true; abort(); }, deadline);
    let streaming = false;
    try {
      const response = await this.fetch(this.url(path), { method: 'POST', body, mode: 'cors', credentials: 'omit',
        cache: 'no-store', referrerPolicy: 'no-referrer', keepalive, signal: stop.signal });
      streaming = stream && response.ok;
      return { response, text: streaming ? '' : await response.text() };
    } catch (error) {
      if (late) throw new SigwayError('deadline', `no answer from ${path} within ${deadline} ms`);
      if (signal?.aborted) throw new SigwayError('aborted', `${path} was given up`);
      throw new SigwayError('network', `${path}: ${error?.message ?? error}`);
    } finally {
      clearTimeout(timer);
      if (!streaming) signal?.removeEventListener('abort', abort);
    }
  }

  #refusal(response, text) {
    let said = null;
    try {
      said = JSON.parse(text)?.error;
    } catch { /* written by something on the way */ }
    const seconds = Number(response.headers.get('Retry-After'));
    const retry = seconds > 0 ? seconds * 1000 : said?.retry;   // another origin's header cannot be read
    const code = typeof said?.code === 'string' ? said.code : `http_${response.status}`;
    return new SigwayError(code, said?.message ?? `HTTP ${response.status}`, { ...said, status: response.status, retry });
  }
}

function parseObject(text) {
  try {
    const value = JSON.parse(text);
    if (value !== null && typeof value === 'object') return value;
  } catch { /* below */ }
  throw new SigwayError('not_sigway', 'the answer is no JSON object: something on the way wrote it');
}

// ---- Carriers ------------------------------------------------------------------------------------------------------------

// One attempt of one transport. It attaches, proves itself (`proved`: an application message made the round trip), takes over
// when it is told to (`activated`), and ends once, with an error. It tells the session what it hears.
class Carrier {
  constructor(session, name) {
    this.session = session;
    this.name = name;
    this.turn = 0;            // of its activation, 0 before it asks for one
    this.active = false;
    this.done = false;
    this.next = 1;            // number of the next event, where the transport does not carry numbers
    this.born = this.seen = Date.now();
    this.proved = deferred();
    this.activated = deferred();
    this.stopper = new AbortController();
    session.carriers.add(this);
  }

  attachment(more) {
    const session = this.session;
    // A transport that has proved itself before displaces nobody when there is nobody: it may take over at once.
    if (!session.active && session.trusted.has(this.kind)) this.turn = session.nextTurn();
    return { key: session.key, ...session.identity(), carrier: this.name, ack: session.cursor,
      ...(this.turn ? { turn: this.turn } : {}), ...more };
  }

  heard(control) {
    switch (control.control) {
      case 'welcome':
        this.next = control.next;
        this.session.welcome(control);
        this.watch(control.heartbeat);
        if (control.active && this.turn && control.turn === this.turn) this.takeOver();
        break;
      case 'activated':
        this.next = control.next;
        this.takeOver();
        break;
      case 'standby':
        this.stoodBy(control.turn);
        break;
      case 'up':
        this.session.uplink.taken(control.up);
        break;
      case 'error':
      case 'end':
        this.end(new SigwayError(control.code, control.message, control));
        break;
    }
  }

  takeOver() {
    if (this.active || this.done) return;
    this.active = true;
    this.session.activated(this);
    this.activated.resolve();
  }

  // Turns are given out once, so our own turn in the answer means that an earlier copy of the request was the one.
  stoodBy(turn) {
    if (this.active) return;
    if (turn === this.turn) this.takeOver();
    else this.activate(this.session.nextTurn(turn));
  }

  // Ends the carrier when two heartbeats are missing.
  watch(heartbeat) {
    clearTimeout(this.watcher);
    const patience = 2.2 * heartbeat;
    const check = () => {
      const silence = Date.now() - this.seen;
      if (silence >= patience) this.end(new SigwayError('silence', `nothing heard for ${silence} ms`));
      else this.watcher = setTimeout(check, patience - silence);
    };
    this.watcher = setTimeout(check, patience);
  }

  end(error) {
    if (this.done) return;
    this.stop(error);
    this.session.ended(this, error);
  }

  // Ends it without telling the session.
  stop(error = new SigwayError('aborted', 'the carrier was stopped')) {
    if (this.done) return;
    this.done = true;
    this.session.carriers.delete(this);
    clearTimeout(this.watcher);
    this.stopper.abort();
    this.proved.reject(error);
    this.activated.reject(error);
  }
}

class WebSocketCarrier extends Carrier {
  kind = 'websocket';
  #socket = null;
  #ping = 0;
  #pinged = 0;      // when the ping was sent that nobody has answered yet

  start() {
    const { http, WebSocket, heartbeat } = this.session.settings;
    try {
      this.#socket = new WebSocket(http.url('v1/ws').replace(/^http/, 'ws'));
    } catch (error) {
      return this.end(new SigwayError('network', String(error?.message ?? error)));
    }
    this.#socket.onopen = () => {
      if (this.done) return;
      this.#pinged = Date.now();
      this.frame(JSON.stringify(this.attachment({ ...(heartbeat ? { heartbeat } : {}), ping: ++this.#ping })));
    };
    this.#socket.onmessage = ({ data }) => { if (!this.done && typeof data === 'string') this.#receive(data); };
    this.#socket.onclose = ({ code, reason }) => this.end(new SigwayError(/^[a-z_]+$/.test(reason) ? reason : 'network',
      `the WebSocket was closed (${code}${reason ? ' ' + reason : ''})`));
    this.#socket.onerror = () => {};  // a close follows
  }

  #receive(text) {
    this.seen = Date.now();
    let value;
    try {
      value = parseObject(text);
    } catch (error) {
      return this.end(error);
    }
    if (value.control === undefined) return this.session.event(this, this.next++, value, text.length);
    if (value.control === 'heartbeat') this.#heartbeat(value);
    else if (value.control === 'pong') this.#pong(value);
    else if (value.control === 'probe') this.frame('{}');   // any sign of life keeps our place
    else this.heard(value);
  }

  #heartbeat({ next }) {
    // Another carrier was faster: what is left out here has come there, and is acknowledged.
    if (next > this.next && next <= this.session.cursor + 1) {
      this.next = next;
      return;
    }
    if (next !== this.next) return this.end(new SigwayError('gap', `expected event ${this.next}, the server is at ${next}`));
    if (this.#pinged) return this.end(new SigwayError('silence', 'the way up is dead: a ping was never answered'));
    this.#pinged = Date.now();
    this.frame(JSON.stringify({ ping: ++this.#ping }));
  }

  #pong({ ping }) {
    if (ping !== this.#ping) return;
    this.session.roundTrip(Date.now() - this.#pinged);
    this.#pinged = 0;
    this.proved.resolve();
  }

  activate(turn) {
    this.turn = turn;
    this.frame(JSON.stringify({ turn, carrier: this.name, ack: this.session.acknowledging() }));
  }

  acknowledge() {
    this.frame(JSON.stringify({ ack: this.session.acknowledging() }));
  }

  frame(text) {
    if (!this.done && this.#socket.readyState === 1) this.#socket.send(text);
  }

  stop(error) {
    super.stop(error);
    try {
      this.#socket?.close(1000);
    } catch { /* it never opened */ }
  }
}

class EventStreamCarrier extends Carrier {
  kind = 'sse';
  #event = { name: '', data: '', id: '' };
  #greeted = 0;     // when hello 1 was answered

  async start() {
    const { http, heartbeat } = this.session.settings;
    try {
      const response = await http.stream('v1/sse', JSON.stringify(this.attachment(heartbeat ? { heartbeat } : {})),
        { deadline: kPatientDeadline, signal: this.stopper.signal });
      if (!/^text\/event-stream/i.test(response.headers.get('Content-Type') ?? '') || !response.body) {
        throw new SigwayError('not_sigway', 'the answer is no event stream');
      }
      await this.#read(response.body.getReader());
      throw new SigwayError('network', 'the event stream was cut');
    } catch (error) {
      this.end(error instanceof SigwayError ? error : new SigwayError('network', String(error?.message ?? error)));
    }
  }

  async #read(reader) {
    const decoder = new TextDecoder();
    let rest = '';
    while (!this.done) {
      const { done, value } = await reader.read();
      if (done) return;
      this.seen = Date.now();
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
      rest = lines.pop();
      for (const line of lines) if (!this.done) this.#line(line.endsWith('\r') ? line.slice(0, -1) : line);
      if (rest.length > 1 << 20) throw new SigwayError('not_sigway', 'a line of the event stream has no end');
    }
  }

  // HTML standard, section 9.2.6, as far as one server uses it.
  #line(line) {
    const event = this.#event;
    if (line === '') {
      this.#event = { name: '', data: '', id: '' };
      if (event.data) this.#dispatch(event);
    } else if (line.startsWith(':')) {
      if (line.startsWith(': heartbeat') && this.active) this.acknowledge();
    } else {
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
      if (field === 'data') event.data += value;
      else if (field === 'event') event.name = value;
      else if (field === 'id') event.id = value;
    }
  }

  #dispatch({ name, data, id }) {
    const value = parseObject(data);
    if (name !== 'control') return this.session.event(this, Number(id), value, data.length);
    if (value.control === 'probe') return this.#upload({ ack: this.session.cursor });   // any sign of life keeps our place
    if (value.control !== 'hello') return this.heard(value);
    if (value.hello === 2) {
      this.session.roundTrip(Date.now() - this.#greeted);
      this.proved.resolve();
    }
    if (value.hello !== 1) return;
    this.#greeted = Date.now();
    const hello = { carrier: this.name, hello: 1 };
    if (!this.session.active && !this.turn) hello.turn = this.turn = this.session.nextTurn();  // saves a round trip
    this.#upload(hello);
  }

  activate(turn) {
    this.turn = turn;
    this.#upload({ carrier: this.name, turn });
  }

  acknowledge() {
    this.#upload({});
  }

  #upload(request) {
    this.session.upload(request, this).catch((error) => this.end(error));
  }
}

class PollCarrier extends Carrier {
  kind = 'poll';
  #n = 0;
  #welcomed = false;
  #go = deferred();     // once it is to take over; until then the server would only let it wait

  async start() {
    this.stopper.signal.addEventListener('abort', () => this.#go.resolve());
    let failures = 0, empty = 0;
    while (!this.done) {
      const attaching = !this.#welcomed;
      const started = Date.now();
      try {
        const answer = await this.#poll(attaching);
        if (this.done) return;
        failures = 0;
        this.seen = Date.now();
        // Nothing, and at once: a copy, or something on the way that answers for the server. Do not spin.
        empty = !answer?.events?.length && this.seen - started < 100 && !answer?.welcome ? empty + 1 : 0;
        if (answer) this.#heard(answer);
        if (attaching && this.#welcomed) {
          this.session.roundTrip(this.seen - started);
          this.proved.resolve();
          await this.#go.promise;
        } else if (empty > 1) await sleep(Math.min(2000, 50 * 2 ** empty), this.stopper.signal);
      } catch (error) {
        if (attaching || verdict(error) !== 'retry' || ++failures > kPollFailures) return this.end(error);
        this.session.pollWasCut(Date.now() - started, error);
        await sleep(Math.max(error.retry ?? 0, backoff(failures - 1)), this.stopper.signal);
      }
    }
  }

  #poll(attaching) {
    const { session } = this;
    const n = ++this.#n;
    const request = attaching ? this.attachment({ n })
      : { key: session.key, carrier: this.name, n, ack: session.acknowledging(), wait: session.wait };
    if (!attaching && !this.active && this.turn) request.turn = this.turn;
    return session.settings.http.post('v1/poll', JSON.stringify(request),
      { deadline: request.wait === undefined ? kPatientDeadline : request.wait + kPollSlack, signal: this.stopper.signal });
  }

  #heard({ welcome, first, events = [], up, activated, standby, ended }) {
    if (welcome) {
      this.#welcomed = true;
      this.heard({ control: 'welcome', ...welcome, next: first });
    }
    if (up !== undefined) this.session.uplink.taken(up);
    events.forEach((event, i) => this.session.event(this, first + i, event, JSON.stringify(event).length));
    if (activated) this.takeOver();
    else if (standby) this.stoodBy(standby.turn);
    if (this.active) this.#go.resolve();
    if (ended) this.end(new SigwayError(ended.code, ended.message, ended));
  }

  watch() {}         // each poll has its own deadline

  activate(turn) {
    this.turn = turn;
    this.#go.resolve();
  }

  acknowledge() {}   // the next poll does, and it goes out at once when events came
}

const kCarriers = { websocket: WebSocketCarrier, sse: EventStreamCarrier, poll: PollCarrier };

// ---- Uplink --------------------------------------------------------------------------------------------------------------

// The messages that the server has not taken yet, in order. A number is given when a message first goes out and then never
// means anything else, unless it is certain that the server has not seen it (413): only then a message can be cut into pieces,
// which shifts the numbers of those behind. That is why a body larger than any that passed goes alone.
class Uplink {
  #queue = [];
  #bytes = 0;
  #up = 0;
  #next = 1;
  #offsets = [];             // [first wire number, id - number]: pieces make the two differ
  #flights = new Set();
  #alone = null;
  #failures = 0;
  #paused = null;            // a timer
  #pumping = false;          // soon
  #drained = deferred();
  #batchMost = kLimits.messages;
  #maxBody = Infinity;       // what the network is known to refuse
  #proven = kSafeBody;       // what it is known to let through
  #tokens;
  #filled = Date.now();

  constructor(session) {
    this.session = session;
    this.#tokens = 2 * session.settings.messageRate;
  }

  get pending() {
    return this.#queue.length;
  }

  get room() {
    return kQueueBytes - this.#bytes;
  }

  // Resolves when all that is in the queue now has been taken.
  drained() {
    return this.#queue.length ? this.#drained.promise : Promise.resolve();
  }

  push(entry) {
    this.#queue.push(entry);
    this.#bytes += entry.bytes;
    if (!this.#pumping) queueMicrotask(() => this.pump());  // what is said in one go travels together
    this.#pumping = true;
  }

  // Gives up. What is left is returned: it may or may not have arrived.
  abandon() {
    clearTimeout(this.#paused);
    this.#paused = true;
    this.#drained.reject(new SigwayError('reset', 'the session has ended; the message may not have arrived'));
    return this.#queue;
  }

  // The id that the application knows for the number that an event quotes.
  idOf(number) {
    for (let i = this.#offsets.length - 1; i >= 0; --i) {
      if (this.#offsets[i][0] <= number) return number + this.#offsets[i][1];
    }
    return number;
  }

  taken(up) {
    if (!(up > this.#up)) return;
    this.#up = up;
    this.#batchMost = Math.min(kLimits.messages, this.#batchMost * 2);
    while (this.#queue.length && this.#queue[0].n && this.#queue[0].n <= up) this.#bytes -= this.#queue.shift().bytes;
    if (!this.#queue.length) {
      this.#drained.resolve();
      this.#drained = deferred();
    }
    this.pump();
  }

  // What went by a way that has ended goes again.
  release(way) {
    for (const entry of this.#queue) if (entry.via === way) entry.via = null;
    this.pump();
  }

  slowDown() {
    this.#batchMost = Math.max(1, this.#batchMost >> 1);
  }

  pump() {
    this.#pumping = false;
    while (!this.#paused && !this.#alone) {
      const way = this.session.active;
      if (!way) return;
      const batch = this.#batch(way);
      if (!batch.length) return;
      const text = batch.map((entry) => `{"n":${entry.n},${entry.text}}`).join(',');
      for (const entry of batch) this.#launch(entry, way);
      if (way.kind === 'websocket') way.frame(`{"ack":${this.session.acknowledging()},"messages":[${text}]}`);
      else this.#upload(batch, text);
    }
  }

  // The next run of messages that are on no way.
  #batch(way) {
    const byFrames = way.kind === 'websocket';
    const start = this.#queue.findIndex((entry) => !entry.via);
    if (start < 0 || (!byFrames && this.#flights.size >= kUploadsInFlight)) return [];
    let most = Math.min(this.#batchMost, this.session.limits.messages, this.#allowance());
    if (byFrames) most -= this.#queue.filter((entry) => entry.via === way).length;
    if (start > 0 && this.#flights.size) most = Math.min(most, kHeldMost - start);
    if (most <= 0) return [];
    const limit = Math.min(this.session.limits.body, this.#maxBody) - this.#overhead();
    const batch = [];
    let bytes = 0;
    for (let i = start; i < this.#queue.length && batch.length < most && !this.#queue[i].via; ++i) {
      let entry = this.#queue[i];
      if (!entry.n && entry.bytes > limit) {
        this.#split(i, limit);
        entry = this.#queue[i];
      }
      const grown = bytes + entry.bytes + 24;
      // Join others only as far as bodies have passed before; a first message goes whatever its size.
      if (batch.length && grown > (byFrames ? limit : Math.min(limit, 2 * this.#proven))) break;
      bytes = grown;
      if (!entry.n) this.#number(entry);
      batch.push(entry);
    }
    this.#tokens -= batch.length;
    return batch;
  }

  #overhead() {
    return this.session.key.length + 64;
  }

  #allowance() {
    const rate = this.session.settings.messageRate;
    const now = Date.now();
    this.#tokens = Math.min(2 * rate, this.#tokens + Math.max(0, now - this.#filled) * rate / 1000);
    this.#filled = now;
    if (this.#tokens < 1) this.#pause(1000 / rate + 50);
    return Math.floor(this.#tokens);
  }

  #number(entry) {
    entry.n = this.#next++;
    if (!entry.id) return;   // a piece with more to come
    const offset = entry.id - entry.n;
    if (this.#offsets.at(-1)?.[1] !== offset) this.#offsets.push([entry.n, offset]);
  }

  #launch(entry, way) {
    entry.via = way;
    entry.fresh = !entry.exposed;
    entry.exposed = true;
    if (entry.message) this.session.hooks.sent(entry.message, { number: entry.n, transport: way.kind, bytes: entry.bytes });
    entry.message = null;    // told once
  }

  async #upload(batch, text) {
    const { session } = this;
    const flight = {};
    const ack = session.cursor;
    const body = `{"key":"${session.key}","ack":${ack},"messages":[${text}]}`;
    const size = utf8Length(body);
    for (const entry of batch) entry.via = flight;
    this.#flights.add(flight);
    if (size > this.#proven) this.#alone = flight;
    const started = Date.now();
    try {
      const answer = await session.settings.http.post('v1/send', body, { signal: session.over.signal });
      this.#landed(flight);
      this.#failures = 0;
      this.#proven = Math.max(this.#proven, size);
      session.acknowledged(ack);
      session.roundTrip(Date.now() - started);
      this.taken(answer?.up);
      // Not taken, and nothing under way that could close the gap: say it again.
      const stuck = this.#queue[0]?.via;
      if (!this.#flights.size && stuck && stuck !== session.active) this.#again(batch, 0, backoff(0));
      this.pump();
    } catch (error) {
      this.#landed(flight);
      if (!session.over.signal.aborted) this.#failed(batch, size, error);
    }
  }

  #landed(flight) {
    this.#flights.delete(flight);
    if (this.#alone === flight) this.#alone = null;
  }

  #failed(batch, size, error) {
    const { session } = this;
    if (error.status === 413) return this.#tooLarge(batch, size, error);
    if (verdict(error) !== 'retry') return session.broken(error);
    ++this.#failures;
    this.slowDown();
    this.#again(batch, error.retry, backoff(Math.min(this.#failures - 1, 4)));
    if (this.#failures >= kUploadFailures && session.active) {
      this.#failures = 0;
      session.active.end(error);
    }
  }

  #again(batch, retry = 0, delay = 0) {
    for (const entry of batch) entry.via = null;
    // Whatever the server holds behind the gap comes again too; it drops what it has.
    if (!this.#flights.size) for (const entry of this.#queue) entry.via = null;
    this.#pause(Math.max(retry, delay));
  }

  #pause(ms) {
    clearTimeout(this.#paused);
    this.#paused = setTimeout(() => {
      this.#paused = null;
      this.pump();
    }, ms);
  }

  #tooLarge(batch, size, error) {
    this.#maxBody = error.limit < size ? error.limit : Math.max(this.#proven < size ? this.#proven : 0, size >> 1);
    if (this.#proven >= size) this.#proven = this.#maxBody;
    for (const entry of batch) {
      entry.via = null;
      if (entry.fresh) entry.exposed = false;
    }
    if (batch.length > 1) return this.pump();
    if (this.#maxBody < kLeastBody) {
      return this.session.active?.end(new SigwayError('network', `bodies of ${size} bytes are refused on the way`));
    }
    const at = this.#queue.indexOf(batch[0]);
    if (at >= 0) {
      if (this.#queue.slice(at).some((entry) => entry.exposed)) {
        return this.session.broken(new SigwayError('unsplittable', 'a message that may be half-way is refused for its size'));
      }
      this.#next = batch[0].n;
      while (this.#offsets.length && this.#offsets.at(-1)[0] >= this.#next) this.#offsets.pop();
      for (const entry of this.#queue.slice(at)) entry.n = 0;
    }
    this.pump();             // now it is larger than the limit, and is cut
  }

  #split(at, limit) {
    const whole = this.#queue[at];          // may be a piece itself, cut when the limit was thought to be higher
    const pieces = cutIntoPieces(whole.piece ?? `{${whole.text}}`, limit - 48);
    const entries = pieces.map((piece, i) => {
      const last = i === pieces.length - 1;
      const more = !last || whole.more === true;
      const text = `${more ? '"more":true,' : ''}"piece":${JSON.stringify(piece)}`;
      return { id: last ? whole.id : 0, text, piece, more, bytes: utf8Length(text), n: 0, via: null, exposed: false,
        message: i === 0 ? whole.message : null };
    });
    this.#queue.splice(at, 1, ...entries);
    this.#bytes += entries.reduce((sum, entry) => sum + entry.bytes, 0) - whole.bytes;
  }
}

// ---- Session -------------------------------------------------------------------------------------------------------------

// All that belongs to one key: cursor, turns, acknowledgements, uplink, the active carrier. When the server has forgotten the
// key, the Connection drops the whole object and makes another one, so that nothing old can leak into it.
class Session {
  server = '';
  peer = '';
  cursor = 0;                // the last event that the application has heard
  active = null;
  limits = kLimits;
  iceServers = [];
  wait = undefined;          // of a poll; the server's own setting until polls are seen to be cut
  carriers = new Set();      // attached, or trying
  over = new AbortController();
  #turn = 0;
  #acked = -1;               // so that one acknowledgement follows the opening, even if it is 0
  #ackTimer = null;
  #ackUploading = false;

  constructor(key, open, settings, trusted, hooks) {
    this.key = key;
    this.open = open;
    this.settings = settings;
    this.trusted = trusted;  // transports that have proved themselves in this connection
    this.hooks = hooks;
    this.uplink = new Uplink(this);
  }

  identity() {
    return this.server ? { resume: { server: this.server } } : { open: this.open };
  }

  nextTurn(seen = 0) {
    this.#turn = Math.max(this.#turn, seen) + 1;
    return this.#turn;
  }

  welcome(welcome) {
    this.server = welcome.server;
    this.peer = welcome.peer;
    this.limits = { ...kLimits, ...welcome.limits };
    this.iceServers = welcome.ice ?? [];
    this.wait ??= welcome.hold;
    this.#turn = Math.max(this.#turn, welcome.turn);
    this.hooks.welcome();
    this.uplink.taken(welcome.up);
    this.#acknowledgeSoon();
  }

  // Numbers make repeats on other carriers harmless. A gap can only be a mistake: begin again from our own cursor.
  event(carrier, number, event, bytes) {
    if (this.over.signal.aborted || number <= this.cursor) return;
    if (number !== this.cursor + 1) return carrier.end(new SigwayError('gap', `event ${number} came after ${this.cursor}`));
    this.cursor = number;
    this.#acknowledgeSoon();
    if (event.re !== undefined) event.re = this.uplink.idOf(event.re);
    this.hooks.event(event, { number, transport: carrier.kind, bytes });
  }

  activated(carrier) {
    const before = this.active;
    this.active = carrier;
    if (before) this.#retire(before);
    this.#acknowledgeSoon();
    this.uplink.pump();
  }

  // The server ends the carrier before with `moved`. What it still brings is welcome; what it took up may be lost.
  #retire(carrier) {
    this.uplink.release(carrier);
    sleep(2000, this.over.signal).then(() => carrier.stop());
  }

  ended(carrier, error) {
    if (carrier !== this.active) return;
    this.active = null;
    if (error.code === 'rate_limited') this.uplink.slowDown();
    this.uplink.release(carrier);
    this.hooks.lost(carrier, error);
  }

  // An answer that is about the session, on whichever way it came.
  broken(error) {
    const carrier = this.active;
    if (!carrier) this.hooks.lost(null, error);
    else if (error.code !== 'gone') carrier.end(error);
    else sleep(500, carrier.stopper.signal).then(() => carrier.end(error));   // it may be about to say why
  }

  roundTrip(ms) {
    this.hooks.roundTrip(ms);
  }

  // A poll that dies in the middle of its hold was probably cut for being held: ask for shorter ones.
  pollWasCut(elapsed, error) {
    const cut = error.code === 'network' || error.status >= 500;
    if (cut && elapsed > 3000) this.wait = Math.max(2000, Math.round(elapsed * 0.75));
  }

  // An upload without messages; harmless to repeat, so it is, a few times.
  async upload(request, carrier) {
    const quiet = Object.keys(request).length === 0;
    if (quiet && this.#ackUploading) return;   // its answer looks again
    this.#ackUploading ||= quiet;
    try {
      for (let failures = 0; !carrier.done; ++failures) {
        const ack = this.cursor;
        const started = Date.now();
        try {
          const answer = await this.settings.http.post('v1/send', JSON.stringify({ key: this.key, ack, ...request }),
            { signal: carrier.stopper.signal });
          this.acknowledged(ack);
          this.roundTrip(Date.now() - started);
          this.uplink.taken(answer?.up);
          return;
        } catch (error) {
          if (carrier.done) return;
          if (verdict(error) !== 'retry' || failures + 1 >= kUploadFailures) throw error;
          await sleep(Math.max(error.retry ?? 0, backoff(failures)), carrier.stopper.signal);
        }
      }
    } finally {
      if (quiet) this.#ackUploading = false;
      if (this.cursor > this.#acked) this.#acknowledgeSoon();
    }
  }

  // The number to write into a request that cannot get lost without the carrier.
  acknowledging() {
    this.acknowledged(this.cursor);
    return this.cursor;
  }

  acknowledged(ack) {
    this.#acked = Math.max(this.#acked, ack);
  }

  #acknowledgeSoon() {
    if (this.#ackTimer && this.cursor - this.#acked < kAckEvents) return;
    clearTimeout(this.#ackTimer);
    const now = this.cursor - this.#acked >= kAckEvents;
    this.#ackTimer = setTimeout(() => {
      this.#ackTimer = null;
      if (this.cursor > this.#acked && !this.over.signal.aborted) this.active?.acknowledge();
    }, now ? 0 : kAckDelay);
  }

  stop() {
    clearTimeout(this.#ackTimer);
    this.over.abort();
    this.active = null;
    for (const carrier of [...this.carriers]) carrier.stop();
    return this.uplink.abandon();
  }
}

// ---- Fallback ------------------------------------------------------------------------------------------------------------

// How `auto` chooses. A strategy is an object with one method, connect({kinds, attempt}): attempt(kind, ms) gives a carrier that
// has proved itself within the time, or throws; the carrier that connect() returns is activated, the others are ended.
// This one tries them in order, the one that worked last first. Whatever fails is forgotten at once when all fail: an outage
// says nothing about a transport.
export function orderedFallback(deadlines = kProofDeadline) {
  let worked = null;
  return {
    async connect({ kinds, attempt }) {
      const order = kinds.includes(worked) ? [worked, ...kinds.filter((kind) => kind !== worked)] : kinds;
      const reasons = [];
      for (const kind of order) {
        try {
          const carrier = await attempt(kind, kinds.length > 1 ? deadlines[kind] : kPatientDeadline);
          worked = kind;
          return carrier;
        } catch (error) {
          // The server has spoken, or we are called off: another transport would hear the same.
          if (verdict(error) !== 'retry' || error.code === 'aborted' || error.retry) throw error;
          reasons.push(`${kind}: ${error.message}`);
        }
      }
      worked = null;
      throw new SigwayError('unreachable', reasons.join('; '));
    },
  };
}

// ---- Key storage across a reload -----------------------------------------------------------------------------------------

// Remembers the key for the next page in this tab. A duplicated tab copies sessionStorage, so the key counts as ours only when
// nobody holds its Web Lock. Null where one of the two is missing: a reload is then seen by the peers as a long absence.
function browserKeyStore(slot) {
  let storage = null;
  try {
    storage = globalThis.sessionStorage;
  } catch { /* forbidden in this frame */ }
  const locks = globalThis.navigator?.locks;
  if (!storage || !locks) return null;
  const lockName = (key) => `sigway:${key}`;
  let held = '', release = () => {};
  return {
    async load() {
      const key = storage.getItem(slot);
      if (!key) return null;
      // The page before may need a moment to let go.
      const patience = new AbortController();
      const timer = setTimeout(() => patience.abort(), 300);
      try {
        return await locks.request(lockName(key), { signal: patience.signal }, () => key);
      } catch {
        return null;
      } finally {
        clearTimeout(timer);
      }
    },
    save(key) {
      release();
      held = key;
      locks.request(lockName(key), () => new Promise((resolve) => { release = resolve; })).catch(() => {});
      try {
        storage.setItem(slot, key);
      } catch { /* full: no worse than no storage */ }
    },
    clear() {
      release();
      if (storage.getItem(slot) === held) storage.removeItem(slot);
    },
  };
}

// ---- Connection ----------------------------------------------------------------------------------------------------------

export function connect(options = {}) {
  return new Connection(options);
}

class Connection {
  #emitter = new Emitter();
  #options;
  #settings;
  #strategy;
  #store;
  #page;
  #session = null;
  #trusted = new Set();
  #state = 'connecting';
  #transport = null;
  #mode;
  #name;
  #roundTrip = null;
  #rooms = new Map();         // room -> capacity: those to be in, also after a reset
  #backlog = [];              // said before there was a session
  #answers = new Map();       // id -> promise of a join, leave, login, logout
  #nextId = 1;
  #attempts = 0;
  #running = false;
  #wake = new AbortController();
  #callOff = new AbortController();
  #switching = null;
  #everOpen = false;
  #renewed = null;            // promise of the next session
  #reset = null;              // what to tell the application once the new session is there
  #opened = deferred();
  #closing = false;
  #ended = null;              // of the last carrier, while closing

  constructor(options) {
    const fetch = options.fetch ?? globalThis.fetch;
    const WebSocket = options.WebSocket ?? globalThis.WebSocket;
    const base = new URL(options.url ?? globalThis.location?.origin ?? '');
    base.protocol = base.protocol.replace(/^ws/, 'http');
    if (!base.pathname.endsWith('/')) base.pathname += '/';
    this.#options = options;
    this.#settings = { http: new Http(base, (url, init) => fetch(url, init)), WebSocket, heartbeat: options.heartbeat,
      messageRate: options.messageRate === 0 ? 1e6 : options.messageRate ?? kMessageRate };
    this.#strategy = options.strategy ?? orderedFallback();
    this.#mode = this.#checkMode(options.transport ?? 'auto');
    this.#name = options.name;
    if (options.room !== undefined) this.#rooms.set(options.room, options.capacity);
    this.#page = options.page ?? (typeof document === 'undefined' ? null : globalThis);
    this.#store = options.keyStore === undefined ? browserKeyStore(`sigway ${base.href} ${options.room ?? ''}`)
      : options.keyStore || null;
    for (const type of ['pagehide', 'pageshow', 'online']) this.#page?.addEventListener(type, this.#pageChanged);
    this.#start();
  }

  get state() { return this.#state; }
  get transport() { return this.#transport; }
  get mode() { return this.#mode; }
  get peer() { return this.#session?.peer ?? ''; }
  get key() { return this.#session?.key ?? ''; }
  get server() { return this.#session?.server ?? ''; }
  get name() { return this.#name; }
  get rooms() { return [...this.#rooms.keys()]; }
  get roundTrip() { return this.#roundTrip; }
  get iceServers() { return this.#session?.iceServers ?? []; }
  get limits() { return this.#session?.limits ?? kLimits; }
  get pending() { return this.#session ? this.#session.uplink.pending : this.#backlog.length; }
  get opened() { return this.#opened.promise; }

  on(type, handler) {
    return this.#emitter.on(type, handler);
  }

  off(type, handler) {
    this.#emitter.off(type, handler);
  }

  // Gives the number by which a refusal (`refused`, with `re`) or `stored` would quote the message.
  send(type, data, { to, room } = {}) {
    if (!/^[A-Za-z][A-Za-z0-9._:-]{0,63}$/.test(type)) throw new SigwayError('bad_type', `no message type: ${type}`);
    return this.#say({ type, to, room, data }).id;
  }

  // Resolves with `created`, `joined` or `full`.
  join(room, { capacity } = {}) {
    this.#rooms.set(room, capacity);
    return this.#ask({ type: 'join', room, capacity });
  }

  leave(room) {
    if (room === undefined) return this.close();
    this.#rooms.delete(room);
    return this.#ask({ type: 'leave', room });
  }

  login(name) {
    return this.#ask({ type: 'login', name });
  }

  logout() {
    return this.#ask({ type: 'logout' });
  }

  // Resolves when the server has taken all that was said so far.
  async flush() {
    while (this.#backlog.length) await this.opened;
    await this.#session?.uplink.drained();
  }

  // Resolves when the call goes over the new transport. When that does not work it rejects, and the old one goes on.
  async switchTransport(mode) {
    this.#checkMode(mode);
    if (this.#closing) throw new SigwayError('closed', 'the connection is closed');
    this.#switching?.abort();
    const before = this.#mode;
    const session = this.#session;
    this.#mode = mode;
    if (!session?.active || this.#running) {
      this.#callOff.abort();     // the attempt under way
      this.#hurry();
      return this.#whenOpen();
    }
    // In `auto` nothing behind the present one is worth a try.
    const wanted = mode === 'auto' ? this.#kinds().slice(0, this.#kinds().indexOf(this.#transport)) : [mode];
    if (!wanted.length || mode === this.#transport) return this.#transport;
    const stop = this.#switching = new AbortController();
    try {
      const strategy = mode === 'auto' ? orderedFallback() : this.#strategy;
      await this.#connect(session, strategy, wanted, stop.signal);
      return this.#transport;
    } catch (error) {
      if (mode === 'auto' && session.active) return this.#transport;
      if (this.#switching === stop) this.#mode = before;
      if (verdict(error) !== 'retry') session.broken(error);
      throw error;
    } finally {
      if (this.#switching === stop) {
        this.#switching = null;
        if (!this.#session?.active && !this.#isClosed) {
          this.#setState('reconnecting');
          this.#run(backoff(0));
        }
      }
    }
  }

  // Leaves the room and ends the session.
  async close() {
    if (this.#closing) return;
    this.#closing = true;
    const session = this.#session;
    let left = false;
    if (session && this.#state !== 'reconnecting') {
      session.uplink.push(this.#entry({ type: 'leave' }));
      const ended = this.#ended = deferred();
      await within(Promise.race([session.uplink.drained(), ended.promise]), kCloseWait, session.over.signal, 'leaving')
        .then(() => { left = true; }, () => {});
    }
    if (session && !left) {
      // Nobody to wait for: say it once more, and let the server's patience do the rest.
      session.settings.http.post('v1/send', JSON.stringify({ key: session.key, messages: [{ type: 'leave' }] }),
        { deadline: kCloseWait, keepalive: true }).catch(() => {});
    }
    this.#finish(new SigwayError('left', 'closed by the application'));
  }

  // -- speaking --

  #say(message) {
    if (this.#closing) throw new SigwayError('closed', 'the connection is closed');
    const entry = this.#entry(message);
    if (this.#session) this.#session.uplink.push(entry);
    else this.#backlog.push(entry);
    return entry;
  }

  async #ask(message) {
    const { id } = this.#say(message);
    const answer = Object.assign(deferred(), { joins: message.type === 'join' ? message.room : undefined });
    this.#answers.set(id, answer);
    return answer.promise;
  }

  #entry(message) {
    const limits = this.limits;
    const fields = [];
    for (const [name, value] of Object.entries(message)) {
      const text = JSON.stringify(value);
      if (text === undefined) continue;
      if (name === 'data') {
        if (utf8Length(text) > limits.data) throw new SigwayError('too_large', `data is larger than ${limits.data} bytes`);
        if (jsonDepth(text) > kDataDepth) throw new SigwayError('too_deep', `data nests deeper than ${kDataDepth} levels`);
      } else if (/\p{Surrogate}/u.test([value].flat().join())) {
        throw new SigwayError('bad_utf8', `${name} is no well-formed text`);
      }
      fields.push(`"${name}":${text}`);
    }
    const text = fields.join();
    const bytes = utf8Length(text);
    if (this.#session?.uplink.room < bytes) throw new SigwayError('busy', 'too much waits to be sent');
    return { id: this.#nextId++, text, bytes, message, n: 0, via: null, exposed: false };
  }

  // -- hearing --

  #heard(event, info) {
    const { type, room, re } = event;
    if (event.from === undefined) {
      if (type === 'full' || type === 'left' || type === 'place-lost') this.#rooms.delete(room);
      else if (type === 'login') this.#name = event.name;
      else if (type === 'logout' || type === 'name-lost') this.#name = undefined;
      const answer = re !== undefined && this.#answers.get(re);
      if (answer) {
        this.#answers.delete(re);
        if (type === 'error') {
          if (event.code !== 'already_joined') this.#rooms.delete(answer.joins);
          answer.reject(new SigwayError(event.code, event.message, event));
        } else answer.resolve(event);
      }
    }
    this.#emitter.emit('event', event, info);
    if (event.from !== undefined) this.#emitter.emit('message', event, info);
    else this.#emitter.emit(type === 'error' ? 'refused' : type, event, info);
  }

  #hooks(session) {
    const current = (act) => (...values) => { if (session() === this.#session && !this.#isClosed) act(...values); };
    return {
      event: current((event, info) => this.#heard(event, info)),
      sent: current((message, info) => this.#emitter.emit('sent', message, info)),
      roundTrip: current((ms) => this.#emitter.emit('roundtrip', this.#roundTrip = ms)),
      lost: current((carrier, error) => this.#lost(carrier, error)),
      welcome: current(() => {
        if (!this.#reset) return;
        const told = { ...this.#reset, peer: this.peer };
        this.#reset = null;
        this.#emitter.emit('reset', told);
      }),
    };
  }

  // -- coming and going --

  get #isClosed() { return this.#state === 'closed'; }

  async #start() {
    try {
      const replaces = this.#options.replaces ?? await this.#store?.load();
      await this.#newSession(replaces);
      this.#run();
    } catch (error) {
      this.#finish(error);
    }
  }

  async #newSession(replaces) {
    const key = await makeKey();
    if (this.#closing) return;
    this.#store?.save(key);
    const asked = new Set(this.#backlog.map(({ message }) => message.type === 'join' ? message.room : undefined));
    const [[room, capacity] = [], ...others] = [...this.#rooms].filter(([each]) => !asked.has(each));
    const open = { room, capacity, name: this.#name, replaces: replaces || undefined };
    const session = this.#session = new Session(key, open, this.#settings, this.#trusted, this.#hooks(() => session));
    for (const [other, places] of others) session.uplink.push(this.#entry({ type: 'join', room: other, capacity: places }));
    for (const entry of this.#backlog.splice(0)) session.uplink.push(Object.assign(entry, { n: 0, via: null }));
  }

  // One loop at a time, until a carrier is active. What fails here is tried again for ever, but for what the server forbids.
  async #run(delay = 0, reason = null) {
    if (this.#running) return;
    this.#running = true;
    for (let failures = 0; !this.#isClosed && !this.#session?.active; ++failures) {
      if (delay > 0) {
        this.#emitter.emit('retry', { delay: Math.round(delay), reason });
        await sleep(delay, this.#wake.signal);
        if (this.#isClosed) break;
      }
      await this.#renewed;
      const session = this.#session;
      if (!session) break;    // closed meanwhile
      this.#callOff = new AbortController();
      try {
        await this.#connect(session, this.#strategy, this.#kinds(), this.#callOff.signal);
      } catch (error) {
        if (this.#callOff.signal.aborted) failures = 0;   // by switchTransport
        delay = Math.max(error.retry ?? 0, backoff(failures));
        reason = error;
        if (this.#everOpen && !this.#closing) this.#setState('reconnecting');
        if (session !== this.#session || this.#isClosed) continue;
        if (verdict(error) === 'close') this.#finish(error);
        else if (verdict(error) === 'reset') await this.#startAnew(error);
      }
    }
    this.#running = false;
  }

  async #connect(session, strategy, kinds, signal) {
    const tried = [];
    const attempt = async (kind, deadline) => {
      const carrier = new kCarriers[kind](session, `${kind[0]}${++this.#attempts}`);
      tried.push(carrier);
      carrier.start();
      try {
        await within(carrier.proved.promise, deadline, signal, `${kind}: a proof`);
        return carrier;
      } catch (error) {
        this.#trusted.delete(kind);
        carrier.end(error);
        throw error;
      }
    };
    const carrier = await strategy.connect({ kinds, attempt, signal });
    for (const other of tried) if (other !== carrier) other.end(new SigwayError('aborted', 'another transport was chosen'));
    try {
      if (!carrier.turn) carrier.activate(session.nextTurn());
      await within(carrier.activated.promise, kActivationDeadline, signal, `${carrier.kind}: the activation`);
    } catch (error) {
      carrier.end(error);
      throw error;
    }
    this.#trusted.add(carrier.kind);
    if (session.active === carrier && session === this.#session) this.#nowOpen(carrier.kind);
  }

  #nowOpen(kind) {
    const previous = this.#transport;
    this.#transport = kind;
    if (previous !== kind) this.#emitter.emit('transport', { transport: kind, previous });
    this.#everOpen = true;
    this.#setState('open');
    this.#opened.resolve(this);
  }

  // The active carrier has ended, or the server has disowned the session.
  #lost(carrier, error) {
    if (this.#closing) return error.code === 'left' ? this.#ended?.resolve() : this.#ended?.reject(error);
    const meaning = verdict(error);
    if (meaning === 'close') return this.#finish(error);
    // The news that we have moved may be quicker than the new carrier's.
    if (error.code === 'moved' && this.#switching) return;
    if (this.#everOpen && error.code !== 'stream_limit') this.#setState('reconnecting');
    if (meaning === 'reset') {
      this.#startAnew(error).then(() => this.#run(backoff(0), error));
      return;
    }
    if (this.#running || this.#switching) return;   // they look again when they are done
    const polite = error.code === 'stream_limit' && Date.now() - carrier.born > kShortLife;
    this.#run(polite ? 0 : Math.max(error.retry ?? 0, backoff(0)), error);
  }

  // The server does not know the session any more: another key, the same rooms, a new peer id.
  #startAnew(error) {
    const session = this.#session;
    if (!session) return this.#renewed;
    this.#session = null;     // what is said meanwhile waits in the backlog
    const left = session.stop();
    // Before it was ever open the application could not know of it: what has not gone out begins again.
    this.#backlog = left.filter((entry) => !this.#everOpen && !entry.exposed && entry.piece === undefined);
    const kept = new Set(this.#backlog.map((entry) => entry.id));
    for (const [id, answer] of this.#answers) {
      if (kept.has(id)) continue;
      this.#answers.delete(id);
      answer.reject(new SigwayError('reset', 'the session has ended'));
    }
    if (this.#everOpen || session.cursor > 0) {
      const lost = left.filter((entry) => entry.id && !kept.has(entry.id)).map((entry) => entry.id);
      this.#reset = { reason: error.code, previous: session.peer || this.#reset?.previous,
        lost: [...this.#reset?.lost ?? [], ...lost] };
    }
    this.#renewed = this.#newSession();
    return this.#renewed;
  }

  #finish(error) {
    if (this.#isClosed) return;
    this.#closing = true;
    this.#session?.stop();
    this.#callOff.abort();
    this.#switching?.abort();
    this.#wake.abort();
    this.#store?.clear();
    for (const type of ['pagehide', 'pageshow', 'online']) this.#page?.removeEventListener(type, this.#pageChanged);
    this.#transport = null;
    this.#setState('closed');
    const closed = new SigwayError('closed', error.message);
    for (const answer of this.#answers.values()) answer.reject(closed);
    this.#opened.reject(error);
    this.#emitter.emit('closed', error);
  }

  #setState(state) {
    if (state === this.#state) return;
    const previous = this.#state;
    this.#state = state;
    this.#emitter.emit('state', { state, previous });
  }

  #whenOpen() {
    return new Promise((resolve, reject) => {
      const off = this.on('state', ({ state }) => {
        if (state === 'open') resolve(this.#transport);
        else if (state === 'closed') reject(new SigwayError('closed', 'the connection is closed'));
        else return;
        off();
      });
    });
  }

  #hurry() {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  #kinds() {
    if (this.#mode !== 'auto') return [this.#mode];
    return kTransports.filter((kind) => kind !== 'websocket' || this.#settings.WebSocket);
  }

  #checkMode(mode) {
    if (mode !== 'auto' && !kTransports.includes(mode)) throw new SigwayError('bad_transport', `no transport: ${mode}`);
    if (mode === 'websocket' && !this.#settings.WebSocket) {
      throw new SigwayError('bad_transport', 'there is no WebSocket here: pass a constructor');
    }
    return mode;
  }

  // A page that goes may come back (reload, back/forward cache): it says `away`, not `leave`.
  #pageChanged = ({ type, persisted }) => {
    const session = this.#session;
    if (type === 'pagehide') {
      if (!session?.server) return;
      this.#page.navigator?.sendBeacon?.(session.settings.http.url('v1/send'),
        JSON.stringify({ key: session.key, ack: session.cursor, away: true }));
    } else if (type === 'online') {
      setTimeout(() => this.#hurry(), backoff(0));
    } else if (persisted) {
      session?.active?.end(new SigwayError('network', 'the page was frozen'));
      this.#hurry();
    }
  };
}
