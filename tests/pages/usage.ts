/// <reference path="../../web/client/compat/firebase.d.ts" />
/// <reference path="../../web/client/compat/pubnub.d.ts" />
// Not run: `tsc --noEmit -p tests` checks that the types of the peer link and the helpers fit what an application writes.

import { PeerLink, type Peer } from '../../web/client/peer.js';
import { openSignalingChannel, signalingChannels } from '../../web/client/rtc-multi.js';
import { connect } from '../../web/client/sigway.js';
import { simplePeers, type SimplePeerLike } from '../../web/client/simple-peer.js';

const connection = connect({ room: 'r', capacity: 6 });
const link = new PeerLink(connection, { channels: ['chat'], rtc: { iceTransportPolicy: 'relay' }, courtesy: 0, patience: 5000, most: 5 });
const stream = new MediaStream();
for (const track of stream.getTracks()) link.addTrack(track, stream);

const off = link.on('track', ({ peer, track, streams }) => {
  const from: Peer = peer;
  void [from.id, track.kind, streams[0]?.id];
});
off();
link.on('data', ({ label, data }) => { if (typeof data === 'string') void [label, data.length]; });
link.on('state', ({ peer, state }) => { if (state === 'reconnecting') peer.restartIce(); });
link.on('connection', ({ peer, connection: own }) => own.createDataChannel(peer.id));
link.on('renewed', ({ peer, by }) => by === 'us' && peer.attempts > 3);
link.on('gone', ({ reason }) => reason === 'replaced');
link.on('trouble', ({ by, code }) => by === 'them' && code === 'bad_offer');
// @ts-expect-error: there is no such event
link.on('stream', () => {});
const heard: number = link.send('chat', 'hello');
link.close();

const open = signalingChannels({ url: 'https://signal.example', channel: 'c' });
const socket = open({ onmessage: (data) => void data.sdp, onopen: ({ channel }) => channel.length });
socket.send({ sdp: '' }).send(1);
void openSignalingChannel().close();

declare const SimplePeer: new (options: object) => SimplePeerLike & { connected: boolean };
const { peers } = simplePeers(connection, SimplePeer, { options: { trickle: false }, onpeer: (peer, { initiator }) => peer.connected && initiator });
void [heard, peers.size];

const children = new Firebase('https://example.firebaseIO.com/channel');
const heardChild = children.on('child_added', (child) => void [child.name().length, child.val().sdp]);
children.off('child_added', heardChild);
const pushed: string = children.push({ sdp: 'v=0' }).name();
children.onDisconnect().remove();
// @ts-expect-error: a signaling page needs no other event
children.on('value', () => {});
io.connect('https://pubsub.pubnub.com/space', { channel: pushed, publish_key: 'demo' })
  .on('connect', () => {}).on('message', (data) => void data.sdp).send({ sdp: 'v=0' }).disconnect();
