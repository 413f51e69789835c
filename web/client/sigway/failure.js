// What an error means to the session. Everything that is not listed is about the way there, and is tried again.

import { kLongest } from './limits.js';

const kResetCodes = new Set(['gone', 'restarted', 'unknown_key', 'bad_cursor', 'timeout', 'no_ack', 'slow_consumer', 'memory']);
const kFinalCodes = new Set(['left', 'replaced', 'origin_refused', 'host_refused', 'open_mismatch', 'bad_json', 'bad_utf8',
  'too_deep', 'bad_request', 'unknown_field', 'duplicate_field', 'bad_key', 'key_in_url', 'bad_room', 'bad_name',
  'bad_capacity', 'unknown_route', 'wrong_method', 'wrong_content_type']);

// How a transport dies where something on the way kills it, and nobody meant to.
const kUncleanCodes = new Set(['network', 'silence', 'silent', 'deadline', 'held_back', 'no_way_up', 'gap', 'not_sigway']);

export class SigwayError extends Error {
  constructor(code, message, { retry, ...more } = {}) {
    super(message || code);
    this.name = 'SigwayError';
    this.code = code;
    for (const [field, value] of Object.entries(more)) {
      if (value !== undefined && field !== 'code' && field !== 'message') this[field] = value;
    }
    if (retry > 0) this.retry = Math.min(retry, kLongest);
  }
}

// What the server wrote about a refusal, as {code, message, …}. A key that is gone because its session was replaced says the
// same as the end of that session would have said, had there been a carrier to say it on.
export function refusal({ code, message, ...more }) {
  if (typeof code !== 'string') return new SigwayError('not_sigway', 'an end or an error without a code');
  return new SigwayError(code === 'gone' && kFinalCodes.has(more.reason) ? more.reason : code, message, more);
}

// Only codes that the server itself wrote count; a 403 from a filter on the way says nothing about the session.
export function verdict(error) {
  if (kResetCodes.has(error.code)) return 'reset';
  return kFinalCodes.has(error.code) ? 'close' : 'retry';
}

/** Whether something on the way refuses requests: a filter, for a while or for good. It says nothing of the way down. */
export function isFiltered(error) {
  return /^http_4\d\d$/.test(error.code) && error.status !== 413;
}

/** Whether the next request may fare better: the connection broke, or a balancer had no server, and nobody said when to come back. */
export function isPassing(error) {
  return !error.retry && /^(network|http_50[234])$/.test(error.code);
}

/** The error of a carrier that ends because uploads failed, which says nothing of how a stream dies. */
export const ofUploads = (error) => Object.assign(error, { isOfUploads: true });

/** Of a stream beside which nothing goes up. */
export const noWayUp = () => ofUploads(new SigwayError('no_way_up', 'no upload was answered beside the stream, which may have the only connection'));

/** Whether something on the way did it, and not the server or we. */
export function isUnclean(error) {
  return kUncleanCodes.has(error.code) || error.code.startsWith('http_');
}
