// Another member of the room, and the call to it: tracks, channels, and whether the way between us works.

import { Negotiation } from './negotiation.js';

const kRestarts = 2;                 // of ICE on a way that has worked, before all is begun anew
const kHiccup = 3000;                // ms: a short loss mends itself
const kRescueBase = 8000, kRescueCap = 60000;
const kPolite = 3000;                // ms that the polite one leaves it to the other to mend the way: once is enough

export class Peer {
  id;
  name;
  join;
  polite;
  suspended;
  state = 'new';
  attempts = 0;
  channels = new Map();
  streams = [];
  instance = '';                 // which life of the other page this is
  #link;
  #negotiation = null;
  #senders = new Map();
  #heard = false;                // it has said something, so there is a peer link over there
  #worked = false;
  #rescues = 0;
  #rescueTimer = null;

  constructor(link, member) {
    this.#link = link;
    this.meet(member);
  }

  // Also when the member comes again under another id.
  meet({ peer, name, join, polite, suspended = false }) {
    Object.assign(this, { id: peer, name, join, polite, suspended });
  }

  get connection() {
    return this.#negotiation?.connection ?? null;
  }

  get open() {
    return this.connection !== null && this.state !== 'closed';
  }

  get ourInstance() {
    return this.#link.instance;
  }

  get ready() {
    return this.#link.settings.ready;
  }

  // -- coming and going --

  start(before) {
    const { settings } = this.#link;
    this.#negotiation = new Negotiation(this, () => new settings.RTCPeerConnection(this.#link.configuration()), settings.courtesy);
    this.#negotiation.start(before);
    this.#setState('connecting');
    this.#rescueSoon(settings.patience);
  }

  // Another session of the same page: the call goes on, only what was under way when the server forgot us is said again.
  adopt(member) {
    this.meet(member);
    this.#negotiation.again();
    this.#watch();
  }

  close() {
    if (this.state === 'closed') return;
    clearTimeout(this.#rescueTimer);
    this.#silenceChannels();
    this.#negotiation?.close();
    this.#senders.clear();
    this.#setState('closed');
  }

  #setState(state) {
    if (state === this.state) return;
    const previous = this.state;
    this.state = state;
    this.#link.emit('state', { peer: this, state, previous });
  }

  // -- what the negotiation asks for and tells --

  // A connection that is to be used from now on, instead of the one before.
  equip(connection) {
    const { settings, tracks } = this.#link;
    this.#silenceChannels();
    this.channels.clear();
    this.#senders.clear();
    this.#forgetStreams();
    connection.onconnectionstatechange = connection.oniceconnectionstatechange = () => this.#watch();
    connection.ontrack = ({ track, streams, transceiver }) => this.#heardTrack(track, [...streams], transceiver);
    connection.ondatachannel = ({ channel }) => this.#link.emit('channel', { peer: this, channel });
    settings.channels.forEach((label, id) => this.#openChannel(connection, label, id));
    for (const [track, streams] of tracks) this.#senders.set(track, connection.addTrack(track, ...streams));
    this.#link.emit('connection', { peer: this, connection });
  }

  say(type, data) {
    this.#link.say(type, data, this.id);
  }

  hear(type, data) {
    if (!this.open) return;
    this.#heard = true;
    this.#negotiation.hear(type, data);
  }

  trouble(code, message, by) {
    this.#link.emit('trouble', { peer: this, code, message, by });
  }

  renewed(by) {
    ++this.attempts;
    if (this.state === 'connected') this.#setState('reconnecting');
    this.#rescueSoon(this.#pause());
    this.#link.emit('renewed', { peer: this, by });
  }

  // -- tracks and channels --

  addTrack(track, streams) {
    if (this.open) this.#senders.set(track, this.connection.addTrack(track, ...streams));
  }

  removeTrack(track) {
    const sender = this.#senders.get(track);
    this.#senders.delete(track);
    if (this.open && sender) this.connection.removeTrack(sender);
  }

  async replaceTrack(track, next) {
    const sender = this.#senders.get(track);
    if (!sender) return;
    if (this.open) await sender.replaceTrack(next);
    if (!this.#senders.delete(track)) return;      // taken off meanwhile
    this.#senders.set(next, sender);
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

  // Those of a connection that is no more.
  #forgetStreams() {
    const streams = this.streams;
    this.streams = [];
    for (const stream of streams) {
      stream.onremovetrack = null;
      for (const track of stream.getTracks()) stream.removeTrack(track);
    }
    if (streams.length) this.#link.emit('track-removed', { peer: this, streams });
  }

  // Both sides make it under the same number: no glare, and it is there before the first offer.
  #openChannel(connection, label, id) {
    const channel = connection.createDataChannel(label, { negotiated: true, id });
    channel.binaryType = 'arraybuffer';
    channel.onopen = () => this.#link.emit('open', { peer: this, label, channel });
    channel.onmessage = ({ data }) => this.#link.emit('data', { peer: this, label, data });
    this.channels.set(label, channel);
  }

  #silenceChannels() {
    for (const channel of this.channels.values()) channel.onopen = channel.onmessage = null;
  }

  send(label, data) {
    const channel = this.channels.get(label);
    if (channel?.readyState !== 'open') return false;
    channel.send(data);
    return true;
  }

  // -- the way --

  #watch() {
    if (!this.open) return;
    const state = this.connection.connectionState ?? this.connection.iceConnectionState;
    if (state === 'connected' || state === 'completed') {
      clearTimeout(this.#rescueTimer);
      this.#rescueTimer = null;
      this.#rescues = this.attempts = 0;
      this.#worked = true;
      this.#setState('connected');
    } else if (state === 'disconnected' || state === 'failed') {
      if (this.#worked) this.#setState('reconnecting');
      if (!this.#rescueTimer) this.#rescueSoon(state === 'failed' ? 0 : kHiccup);
    }
  }

  #pause() {
    const base = this.#worked ? kRescueBase : this.#link.settings.patience;
    return Math.min(Math.max(kRescueCap, base), base * 2 ** this.#rescues);
  }

  #rescueSoon(delay) {
    clearTimeout(this.#rescueTimer);
    this.#rescueTimer = setTimeout(() => {
      if (!this.open || this.state === 'connected') return;
      this.#rescueSoon(this.#pause());
      // Who is away could not answer; its return calls for it (see presence()). Who has never said a word has no peer link.
      if (!this.suspended && this.#heard) this.#rescue();
    }, delay + (this.polite ? kPolite : 0));
  }

  #rescue() {
    if (++this.#rescues <= kRestarts && this.#worked) this.restartIce();
    else this.renew();
  }

  restartIce() {
    if (!this.open) return;
    try {
      this.connection.setConfiguration?.(this.#link.configuration());   // credentials of a TURN server may have run out
    } catch { /* not everything can be changed; the old ones may do */ }
    this.connection.restartIce();
    this.#link.emit('ice-restart', { peer: this });
  }

  renew() {
    if (this.open) this.#negotiation.renew();
  }

  presence(suspended) {
    this.suspended = suspended;
    this.#link.emit('presence', { peer: this, suspended });
    if (!suspended && this.state === 'reconnecting') this.restartIce();
  }
}
