// Calls over a sigway room: one RTCPeerConnection to every other member, negotiated without any code of the application.
//
//   const connection = connect({ room: 'garden' });
//   const link = new PeerLink(connection, { channels: ['chat'] });   // in the same turn, so that it misses nobody
//   link.addTrack(track, stream);
//   link.on('track', ({ peer, streams }) => { ... });
//
// This is perfect negotiation (W3C WebRTC, section 10.7) with the roles that the server gives: of each two members the one that
// came later is polite. What arrives and what is done here goes through one queue a peer, so that no two steps overlap. The
// messages are `offer` and `answer` {sdp, link}, `candidate` {candidates}, `bye`, `link` {link, keeps} and `link-error`
// {code, message}. The types are in peer.d.ts.

const kCandidateDelay = 20;          // ms; what the browser finds within it travels in one message
const kCandidatesHeld = 256;         // that wait for their description
const kCandidatesTaken = 256;        // for one description: more than any honest host has
const kCandidatesSent = 64;          // in one message
const kSections = 64;                // of a description
const kQueued = 256;                 // messages of one peer that wait their turn
const kDescriptions = { burst: 60, each: 50 };   // ms a description, once the burst is used up
const kReports = 16;                 // that a peer gets about what it sent
const kRefusals = 3;                 // of our offers, before we stop making new ones
const kPatience = 3000;              // ms: a short loss mends itself
const kRestartBase = 8000, kRestartCap = 30000;
const kOrphanLife = 30000;

// ---- Small tools ---------------------------------------------------------------------------------------------------------

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// Not a secret: it only tells one page's life from the next.
const randomId = () => Array.from({ length: 4 }, () => Math.random().toString(36).slice(2, 8)).join('');

const fragmentsOf = (sdp) => new Set([...sdp.matchAll(/^a=ice-ufrag:(\S+)/gm)].map((found) => found[1]));
const fragmentOf = (candidate) => candidate.usernameFragment ?? / ufrag (\S+)/.exec(candidate.candidate)?.[1];

class LinkError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

// ---- One peer ------------------------------------------------------------------------------------------------------------

class Peer {
  id;
  name;
  join;
  polite;
  suspended;
  state = 'new';
  connection = null;
  channels = new Map();
  streams = [];
  instance = '';                 // which life of the other page this is
  #link;
  #senders = new Map();
  #work = Promise.resolve();
  #queued = 0;
  #tokens = kDescriptions.burst;
  #filled = Date.now();
  #reports = 0;
  #refusals = 0;
  #held = [];                    // candidates from there that came before their description
  #taken = 0;
  #found = [];                   // candidates from here that go with the next message
  #foundTimer = null;
  #courtesy = null;              // a timer while we let the other side begin
  #needed = false;
  #restartTimer = null;
  #restarts = 0;

  constructor(link, member) {
    this.#link = link;
    this.meet(member);
  }

  // Also when the member comes again under another id.
  meet({ peer, name, join, polite, suspended = false }) {
    Object.assign(this, { id: peer, name, join, polite, suspended });
  }

  get open() {
    return this.connection !== null && this.state !== 'closed';
  }

  // -- coming and going --

  start() {
    const { settings, tracks } = this.#link;
    const connection = this.connection = new settings.RTCPeerConnection(this.#link.configuration());
    connection.onnegotiationneeded = () => this.#negotiate();
    connection.onicecandidate = ({ candidate }) => this.#foundCandidate(candidate);
    connection.onconnectionstatechange = connection.oniceconnectionstatechange = () => this.#watch();
    connection.ontrack = ({ track, streams, transceiver }) => this.#heardTrack(track, [...streams], transceiver);
    connection.ondatachannel = ({ channel }) => this.#link.emit('channel', { peer: this, channel });
    // The newer one gives the older one a moment, so that not every call begins with two offers.
    if (this.polite && settings.courtesy > 0) {
      this.#courtesy = setTimeout(() => this.#begin(), settings.courtesy);
    }
    settings.channels.forEach((label, id) => this.#openChannel(label, id));
    for (const [track, streams] of tracks) this.addTrack(track, streams);
    this.#setState('connecting');
  }

  #begin() {
    clearTimeout(this.#courtesy);
    this.#courtesy = null;
    if (this.#needed) this.#negotiate();
    this.#needed = false;
  }

  // Another session of the same page: the call goes on, only what was under way when the server forgot us is said again.
  adopt(member) {
    this.meet(member);
    this.#begin();
    this.#run(async () => {
      if (this.connection.signalingState === 'have-local-offer') await this.connection.setLocalDescription({ type: 'rollback' });
    });
    this.#watch();
  }

  close() {
    if (this.state === 'closed') return;
    for (const timer of [this.#courtesy, this.#foundTimer, this.#restartTimer]) clearTimeout(timer);
    const { connection } = this;
    if (connection) {
      connection.onnegotiationneeded = connection.onicecandidate = connection.onconnectionstatechange = null;
      connection.oniceconnectionstatechange = connection.ontrack = connection.ondatachannel = null;
      for (const channel of this.channels.values()) channel.onopen = channel.onmessage = channel.onclose = null;
      connection.close();
    }
    this.#held = [];
    this.#senders.clear();
    this.#setState('closed');
  }

  #setState(state) {
    if (state === this.state) return;
    const previous = this.state;
    this.state = state;
    this.#link.emit('state', { peer: this, state, previous });
  }

  // -- tracks and channels --

  addTrack(track, streams) {
    if (this.open || this.state === 'new') this.#senders.set(track, this.connection?.addTrack(track, ...streams));
  }

  removeTrack(track) {
    const sender = this.#senders.get(track);
    this.#senders.delete(track);
    if (this.open && sender) this.connection.removeTrack(sender);
  }

  async replaceTrack(track, next) {
    const sender = this.#senders.get(track);
    if (!sender) return;
    this.#senders.delete(track);
    this.#senders.set(next, sender);
    if (this.open) await sender.replaceTrack(next);
  }

  #heardTrack(track, streams, transceiver) {
    for (const stream of streams) {
      if (this.streams.includes(stream)) continue;
      this.streams.push(stream);
      stream.onremovetrack = () => {
        if (stream.getTracks().length === 0) this.streams = this.streams.filter((other) => other !== stream);
        this.#link.emit('track-removed', { peer: this, streams: [stream] });
      };
    }
    this.#link.emit('track', { peer: this, track, streams, transceiver });
  }

  // Both sides make it under the same number: no glare, and it is there before the first offer.
  #openChannel(label, id) {
    const channel = this.connection.createDataChannel(label, { negotiated: true, id });
    channel.binaryType = 'arraybuffer';
    channel.onopen = () => this.#link.emit('open', { peer: this, label, channel });
    channel.onmessage = ({ data }) => this.#link.emit('data', { peer: this, label, data });
    this.channels.set(label, channel);
  }

  send(label, data) {
    const channel = this.channels.get(label);
    if (channel?.readyState !== 'open') return false;
    channel.send(data);
    return true;
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
    this.#link.emit('trouble', { peer: this, code, message, by: about ? 'them' : 'us' });
    if (about && this.#reports++ < kReports) this.#say('link-error', { code, message });
  }

  #say(type, data) {
    this.#link.say(type, data, this.id);
  }

  hear(type, data) {
    if (!this.open) return;
    const about = { offer: 'offer', answer: 'answer', candidate: 'candidate' }[type];
    if (about && this.#queued >= kQueued) {
      return this.#trouble(new LinkError('too_much', 'messages come faster than they can be worked off; some were dropped'), about);
    }
    if (type === 'offer' || type === 'answer') this.#run(() => this.#describe(type, data), about);
    else if (type === 'candidate') this.#run(() => this.#hearCandidates(data), about);
    else if (type === 'link-error') this.#run(() => this.#refused(data));
  }

  // -- descriptions --

  #negotiate() {
    if (this.#courtesy) this.#needed = true;
    else this.#run(() => this.#offer());
  }

  // Where it is not the time, the browser says so again when it is (`negotiationneeded`).
  async #offer() {
    const { connection } = this;
    if (connection.signalingState !== 'stable' || this.#refusals >= kRefusals) return;
    await connection.setLocalDescription(await connection.createOffer());
    this.#sayDescription();
  }

  #sayDescription() {
    const { type, sdp } = this.connection.localDescription;
    this.#say(type, { sdp, link: this.#link.instance });
  }

  async #describe(type, data) {
    const { connection } = this;
    const sdp = data?.sdp;
    if (typeof sdp !== 'string') throw new LinkError(`bad_${type}`, 'there is no sdp in it');
    if (sdp.split('\nm=').length > kSections + 1) throw new LinkError('too_much', `more than ${kSections} media sections`);
    await this.#pace();
    const collides = connection.signalingState !== 'stable';
    if (type === 'offer' ? collides && !this.polite : connection.signalingState !== 'have-local-offer') return;
    if (type === 'offer' && collides) await connection.setLocalDescription({ type: 'rollback' });
    this.#begin();
    await connection.setRemoteDescription({ type, sdp });
    if (typeof data.link === 'string') this.instance = data.link.slice(0, 64);
    this.#refusals = this.#taken = 0;
    await this.#useHeld();
    if (type === 'offer') {
      await connection.setLocalDescription(await connection.createAnswer());
      this.#sayDescription();
    }
  }

  // Descriptions are work: who sends them without end waits for them.
  async #pace() {
    const now = Date.now();
    this.#tokens = Math.min(kDescriptions.burst, this.#tokens + (now - this.#filled) / kDescriptions.each) - 1;
    this.#filled = now;
    if (this.#tokens < 0) await sleep(-this.#tokens * kDescriptions.each);
  }

  // The other side could not use what we sent. An offer is taken back, or we would wait for its answer for ever.
  async #refused(data) {
    const code = String(data?.code ?? '').slice(0, 64), message = String(data?.message ?? '').slice(0, 300);
    this.#link.emit('trouble', { peer: this, code, message, by: 'us' });
    if (code !== 'bad_offer' || this.connection.signalingState !== 'have-local-offer') return;
    ++this.#refusals;
    await this.connection.setLocalDescription({ type: 'rollback' });
  }

  // -- candidates --

  #foundCandidate(candidate) {
    if (!candidate?.candidate) return;
    this.#found.push(candidate.toJSON?.() ?? candidate);
    if (this.#found.length >= kCandidatesSent) this.#sendFound();
    else this.#foundTimer ??= setTimeout(() => this.#sendFound(), kCandidateDelay);
  }

  #sendFound() {
    clearTimeout(this.#foundTimer);
    this.#foundTimer = null;
    this.#say('candidate', { candidates: this.#found.splice(0) });
  }

  // A bundle of ours, or a single one of somebody else's program.
  async #hearCandidates(data) {
    const list = Array.isArray(data?.candidates) ? data.candidates : [data];
    let bad = 0;
    for (const given of list.slice(0, kCandidatesTaken)) {
      const candidate = typeof given?.candidate === 'object' ? given.candidate : given;
      if (typeof candidate?.candidate !== 'string') ++bad;
      else if (candidate.candidate) this.#held.push(candidate);
    }
    const surplus = Math.max(0, this.#held.length - kCandidatesHeld, list.length - kCandidatesTaken);
    if (this.#held.length > kCandidatesHeld) this.#held.splice(0, this.#held.length - kCandidatesHeld);
    await this.#useHeld();
    if (bad) throw new LinkError('bad_candidate', `${bad} of ${list.length} are no candidates`);
    if (surplus) throw new LinkError('too_much', 'more candidates than are taken; some were dropped');
  }

  // Those of the present description. Others may belong to one that is still to come: an offer that we passed over, and whose
  // candidates the answer to ours uses again.
  async #useHeld() {
    const sdp = this.connection.remoteDescription?.sdp;
    if (!sdp || !this.#held.length) return;
    const fragments = fragmentsOf(sdp);
    const fits = (candidate) => { const own = fragmentOf(candidate); return own === undefined || own === null || fragments.has(own); };
    const usable = this.#held.filter(fits);
    this.#held = this.#held.filter((candidate) => !fits(candidate));
    let failure = null;
    for (const { candidate, sdpMid, sdpMLineIndex, usernameFragment } of usable) {
      if (++this.#taken > kCandidatesTaken) throw new LinkError('too_much', 'more candidates than are taken; some were dropped');
      const init = { candidate, sdpMid: sdpMid ?? null, sdpMLineIndex: sdpMLineIndex ?? null };
      if (init.sdpMid === null && init.sdpMLineIndex === null) init.sdpMLineIndex = 0;
      try {
        await this.connection.addIceCandidate(usernameFragment ? { ...init, usernameFragment } : init);
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure) throw new LinkError('bad_candidate', failure.message);
  }

  // -- the way --

  #watch() {
    if (!this.open) return;
    const { connection } = this;
    const state = connection.connectionState ?? connection.iceConnectionState;
    if (state === 'connected' || state === 'completed') {
      clearTimeout(this.#restartTimer);
      this.#restartTimer = null;
      this.#restarts = 0;
      this.#setState('connected');
    } else if (state === 'disconnected' || state === 'failed') {
      this.#setState('reconnecting');
      // The polite one leaves it to the other for a moment: one restart is enough.
      this.#restartSoon((state === 'failed' ? 0 : kPatience) + (this.polite ? kPatience : 0));
    }
  }

  #restartSoon(delay) {
    this.#restartTimer ??= setTimeout(() => {
      this.#restartTimer = null;
      if (!this.open || this.state === 'connected') return;
      // Who is away could not answer; its return calls for it (see presence()).
      if (!this.suspended) this.restartIce();
      this.#restartSoon(Math.min(kRestartCap, kRestartBase * 2 ** this.#restarts++));
    }, delay);
  }

  restartIce() {
    if (!this.open) return;
    try {
      this.connection.setConfiguration?.(this.#link.configuration());   // credentials of a TURN server may have run out
    } catch { /* not everything can be changed; the old ones may do */ }
    this.connection.restartIce();
    this.#link.emit('ice-restart', { peer: this });
  }

  presence(suspended) {
    this.suspended = suspended;
    this.#link.emit('presence', { peer: this, suspended });
    if (!suspended && this.state === 'reconnecting') this.restartIce();
  }
}

// ---- All of a room -------------------------------------------------------------------------------------------------------

export class PeerLink {
  room;
  instance = randomId();
  settings;
  tracks = new Map();
  #connection;
  #peers = new Map();            // by peer id
  #undecided = new Map();        // members of whom we do not know yet whether they are one of the orphans
  #orphans = new Map();          // calls that outlive their session, by the other page's instance
  #handlers = new Map();
  #offs = [];
  #closed = false;

  constructor(connection, { room = connection.rooms[0], channels = [], rtc = {}, courtesy = 400, most = 5,
    RTCPeerConnection = globalThis.RTCPeerConnection } = {}) {
    this.room = room;
    this.settings = { channels, rtc, courtesy, most, RTCPeerConnection };
    this.#connection = connection;
    const hear = (name, act) => this.#offs.push(connection.on(name, (event) => { if (event.room === room) act(event); }));
    hear('joined', ({ members }) => { for (const member of members) this.#meet(member); });
    hear('peer-joined', (member) => this.#meet(member));
    hear('peer-named', ({ peer, name }) => this.#named(peer, name));
    hear('peer-suspended', ({ peer }) => this.#peers.get(peer)?.presence(true));
    hear('peer-resumed', ({ peer }) => this.#peers.get(peer)?.presence(false));
    hear('peer-left', ({ peer, reason }) => this.#left(peer, reason));
    hear('message', (message) => this.#heard(message));
    for (const name of ['left', 'place-lost', 'full']) hear(name, () => this.#allGone(name));
    this.#offs.push(connection.on('reset', () => this.#forgotten()), connection.on('closed', () => this.close()));
  }

  get peers() {
    return [...this.#peers.values(), ...this.#orphans.values()];
  }

  get closed() {
    return this.#closed;
  }

  on(name, handler) {
    if (!this.#handlers.has(name)) this.#handlers.set(name, new Set());
    this.#handlers.get(name).add(handler);
    return () => this.#handlers.get(name).delete(handler);
  }

  emit(name, value) {
    for (const handler of [...this.#handlers.get(name) ?? []]) {
      try {
        handler(value);
      } catch (error) {
        if (typeof reportError === 'function') reportError(error);
        else queueMicrotask(() => { throw error; });
      }
    }
  }

  configuration() {
    const { rtc } = this.settings;
    return { bundlePolicy: 'max-bundle', ...rtc, iceServers: rtc.iceServers ?? this.#connection.iceServers };
  }

  say(type, data, to) {
    if (this.#connection.state === 'closed') return;
    try {
      this.#connection.send(type, data, { to, room: this.room });
    } catch (error) {
      this.emit('trouble', { peer: this.#peers.get(to), code: error.code ?? 'failed', message: error.message, by: 'us' });
    }
  }

  // -- tracks and data --

  addTrack(track, ...streams) {
    if (this.tracks.has(track)) return;
    this.tracks.set(track, streams);
    for (const peer of this.peers) if (peer.open) peer.addTrack(track, streams);
  }

  removeTrack(track) {
    this.tracks.delete(track);
    for (const peer of this.peers) peer.removeTrack(track);
  }

  // Without a negotiation. The new one must be of the same kind.
  async replaceTrack(track, next) {
    const streams = this.tracks.get(track);
    if (!streams) throw new TypeError('the track to be replaced is not sent');
    this.tracks.delete(track);
    this.tracks.set(next, streams);
    await Promise.all(this.peers.map((peer) => peer.replaceTrack(track, next)));
  }

  // To all whose channel is open; gives how many those were.
  send(label, data) {
    return this.peers.filter((peer) => peer.open && peer.send(label, data)).length;
  }

  // Ends all calls and says so. The connection lives on.
  close() {
    if (this.#closed) return;
    this.#closed = true;
    for (const off of this.#offs) off();
    for (const { id } of this.#peers.values()) this.say('bye', undefined, id);
    this.#allGone('closed');
    this.emit('closed', {});
    this.#handlers.clear();
  }

  // -- members --

  #meet(member) {
    if (this.#peers.has(member.peer) || this.#undecided.has(member.peer)) return;
    if (this.#peers.size + this.#undecided.size >= this.settings.most) {
      this.emit('trouble', { peer: undefined, code: 'mesh_full', by: 'us',
        message: `more than ${this.settings.most + 1} members: no call to ${member.peer}` });
      return;
    }
    this.say('link', { link: this.instance, keeps: [...this.#orphans.keys()] }, member.peer);
    if (this.#orphans.size) this.#undecided.set(member.peer, member);
    else this.#begin(member);
  }

  #begin(member) {
    const peer = new Peer(this, member);
    this.#peers.set(peer.id, peer);
    this.emit('peer', { peer });
    peer.start();
    return peer;
  }

  // The first word of a member says whether it is one whose call is still running.
  #decide(member, type, data) {
    this.#undecided.delete(member.peer);
    const kept = type === 'link' && Array.isArray(data?.keeps) && data.keeps.includes(this.instance);
    const orphan = kept ? this.#orphans.get(data.link) : undefined;
    if (!orphan) return this.#begin(member);
    this.#orphans.delete(data.link);
    this.#peers.set(member.peer, orphan);
    orphan.adopt(member);
    this.emit('presence', { peer: orphan, suspended: orphan.suspended });
    return orphan;
  }

  #heard({ type, from, data }) {
    const member = this.#undecided.get(from);
    const peer = member ? this.#decide(member, type, data) : this.#peers.get(from);
    if (!peer) return;
    if (type === 'bye') this.#drop(peer, 'bye');
    else peer.hear(type, data);
  }

  #named(id, name) {
    const peer = this.#peers.get(id) ?? this.#undecided.get(id);
    if (!peer) return;
    peer.name = name;
    if (peer instanceof Peer) this.emit('presence', { peer, suspended: peer.suspended });
  }

  #left(id, reason) {
    this.#undecided.delete(id);
    const peer = this.#peers.get(id);
    if (!peer) return;
    // The server has lost it, but we have not: it may have got another session by now.
    if (reason === 'timeout' || reason === 'closed') this.#orphan(peer);
    else this.#drop(peer, reason);
  }

  #forgotten() {
    this.#undecided.clear();
    for (const peer of [...this.#peers.values()]) this.#orphan(peer);
  }

  #orphan(peer) {
    if (peer.state !== 'connected' || !peer.instance) return this.#drop(peer, 'timeout');
    this.#peers.delete(peer.id);
    const before = this.#orphans.get(peer.instance);
    if (before) this.#drop(before, 'timeout');
    this.#orphans.set(peer.instance, peer);
    peer.presence(true);
    const { id } = peer;
    setTimeout(() => { if (this.#orphans.get(peer.instance) === peer && peer.id === id) this.#drop(peer, 'timeout'); }, kOrphanLife);
  }

  #drop(peer, reason) {
    if (this.#peers.get(peer.id) === peer) this.#peers.delete(peer.id);
    if (this.#orphans.get(peer.instance) === peer) this.#orphans.delete(peer.instance);
    if (peer.state === 'closed') return;
    peer.close();
    this.emit('gone', { peer, reason });
  }

  #allGone(reason) {
    this.#undecided.clear();
    for (const peer of this.peers) this.#drop(peer, reason);
  }
}
