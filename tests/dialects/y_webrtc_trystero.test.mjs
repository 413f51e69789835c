// Peers of Trystero, each in a process of its own, find each other by this relay and talk over WebRTC.

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Inbox } from '../conformance/support/patience.mjs';
import { wsUrl } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';

const kPeer = fileURLToPath(new URL('support/trystero_peer.mjs', import.meta.url));

let server;
before(async () => { server = await startGateway(); });
after(() => stopGateway(server));

class Peer {
  inboxes = { self: new Inbox(), joined: new Inbox(), left: new Inbox(), said: new Inbox() };

  constructor(t, room) {
    this.process = fork(kPeer, [wsUrl(server, '/y-webrtc/trystero'), room]);
    this.process.on('message', (message) => {
      for (const [what, inbox] of Object.entries(this.inboxes)) if (what in message) inbox.put(message);
    });
    this.process.once('exit', (code) => { for (const inbox of Object.values(this.inboxes)) inbox.fail(new Error(`a peer ended with ${code}`)); });
    t.after(() => this.process.kill('SIGKILL'));
  }

  next(what) { return this.inboxes[what].take(() => `\`${what}\` at a peer of Trystero`); }
  say(words) { this.process.send({ say: words }); }
}

test('two peers meet, talk, and one leaves', async (t) => {
  const room = fresh('room');
  const peers = [new Peer(t, room), new Peer(t, room)];
  const ids = [];
  for (const peer of peers) ids.push((await peer.next('self')).self);
  for (const [i, peer] of peers.entries()) assert.equal((await peer.next('joined')).joined, ids[1 - i]);
  for (const [i, peer] of peers.entries()) {
    const words = `žluť ${i}`;
    peer.say(words);
    assert.deepEqual(await peers[1 - i].next('said'), { said: words, from: ids[i] });
  }
  peers[0].process.send({ leave: true });
  assert.equal((await peers[1].next('left')).left, ids[0]);
});
