// A document of npm y-webrtc in a process of its own, as a page would have it: the package as it is published, with a WebSocket
// and a WebRTC implementation for Node. Its parent tells it what to write, and is told the text after each change.
//   node document.mjs URL ROOM [PASSWORD]

import { webcrypto } from 'node:crypto';
import wrtc from '@roamhq/wrtc';
import { WebSocket } from 'ws';
import * as Y from 'yjs';

globalThis.WebSocket = WebSocket;
globalThis.crypto ??= webcrypto;   // before Node 19
const { WebrtcProvider } = await import('y-webrtc');   // looks for both when it is loaded

const [url, room, password] = process.argv.slice(2);
const doc = new Y.Doc();
const text = doc.getText('shared');
const tell = (message) => process.send?.(message);

const provider = new WebrtcProvider(room, doc, { signaling: [url], password: password ?? null, peerOpts: { wrtc, config: { iceServers: [] } } });
text.observe(() => tell({ text: String(text) }));
provider.on('peers', ({ webrtcPeers }) => tell({ peers: webrtcPeers.length }));
process.on('message', ({ write }) => text.insert(text.length, write));
process.on('disconnect', () => process.exit());
process.on('unhandledRejection', () => {});   // what it cannot decrypt: a browser goes on, too

// What it sends on its WebSocket, which the package keeps here.
const [{ ws }] = provider.signalingConns;
const { send } = ws;
ws.send = (message) => {
  send.call(ws, message);
  if (JSON.parse(message).type === 'publish') tell({ announced: true });
};
