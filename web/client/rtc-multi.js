// For libraries that ask the application for a signaling channel, as RTCMultiConnection does (and DataChannel.js, RecordRTC's
// relatives, and many pages that followed them):
//
//   connection.openSignalingChannel = signalingChannels({ url: 'https://signal.example' });
//
// The library calls it with {channel, onmessage, onopen, callback} and gets an object with `channel` and `send`. What one says
// on a channel all others hear, the sender excluded; what is said before the channel is open waits. A channel is a room.

import { connect } from './sigway.js';

const kType = 'signal';
const kCapacity = 64;        // as many as a server allows unless it is set otherwise

export function signalingChannels({ channel: fallback = 'default', capacity = kCapacity, ...options } = {}) {
  return function openSignalingChannel(config = {}) {
    const channel = String(config.channel ?? this?.channel ?? fallback);
    // A page may be on one channel twice: none of them outlives a reload.
    const connection = connect({ keyStore: false, ...options, room: channel, capacity });
    const socket = {
      channel,
      connection,
      onmessage: config.onmessage ?? null,
      onopen: config.onopen ?? null,
      onerror: config.onerror ?? null,
      send(data) {
        connection.send(kType, data);
        return socket;
      },
      close: () => connection.close(),
    };
    const opened = () => {
      config.callback?.(socket);
      socket.onopen?.(socket);
    };
    let isOpen = false;
    for (const entered of ['created', 'joined']) {
      connection.on(entered, () => {
        if (isOpen) return;    // the server had forgotten us; nobody needs to know
        isOpen = true;
        opened();
      });
    }
    connection.on('message', ({ type, data }) => { if (type === kType) socket.onmessage?.(data); });
    connection.on('full', () => socket.onerror?.(new Error(`the channel ${channel} is full`)));
    connection.on('closed', (reason) => { if (reason.code !== 'left') socket.onerror?.(reason); });
    connection.opened.catch(() => {});
    return socket;
  };
}

// The usual case: the server that the page came from.
export const openSignalingChannel = (config) => signalingChannels()(config);
