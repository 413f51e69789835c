// A second peer in this page, on another transport, that sends back what it gets: a whole call for one person.

import { connect } from '/client/sigway.js';
import { PeerLink } from '/client/peer.js';

const kOrder = ['sse', 'websocket', 'poll'];

export class Echo {
  #call;
  #off;
  #search = 0;

  // `call`: the connection of the call. The echo takes another transport, so that both can be watched, if there is one that works.
  constructor({ room, call }) {
    this.#call = call;
    this.connection = connect({ room, transport: this.#others()[0], keyStore: false });
    this.connection.opened.catch(() => {});
    this.connection.on('retry', () => this.#use('auto').catch(() => {}));
    this.connection.on('transport', () => this.#differ());
    this.#off = call.on('transport', () => this.#differ());
    this.link = new PeerLink(this.connection, { room, channels: ['app'] });
    this.link.on('track', ({ peer, track, streams }) => {
      this.link.addTrack(track, ...streams);
      track.addEventListener('ended', () => this.link.removeTrack(track));
      if (peer.state === 'closed') this.link.removeTrack(track);
    });
    this.link.on('track-removed', ({ streams }) => {
      for (const [track, [stream]] of [...this.link.tracks]) {
        if (streams.includes(stream) && !stream.getTracks().includes(track)) this.link.removeTrack(track);
      }
    });
    this.link.on('gone', ({ peer }) => {
      for (const { receiver } of peer.connection?.getTransceivers() ?? []) this.link.removeTrack(receiver.track);
    });
    this.link.on('data', ({ peer, label, data }) => peer.send(label, data));   // who is muted comes back as well
  }

  #others() {
    const taken = this.#call.transport ?? this.#call.mode;
    return kOrder.filter((transport) => transport !== taken);
  }

  async #use(mode) {
    if (this.connection.mode !== mode) await this.connection.switchTransport(mode);
  }

  async #differ() {
    const search = ++this.#search;
    if (this.connection.transport !== this.#call.transport) return;
    for (const other of this.#others()) {
      try {
        return await this.#use(other);
      } catch {
        if (search !== this.#search || this.connection.state === 'closed') return;
      }
    }
  }

  close() {
    this.#off();
    this.link.close();
    return this.connection.close();
  }
}
