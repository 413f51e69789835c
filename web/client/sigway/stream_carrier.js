// Server-Sent Events, read by fetch, as a carrier.
//
// Each hello that comes down may be confirmed by an upload, and the server then writes the next one: the stream's ping. The first two
// prove that the way down does not hold back what is written; later ones, that it still does not.

import { Carrier } from './carrier.js';
import { clock, quiet } from './clock.js';
import { EventStream } from './event_stream.js';
import { noWayUp, SigwayError } from './failure.js';
import { notSigway, parseObject } from './http.js';

const kHeadLeast = 3000, kHeadUnknown = 5000, kHeadAlone = 10000;
const kHeldLeast = 400, kHeldUnknown = 1500;   // by so much a hello may be later than the answer to its upload
const kFirstLeast = 1000, kFirstUnknown = 3000;  // and the first later than the head of the stream
const kHeldLatest = 10000;           // while the stream flows: much may be on its way before the hello
const kEchoPause = 2000;
const kSilentLeast = 2000, kSilentUnknown = 3000;   // by so much a hello may be later where the stream was silent before
const kStranded = 2000;              // after which the first confirmation, without an answer, may be waiting for the stream's connection
// That nothing goes up beside a stream which carries without a proof.
const kNoWayUpLeast = 3000, kNoWayUpUnknown = 8000, kNoWayUpMost = 10000;

export class StreamCarrier extends Carrier {
  kind = 'sse';
  #hello = 0;       // the last that came
  #asked = 0;       // when it was confirmed
  #waits = false;   // for the next one
  #unhold = () => {};
  #echoTimer = null;
  #gotThrough = false;   // an upload beside it was answered
  #stopWayUp = () => {};

  async start() {
    const { http } = this.session.settings;
    const { pad } = this.session.cadence;
    const unknown = this.session.carriers.size > 1 ? kHeadUnknown : kHeadAlone;
    try {
      const request = this.attachment({ ...this.session.asks(), ...(pad ? { pad } : {}) });
      const response = await http.stream('v1/sse', JSON.stringify(request),
        { patience: this.session.profile.slack * this.session.trips.patience(kHeadLeast, unknown), signal: this.stopper.signal });
      if (response.status === 204) throw new SigwayError('moved', 'the server has ended this stream');
      if (!/^text\/event-stream/i.test(response.headers.get('Content-Type') ?? '') || !response.body) {
        throw notSigway('the answer is no event stream');
      }
      this.opened = true;
      this.#expect(this.session.trips.patience(kFirstLeast, kFirstUnknown));
      await this.#read(response.body.getReader());
      throw new SigwayError('network', 'the event stream was cut');
    } catch (error) {
      this.end(error instanceof SigwayError ? error : new SigwayError('network', String(error?.message ?? error)));
    }
  }

  async #read(reader) {
    const decoder = new TextDecoder();
    const events = new EventStream((event) => this.#dispatch(event), (text) => {
      if (text.startsWith(' heartbeat') && this.active) this.acknowledge();
    });
    while (!this.done) {
      const { done, value } = await reader.read();
      if (done) return;
      this.seen = clock.now();
      events.feed(decoder.decode(value, { stream: true }), () => this.done);
    }
  }

  #dispatch({ name, data, id }) {
    const value = parseObject(data);
    if (!['welcome', 'error', 'end'].includes(value.control) && this.refusesStranger()) return;
    if (name !== 'control') return this.session.event(this, Number(id), value, data.length);
    if (value.control === 'probe') this.#upload({ carrier: this.name });   // any sign of life keeps our place
    else if (value.control === 'hello') this.#greeted(value.hello);
    else this.heard(value);
  }

  #greeted(hello) {
    if (!(hello > this.#hello)) return;
    this.#hello = hello;
    this.#waits = false;
    this.#unhold();
    if (hello > 1) {
      this.#stopWayUp();
      this.session.roundTrip(clock.now() - this.#asked);
      this.proved.resolve();
    } else {
      this.#echo();
    }
  }

  // Confirms the last hello. The next one is written when the upload is answered: if it does not come then, it is held back.
  async #echo() {
    const expect = this.#ask();
    await this.#upload({ carrier: this.name, hello: this.#hello });
    expect();
  }

  /** For an upload that goes in any case: `fields` ask a stream that has been silent whether it is alive. Null: there is nothing to ask.
   *  Then `settle(answered)` is to be called, with whether the upload was answered. */
  question() {
    if (!this.#hello || this.#waits || clock.now() - this.seen < kEchoPause) return null;
    const hello = this.#hello;
    const expect = this.#ask();
    return { fields: { carrier: this.name, hello }, settle: (answered) => {
      if (answered) expect();
      else if (this.#hello === hello) this.#waits = false;
    } };
  }

  // The last hello is being confirmed. Gives what is to be called when that was answered: the next one has been written then.
  // What brings nothing though something came a moment ago is held back; what was silent before may be dead, and is given more time.
  #ask() {
    this.#forgetEcho();
    const hello = this.#hello;
    this.#asked = clock.now();
    this.#waits = true;
    const silent = this.#asked - this.seen >= kEchoPause;
    return () => {
      if (this.done || this.#hello > hello) return;
      const { trips } = this.session;
      if (!silent) return this.#expect(trips.patience(kHeldLeast, kHeldUnknown));
      this.#expect(trips.patience(kSilentLeast, kSilentUnknown), () => new SigwayError('silence',
        `nothing heard for ${Math.round(clock.now() - this.seen)} ms, though uploads are answered`));
    };
  }

  #expect(patience, error = () => new SigwayError('held_back', 'the stream is held back on the way')) {
    this.#unhold = quiet(patience, kHeldLatest, () => this.seen, () => this.end(error()));
  }

  // Is it alive? If not it ends soon.
  test() {
    if (this.#hello && !this.#waits) this.#echo();
  }

  // Where it took over with its attach, and has the only connection that is served, nothing is acknowledged, and the server ends a session
  // of which nothing was acknowledged within 15 s. While it flows the answers may stand behind what it brings, on a slow line.
  takeOver() {
    if (this.active || this.done) return;
    const patience = Math.min(kNoWayUpMost, this.session.trips.patience(kNoWayUpLeast, kNoWayUpUnknown));
    if (this.#hello < 2) this.#stopWayUp = quiet(patience, kNoWayUpMost, () => this.seen, () => this.end(noWayUp()));
    super.takeOver();
  }

  uploadGotThrough() {
    this.#gotThrough = true;
    this.#stopWayUp();
  }

  get isStranded() {
    return this.#hello === 1 && !this.#gotThrough && clock.now() - this.#asked >= kStranded;
  }

  activate(turn) {
    super.activate(turn);
    this.#upload({ carrier: this.name, turn });
  }

  acknowledge() {
    const left = this.#asked + kEchoPause - clock.now();
    if (!this.#hello || this.#waits) return this.#upload({});
    if (left <= 0) return this.#echo();
    this.#upload({});
    this.#echoTimer ??= setTimeout(() => this.test(), left);   // what came last may have held back something that comes after it
  }

  async #upload(request) {
    try {
      await this.session.upload(request, this);
    } catch (error) {
      this.end(error);
    }
  }

  #forgetEcho() {
    clearTimeout(this.#echoTimer);
    this.#echoTimer = null;
  }

  stop(error) {
    super.stop(error);
    this.#unhold();
    this.#stopWayUp();
    this.#forgetEcho();
  }
}
