// A second peer in this page, on another transport, that sends back what it gets: a whole call for one person.

import { connect } from '/client/sigway.js';
import { PeerLink } from '/client/peer.js';

export class Echo {
  constructor({ room, transport }) {
    this.connection = connect({ room, transport, keyStore: false });
    this.connection.opened.catch(() => {});
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

  close() {
    this.link.close();
    return this.connection.close();
  }
}

// Another than the call's own, so that both can be watched.
export const echoTransport = (mode) => mode === 'sse' ? 'websocket' : 'sse';
