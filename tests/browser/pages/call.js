// One end of a call for the browser tests: /call.html?room=ROOM&transport=TRANSPORT[&server=URL]. Not part of the product.
// It uses nothing but sigway.js (with transport=eventsource: nothing but eventsource.js) and RTCPeerConnection; the tests read
// and steer it through window.call.

const kTick = 20;   // milliseconds between two numbers on the data channel

// The peer connection to one member: perfect negotiation (WebRTC 1.0, section 10.7) with the role that the server gave. Who was
// there first calls, and the other adds what it has to its answer: Chromium 156 may never gather a candidate when its very
// first offer is rolled back (about one in a hundred, also between two connections of one page).
class Link {
  texts = [];
  ticks = 0;              // numbers that came over the data channel, each the next one
  broken = null;          // the first that was not
  framesShown = 0;
  glares = 0;
  #makingOffer = false;
  #ignoresOffer = false;
  #settingAnswer = false;

  constructor(peer, polite, send, stream, iceServers) {
    Object.assign(this, { peer, polite, send, stream });
    this.pc = new RTCPeerConnection({ iceServers });
    this.pc.onnegotiationneeded = () => this.#offer();
    this.pc.onicecandidate = ({ candidate }) => this.send('candidate', candidate);
    this.pc.ontrack = ({ streams: [remote] }) => this.#show(remote);
    if (!polite) this.#begin();
  }

  #begin() {
    for (const track of this.stream.getTracks()) this.pc.addTrack(track, this.stream);
    this.channel = this.pc.createDataChannel('data', { negotiated: true, id: 1 });
    this.channel.onopen = () => this.#tick();
    this.channel.onmessage = ({ data }) => this.#receive(JSON.parse(data));
  }

  async #offer() {
    try {
      this.#makingOffer = true;
      await this.pc.setLocalDescription();
      this.send(this.pc.localDescription.type, this.pc.localDescription);
    } finally {
      this.#makingOffer = false;
    }
  }

  async hear({ type, data }) {
    if (type === 'candidate') return this.#candidate(data);
    if (type !== 'offer' && type !== 'answer') return;
    const isReady = !this.#makingOffer && (this.pc.signalingState === 'stable' || this.#settingAnswer);
    const collides = type === 'offer' && !isReady;
    if (collides) ++this.glares;
    this.#ignoresOffer = collides && !this.polite;
    if (this.#ignoresOffer) return;
    this.#settingAnswer = type === 'answer';
    await this.pc.setRemoteDescription(data);
    this.#settingAnswer = false;
    if (type === 'answer') return;
    if (!this.channel) this.#begin();
    await this.pc.setLocalDescription();
    this.send(this.pc.localDescription.type, this.pc.localDescription);
  }

  async #candidate(candidate) {
    const isIgnored = this.#ignoresOffer;   // now: an answer may come before the refusal does
    try {
      await this.pc.addIceCandidate(candidate);
    } catch (error) {
      if (!isIgnored) throw error;
    }
  }

  #show(stream) {
    const video = document.querySelector('#remote');
    if (video.srcObject === stream) return;
    video.srcObject = stream;
    const shown = () => {
      ++this.framesShown;
      video.requestVideoFrameCallback(shown);
    };
    video.requestVideoFrameCallback(shown);
  }

  #tick(number = 0) {
    if (this.channel.readyState !== 'open') return;
    this.channel.send(JSON.stringify({ tick: number }));
    setTimeout(() => this.#tick(number + 1), kTick);
  }

  #receive({ tick, text }) {
    if (text !== undefined) this.texts.push(text);
    else if (tick === this.ticks) ++this.ticks;
    else this.broken ??= { expected: this.ticks, came: tick };
  }

  say(text) {
    this.channel.send(JSON.stringify({ text }));
  }

  async framesDecoded() {
    for (const entry of (await this.pc.getStats()).values()) {
      if (entry.type === 'inbound-rtp' && entry.kind === 'video') return entry.framesDecoded;
    }
    return 0;
  }

  // What identifies the ICE session at both ends: a restart changes both.
  get iceSession() {
    const ufrag = (description) => /a=ice-ufrag:(\S+)/.exec(description?.sdp)?.[1];
    return [ufrag(this.pc.currentLocalDescription), ufrag(this.pc.currentRemoteDescription)];
  }

  get isUp() {
    return this.pc.connectionState === 'connected' && this.pc.signalingState === 'stable' && this.channel?.readyState === 'open';
  }

  close() {
    this.pc.close();
    document.querySelector('#remote').srcObject = null;
  }
}

class Call {
  events = [];            // all that the connection said, in order: {at, name, transport, …}
  notes = [];             // numbers that came as messages of the type `note`
  link = null;
  #noted = 0;

  constructor(connection, stream) {
    Object.assign(this, { connection, stream });
    this.connection.on('event', (event, { transport: by }) => this.#log(event.type, { ...event, data: undefined, transport: by }));
    for (const name of ['state', 'transport', 'reset', 'refused', 'closed']) {
      this.connection.on(name, (value) => this.#log(name, { ...value, code: value.code, message: value.message }));
    }
    this.connection.on('retry', ({ delay, reason }) => this.#log('retry', { delay, code: reason?.code, message: reason?.message }));
    this.connection.on('joined', ({ members }) => members.forEach((member) => this.#meet(member)));
    this.connection.on('peer-joined', (member) => this.#meet(member));
    this.connection.on('peer-left', ({ peer }) => { if (peer === this.link?.peer) this.#part(); });
    this.connection.on('message', (message) => {
      if (message.type === 'note') this.notes.push(message.data);
      else if (message.from === this.link?.peer) this.link.hear(message);
    });
  }

  #log(name, more) {
    this.events.push({ at: Math.round(performance.now()), name, ...more });
    document.querySelector('#log').append(`${name} ${JSON.stringify(more)}\n`);
  }

  #meet({ peer, polite }) {
    this.#part();
    const send = (type, data) => this.connection.send(type, data, { to: peer });
    this.link = new Link(peer, polite, send, this.stream, this.connection.iceServers);
  }

  #part() {
    this.link?.close();
    this.link = null;
  }

  had(name) {
    return this.events.filter((event) => event.name === name);
  }

  // Numbers over the signaling path, until told to stop: what must not be lost, repeated or reordered by a switch.
  startNotes(every) {
    this.noting = setInterval(() => this.connection.send('note', this.#noted++), every);
  }

  async stopNotes() {
    clearInterval(this.noting);
    await this.connection.flush();
    return this.#noted;
  }

  async leave() {
    await this.connection.close();
    this.#part();
  }

  report() {
    const { state, transport, peer, mode, pending } = this.connection;
    const { pc, channel, polite, glares, ticks, broken, framesShown, texts } = this.link ?? {};
    return { connection: { state, transport, mode, peer, pending }, notes: this.notes.length, events: this.events,
      link: this.link && { polite, glares, ticks, broken, framesShown, texts, channel: channel?.readyState,
        connectionState: pc.connectionState, signalingState: pc.signalingState, iceConnectionState: pc.iceConnectionState,
        iceGatheringState: pc.iceGatheringState } };
  }
}

const { room, transport, server } = Object.fromEntries(new URLSearchParams(location.search));
const { connect } = await import(transport === 'eventsource' ? './eventsource.js' : './client/sigway.js');
const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 160, height: 120, frameRate: 15 } });
document.querySelector('#local').srcObject = stream;
window.call = new Call(connect({ url: server, room, transport }), stream);
