// A peer of Trystero in a process of its own: the published core, and the strategy for a WebSocket relay that Trystero's README
// shows. Its parent is told who comes, goes, and says what.
//   node trystero_peer.mjs URL ROOM

import { webcrypto } from 'node:crypto';
import { createTopicStrategy, selfId } from '@trystero-p2p/core';
import wrtc from '@roamhq/wrtc';
import { WebSocket } from 'ws';

globalThis.crypto ??= webcrypto;   // before Node 19
const [url, name] = process.argv.slice(2);
const tell = (message) => process.send?.(message);

const joinRoom = createTopicStrategy({
  init: ({ relayConfig }) => new Promise((resolve, reject) => {
    const socket = new WebSocket(relayConfig.urls[0]);
    socket.addEventListener('open', () => resolve(socket), { once: true });
    socket.addEventListener('error', reject, { once: true });
  }),
  subscribeTopic: (socket, topic, onMessage) => {
    const onFrame = ({ data }) => {
      const message = JSON.parse(String(data));
      if (message.topic === topic) onMessage(message.topic, message.payload);
    };
    socket.addEventListener('message', onFrame);
    socket.send(JSON.stringify({ type: 'subscribe', topic }));
    return () => {
      socket.send(JSON.stringify({ type: 'unsubscribe', topic }));
      socket.removeEventListener('message', onFrame);
    };
  },
  publishTopic: (socket, topic, payload) => socket.send(JSON.stringify({ type: 'publish', topic, payload })),
});

// That implementation knows no description that is left out.
class PeerConnection extends wrtc.RTCPeerConnection {
  async setLocalDescription(description) {
    const isAnswer = this.signalingState === 'have-remote-offer';
    return super.setLocalDescription(description ?? await (isAnswer ? this.createAnswer() : this.createOffer()));
  }
}

const room = joinRoom({ appId: 'sigway-tests', relayConfig: { urls: [url] }, rtcPolyfill: PeerConnection, rtcConfig: { iceServers: [] } }, name);
const words = room.makeAction('words');
words.onMessage = (said, { peerId }) => tell({ said, from: peerId });
room.onPeerJoin = (peer) => tell({ joined: peer });
room.onPeerLeave = (peer) => tell({ left: peer });
process.on('message', ({ say, leave }) => (leave ? room.leave() : words.send(say)));
process.on('disconnect', () => process.exit());
tell({ self: selfId });
