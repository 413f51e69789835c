// Requests that any network lets through, and what their answers mean.

import { refusal, SigwayError } from './errors.js';

const kUploadDeadline = 15000;

// Only what CORS calls simple: POST, a text/plain body (a string is sent as that), no header of ours, no cookie.
export class Http {
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
    return refusal({ message: `HTTP ${response.status}`, ...said, code, status: response.status, retry });
  }
}

export function parseObject(text) {
  try {
    const value = JSON.parse(text);
    if (value !== null && typeof value === 'object') return value;
  } catch { /* below */ }
  throw new SigwayError('not_sigway', 'the answer is no JSON object: something on the way wrote it');
}
