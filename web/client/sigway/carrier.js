// What the three transports have in common.

import { clock, deadline } from './clock.js';
import { refusal, SigwayError } from './failure.js';
import { notSigway } from './http.js';
import { kLongest } from './limits.js';
import { deferred } from './tools.js';

const kMissedHeartbeats = 2.2;

// One attempt of one transport. It attaches, proves itself (`proved`: an application message made the round trip), takes over
// when it is told to (`activated`), and ends once, with an error. It tells the session what it hears.
export class Carrier {
  constructor(session, name) {
    this.session = session;
    this.name = name;
    this.turn = 0;            // of its activation, 0 before it asks for one
    this.opened = false;      // something has answered, but that proves nothing
    this.welcomed = false;    // the server has answered, and not something in its place
    this.active = false;
    this.tookOver = null;     // when
    this.done = false;
    this.next = 1;            // number of the next event, where the transport does not carry numbers
    this.born = this.seen = clock.now();
    this.proved = deferred();
    this.activated = deferred();
    this.stopper = new AbortController();
    this.unwatch = () => {};
    session.carriers.add(this);
  }

  /** Whether part of an answer has come, and more of it will. */
  get isHearing() {
    return false;
  }

  attachment(more) {
    const session = this.session;
    // What begins alone displaces nobody: what has proved itself before, or what the application wants. It may take over at once.
    if (!session.active && session.carriers.size === 1 && session.trusts(this.kind)) this.turn = session.nextTurn();
    return { key: session.key, ...session.identity(), carrier: this.name, ack: session.cursor,
      ...(this.turn ? { turn: this.turn } : {}), ...more };
  }

  heard(control) {
    switch (control.control) {
      case 'welcome':
        if (typeof control.server !== 'string' || control.carrier !== this.name || !(control.next >= 1) || !(control.heartbeat >= 0) ||
            !Number.isSafeInteger(control.turn)) {
          return this.end(notSigway('a welcome to somebody else'));
        }
        if (this.session.server && this.session.server !== control.server) return this.end(this.session.otherServer(this));
        this.welcomed = true;
        this.next = control.next;
        this.session.welcome(control);
        this.watch(Math.min(kLongest, control.heartbeat));
        if (control.active && this.turn && control.turn === this.turn) this.takeOver();
        else if (!control.active) this.turn = 0;      // the turn of the attach did nothing: once proved it takes another
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
        this.end(refusal(control));
        break;
    }
  }

  /** An event, or a control before any welcome, can only be an echo of ours or another server's. */
  refusesStranger() {
    if (!this.welcomed) this.end(notSigway('something before the welcome'));
    return !this.welcomed;
  }

  /** An upload with messages was answered. Where connections die in silence this carrier's may have. */
  uploadAnswered() {}

  /** An upload was answered by the server, or by something on the way: it had a connection. */
  uploadGotThrough() {}

  /** Whether it brings something, but no upload beside it was answered in time: it may have the only connection that is served. */
  get isStranded() { return false; }

  /** It shall take over: the server answers `activated` or `standby`. */
  activate(turn) {
    this.turn = turn;
    this.session.chose(this);
  }

  takeOver() {
    if (this.active || this.done) return;
    this.active = true;
    this.tookOver = clock.now();
    this.proved.resolve();         // the server has answered us, whatever else is still to come back
    this.session.activated(this);
    this.activated.resolve();
  }

  // Turns are given out once, so our own turn in the answer means that an earlier copy of the request was the one.
  stoodBy(turn) {
    if (this.active) return;
    if (!Number.isSafeInteger(turn) || turn < 0) return this.end(notSigway('a standby without a turn'));
    if (turn === this.turn) this.takeOver();
    else this.activate(this.session.nextTurn(turn));
  }

  // Ends the carrier when two heartbeats are missing.
  watch(heartbeat) {
    this.unwatch();
    this.heartbeat = heartbeat;
    const patience = kMissedHeartbeats * heartbeat;
    const check = () => {
      const silence = clock.now() - this.seen;
      if (silence >= patience) this.end(new SigwayError('silence', `nothing heard for ${Math.round(silence)} ms`));
      else this.unwatch = deadline(patience - silence, check);
    };
    this.unwatch = deadline(patience, check);
  }

  end(error) {
    if (this.done) return;
    const carried = this.session.active === this;
    if (error.code === 'draining') this.session.uplink.closedAt(error.expected);
    this.stop(error);
    if (carried) this.session.lost(this, error);
  }

  // Ends it because we want it.
  stop(error = new SigwayError('aborted', 'the carrier was stopped')) {
    if (this.done) return;
    this.done = true;
    this.session.detached(this);
    this.unwatch();
    this.stopper.abort();
    this.proved.reject(error);
    this.activated.reject(error);
  }
}
