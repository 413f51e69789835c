// ICE candidates on their way: ours in bundles, theirs until their description is there.

import { LinkError } from './tools.js';

const kDelay = 20;                   // ms; what the browser finds within it travels in one message
const kInMessage = 64;
const kHeld = 256;                   // that wait for their description
const kPatience = 2;                 // descriptions that may come before it
const kTaken = 256;                  // for one description: more than any honest host has

const fragmentsOf = (sdp) => new Set([...sdp.matchAll(/^a=ice-ufrag:(\S+)/gm)].map((found) => found[1]));
const fragmentOf = (candidate) => candidate.usernameFragment ?? / ufrag (\S+)/.exec(candidate.candidate)?.[1];

export class FoundCandidates {
  #send;
  #found = [];
  #timer = null;

  constructor(send) {
    this.#send = send;
  }

  add(candidate) {
    if (!candidate?.candidate) return;
    this.#found.push(candidate.toJSON?.() ?? candidate);
    if (this.#found.length >= kInMessage) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), kDelay);
  }

  #flush() {
    const candidates = this.#found;
    this.clear();
    this.#send({ candidates });
  }

  clear() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#found = [];
  }
}

export class HeldCandidates {
  #held = [];                // {candidate, since}: how many descriptions there had been
  #descriptions = 0;
  #taken = 0;

  // A bundle of ours, or a single one of somebody else's program. Gives what is to be complained of once the good ones are used.
  add(data) {
    const list = Array.isArray(data?.candidates) ? data.candidates : [data];
    let bad = 0;
    for (const given of list.slice(0, kTaken)) {
      const candidate = typeof given?.candidate === 'object' ? given.candidate : given;
      if (typeof candidate?.candidate !== 'string') ++bad;
      else if (candidate.candidate) this.#held.push({ candidate, since: this.#descriptions });
    }
    const surplus = Math.max(0, this.#held.length - kHeld, list.length - kTaken);
    if (this.#held.length > kHeld) this.#held.splice(0, this.#held.length - kHeld);
    if (bad) return new LinkError('bad_candidate', `${bad} of ${list.length} are no candidates`);
    if (surplus) return new LinkError('too_much', 'more candidates than are taken; some were dropped');
    return null;
  }

  // What fits none of the next ones belongs to an offer that was passed over for good.
  newDescription() {
    this.#taken = 0;
    ++this.#descriptions;
    this.#held = this.#held.filter(({ since }) => this.#descriptions - since <= kPatience);
  }

  clear() {
    this.#held = [];
    this.#taken = 0;
  }

  // Those of the present description. Others may belong to one that is still to come: an offer that we passed over, and whose
  // candidates the answer to ours uses again.
  async use(connection) {
    const sdp = connection.remoteDescription?.sdp;
    if (!sdp || !this.#held.length) return;
    const fragments = fragmentsOf(sdp);
    const fits = ({ candidate }) => { const own = fragmentOf(candidate); return own === undefined || own === null || fragments.has(own); };
    const usable = this.#held.filter(fits);
    this.#held = this.#held.filter((held) => !fits(held));
    let failure = null;
    for (const { candidate: { candidate, sdpMid, sdpMLineIndex, usernameFragment } } of usable) {
      if (++this.#taken > kTaken) throw new LinkError('too_much', 'more candidates than are taken; some were dropped');
      const init = { candidate, sdpMid: sdpMid ?? null, sdpMLineIndex: sdpMLineIndex ?? null };
      if (init.sdpMid === null && init.sdpMLineIndex === null) init.sdpMLineIndex = 0;
      try {
        await connection.addIceCandidate(usernameFragment ? { ...init, usernameFragment } : init);
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure) throw new LinkError('bad_candidate', failure.message);
  }
}
