// Perfect negotiation with one peer (W3C WebRTC, section 10.7). What arrives and what is done here goes through one queue, so
// that no two steps overlap.
//
// It owns the RTCPeerConnection and replaces it in two cases:
//
// - A first offer of ours gives way to one of theirs. To roll it back is what the specification says, but in Chromium (measured
//   with 156) a rollback before the first candidate was found leaves ICE gathering stuck for the connection's whole life, in up to
//   a third of the cases; neither an ICE restart nor another offer mends it. Nothing is lost with a connection that has never had
//   an answer, so a new one takes the offer. The other side does not notice.
// - The call is begun anew, because the way between the two did not come about (`renew`). Then both sides replace theirs, and the
//   call's number, which all messages carry, tells what belongs to the one before: a lower number is stale, a higher one says
//   that the other side has begun anew.

import { FoundCandidates, HeldCandidates } from './candidates.js';
import { LinkError, Pace, settled } from './tools.js';

const kSections = 64;                // of a description
const kQueued = 256;                 // messages that wait their turn
const kDescriptions = { burst: 60, each: 50 };
const kRenewals = { burst: 8, each: 2000 };      // that the other side can ask for
const kReports = 16;                 // that a peer gets about what it sent
const kRefusals = 3;                 // of our offers, before we stop making new ones
const kReady = 10000;                // ms that an answer waits for the tracks that belong into it
const kLargestCall = 1e9;

const kAbout = { offer: 'offer', answer: 'answer', candidate: 'candidate', renew: 'renew' };

// Programs that are not ours have one call and do not number it.
export const callOf = (data) => Number.isInteger(data?.call) && data.call > 0 && data.call <= kLargestCall ? data.call : undefined;

export class Negotiation {
  connection = null;
  open = true;
  call = 1;
  #peer;
  #make;
  #courtesyTime;
  #courtesy = null;              // a timer while we let the other side begin
  #needed = false;
  #met = false;                  // this connection has had a description of theirs
  #missed = false;               // they may not have heard our offer
  #work = Promise.resolve();
  #queued = 0;
  #reports = 0;
  #refusals = 0;
  #descriptions = new Pace(kDescriptions);
  #renewals = new Pace(kRenewals);
  #held = new HeldCandidates();
  #found = new FoundCandidates((data) => this.#say('candidate', data));

  // `peer`: {polite, instance, ourInstance, ready, equip(connection), say(type, data), trouble(code, message, by), renewed(by)}; `make` gives a new
  // RTCPeerConnection; `courtesy`: milliseconds that the polite one leaves to the other to make the first offer.
  constructor(peer, make, courtesy) {
    this.#peer = peer;
    this.#make = make;
    this.#courtesyTime = courtesy;
  }

  // `before`: the call that the other side has begun already, and that we did not take part in.
  start(before = 0) {
    this.call = before + 1;
    this.#replace();
    if (before) this.#say('renew');      // or it would wait for the answer to what we did not hear
    this.#beCourteous();
  }

  #replace() {
    this.#discard();
    this.#needed = this.#met = this.#missed = false;
    this.#refusals = 0;
    const connection = this.connection = this.#make();
    connection.onnegotiationneeded = () => this.#negotiate();
    connection.onicecandidate = ({ candidate }) => this.#found.add(candidate);
    this.#peer.equip(connection);
  }

  #discard() {
    const { connection } = this;
    this.#found.clear();
    if (!connection) return;
    for (const name of ['negotiationneeded', 'icecandidate', 'connectionstatechange', 'iceconnectionstatechange', 'track', 'datachannel']) {
      connection[`on${name}`] = null;
    }
    connection.close();
  }

  close() {
    this.open = false;
    clearTimeout(this.#courtesy);
    this.#discard();
    this.#held.clear();
  }

  // -- one step after the other --

  #run(act, about) {
    ++this.#queued;
    this.#work = this.#work.then(async () => {
      --this.#queued;
      if (!this.open) return;
      try {
        await act();
      } catch (error) {
        if (this.open) this.#trouble(error, about);
      }
    });
  }

  // What the other side sent and we cannot use is said there too.
  #trouble(error, about) {
    const code = error.code && typeof error.code === 'string' ? error.code : about ? `bad_${about}` : 'failed';
    const message = String(error.message ?? error).slice(0, 300);
    this.#peer.trouble(code, message, about ? 'them' : 'us');
    if (about && this.#reports++ < kReports) this.#say('link-error', { code, message });
  }

  #say(type, data) {
    this.#peer.say(type, { ...data, call: this.call });
  }

  hear(type, data) {
    if (type === 'link') return this.#greeted(data);
    const about = kAbout[type];
    if (!about && type !== 'link-error') return;
    if (this.#queued >= kQueued) {
      if (about) this.#trouble(new LinkError('too_much', 'messages come faster than they can be worked off; some were dropped'), about);
      return;
    }
    this.#run(async () => {
      const call = callOf(data);
      if (call < this.call) return;
      if (call > this.call) await this.#follow(call);
      if (type === 'candidate') await this.#hearCandidates(data);
      else if (type === 'link-error') await this.#refused(data);
      else if (type !== 'renew') await this.#describe(type, data);
    }, about);
  }

  // They are there and will offer. A program that is not ours names no instance, and may say so when it is ready at last: an offer
  // that it has not answered was lost on it.
  #greeted(data) {
    if (this.#courtesy) this.#beCourteous();
    if (typeof data?.link === 'string' || this.connection.signalingState !== 'have-local-offer' || !this.#renewals.take()) return;
    this.#missed = true;
    this.#beCourteous();
    if (!this.#courtesy) this.#run(() => this.#offer());
  }

  // -- anew --

  renew() {
    this.#run(() => {
      this.#begin(this.call + 1);
      this.#say('renew');
      this.#peer.renewed('us');
    });
  }

  async #follow(call) {
    await this.#renewals.turn();
    if (!this.open) return;
    this.#begin(call);
    this.#peer.renewed('them');
  }

  #begin(call) {
    this.call = call;
    this.#held.clear();
    this.#replace();
    this.#beCourteous();
  }

  // -- descriptions --

  // The newer of two gives the older one a moment, so that not every call begins with two offers.
  #beCourteous() {
    clearTimeout(this.#courtesy);
    this.#courtesy = null;
    if (this.#peer.polite && this.#courtesyTime > 0) this.#courtesy = setTimeout(() => this.endCourtesy(), this.#courtesyTime);
  }

  endCourtesy() {
    clearTimeout(this.#courtesy);
    this.#courtesy = null;
    if (this.#needed || this.#missed) this.#run(() => this.#offer());
  }

  #negotiate() {
    this.#needed = true;
    if (!this.#courtesy) this.#run(() => this.#offer());
  }

  // Where it is not the time, or what was needed went with another exchange, the browser says so again when all is stable.
  async #offer() {
    const { connection } = this;
    const isMissed = this.#missed;
    this.#missed = false;
    // The same one, with the candidates found since: whoever has heard it after all can hear it twice.
    if (isMissed && connection.signalingState === 'have-local-offer') return this.#sayDescription();
    if (!this.#needed || connection.signalingState !== 'stable' || this.#refusals >= kRefusals) return;
    this.#needed = false;
    await connection.setLocalDescription(await connection.createOffer());
    this.#sayDescription();
  }

  // The server has forgotten us, or them: what was under way is said again.
  again() {
    this.endCourtesy();
    this.#run(() => {
      if (this.connection.signalingState !== 'have-local-offer') return undefined;
      return this.#takeBack();
    });
  }

  // Our offer.
  async #takeBack() {
    if (this.#met) await this.connection.setLocalDescription({ type: 'rollback' });
    else this.#replace();
  }

  #sayDescription() {
    const { type, sdp } = this.connection.localDescription;
    this.#say(type, { sdp, link: this.#peer.ourInstance });
  }

  async #describe(type, data) {
    const sdp = data?.sdp;
    if (typeof sdp !== 'string') throw new LinkError(`bad_${type}`, 'there is no sdp in it');
    if (sdp.split('\nm=').length > kSections + 1) throw new LinkError('too_much', `more than ${kSections} media sections`);
    await this.#descriptions.turn();
    if (!this.open) return;
    // A program that is not ours may take no offer: what we send belongs into the answer to its own.
    if (type === 'offer' && typeof data.link !== 'string' && this.#peer.ready) await settled(this.#peer.ready, kReady);
    if (!this.open) return;
    const ours = this.connection.signalingState === 'have-local-offer';
    if (type === 'offer' ? ours && !this.#peer.polite : !ours) return;
    this.#missed = false;
    this.endCourtesy();
    if (type === 'offer' && ours) await this.#takeBack();
    const { connection } = this;
    if (type === 'answer') this.#needed = false;
    await connection.setRemoteDescription({ type, sdp });
    this.#met = true;
    if (typeof data.link === 'string') this.#peer.instance = data.link.slice(0, 64);
    this.#refusals = 0;
    this.#held.newDescription();
    await this.#held.use(connection);
    if (type === 'offer') {
      const answer = await connection.createAnswer();
      this.#needed = false;
      await connection.setLocalDescription(answer);
      this.#sayDescription();
    }
  }

  // The other side could not use what we sent. An offer is taken back, or we would wait for its answer for ever.
  async #refused(data) {
    const code = String(data?.code ?? '').slice(0, 64), message = String(data?.message ?? '').slice(0, 300);
    this.#peer.trouble(code, message, 'us');
    if (code !== 'bad_offer' || this.connection.signalingState !== 'have-local-offer') return;
    const refusals = this.#refusals + 1;
    await this.#takeBack();
    this.#refusals = refusals;
  }

  async #hearCandidates(data) {
    const complaint = this.#held.add(data);
    await this.#held.use(this.connection);
    if (complaint) throw complaint;
  }
}
