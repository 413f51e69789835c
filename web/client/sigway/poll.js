// Long-polling as a carrier.

import { Carrier } from './carrier.js';
import { SigwayError, verdict } from './errors.js';
import { backoff, deferred, sleep } from './tools.js';

const kAttachDeadline = 10000;
const kPollSlack = 8000;             // beyond the hold: a slow network, not a dead one
const kPollFailures = 2;             // so many polls may fail in a row before the carrier counts as cut

export class PollCarrier extends Carrier {
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
      { deadline: request.wait === undefined ? kAttachDeadline : request.wait + kPollSlack, signal: this.stopper.signal });
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
