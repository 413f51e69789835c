// A page with sigway's own client, which calls others by name, and is called: each call is one data channel.

import { connect } from '/client/sigway.js';

const params = new URLSearchParams(location.search);
const connection = connect({ url: location.origin, name: params.get('name') });
const calls = new Map();   // by name
const texts = [];
const ends = [];
let isIn = false;

function newCall(name) {
  const peer = new RTCPeerConnection({ iceServers: [] });
  const call = { peer, channel: null };
  calls.set(name, call);
  peer.onicecandidate = ({ candidate }) => connection.send('candidate', candidate, { to: `@${name}` });   // null at the end
  peer.ondatachannel = ({ channel }) => listen(call, channel);
  return call;
}

function listen(call, channel) {
  call.channel = channel;
  channel.onmessage = ({ data }) => texts.push(data);
}

async function describe(name, type) {
  const { peer } = calls.get(name);
  await peer.setLocalDescription();
  connection.send(type, peer.localDescription, { to: `@${name}` });
}

connection.on('login', () => { isIn = true; });
connection.on('message', async ({ type, name, data }) => {
  if (type === 'offer') {
    await newCall(name).peer.setRemoteDescription(data);
    await describe(name, 'answer');
  } else if (type === 'answer') {
    await calls.get(name).peer.setRemoteDescription(data);
  } else if (type === 'candidate') {
    await calls.get(name).peer.addIceCandidate(data);
  } else if (type === 'bye') {
    ends.push(name);
  }
});

window.call = {
  isIn: () => isIn,
  texts, ends,
  async offer(name) {
    const call = newCall(name);
    listen(call, call.peer.createDataChannel('test'));
    await describe(name, 'offer');
  },
  isOpen: (name) => calls.get(name)?.channel?.readyState === 'open',
  say: (name, text) => calls.get(name).channel.send(text),
  report: () => ({ isIn, texts, ends, calls: [...calls].map(([name, { peer, channel }]) => [name, peer.connectionState, channel?.readyState]) }),
};
