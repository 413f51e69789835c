// Keeps an active carrier under the session: by a race when there is none, by probing for a better one while a lesser one carries, by
// renewing what would be cut, and by testing what may have died while we slept.

import { backoff } from './backoff.js';
import { clock, sleep } from './clock.js';
import { isUnclean, SigwayError, verdict } from './failure.js';
import { PollCarrier } from './poll_carrier.js';
import { kTransports, planRace, Race } from './race.js';
import { Seats } from './seats.js';
import { StreamCarrier } from './stream_carrier.js';
import { WebSocketCarrier } from './websocket_carrier.js';

const kCarriers = { websocket: WebSocketCarrier, sse: StreamCarrier, poll: PollCarrier };
const kPatience = 10000;             // for a proof; the server lets an attempt stand by for as long
const kShortLife = 1000;             // a stream that ended politely earlier than this waits like any other
const kStable = 10000;               // after a life of this, the resets before it do not count any longer
const kRenewalLeast = 1000;          // ms after a carrier took over, however old it was by then
const kFirstProbe = 5000, kProbeGrowth = 4, kRarestProbe = 5 * 60 * 1000;
const kMinute = 60 * 1000;
const kPauseShare = 0.25;             // of the time for which the server keeps our place, at the most: several tries must fit

export class Steering {
  #settings;
  #profile;
  #journal;
  #hooks;
  #session = null;
  #mode;
  #running = false;
  #race = null;
  #switching = null;
  #wake = new AbortController();
  #attempts = 0;
  #lostAt = clock.now();
  #resets = 0;               // without a carrier that has lived for long
  #falls = 0;                // carriers in a row that were gone at once
  #probeTimer = null;
  #probePause = kFirstProbe;
  #renewTimer = null;
  #failedRenewals = 0;       // in a row
  #minutes;
  #seats;
  #stopped = false;

  /** `hooks`: session() gives the one to carry, or a promise of it; open(kind); reconnecting(); retry(plan); broken(error) for what
   *  no other transport would change. */
  constructor({ settings, mode, profile, journal, locks, hooks }) {
    this.#settings = settings;
    this.#mode = mode;
    this.#profile = profile;
    this.#journal = journal;
    this.#hooks = hooks;
    this.#seats = new Seats(locks, settings.http.base.href, (seated) => this.#seated(seated));
    this.#minutes = setInterval(() => this.#minute(), kMinute);
    this.#minutes.unref?.();
  }

  get mode() { return this.#mode; }

  /** Whether somebody is looking for a way already. */
  get busy() { return this.#running || this.#switching !== null; }

  #kinds() {
    if (this.#mode !== 'auto') return [this.#mode];
    const { brief, cadence } = this.#profile;
    return kTransports.filter((kind) => (kind !== 'websocket' || this.#settings.WebSocket) && (kind !== 'sse' || !(brief || cadence.single)));
  }

  #better(kind) {
    const kinds = this.#kinds();
    return kinds.slice(0, Math.max(0, kinds.indexOf(kind))).filter((each) => !this.#profile.lives.isAside(each));
  }

  // ---- Until a carrier is active ----

  /** One loop at a time. What fails here is tried again for ever, but for what the server forbids. */
  async run(delay = 0, reason = null) {
    if (this.#running) return;
    this.#running = true;
    this.#calm();
    for (let failures = 0; !this.#stopped;) {
      if (delay > 0) {
        this.#hooks.retry({ delay: Math.round(delay), reason });
        await sleep(delay, this.#wake.signal);
      }
      const session = this.#session = await this.#hooks.session();
      this.#profile.only = this.#mode === 'auto' ? null : this.#mode;
      if (!session || session.active || this.#stopped) break;
      try {
        const known = this.#mode === 'auto' ? this.#profile.known : null;
        const steps = planRace(this.#kinds(), known, (kind) => this.#profile.lives.isAside(kind));
        await this.#begin(session, steps, null, 'race').first.promise;
        if (session.active) break;
        delay = backoff(0);            // it has ended again already
      } catch (error) {
        reason = error.reason ?? error;
        // Where the server itself has disowned the session it can be reached again.
        failures = error.calledOff ? 0 : verdict(error) === 'reset' ? this.#resets++ : failures + 1;
        delay = error.calledOff ? error.pause ?? 0 : Math.max(error.retry ?? 0, backoff(Math.max(0, failures - 1), this.#longestPause()));
        if (error.calledOff || this.#stopped) continue;
        this.#profile.outage();        // or the server was away: no transport's fault either
        this.#journal.add('nothing works', { why: error.message, code: error.code });
        this.#hooks.reconnecting();
        if (verdict(error) !== 'retry') await this.#hooks.broken(error, session);
      }
    }
    this.#running = false;
  }

  #longestPause() {
    const { resume = 0 } = this.#session ?? {};
    return clock.now() - this.#lostAt < resume ? kPauseShare * resume : Infinity;
  }

  #begin(session, steps, leader, what) {
    this.#journal.add(what, { transports: steps.flatMap(({ kinds }) => kinds).join(', ') });
    const race = this.#race = new Race({ session, steps, leader, patience: this.#profile.slack * kPatience, hooks: {
      launch: (kind) => {
        this.#journal.add('trying', { transport: kind });
        return new kCarriers[kind](session, `${kind[0]}${++this.#attempts}`);
      },
      won: (carrier) => {
        if (session !== this.#session || session.active !== carrier) return;
        this.#probePause = kFirstProbe;
        this.#failedRenewals = 0;
        this.#profile.worked(carrier.kind, what === 'renewal' ? null : Math.round(carrier.proof));
        this.#journal.add('active', { transport: carrier.kind, proof: Math.round(carrier.proof) });
        this.#hooks.open(carrier.kind);
        if (this.#mode !== 'auto' || carrier.kind === 'websocket') this.#seats.leave();
        else this.#seats.take();
      },
      failed: (carrier, error) => {
        this.#profile.failed(carrier.kind, error);
        if (carrier.kind === 'sse' && ['held_back', 'deadline'].includes(error.code)) this.#profile.learnt(this.#profile.cadence.heldBack());
        this.#journal.add('failed', { transport: carrier.kind, why: error.message, code: error.code });
      },
      dropped: (carrier, why) => this.#journal.add('dropped', { transport: carrier.kind, why }),
    } });
    race.settled.promise.then(() => {
      if (this.#race !== race) return;
      this.#race = null;
      this.#settle();
    }, () => {
      if (this.#race === race) this.#race = null;
    });
    return race;
  }

  // ---- While one is ----

  /** The active carrier has ended. Gives whether that is for us to mend. */
  lost(carrier, error) {
    this.#calm();
    const now = this.#lostAt = clock.now();
    const age = carrier ? now - carrier.born : 0;
    if (age > kStable) this.#resets = 0;
    this.#falls = age < kShortLife ? this.#falls + 1 : 0;
    if (carrier && isUnclean(error)) this.#profile.died(carrier, error, age, now - carrier.seen, carrier.heartbeat ?? 25000);
    this.#journal.add('lost', { transport: carrier?.kind, why: error.message, code: error.code,
      age: carrier ? Math.round(age) : undefined });
  }

  /** Whether the news that we have moved is quicker than the new carrier's own. */
  isMoving(error) {
    const succession = error.code === 'moved' ? this.#race?.succession : null;
    succession?.then(() => { if (!this.#session?.active && !this.#stopped) this.recover(null, error); });
    return Boolean(succession);
  }

  /** After `lost`: looks for a way again. */
  recover(carrier, error) {
    const polite = error.code === 'stream_limit' && carrier && clock.now() - carrier.born > kShortLife;
    if (this.#switching) return;       // it looks again when it is done
    const before = verdict(error) === 'reset' ? this.#resets++ : Math.max(0, this.#falls - 1);
    // What uploads were asked to wait for they have had, or still keep to: the way down has not.
    const asked = error.isOfUploads ? 0 : error.retry ?? 0;
    const pause = polite ? 0 : Math.max(asked, backoff(before, this.#longestPause()));
    // Where it carried before it was proved the race goes on, in another round: that is no outage.
    this.#race?.stop(Object.assign(new SigwayError('aborted', 'what carried has ended'), { calledOff: true, pause, reason: error }));
    this.run(pause, error);
  }

  /** `pause`: ms until the next renewal, where the last one failed. */
  #settle(pause = 0) {
    const carrier = this.#session?.active;
    this.#calm();
    if (!carrier || this.#stopped) return;
    if (carrier.kind === 'sse' && this.#profile.brief && this.#mode === 'auto' && !pause) {
      this.#begin(this.#session, [{ kinds: ['poll'], after: 0 }], null, 'switch').settled.promise
        .catch((error) => this.#settle(Math.max(error.retry ?? 0, backoff(0))));
      return;
    }
    const life = this.#profile.cadence.life[carrier.kind];
    if (life) this.#renewTimer = setTimeout(() => this.#renew(carrier), pause || Math.max(kRenewalLeast, life - (clock.now() - carrier.born)));
    this.#planProbe();
  }

  #calm() {
    clearTimeout(this.#probeTimer);
    clearTimeout(this.#renewTimer);
  }

  // Make before break: the successor takes over while the old one still carries.
  async #renew(carrier) {
    if (this.#race) return;            // when it is over it is planned again
    if (this.#session?.active !== carrier) return this.#settle();
    try {
      await this.#begin(this.#session, [{ kinds: [carrier.kind], after: 0 }], null, 'renewal').settled.promise;
    } catch (error) {
      this.#settle(Math.max(error.retry ?? 0, backoff(this.#failedRenewals++)));
    }
  }

  // Too many tabs of this browser hold connections, or fewer do again.
  #seated(seated) {
    if (this.#profile.brief === !seated) return;
    this.#profile.brief = !seated;
    this.#journal.add(seated ? 'holding' : 'asking briefly', { why: seated ? 'few tabs hold connections' : 'other tabs hold the connections' });
    const { active } = this.#session ?? {};
    if (!active) return;
    if (active.kind === 'poll') active.test();
    else if (!this.#race) this.#settle();
    if (seated) this.#planProbe();
  }

  #planProbe() {
    clearTimeout(this.#probeTimer);
    const { active } = this.#session ?? {};
    if (this.#mode !== 'auto' || !active) return;
    const kinds = this.#kinds();
    const better = kinds.slice(0, Math.max(0, kinds.indexOf(active.kind)));
    if (!better.length) return;
    const soonest = Math.min(...better.map((kind) => this.#profile.lives.remaining(kind)));
    const pause = this.#probePause * (0.8 + 0.4 * Math.random());
    this.#probeTimer = setTimeout(() => this.#probe(), Math.max(soonest, pause));
  }

  async #probe() {
    const { active } = this.#session ?? {};
    const better = active ? this.#better(active.kind) : [];
    if (!better.length || this.#race) return this.#planProbe();
    this.#probePause = Math.min(kRarestProbe, this.#probePause * kProbeGrowth);
    // One at a time, as soon as the one before has failed: uploads need connections, too.
    const steps = better.map((kind, i) => ({ kinds: [kind], after: i === 0 ? 0 : kPatience }));
    try {
      await this.#begin(this.#session, steps, active, 'probe').settled.promise;
    } catch { /* called off */ }
  }

  #minute() {
    this.#profile.relax();
    const { active } = this.#session ?? {};
    if (active && clock.now() - active.born > kMinute) this.#profile.foundSteady();
    if (active && clock.now() - active.born > 2 * (active.heartbeat ?? 25000)) this.#profile.grewOld(active.kind);
  }

  /** The active carrier needs the connections, or the line, of those that are only being tried. */
  crowded() {
    if (!this.#switching) this.#race?.narrow();
  }

  // ---- What happens around ----

  /** Waits no longer. */
  hurry() {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  /** The active carrier may be dead, and the network another one. */
  test(why) {
    this.#journal.add(why);
    this.#probePause = kFirstProbe;
    this.#session?.active?.test();
    this.#session?.hurry();
    this.hurry();
    if (this.#session?.active && !this.#race) this.#probe();
  }

  /** The application wants another transport. Resolves with the one in use; if it does not work it rejects, and the old one goes on. */
  async switchTo(mode, whenOpen) {
    // One that is under way has not come about: it neither takes its wish back nor is it what a failure leads back to.
    const before = this.#switching?.before ?? this.#mode;
    const wasSwitching = this.#switching !== null;
    this.#switching?.race.stop();
    this.#switching = null;
    const session = this.#session;
    this.#mode = mode;
    if (!session?.active) {
      if (wasSwitching) this.#look();
      this.#race?.stop(Object.assign(new SigwayError('aborted', 'another transport was asked for'), { calledOff: true }));
      this.hurry();
      return whenOpen();
    }
    this.#race?.stop();
    this.#calm();
    const { active } = session;
    const wanted = mode === 'auto' ? this.#kinds().slice(0, this.#kinds().indexOf(active.kind)) : [mode];
    if (!wanted.length || mode === active.kind) {
      this.#settle();
      return active.kind;
    }
    const steps = mode === 'auto' ? planRace(wanted, null) : [{ kinds: wanted, after: 0 }];
    const race = this.#begin(session, steps, mode === 'auto' ? active : null, 'switch');
    const mine = this.#switching = { race, before };
    try {
      await race.settled.promise;
      return session.active?.kind ?? race.leader.kind;
    } catch (error) {
      if (this.#switching === mine) this.#mode = before;
      if (verdict(error) !== 'retry') session.broken(error);
      throw error;
    } finally {
      if (this.#switching === mine) {
        this.#switching = null;
        this.#look();
      }
    }
  }

  // A switch is over, and what carried before may have been lost meanwhile.
  #look() {
    if (this.#session?.active) this.#settle();
    else if (!this.#stopped) {
      this.#hooks.reconnecting();
      this.run(backoff(0));
    }
  }

  stop() {
    this.#stopped = true;
    this.#calm();
    clearInterval(this.#minutes);
    this.#seats.leave();
    this.#race?.stop();
    this.#wake.abort();
  }
}
