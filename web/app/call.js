// One call: the connection to the server, the peers in the room, and what a person should know about both. It says `change`
// whenever `phase` or one of the notices may have changed; how that looks is the view's business.

import { connect } from '/client/sigway.js';
import { PeerLink } from '/client/peer.js';
import { Pace } from '/client/peer/tools.js';
import { cleanName, looksOwn } from './choices.js';

const kChannel = 'app';              // one data channel for chat and for who is muted
const kLongestText = 4000;
const kAskAgain = 4000;              // ms, for a place in a full room
const kReloadPatience = 20000;       // ms that we speak of a reload, before it was a departure
const kRate = { burst: 40, each: 200 };   // of one peer, ms a line beyond; apart for who is muted or leaves, lest chat starve it
const kTroubleShown = 12000;
const kFirstWord = 4000;             // ms in which a page says that it can be called
const kFirstDescription = 20000;     // ms after its first message of a call in which a page sends an offer or an answer
const kDescriptions = new Set(['offer', 'answer']);
const kCallWords = new Set(['link', 'offer', 'answer', 'candidate', 'renew', 'link-error']);
const kAbsence = { known: 10000, stranger: 2500 };   // ms until who is away counts as gone: one we have talked with, one we never saw

export class Call {
  phase = 'connecting';              // connecting, waiting, linking, talking, full, ended
  ended = null;                      // {title, text, again} once it is over
  server = 'connecting';             // connecting, open, reconnecting, draining
  reloading = false;
  waitingForPlace = false;
  trouble = null;                    // {text}: what a peer, or we, could not make sense of
  unreachable = '';                  // why the server cannot be reached
  capacity;
  transportSince = null;
  #handlers = new Map();
  #info = new WeakMap();             // peer -> {name, mic, camera, screen, lines, notices, leaving, departed, timer, known,
                                     // spoke, described, givenUp, plain, wordTimer, callTimer}
  #reloadTimer = null;
  #troubleTimer = null;
  #placeTimer = null;
  #inRoom = false;
  #refused = false;                  // there was no place
  #met = false;                      // somebody was there

  // `name`: what the others call us; empty if we have none.
  constructor({ room, title = room, capacity, transport = 'auto', media, name = '' }) {
    this.room = room;
    this.title = title;
    this.capacity = capacity;
    this.name = cleanName(name);
    this.media = media;
    this.connection = connect({ room, capacity, transport });
    this.link = new PeerLink(this.connection, { room, channels: [kChannel], ready: media?.ready });
    media?.attach(this.link);
    this.#listenToServer();
    this.#listenToPeers();
    addEventListener('pagehide', this.#leaving);
    addEventListener('pageshow', this.#returning);
  }

  on(name, handler) {
    if (!this.#handlers.has(name)) this.#handlers.set(name, []);
    this.#handlers.get(name).push(handler);
  }

  #emit(name, value) {
    for (const handler of this.#handlers.get(name) ?? []) handler(value);
  }

  // -- the server --

  #listenToServer() {
    const { connection, room } = this;
    connection.on('state', ({ state }) => {
      if (state === 'open') this.server = 'open';
      else if (state === 'reconnecting' && this.server !== 'draining') this.server = 'reconnecting';
      if (state === 'open') this.unreachable = '';
      this.#update();
    });
    connection.on('retry', ({ reason }) => {
      if (['draining', 'restarted', 'overloaded'].includes(reason?.code)) this.server = 'draining';
      else this.unreachable = reason?.message ?? '';
      this.#update();
    });
    connection.on('transport', () => { this.transportSince = new Date(); this.#update(); });
    connection.on('roundtrip', () => this.#emit('roundtrip'));
    connection.on('reset', () => { this.#inRoom = this.#refused = false; this.#update(); });
    connection.on('created', (event) => this.#entered(event));
    connection.on('joined', (event) => this.#entered(event));
    connection.on('message', (message) => this.#heardInRoom(message));
    connection.on('full', ({ capacity }) => this.#full(capacity));
    connection.on('place-lost', (event) => {
      if (event.room === room) this.#end('Your place was taken', 'You were away for a while, and somebody else came into the room.');
    });
    connection.on('refused', ({ code, message, hint }) => {
      if (code === 'bad_capacity' || code === 'bad_room') this.#end('This room cannot be opened', `${message} ${hint ?? ''}`);
      else if (code !== 'no_such_peer' && code !== 'already_joined' && code !== 'nobody_there') this.#said(`${message} ${hint ?? ''}`);
    });
    connection.on('closed', (reason) => {
      if (this.phase === 'ended') return;
      if (reason.code === 'replaced') this.#end('The call goes on elsewhere', 'It was taken over by another page with the same session.');
      else if (reason.code === 'left') this.#end('You have left', '');
      else this.#end('The server refused the call', [reason.message, reason.hint].filter(Boolean).join(' '));
    });
    connection.opened.catch(() => {});
  }

  #entered(event) {
    if (event.room !== this.room) return;
    clearTimeout(this.#placeTimer);
    this.#inRoom = true;
    this.#refused = this.waitingForPlace = false;
    this.capacity = event.capacity;
    this.#update();
  }

  #full(capacity) {
    this.#inRoom = false;
    this.#refused = true;
    this.capacity = capacity;
    this.#askLater();
    this.#update();
  }

  #askLater() {
    clearTimeout(this.#placeTimer);
    this.#placeTimer = setTimeout(() => this.#askForPlace(), kAskAgain);
  }

  // Also when nobody looks at the page.
  waitForPlace() {
    if (this.waitingForPlace) return;
    this.waitingForPlace = true;
    this.#askForPlace();
    this.#update();
  }

  // A page that was left open in the background takes no place: it may be the one of a member that is away for a moment.
  #askForPlace() {
    if (this.phase === 'ended' || this.#inRoom) return;
    if (document.hidden && !this.waitingForPlace) return this.#askLater();
    this.connection.join(this.room, { capacity: this.capacity }).catch(() => this.#askLater());
  }

  // -- the peers --

  #listenToPeers() {
    const { link } = this;
    link.on('peer', ({ peer }) => {
      this.#met = true;
      this.#info.set(peer, { name: '', mic: true, camera: true, screen: false, lines: new Pace(kRate), notices: new Pace(kRate),
        leaving: false, departed: false, timer: null, known: false, spoke: false, described: false, givenUp: false, plain: false,
        wordTimer: null, callTimer: null });
      this.#awaitWord(peer);
      this.#update();
    });
    link.on('state', ({ peer, state }) => {
      if (state === 'connected') {
        this.#noReload();
        this.#info.get(peer).known = true;
      }
      this.#lookFor(peer);
      this.#emit('peer', peer);
      this.#update();
    });
    link.on('presence', ({ peer, suspended }) => {
      if (!suspended) this.#info.get(peer).leaving = false;
      this.#awaitWord(peer);
      this.#lookFor(peer);
      this.#emit('peer', peer);
      this.#update();
    });
    link.on('renewed', () => this.#update());
    link.on('gone', ({ peer, reason }) => {
      for (const timer of ['timer', 'wordTimer', 'callTimer']) clearTimeout(this.#info.get(peer)?.[timer]);
      if (reason === 'replaced') {
        clearTimeout(this.#reloadTimer);
        this.reloading = true;
        this.#reloadTimer = setTimeout(() => { this.#noReload(); this.#update(); }, kReloadPatience);
      }
      this.#emit('peer-gone', { peer, reason });
      this.#update();
    });
    for (const name of ['track', 'track-removed']) link.on(name, ({ peer }) => this.#emit('peer', peer));
    link.on('open', ({ peer }) => this.#tellMedia(peer));
    link.on('data', ({ peer, data }) => this.#heard(peer, data));
    link.on('trouble', ({ by, code, message }) => {
      if (code === 'no_such_peer') return;
      this.#said(by === 'them' ? `Something that the other side sent makes no sense here and was dropped (${message}).`
        : `Something went wrong between the two sides: ${message}.`);
    });
  }

  // A page that was closed says so at best on its way out, and its session could be resumed for minutes. Who is away and whose
  // call has broken off counts as gone after a while; when it comes back it is there again.
  #lookFor(peer) {
    const info = this.#info.get(peer);
    if (!info) return;
    const absent = peer.suspended && (info.leaving || peer.state !== 'connected');
    if (!absent) {
      clearTimeout(info.timer);
      info.timer = null;
      info.departed = false;
    } else if (!info.departed) {
      info.timer ??= setTimeout(() => {
        info.timer = null;
        info.departed = true;
        this.#emit('peer-gone', { peer, reason: 'absent' });
        this.#update();
      }, info.known ? kAbsence.known : kAbsence.stranger);
    }
  }

  // -- members without WebRTC: terminals, mostly --

  // A page says at once that it can be called. Who has said nothing of the kind reads and writes, in the room.
  #awaitWord(peer) {
    const info = this.#info.get(peer);
    if (!info || info.spoke || info.plain || info.wordTimer || peer.suspended) return;
    info.wordTimer = setTimeout(() => {
      info.wordTimer = null;
      if (info.spoke || peer.suspended || peer.state === 'connected' || peer.state === 'closed' || this.phase === 'ended') return;
      info.plain = true;
      this.#emit('peer', peer);
      this.#update();
    }, kFirstWord);
  }

  // Without this a terminal that sends one message of a call would be shown as connecting for good.
  #awaitDescription(peer, info) {
    info.callTimer ??= setTimeout(() => {
      info.callTimer = null;
      if (info.described || peer.state !== 'connecting' || this.phase === 'ended') return;
      info.givenUp = info.plain = true;
      this.#emit('peer', peer);
      this.#update();
    }, kFirstDescription);
  }

  #heardInRoom({ type, from, room, data }) {
    const peer = room === this.room ? this.link.peers.find(({ id }) => id === from) : undefined;
    const info = peer && this.#info.get(peer);
    if (!info) return;
    if (kCallWords.has(type)) {
      info.spoke = true;
      if (kDescriptions.has(type) && typeof data?.sdp === 'string') info.described = true;
      else if (info.givenUp && !info.described) return;
      if (!info.described) this.#awaitDescription(peer, info);
      if (!info.plain) return;
      info.plain = false;
      this.#emit('peer', peer);
      this.#update();
    } else if (type === 'chat') {
      if (!info.lines.take()) return this.#said('Messages of the other side come too fast; some are not shown.');
      this.#chatted(peer, typeof data === 'string' ? data : data?.text);
    }
  }

  #chatted(peer, text) {
    if (typeof text === 'string' && text.trim()) this.#emit('chat', { text: text.slice(0, kLongestText), peer });
  }

  /** Those that chat reaches through the room only. */
  get plainMembers() {
    return this.present.filter((peer) => this.#info.get(peer)?.plain);
  }

  // -- coming, going, and what is said --

  #leaving = () => { this.link.send(kChannel, JSON.stringify({ leaving: true })); };
  #returning = ({ persisted }) => { if (persisted) this.link.send(kChannel, JSON.stringify({ leaving: false })); };

  // Its page has been closed, or is being loaded again.
  isLeaving(peer) {
    return peer.suspended && (this.#info.get(peer)?.leaving === true || peer.state === 'reconnecting');
  }

  isGone(peer) {
    return this.#info.get(peer)?.departed === true;
  }

  #noReload() {
    clearTimeout(this.#reloadTimer);
    this.reloading = false;
  }

  #said(text) {
    this.trouble = { text: text.slice(0, 400) };
    clearTimeout(this.#troubleTimer);
    this.#troubleTimer = setTimeout(() => { this.trouble = null; this.#update(); }, kTroubleShown);
    this.#update();
  }

  infoOf(peer) {
    return this.#info.get(peer) ?? { name: '', mic: true, camera: true, screen: false };
  }

  // What it calls itself, else the name that the server knows it by, else a number. A name that reads like "You", or like our own, follows
  // the number: in front, a long name cannot push it out of sight.
  nameOf(peer) {
    const name = this.infoOf(peer).name || cleanName(peer.name), guest = `Guest ${peer.join}`;
    if (!name) return guest;
    return looksOwn(name, this.name) ? `${guest}: ${name}` : name;
  }

  #tellMedia(peer) {
    const text = JSON.stringify({ name: this.name, media: this.media?.summary ?? { mic: false, camera: false, screen: false } });
    if (peer) peer.send(kChannel, text);
    else this.link.send(kChannel, text);
  }

  mediaChanged() {
    this.#tellMedia();
  }

  // What a peer says is a guess until it has been looked at.
  #heard(peer, data) {
    if (typeof data !== 'string' || data.length > 4 * kLongestText) return this.#said('A message of the other side was too long to show.');
    let said;
    try {
      said = JSON.parse(data);
    } catch {
      return;
    }
    const info = this.#info.get(peer);
    if (!info || said === null || typeof said !== 'object') return;
    const pace = 'chat' in said ? info.lines : info.notices;
    if (!pace.take()) return this.#said('Messages of the other side come too fast; some are not shown.');
    if ('chat' in said) {
      this.#chatted(peer, said.chat);
    } else if (typeof said.leaving === 'boolean') {
      info.leaving = said.leaving;
      this.#lookFor(peer);
      this.#emit('peer', peer);
      this.#update();
    } else if (said.media && typeof said.media === 'object') {
      for (const kind of ['mic', 'camera', 'screen']) info[kind] = said.media[kind] === true;
      info.name = cleanName(said.name);
      this.#emit('peer', peer);
      this.#update();
    }
  }

  // Gives how many have got it.
  chat(text) {
    const chat = text.slice(0, kLongestText), plain = this.plainMembers;
    if (plain.length) this.connection.send('chat', { text: chat, name: this.name || undefined }, { to: plain.map(({ id }) => id), room: this.room });
    return this.link.send(kChannel, JSON.stringify({ chat })) + plain.length;
  }

  // -- what to show --

  // Those that have not gone, as far as we can tell.
  get present() {
    return this.link.peers.filter((peer) => !this.isGone(peer));
  }

  get connected() {
    return this.present.filter((peer) => peer.state === 'connected' || peer.state === 'reconnecting').length;
  }

  get peersLeaving() {
    if (this.server !== 'open') return 0;
    return this.present.filter((peer) => this.isLeaving(peer)).length;
  }

  get peersReconnecting() {
    return this.present.filter((peer) => peer.state === 'reconnecting').length;
  }

  get peersAway() {
    return this.present.filter((peer) => peer.suspended && this.server === 'open').length;
  }

  // Somebody is in the room as far as the server knows, but seems to have gone.
  get someLeft() {
    return this.link.peers.length > this.present.length;
  }

  get full() {
    return this.#inRoom ? this.link.peers.length + 1 >= this.capacity : this.phase === 'full';
  }

  // How often the call was begun anew in vain, and whether there is a way around firewalls.
  get attempts() {
    return Math.max(0, ...this.present.map(({ attempts }) => attempts));
  }

  get hasRelay() {
    return this.connection.iceServers.some(({ urls }) => [urls].flat().some((url) => /^turns?:/.test(url)));
  }

  get everMet() {
    return this.#met;
  }

  #update() {
    if (this.phase !== 'ended') this.phase = this.#phaseNow();
    this.#emit('change');
  }

  #phaseNow() {
    if (this.connected) return 'talking';
    if (this.present.length > this.plainMembers.length || this.reloading) return 'linking';
    if (this.#inRoom) return 'waiting';
    const { rooms } = this.connection;
    return this.server === 'connecting' || rooms.includes(this.room) && !this.#refused && !this.waitingForPlace ? 'connecting' : 'full';
  }

  #end(title, text, again = true) {
    this.phase = 'ended';
    this.ended = { title, text, again };
    for (const timer of [this.#placeTimer, this.#reloadTimer, this.#troubleTimer]) clearTimeout(timer);
    removeEventListener('pagehide', this.#leaving);
    removeEventListener('pageshow', this.#returning);
    this.link.close();
    this.media?.stop();
    this.connection.close().catch(() => {});
    this.#emit('change');
    this.#handlers.clear();      // leaving takes a while, and the page may show another call by then
  }

  leave() {
    if (this.phase !== 'ended') this.#end('You have left', 'The call is over for you. The others can go on.');
  }
}
