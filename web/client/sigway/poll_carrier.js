// Long-polling as a carrier.

import { backoff, soon } from './backoff.js';
import { Carrier } from './carrier.js';
import { clock, deadline, sleep } from './clock.js';
import { refusal, verdict } from './failure.js';
import { notSigway } from './http.js';
import { deferred } from './tools.js';

const kAttachDeadline = 5000;
const kSlackLeast = 600, kSlackUnknown = 8000;   // beyond the hold: a slow network, not a dead one
const kBusyHold = 1000, kHoldGrowth = 1.5;        // a poll that is swallowed is missed when its hold is over, so hold it long in silence only
const kRaceHold = 300;               // while others are tried, too, which may need its connection
const kSilent = 2000;                // ms after which a poll that waits may have been lost
const kTurnShare = 0.5, kTurnHold = 2500;         // where uploads wait for the poll's answer
const kHeldShare = 0.9;              // of what was asked for
const kSlowBody = 100;               // ms from the first of an answer to its end
const kPollFailures = 3;             // so many polls may fail in a row before the carrier counts as cut
const kBriefPause = 500, kBriefPauseMost = 3000;

export class PollCarrier extends Carrier {
  kind = 'poll';
  #n = 0;
  #go = deferred();     // once it is to take over; until then the server would only let it wait
  #again = new AbortController();
  #hold = kBusyHold;
  #failures = 0;        // in a row
  #wait = 0;            // what the last poll asked for
  isAsking = false;     // a poll is under way
  #asked = 0;           // when it was sent
  #replaced = deferred();
  #came = { bytes: 0, since: 0 };    // of an answer
  #before = new AbortController();    // of the one that was replaced

  async start() {
    this.stopper.signal.addEventListener('abort', () => {
      this.#go.resolve();
      this.#again.abort();
      this.#before.abort();
    });
    let empty = 0, pause = kBriefPause;
    while (!this.done && !this.#isOver) {
      const attaching = !this.welcomed;
      for (let turn; !this.done && this.active && (turn = this.session.lines.turn(this.#cameSlowly));) {
        await turn;
        this.#hold = kBusyHold;
      }
      if (this.done || this.#isOver) break;
      const started = this.#asked = clock.now();
      const replaced = this.#replaced = deferred();
      const again = this.#again = new AbortController();
      const { brief } = this.session;
      this.isAsking = true;
      try {
        const asking = this.#poll(attaching, again.signal);
        this.session.lines.asked();
        const isReplaced = await Promise.race([asking.then(() => false), replaced.promise.then(() => true)]);
        this.isAsking = false;
        if (this.done) return;
        if (isReplaced) {
          this.#hearLate(asking, again);
          this.#hold = kBusyHold;
          continue;
        }
        const answer = await asking;
        if (answer === null) throw notSigway('an empty answer to a poll');    // the server's are for those that another one replaced
        this.#failures = 0;
        this.seen = clock.now();
        this.opened = true;
        const nothing = !answer.events?.length && !answer.welcome;
        if (nothing && this.#wait && this.seen - started >= kHeldShare * this.#wait) this.session.pollHeld(this.#wait);
        // Nothing, and at once: a copy, or something on the way that answers for the server. Do not spin.
        empty = nothing && this.seen - started < 100 && !brief ? empty + 1 : 0;
        if (!nothing) this.#hold = kBusyHold;
        else if (!this.#isShort) this.#hold = Math.min(this.#hold + kHoldGrowth * this.#wait, this.session.cadence.wait);
        if (!attaching && !this.#wait) this.session.roundTrip(this.seen - started);
        this.#heard(answer);
        if (attaching && this.welcomed) {
          this.session.roundTrip(this.seen - started);
          this.proved.resolve();
          await this.#go.promise;
        } else if (empty > 1) await sleep(Math.min(2000, 50 * 2 ** empty), this.stopper.signal);
        else if (brief) {
          pause = nothing ? Math.min(kBriefPauseMost, pause * 1.5) : kBriefPause;
          await sleep(pause, this.stopper.signal);
        }
      } catch (error) {
        this.isAsking = false;
        if (this.done) return;
        if (again.signal.aborted) continue;
        if (attaching || verdict(error) !== 'retry' || ++this.#failures > kPollFailures) {
          this.session.lines.asked();
          return this.end(error);
        }
        this.session.pollFailed(clock.now() - started, error);
        await this.session.rest(Math.max(error.retry ?? 0, this.#failures === 1 ? soon() : backoff(this.#failures - 2)), this);
      }
    }
    this.session.lines.asked();
    if (!this.session.leaving) this.stop();    // its connection is another one's to use
  }

  // A poll after the goodbye would only hear that the session is gone, and one after another carrier took over that it did.
  get #isOver() {
    return this.active && (this.session.leaving || (this.session.active !== null && this.session.active !== this));
  }

  #poll(attaching, again) {
    const { session } = this;
    const n = ++this.#n;
    const wait = session.brief || this.#failures ? 0 : Math.round(Math.min(this.#mostHold, session.cadence.wait));
    this.#wait = attaching ? 0 : wait;
    const request = attaching ? this.attachment({ n })
      : { key: session.key, carrier: this.name, n, ack: session.acknowledging(), wait };
    if (!attaching && !this.active && this.turn) request.turn = this.turn;
    // What a lost one should have brought has waited long enough: the next is not held, and its copy does no harm.
    const least = Math.max(session.profile.slack * kSlackLeast, session.profile.queue);
    const slack = session.trips.patience(least * 2 ** Math.max(0, this.#failures - 1), kSlackUnknown);
    this.#came = { bytes: 0, since: 0 };
    const between = attaching ? session.profile.slack * kAttachDeadline : slack;
    return session.settings.http.post('v1/poll', JSON.stringify(request),
      { patience: attaching ? between : wait + slack, between, signal: again, heard: (bytes) => this.#hearsSome(n, bytes) });
  }

  get isHearing() {
    return this.isAsking && this.#came.since > 0;
  }

  // A head alone is no sign of the answer: something on the way may write it at once.
  #hearsSome(n, bytes) {
    if (n !== this.#n) return;
    this.seen = clock.now();
    if (!bytes) return;
    this.session.lines.hears(bytes);
    if (!this.#came.since) this.#came.since = this.seen;
    this.#came.bytes += bytes;
    this.session.profile.came(this.#came.bytes, this.seen - this.#came.since);
  }

  // The line is slow then: an upload waits for its answer, and not for a connection.
  get #cameSlowly() {
    const { since } = this.#came;
    return since > 0 && this.seen - since > kSlowBody;
  }

  get #mostHold() {
    const { cadence, carriers, lines } = this.session;
    if (cadence.single) return Math.min(kTurnHold, kTurnShare * this.#hold);
    // In silence a long poll is under way already: a short one after it would help no other transport.
    const races = carriers.size > 1 && this.#hold <= kBusyHold;
    return Math.min(lines.hold, races ? kRaceHold : this.#hold);
  }

  // It was cut short for the sake of others: that tells nothing of how long silence lasts.
  get #isShort() {
    const { cadence } = this.session;
    return !cadence.single && this.#wait < Math.round(Math.min(this.#hold, cadence.wait));
  }

  /** There is talk, so that a poll which was sent in silence is to be missed soon if it was lost: another one follows it. */
  uploadAnswered() {
    if (!this.isAsking || !this.active || this.#wait <= kBusyHold || this.session.cadence.single) return;
    if (clock.now() - this.#asked >= kSilent) this.#replaced.resolve();
  }

  // The server answers what was replaced; what it said in the same moment counts.
  async #hearLate(asking, again) {
    this.#before.abort();
    this.#before = again;
    let isLost = false;
    const unwatch = deadline(this.session.trips.patience(kSlackLeast, kSlackUnknown), () => {
      isLost = true;
      again.abort();
    });
    try {
      const answer = await asking;
      if (answer && !this.done) this.#heard(answer);
    } catch {
      if (isLost && !this.done) this.session.missed();
    } finally {
      unwatch();
    }
  }

  #heard(answer) {
    const { welcome, first, events, up, activated, standby, ended } = answer;
    if (!Array.isArray(events) || (events.length && !Number.isInteger(first)) || (welcome && typeof welcome !== 'object')) {
      throw notSigway('the answer to a poll is none');
    }
    if (welcome) {
      this.heard({ control: 'welcome', ...welcome, next: first });
    }
    if (this.done || (!ended && this.refusesStranger())) return;
    if (up !== undefined) this.session.uplink.taken(up);
    events.forEach((event, i) => this.session.event(this, first + i, event, JSON.stringify(event).length));
    if (activated) this.takeOver();
    else if (standby) this.stoodBy(standby.turn);
    if (this.active) this.#go.resolve();
    if (ended) this.end(refusal(ended));
  }

  watch() {}         // each poll has its own deadline

  // Is it alive? The next poll tells, and displaces the one that waits.
  test() {
    if (this.welcomed) this.#again.abort();
  }

  activate(turn) {
    this.#go.resolve();      // the next poll goes before what waits to go up, and keeps its connection
    super.activate(turn);
  }

  acknowledge() {}   // the next poll does, and it goes out at once when events came
}
