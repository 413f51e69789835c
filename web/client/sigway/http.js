// Requests that any network lets through, and what their answers mean.

import { clock, deadline } from './clock.js';
import { refusal, SigwayError } from './failure.js';
import { inAscii } from './text.js';
import { deferred } from './tools.js';

const kLongAnswer = 1024;            // bytes
const kLongestAnswer = 8 << 20;
const kProgress = 1024, kHeardMost = 4, kDrip = 30000;    // of a slow answer so many bytes come in so many times its deadline, or so many ms
const kBehindMost = 20000;           // ms that an answer may stand behind another one
const kStrangersRetry = 30000;       // ms that something on the way can ask for: it knows nothing of us, and may be gone in a moment

// Node's fetch gives a connection back a turn after the answer; who asks again sooner pays for a new one.
const returned = () => (globalThis.setImmediate ? new Promise((resolve) => { globalThis.setImmediate(resolve); }) : undefined);

// Only what CORS calls simple: POST, a text/plain body (a string is sent as that), no header but Accept, no cookie.
export class Http {
  ascii = false;             // something on the way recodes bodies: they go in ASCII, up to three times as large

  constructor(base, fetch) {
    this.base = base;
    this.fetch = fetch;
  }

  url(path) {
    return new URL(path, this.base).href;
  }

  // The parsed answer, or null for an empty one. Throws a SigwayError: `network`, `deadline`, `aborted`, what the server said,
  // `not_sigway`, or `http_N` where something on the way answered. `patience` is in milliseconds, for the head and then for the body; with
  // `heard`, `between` is for each part of a long body, which must make progress. `heard` is called with the number of bytes that came, 0 for
  // the head; the body of a short answer is not counted. `isBehind` says whether a longer answer is coming by the same line: a patience
  // that ends meanwhile begins anew, 20 s in all.
  async post(path, body, { patience, between = patience, signal, keepalive, heard, isBehind }) {
    const { text } = await this.#accepted(path, body, { patience, between, signal, keepalive, heard, isBehind });
    return text === '' ? null : parseObject(text);
  }

  // The response with its unread body. The patience is for the head; the body lives until `signal`.
  async stream(path, body, { patience, signal }) {
    return (await this.#accepted(path, body, { patience, signal, stream: true })).response;
  }

  // What we send is UTF-8. Where the server gets something else, all goes in what no recoding changes.
  async #accepted(path, body, options) {
    for (;;) {
      const sent = this.ascii ? inAscii(body) : body;
      const { response, text } = await this.#request(path, sent, options);
      if (response.ok) return { response, text };
      const error = this.#refusal(response, text);
      if (error.code !== 'bad_utf8' || sent === inAscii(body)) throw error;
      this.ascii = true;
    }
  }

  async #request(path, body, { patience, between = patience, signal, keepalive = false, stream = false, heard, isBehind }) {
    const stop = new AbortController();
    const stopped = deferred();
    const abort = () => {
      stop.abort();
      stopped.reject(new Error('given up'));
    };
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
    // Node's fetch leaves some answers pending for ever that are aborted while they come.
    const unlessStopped = (promise) => Promise.race([promise, stopped.promise]);
    let late = false;
    const began = clock.now();
    let calm;
    const expect = (ms) => {
      calm = deadline(ms, () => {
        const left = began + kBehindMost - clock.now();
        if (left > 0 && isBehind?.()) return expect(Math.min(ms, left));
        late = true;
        abort();
      });
    };
    expect(patience);
    let came = kProgress, latest = 0;
    const alive = (bytes = 0) => {
      if (stop.signal.aborted) return;
      came += bytes;
      if (came >= kProgress) {
        came = 0;
        latest = clock.now() + Math.max(kDrip, kHeardMost * between);
      }
      calm();
      expect(Math.min(between, latest - clock.now()));
      heard?.(bytes);
    };
    let streaming = false;
    try {
      // Not followed: the body has the session's key in it, and where it would lead is for whoever runs the server to know.
      const response = await unlessStopped(this.fetch(this.url(path), { method: 'POST', body, mode: 'cors', credentials: 'omit', redirect: 'manual',
        cache: 'no-store', referrerPolicy: 'no-referrer', keepalive, signal: stop.signal,
        // Some virus scanners hold back a stream that was not asked for by its name. CORS allows this header to anybody.
        ...(stream ? { headers: { Accept: 'text/event-stream' } } : {}) }));
      streaming = stream && response.ok;
      if (streaming) return { response, text: '' };
      alive();
      const text = await unlessStopped(readText(response, heard ? alive : () => {}));
      await returned();
      return { response, text };
    } catch (error) {
      if (late) throw new SigwayError('deadline', `no answer from ${path} within ${Math.round(clock.now() - began)} ms`);
      if (signal?.aborted) throw new SigwayError('aborted', `${path} was given up`);
      const why = [error?.message ?? error, error?.cause?.message].filter(Boolean).join(': ');
      throw new SigwayError('network', `${path}: ${why}`);
    } finally {
      calm();
      if (!streaming) signal?.removeEventListener('abort', abort);
    }
  }

  #refusal(response, text) {
    if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
      const where = response.headers.get('Location');
      return notSigway(`a redirect${where ? ` to ${where}` : ''} (a captive portal, or an address that has moved?)`);
    }
    let said = null;
    try {
      said = JSON.parse(text)?.error;
    } catch { /* written by something on the way */ }
    const { status } = response;
    const header = 1000 * Number(response.headers.get('Retry-After'));
    const retry = header > 0 ? header : said?.retry;     // another origin's header cannot be read
    // Other servers have errors with codes as well; ours say what to do, too.
    if (['code', 'message', 'hint'].every((field) => said?.[field] && typeof said[field] === 'string')) return refusal({ ...said, status, retry });
    return new SigwayError(`http_${status}`, `HTTP ${status}${foreign(text)}`, { status, retry: Math.min(kStrangersRetry, header) });
  }
}

// A slow answer is not a lost one: of a long one every chunk is a sign of life. (Chromium calls a body that was read in chunks aborted,
// and says so in its console's network panel; so only where it matters.)
async function readText(response, alive) {
  if (!(Number(response.headers.get('Content-Length')) > kLongAnswer) || !response.body?.getReader) return response.text();
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  for (let text = ''; ;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    if (text.length > kLongestAnswer) {
      reader.cancel().catch(() => {});
      throw new Error('an answer has no end');
    }
    alive(value.length);
  }
}

/** The JSON object that `text` is, or `not_sigway`. */
export function parseObject(text) {
  try {
    const value = JSON.parse(text);
    if (value !== null && typeof value === 'object') return value;
  } catch { /* below */ }
  throw notSigway(`the answer is no JSON object${foreign(text)}`);
}

/** Something on the way, or another server, answered in sigway's place. */
export function notSigway(what) {
  return new SigwayError('not_sigway', `${what}: something else answered in the server's place`);
}

function foreign(text) {
  return /^\s*<(!doctype|html|head|body)/i.test(text) ? ', but a web page (a captive portal?)' : '';
}
