// A program as libdatachannel's examples are, and a browser page with sigway's own client, open a data channel with each other.
// So do two windows of examples/libdatachannel/.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import wrtc from '@roamhq/wrtc';
import { closeBrowser, withPages } from '../browser/support/browser.mjs';
import { Inbox, within } from '../conformance/support/patience.mjs';
import { WsClient } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';

const folder = mkdtempSync(join(tmpdir(), 'sigway-data-channel-'));

let server;
before(async () => {
  cpSync(fileURLToPath(new URL('../../web/client', import.meta.url)), join(folder, 'client'), { recursive: true });
  for (const name of ['data_channel.html', 'data_channel.js'])
    cpSync(fileURLToPath(new URL(`pages/${name}`, import.meta.url)), join(folder, name));
  cpSync(fileURLToPath(new URL('../../examples/libdatachannel', import.meta.url)), join(folder, 'example'), { recursive: true });
  server = await startGateway(['--web-root', folder]);
});
after(async () => {
  await closeBrowser();
  await stopGateway(server);
  rmSync(folder, { recursive: true, force: true });
});

// It knows nothing but its own id, and the fields of the examples' messages.
class Program {
  texts = new Inbox();
  peers = new Map();

  static async open(t, id) {
    const program = Object.assign(new Program(), { id, socket: await WsClient.open(server, `/libdatachannel/${id}`) });
    program.ended = program.#run();
    t.after(async () => {
      program.socket.close();
      await program.ended;
    });
    return program;
  }

  async #run() {
    try {
      for (;;) await this.#take(JSON.parse(await this.socket.next()));
    } catch { /* the socket is closed */ }
    for (const peer of this.peers.values()) peer.close();
  }

  async #take({ id, type, description, candidate, mid }) {
    if (type !== 'offer' && !this.peers.has(id)) return;
    const peer = this.peers.get(id) ?? this.#peer(id);
    if (type === 'offer' || type === 'answer') {
      await peer.setRemoteDescription({ type, sdp: description });
      if (type === 'offer') await this.#describe(id, await peer.createAnswer());
    } else if (type === 'candidate') {
      await peer.addIceCandidate({ candidate, sdpMid: mid });
    }
  }

  #say(message) { this.socket.say(JSON.stringify(message)); }

  #peer(id) {
    const peer = new wrtc.RTCPeerConnection({ iceServers: [] });
    this.peers.set(id, peer);
    peer.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate) this.#say({ id, type: 'candidate', candidate: candidate.candidate, mid: candidate.sdpMid });
    };
    peer.ondatachannel = ({ channel }) => this.#listen(channel);
    return peer;
  }

  async #describe(id, made) {
    await this.peers.get(id).setLocalDescription(made);
    this.#say({ id, type: made.type, description: made.sdp });
  }

  #listen(channel) {
    this.channel = channel;
    channel.onmessage = ({ data }) => this.texts.put(data);
  }

  async offer(id) {
    const peer = this.#peer(id);
    const channel = peer.createDataChannel('test');
    const isOpen = new Promise((resolve) => { channel.onopen = resolve; });
    this.#listen(channel);
    await this.#describe(id, await peer.createOffer());
    await within(isOpen, () => 'a data channel with the page');
  }
}

async function openPage(open, name) {
  const page = Object.assign(await open('page', `${server.url}/data_channel.html?name=${name}`), { id: name });
  await page.until((call) => call.isIn());
  return page;
}

async function talk(page, program) {
  await page.until((call, id) => call.isOpen(id), program.id);
  await page.ask((call, id) => call.say(id, 'žluť from the page'), program.id);
  assert.equal(await program.texts.take(() => 'a text from the page'), 'žluť from the page');
  program.channel.send('žluť from the program');
  await page.until((call) => call.texts.at(-1) === 'žluť from the program');
}

const withWindows = (t, body) => withPages(t, body, { ignoreHTTPSErrors: true });

test('the page calls the program', (t) => withWindows(t, async (open) => {
  const program = await Program.open(t, fresh('program'));
  const page = await openPage(open, fresh('page'));
  await page.ask((call, id) => call.offer(id), program.id);
  await talk(page, program);
}));

test('the program calls the page, and goes', (t) => withWindows(t, async (open) => {
  const program = await Program.open(t, fresh('program'));
  const page = await openPage(open, fresh('page'));
  await program.offer(page.id);
  await talk(page, program);
  program.socket.cut();
  await page.until((call, id) => call.ends.at(-1) === id, program.id);
}));

test('the program calls a page that is not there yet', (t) => withWindows(t, async (open) => {
  const program = await Program.open(t, fresh('program'));
  const name = fresh('page');
  const [page] = await Promise.all([openPage(open, name), program.offer(name)]);
  await talk(page, program);
}));

test('examples/libdatachannel/: two windows, and a program', (t) => withWindows(t, async (open) => {
  const shows = (guest, text) => guest.page.locator('#state', { hasText: text }).waitFor({ timeout: 60000 });
  const says = async (guest, text) => {
    await guest.page.fill('#text', text);
    await guest.page.click('#send');
  };
  const heard = (guest, text) => guest.page.locator('#texts li', { hasText: text }).waitFor({ timeout: 60000 });
  const windows = [];
  for (const name of ['a', 'b']) {
    const guest = await open(name, `${server.url}/example/index.html`);
    await shows(guest, 'Connected');
    windows.push(Object.assign(guest, { id: await guest.page.textContent('#own') }));
  }
  const [a, b] = windows;
  await a.page.fill('#other', b.id);
  await a.page.click('#offer');
  for (const [guest, other] of [[a, b], [b, a]]) await shows(guest, `A channel with ${other.id} is open.`);
  await says(a, 'from a');
  await heard(b, `${a.id}: from a`);
  await says(b, 'from b');
  await heard(a, `${b.id}: from b`);

  const program = await Program.open(t, fresh('program'));
  await program.offer(b.id);
  program.channel.send('from the program');
  await heard(b, `${program.id}: from the program`);
  await says(b, 'to the program');
  assert.equal(await program.texts.take(() => 'a text from the window'), 'to the program');
  await a.page.close();
  await shows(b, `${a.id} has gone.`);
}));
