// Calls over a sigway room: one RTCPeerConnection to every other member, negotiated without any code of the application.
//
//   const connection = connect({ room: 'garden' });
//   const link = new PeerLink(connection, { channels: ['chat'] });   // in the same turn, so that it misses nobody
//   link.addTrack(track, stream);
//   link.on('track', ({ peer, streams }) => { ... });
//
// This is perfect negotiation (W3C WebRTC, section 10.7) with the roles that the server gives: of each two members the one that
// came later is polite. The messages are `offer` and `answer` {sdp, link, call}, `candidate` {candidates, call}, `renew` {call},
// `bye`, `link` {link, keeps} and `link-error` {code, message, call}; `call` counts the connections that two peers have made to
// each other. `link` says that its sender can be called; from a program that is not ours, without {link}, also that it could not
// before. The types are in peer.d.ts, the parts in peer/.

import './peer/candidates.js';
import { callOf } from './peer/negotiation.js';
import { Peer } from './peer/peer.js';
import { randomId } from './peer/tools.js';

const kOrphanLife = 30000;

export class PeerLink {
  room;
  instance = randomId();
  settings;
  tracks = new Map();
  #connection;
  #peers = new Map();            // by peer id
  #undecided = new Map();        // members of whom we do not know yet whether they are one of the orphans
  #skipped = new Map();          // members for whom there is no place yet, with the number of the call that they have begun with us
  #orphans = new Map();          // calls that outlive their session, by the other page's instance
  #handlers = new Map();
  #offs = [];
  #closed = false;

  constructor(connection, { room = connection.rooms[0], channels = [], rtc = {}, courtesy = 1000, patience = 15000, most = 5,
    ready = undefined, RTCPeerConnection = globalThis.RTCPeerConnection } = {}) {
    this.room = room;
    this.settings = { channels, rtc, courtesy, patience, most, ready, RTCPeerConnection };
    this.#connection = connection;
    const hear = (name, act) => this.#offs.push(connection.on(name, (event) => { if (event.room === room) act(event); }));
    hear('joined', ({ members }) => { for (const member of members) this.#meet(member); });
    hear('peer-joined', (member) => this.#meet(member));
    hear('peer-named', ({ peer, name }) => this.#named(peer, name));
    hear('peer-suspended', ({ peer }) => this.#present(peer, true));
    hear('peer-resumed', ({ peer }) => this.#present(peer, false));
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

  // Without a negotiation. Where a connection refuses the new one all of them keep the old one.
  async replaceTrack(track, next) {
    if (!this.tracks.has(track)) throw new TypeError('the track to be replaced is not sent');
    if (!next) throw new TypeError('there is no track to send instead: to mute one set its `enabled` to false, or take it off with removeTrack()');
    if (next.kind !== track.kind) throw new TypeError(`a track of kind ${track.kind} cannot be replaced by one of kind ${next.kind}`);
    const peers = this.peers;
    const results = await Promise.allSettled(peers.map((peer) => peer.replaceTrack(track, next)));
    const refused = results.find(({ status }) => status === 'rejected');
    if (refused) {
      await Promise.allSettled(peers.filter((_, i) => results[i].status === 'fulfilled').map((peer) => peer.replaceTrack(next, track)));
      throw refused.reason;
    }
    const streams = this.tracks.get(track);
    if (!streams) return;      // taken off meanwhile
    this.tracks.delete(track);
    this.tracks.set(next, streams);
    await Promise.all(this.peers.map((peer) => peer.replaceTrack(track, next)));      // who came meanwhile got the old one
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

  get #full() {
    return this.#peers.size + this.#undecided.size >= this.settings.most;
  }

  #meet(member) {
    if ([this.#peers, this.#undecided, this.#skipped].some((known) => known.has(member.peer))) return;
    if (this.#full) {
      this.#skipped.set(member.peer, { ...member, call: 0 });
      this.emit('trouble', { peer: undefined, code: 'mesh_full', by: 'us',
        message: `more than ${this.settings.most + 1} members: no call to ${member.peer}` });
      return;
    }
    this.say('link', { link: this.instance, keeps: [...this.#orphans.keys()] }, member.peer);
    if (this.#orphans.size && !member.call) this.#undecided.set(member.peer, member);
    else this.#begin(member);
  }

  // A place is free. Those that wait have it in the order in which they came.
  #callSkipped() {
    for (const [id, member] of this.#skipped) {
      if (this.#full) return;
      this.#skipped.delete(id);
      this.#meet(member);
    }
  }

  #begin(member) {
    const peer = new Peer(this, member);
    this.#peers.set(peer.id, peer);
    this.emit('peer', { peer });
    peer.start(member.call);
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
    const skipped = this.#skipped.get(from);
    if (skipped && type === 'bye') this.#skipped.delete(from);
    else if (skipped) skipped.call = Math.max(skipped.call, callOf(data) ?? 1);
    const member = this.#undecided.get(from);
    const peer = member ? this.#decide(member, type, data) : this.#peers.get(from);
    if (!peer) return;
    if (type === 'bye') this.#drop(peer, 'bye');
    else peer.hear(type, data);
  }

  #present(id, suspended) {
    const waiting = this.#undecided.get(id) ?? this.#skipped.get(id);
    if (waiting) waiting.suspended = suspended;
    else this.#peers.get(id)?.presence(suspended);
  }

  #named(id, name) {
    const peer = this.#peers.get(id) ?? this.#undecided.get(id) ?? this.#skipped.get(id);
    if (!peer) return;
    peer.name = name;
    if (peer instanceof Peer) this.emit('presence', { peer, suspended: peer.suspended });
  }

  #left(id, reason) {
    this.#undecided.delete(id);
    this.#skipped.delete(id);
    const peer = this.#peers.get(id);
    if (!peer) return this.#callSkipped();   // it may have been undecided
    // The server has lost it, but we have not: it may have got another session by now.
    if (reason === 'timeout' || reason === 'closed') this.#orphan(peer);
    else this.#drop(peer, reason);
  }

  #forgotten() {
    this.#undecided.clear();
    this.#skipped.clear();
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
    this.#callSkipped();
  }

  #allGone(reason) {
    this.#undecided.clear();
    this.#skipped.clear();
    for (const peer of this.peers) this.#drop(peer, reason);
  }
}
