// How many connections the network serves at a time. Where it serves fewer than we open, a request waits unsent and nothing says so:
// all that can be seen is an upload that has no answer yet. A poll that was answered has just given its connection back: if an upload has
// waited for long, all are called off and sent again, by that one, before the next poll. Where that has helped twice in a row, one
// connection is served at a time: no stream is tried, and polls and uploads take turns.
//
// A poll is not given up for an upload: the server would still serve it first, and some clients (Node's fetch) open another connection in
// the place of the one that was given up.

import { clock, sleep } from './clock.js';
import { SigwayError } from './failure.js';
import { deferred } from './tools.js';

const kUnsentLeast = 400, kUnsentUnknown = 1500;  // ms without an answer, after which an upload may be waiting
const kUnsentTrips = 4;              // a request on a new connection takes two round trips, with TLS one or two more
const kProofs = 2;
const kLargestSlack = 16;
const kWithoutAnswer = new Set(['deadline', 'network', 'aborted']);
const kLeastWait = 100;              // ms
const kMuch = 256;                   // bytes: less in the time of an upload is a drip

export class Lines {
  #session;
  #uploads = new Set();      // under way
  #answer = deferred();      // to the next one that is answered
  #over = deferred();        // of the next one that ends
  #asked = deferred();       // a poll that follows such an upload
  #places = Infinity;        // for uploads, until the next poll is asked
  #proofs = 0;
  #heard = 0;                // bytes of answers that took long
  #slack = 1;                // doubled by each call, until an upload is answered soon: it may have been slow

  constructor(session) {
    this.#session = session;
    session.over.signal.addEventListener('abort', () => {
      for (const { stopper } of this.#uploads) stopper.abort();
      this.#over.resolve();
    });
  }

  get #single() {
    return this.#session.cadence.single;
  }

  /** Whether an upload may begin beside what is under way. */
  get isFree() {
    return this.#places > 0 && (!this.#single || (!this.#uploads.size && !this.#session.active?.isAsking));
  }

  /** Ms after which an upload that has no answer may be waiting for a connection. */
  get patience() {
    return this.#slack * this.#usual;
  }

  get #usual() {
    const { least } = this.#session.trips;    // the first ones take long on a busy machine
    return least === null ? kUnsentUnknown : Math.max(kUnsentLeast, kUnsentTrips * least);
  }

  /** What the next poll has to wait for: a promise, after which it asks again; or null. `cameSlowly`: the answer to the one before did. */
  turn(cameSlowly) {
    const isNew = this.#places === Infinity;
    if (this.#single) {
      if (isNew) this.#places = 1;
      this.#session.uplink.pump();
      return this.#uploads.size ? this.#over.promise : null;
    }
    if (cameSlowly) this.#beginAnew();
    if (!isNew || ![...this.#uploads].some(({ due }) => clock.now() >= due)) return null;
    this.#places = 1;
    for (const upload of this.#uploads) {
      upload.isCalledOff = true;
      upload.stopper.abort();
    }
    this.#slack = Math.min(kLargestSlack, 2 * this.#slack);
    return this.#tryAgain();
  }

  // On a slow line they stood behind that answer.
  #beginAnew() {
    for (const upload of this.#uploads) {
      if (upload.isBehind) continue;        // one answer can have been before it on the line, not each
      upload.isBehind = true;
      upload.due = Math.max(upload.due, clock.now() + this.patience);
    }
  }

  /** Ms for which the next poll may be held at the most: until an upload that is under way may be waiting. */
  get hold() {
    return Math.max(kLeastWait, Math.min(...[...this.#uploads].map(({ due }) => due - clock.now())));
  }

  /** A poll was sent, or none will be: what waits may look for other connections. */
  asked() {
    this.#asked.resolve();
    this.#asked = deferred();
    if (this.#places < Infinity) this.#session.uplink.pumpSoon();
    this.#places = Infinity;
  }

  /** So many bytes came of an answer that is not over. */
  hears(bytes) {
    this.#heard += bytes;
  }

  // A function that says whether an answer is coming, and much of it came since the last call: an upload stands behind it, where one
  // line carries both.
  #standsBehind() {
    let before = this.#heard;
    return () => {
      const came = this.#heard - before;
      before = this.#heard;
      return came >= kMuch && [...this.#session.carriers].some(({ isHearing }) => isHearing);
    };
  }

  async #tryAgain() {
    const { carriers, cadence, profile, over } = this.#session;
    const isAlone = ![...carriers].some(({ kind, opened }) => kind !== 'poll' && opened);
    const wasAnswered = await Promise.race([this.#answer.promise.then(() => true), sleep(this.#usual, over.signal)]);
    if (!isAlone) return;
    this.#proofs = wasAnswered ? this.#proofs + 1 : 0;
    if (this.#proofs >= kProofs) profile.learnt(cadence.servedSingly());
  }

  /** An upload: as Http.post, and `unsent` where it is to be sent again at once. It ends with the session. */
  async send(body, patience) {
    const session = this.#session;
    while (!this.isFree && !session.over.signal.aborted) {
      const enough = new AbortController();
      await Promise.race([this.#asked.promise, this.#over.promise, sleep(kUnsentUnknown, enough.signal)]);
      enough.abort();
    }
    --this.#places;
    const began = clock.now();
    const upload = { due: began + this.patience, stopper: new AbortController(), isCalledOff: false, isBehind: false };
    if (session.over.signal.aborted) upload.stopper.abort();
    this.#uploads.add(upload);
    try {
      const answer = await session.settings.http.post('v1/send', body, { patience, signal: upload.stopper.signal, isBehind: this.#standsBehind() });
      if (typeof answer?.up === 'number') session.roundTrip(clock.now() - began);
      this.#answered(upload, began);
      this.#gotThrough();
      return answer;
    } catch (error) {
      if (!kWithoutAnswer.has(error.code)) this.#gotThrough();
      if (upload.isCalledOff) throw new SigwayError('unsent', 'an upload waited for a connection');
      throw error;
    } finally {
      this.#uploads.delete(upload);
      this.#over.resolve();
      this.#over = deferred();
    }
  }

  #gotThrough() {
    for (const carrier of this.#session.carriers) carrier.uploadGotThrough();
  }

  #answered({ due }, began) {
    if (clock.now() < due && this.#session.active?.isAsking) this.#proofs = 0;    // beside a poll that is held
    if (clock.now() < began + this.#usual) this.#slack = 1;
    this.#answer.resolve();
    this.#answer = deferred();
  }
}
