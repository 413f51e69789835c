// WebSocket (RFC 6455) as a carrier.

import { Carrier } from './carrier.js';
import { clock, quiet } from './clock.js';
import { SigwayError } from './failure.js';
import { parseObject } from './http.js';

const kPongLeast = 2000, kPongUnknown = 5000;
const kQuiet = 2000;                 // ms after the last event: is there more, which is held back on the way?
const kFlowing = 3;                  // times as long for a pong, while other frames come: it stands behind them
const kOwnCloses = 4000;             // close codes from here on are the server's; what lies below may be anybody's

export class WebSocketCarrier extends Carrier {
  kind = 'websocket';
  #socket = null;
  #ping = 0;
  #pinged = 0;      // when the ping was sent that nobody has answered yet
  #untest = null;   // while a pong has its time
  #heard = 0;       // when the last event came
  #unquiet = null;  // while it is not quiet

  start() {
    const { http, WebSocket } = this.session.settings;
    try {
      this.#socket = new WebSocket(http.url('v1/ws').replace(/^http/, 'ws'));
    } catch (error) {
      return this.end(new SigwayError('network', String(error?.message ?? error)));
    }
    this.#socket.onopen = () => {
      if (this.done) return;
      this.opened = true;
      this.frame(JSON.stringify(this.attachment({ ...this.session.asks(), ping: this.#nextPing() })));
      this.#expectPong();      // an open one that is dead holds a connection that others need
    };
    this.#socket.onmessage = ({ data }) => { if (!this.done && typeof data === 'string') this.#receive(data); };
    this.#socket.onclose = ({ code, reason }) => {
      const said = code >= kOwnCloses && /^[a-z_]+$/.test(reason);
      this.end(new SigwayError(said ? reason : 'network', `the WebSocket was closed (${code}${reason ? ' ' + reason : ''})`));
    };
    this.#socket.onerror = () => {};  // a close follows
  }

  #receive(text) {
    this.seen = clock.now();
    let value;
    try {
      value = parseObject(text);
    } catch (error) {
      return this.end(error);
    }
    if (!['welcome', 'error', 'end'].includes(value.control) && this.refusesStranger()) return;
    if (value.control === undefined) {
      this.#askWhenQuiet();
      return this.session.event(this, this.next++, value, text.length);
    }
    if (value.control === 'heartbeat') this.#heartbeat(value);
    else if (value.control === 'pong') this.#pong(value);
    else if (value.control === 'probe') this.frame('{}');   // any sign of life keeps our place
    else this.heard(value);
    if (value.control === 'up' && this.#untest) this.#expectPong();    // a slow line: the ping stands behind what was said
  }

  #heartbeat({ next }) {
    // Another carrier was faster: what is left out here has come there, and is acknowledged.
    if (next > this.next && next <= this.session.cursor + 1) {
      this.next = next;
      return;
    }
    if (next !== this.next) return this.end(new SigwayError('gap', `expected event ${this.next}, the server is at ${next}`));
    this.test();                   // the way up may be dead
  }

  #nextPing() {
    this.#pinged = clock.now();
    return ++this.#ping;
  }

  #pong({ ping }) {
    if (ping !== this.#ping) return;
    this.session.roundTrip(clock.now() - this.#pinged);
    this.#pinged = 0;
    this.#forgetPong();
    this.proved.resolve();
  }

  takeOver() {
    super.takeOver();
    if (!this.done) this.#askWhenQuiet();
  }

  // A proxy may hold the end of what was written, until more comes; so may it hold an acknowledgement. Only an answer tells.
  #askWhenQuiet() {
    this.#heard = clock.now();
    this.#unquiet ??= quiet(kQuiet, Infinity, () => this.#heard, () => {
      this.#unquiet = null;
      this.test();
    });
  }

  // Is it alive? If not it ends soon.
  test() {
    if (!this.#pinged) this.frame(JSON.stringify({ ping: this.#nextPing() }));
    if (!this.#untest) this.#expectPong();
  }

  #expectPong() {
    this.#forgetPong();
    const patience = this.session.profile.slack * this.session.trips.patience(kPongLeast, kPongUnknown);
    this.#untest = quiet(patience, kFlowing * patience, () => this.seen,
      () => this.end(new SigwayError('silence', `a ping was not answered in ${patience} ms`)));
  }

  #forgetPong() {
    this.#untest?.();
    this.#untest = null;
  }

  activate(turn) {
    super.activate(turn);
    if (this.#untest) this.#expectPong();
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
    this.#forgetPong();
    this.#unquiet?.();
    try {
      this.#socket?.close(1000);
    } catch { /* it never opened */ }
  }
}
