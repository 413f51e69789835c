// Long-polling as a carrier.

import { Carrier } from './carrier.js';
import { backoff, clock, sleep, soon } from './clock.js';
import { refusal, verdict } from './errors.js';
import { notSigway } from './http.js';
import { deferred } from './tools.js';

const kAttachDeadline = 5000;
const kSlackLeast = 600, kSlackUnknown = 8000;   // beyond the hold: a slow network, not a dead one
const kBusyHold = 1000, kHoldGrowth = 2.5;        // a poll that is swallowed is missed when its hold is over, so hold it long in silence only
const kPollFailures = 3;             // so many polls may fail in a row before the carrier counts as cut
const kBriefPause = 500, kBriefPauseMost = 3000;

export class PollCarrier extends Carrier {
  kind = 'poll';
  #n = 0;
  #go = deferred();     // once it is to take over; until then the server would only let it wait
  #again = new AbortController();
  #hold = kBusyHold;
  #failures = 0;        // in a row

  async start() {
    this.stopper.signal.addEventListener('abort', () => {
      this.#go.resolve();
      this.#again.abort();
    });
    let empty = 0, pause = kBriefPause;
    while (!this.done && !this.#isOver) {
      const attaching = !this.welcomed;
      const started = clock.now();
      const again = this.#again = new AbortController();
      const { brief } = this.session;
      try {
        const answer = await this.#poll(attaching, again.signal);
        if (this.done) return;
        this.#failures = 0;
        this.seen = clock.now();
        this.opened = true;
        const nothing = !answer?.events?.length && !answer?.welcome;
        // Nothing, and at once: a copy, or something on the way that answers for the server. Do not spin.
        empty = nothing && this.seen - started < 100 && !brief ? empty + 1 : 0;
        this.#hold = nothing ? Math.min(this.#hold * kHoldGrowth, this.session.cadence.wait) : kBusyHold;
        if (answer) this.#heard(answer);
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
        if (this.done) return;
        if (again.signal.aborted) continue;
        if (attaching || verdict(error) !== 'retry' || ++this.#failures > kPollFailures) return this.end(error);
        this.session.pollFailed(clock.now() - started, error);
        await sleep(Math.max(error.retry ?? 0, this.#failures === 1 ? soon() : backoff(this.#failures - 2)),
          this.stopper.signal);
      }
    }
    if (!this.session.leaving) this.stop();    // its connection is another one's to use
  }

  // A poll after the goodbye would only hear that the session is gone, and one after another carrier took over that it did.
  get #isOver() {
    return this.active && (this.session.leaving || (this.session.active !== null && this.session.active !== this));
  }

  #poll(attaching, again) {
    const { session } = this;
    const n = ++this.#n;
    const wait = session.brief || this.#failures ? 0 : Math.round(Math.min(this.#hold, session.cadence.wait));
    const request = attaching ? this.attachment({ n })
      : { key: session.key, carrier: this.name, n, ack: session.acknowledging(), wait };
    if (!attaching && !this.active && this.turn) request.turn = this.turn;
    // What a lost one should have brought has waited long enough: the next is not held, and its copy does no harm.
    const slack = session.trips.patience(kSlackLeast << Math.max(0, this.#failures - 1), kSlackUnknown);
    const patience = attaching ? kAttachDeadline : wait + slack;
    return session.settings.http.post('v1/poll', JSON.stringify(request), { patience, signal: again });
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
    super.activate(turn);
    this.#go.resolve();
  }

  acknowledge() {}   // the next poll does, and it goes out at once when events came
}
