// How a call begins, and begins again: first offers that cross, connections that find no way, both sides beginning anew at once.
// Pages with nothing but the client and the peer link, so that each can be held at the moment that matters.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../support/until.mjs';
import { browser, server } from './served.mjs';
import { kPatience, visitor } from './support.mjs';

const kGlares = Number(process.env.SIGWAY_ROUNDS ?? 50);
let count = 0;

// Runs in the page. `hopeless`: so many of its first connections look for relays only, of which there are none.
function prepare({ hopeless = 0 }) {
  if (hopeless) {
    const Native = window.RTCPeerConnection;
    window.RTCPeerConnection = class extends Native {
      constructor(configuration) {
        super(hopeless-- > 0 ? { ...configuration, iceTransportPolicy: 'relay' } : configuration);
      }
    };
  }
  window.rollbacks = 0;
  const setLocalDescription = RTCPeerConnection.prototype.setLocalDescription;
  RTCPeerConnection.prototype.setLocalDescription = function (description) {
    if (description?.type === 'rollback') ++window.rollbacks;
    return setLocalDescription.call(this, description);
  };
  // `hold`: what is sent waits for window.release(). `late`: the first offer of ours is made when the first one of theirs is here
  // and waits its turn, so that it has to give way after so many milliseconds. `held` resolves when there is an offer to hold.
  window.meet = async (room, { hold = false, late, video = true, capacity, ...options } = {}) => {
    const { connect } = await import('/client/sigway.js');
    const { PeerLink } = await import('/client/peer.js');
    const connection = connect({ room, capacity, keyStore: false, transport: 'websocket' });
    const end = window.end = { connection, heard: [], events: [], offers: 0 };
    if (hold) {
      const send = connection.send.bind(connection), waiting = [];
      end.held = new Promise((resolve) => {
        connection.send = (...values) => {
          waiting.push(values);
          if (values[0] === 'offer') resolve();
        };
      });
      window.release = () => {
        delete connection.send;
        for (const values of waiting) send(...values);
      };
    }
    if (late !== undefined) {
      let asked;
      end.held = new Promise((resolve) => { asked = resolve; });
      const arrived = new Promise((resolve) => { connection.on('message', ({ type }) => { if (type === 'offer') resolve(); }); });
      options.RTCPeerConnection = class extends window.RTCPeerConnection {
        async createOffer(...values) {
          asked();
          await arrived;
          return super.createOffer(...values);
        }
        async setLocalDescription(description) {
          await super.setLocalDescription(description);
          if (description?.type === 'offer') await new Promise((resolve) => { setTimeout(resolve, late); });
        }
      };
    }
    connection.on('sent', ({ type }) => { if (type === 'offer') ++end.offers; });
    const link = end.link = new PeerLink(connection, { channels: ['talk'], ...options });
    link.on('renewed', ({ by }) => end.events.push(`renewed by ${by}`));
    link.on('trouble', ({ code, message }) => end.events.push(`${code}: ${message}`));
    link.on('data', ({ data }) => end.heard.push(data));
    if (video) {
      const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 48 });
      const context = canvas.getContext('2d');
      end.drawing = setInterval(() => { context.fillStyle = `rgb(${Date.now() % 255} 0 0)`; context.fillRect(0, 0, 64, 48); }, 50);
      const stream = canvas.captureStream(10);
      for (const track of stream.getTracks()) link.addTrack(track, stream);
    }
    await connection.opened;
  };
  window.part = async () => {
    window.release = undefined;
    clearInterval(window.end.drawing);
    await window.end.connection.close();
    return window.openPeerConnections();
  };
}

async function bare(options = {}) {
  const guest = await visitor(browser, { expected: [/favicon/], init: `(${prepare})(${JSON.stringify(options)})` });
  await guest.page.goto(`${server.url}/client/sigway.js`);
  return guest;
}

const meet = (pages, room, options) => Promise.all(pages.map((page) =>
  page.evaluate(([name, values]) => window.meet(name, values), [room, options])));
const freshRoom = () => `first-${++count}`;

// Both connected over the present connections and at rest; data and pictures go both ways; nothing else is left open.
async function inCall(pages, { video = true } = {}) {
  await Promise.all(pages.map((page) => page.waitForFunction(() => {
    const [peer] = window.end.link.peers;
    return peer?.state === 'connected' && peer.connection.signalingState === 'stable' && peer.channels.get('talk').readyState === 'open';
  })));
  const word = `word ${++count}`;
  for (const page of pages) await page.evaluate((data) => window.end.link.send('talk', data), word);
  await Promise.all(pages.map((page) => page.waitForFunction((data) => window.end.heard.includes(data), word)));
  if (video) await Promise.all(pages.map((page) => until(page, async () => {
    const reports = [...(await window.end.link.peers[0].connection.getStats()).values()];
    return reports.some(({ type, framesDecoded }) => type === 'inbound-rtp' && framesDecoded > 0);
  }, null, { timeout: kPatience })));
  for (const page of pages) assert.equal(await page.evaluate(() => openPeerConnections()), 1);
}

const ask = (pages, act) => Promise.all(pages.map((page) => page.evaluate(act)));

test(`${kGlares} times both first offers cross`, async () => {
  const guests = [await bare(), await bare()], pages = guests.map(({ page }) => page);
  for (let i = 0; i < kGlares; ++i) {
    // The worst moment to give way is soon after the offer, in a page's first connection, with data channels alone.
    const late = i % 2 ? undefined : i / 2 % 6, video = late === undefined;
    if (!video) for (const page of pages) await page.reload();
    const room = freshRoom();
    await meet([pages[0]], room, { video, hold: true, courtesy: 0 });
    await meet([pages[1]], room, { video, hold: video, late, courtesy: 0 });
    await ask(pages, () => window.end.held);
    await ask(pages, () => window.release?.());
    await inCall(pages, { video });
    assert.deepEqual(await ask(pages, () => window.end.events), [[], []], 'and nothing had to be mended');
    const offers = await ask(pages, () => window.end.offers);
    assert.ok(offers.every((made) => made >= 1 && made <= 3), `${offers} offers`);
    assert.deepEqual(await ask(pages, () => window.rollbacks), [0, 0], 'a first offer is not rolled back: that leaves Chromium stuck now and then');
    assert.deepEqual(await ask(pages, () => window.part()), [0, 0]);
  }
  for (const guest of guests) await guest.close();
});

for (const [name, hopeless] of [['the older one', [1, 0]], ['the newer one', [0, 1]], ['both', [1, 1]], ['both, twice,', [2, 2]]]) {
  test(`a connection that finds no way is replaced on both sides: ${name} had it`, async () => {
    const guests = [await bare({ hopeless: hopeless[0] }), await bare({ hopeless: hopeless[1] })], pages = guests.map(({ page }) => page);
    const room = freshRoom(), options = { patience: 1500 };
    await meet([pages[0]], room, options);
    await meet([pages[1]], room, options);
    await inCall(pages);
    const events = await ask(pages, () => window.end.events);
    for (const one of events) {
      assert.ok(one.length >= Math.max(...hopeless), 'it was begun anew');
      assert.deepEqual(one.filter((event) => !event.startsWith('renewed by')), []);
    }
    assert.ok(events.flat().includes('renewed by us') && events.flat().includes('renewed by them'));
    assert.deepEqual(await ask(pages, () => window.end.link.peers[0].attempts), [0, 0]);
    assert.deepEqual(await ask(pages, () => window.part()), [0, 0]);
    for (const guest of guests) await guest.close();
  });
}

test('both begin anew at once, again and again, in a running call and in the middle of a negotiation', async () => {
  const guests = [await bare(), await bare()], pages = guests.map(({ page }) => page);
  await meet(pages, freshRoom());
  await inCall(pages);
  for (let i = 0; i < 20; ++i) {
    if (i % 4 === 1) await ask(pages, () => window.end.link.peers[0].restartIce());
    await Promise.all(pages.map((page, k) => page.evaluate((times) => {
      for (let n = 0; n < times; ++n) window.end.link.peers[0].renew();
      return new Promise((resolve) => { window.end.link.on('renewed', resolve); });
    }, i % 5 === 2 ? 1 + k : 1)));
    await inCall(pages);
  }
  const events = (await ask(pages, () => window.end.events)).flat();
  assert.deepEqual(events.filter((event) => !event.startsWith('renewed by')), [], 'nothing of an earlier connection was taken for one of the present');
  assert.deepEqual(await ask(pages, () => window.part()), [0, 0]);
  for (const guest of guests) await guest.close();
});

// `most` of the three that come one after the other, and who leaves: the other two have had no call before.
for (const [name, most, leaver] of [['the oldest one', [1, 5, 5], 1], ['the newest one', [5, 5, 1], 0], ['everybody', [1, 1, 1], 1]]) {
  test(`when a place in the mesh is free, who was left out is called: ${name} had no more places`, async () => {
    const guests = [await bare(), await bare(), await bare()], pages = guests.map(({ page }) => page), room = freshRoom();
    for (const [i, page] of pages.entries()) await meet([page], room, { most: most[i], capacity: 3 });
    const others = pages.filter((_, i) => i !== leaver);
    const full = (page) => page.waitForFunction(() => window.end.events.some((event) => event.startsWith('mesh_full')));
    await Promise.all(pages.filter((_, i) => i !== leaver && most[i] === 1).map(full));
    // What was said to who could not hear it has been said.
    await pages[leaver].waitForFunction(() => window.end.link.peers.some(({ state }) => state === 'connected'));
    await pages[leaver].evaluate(() => window.part());
    await inCall(others);
    assert.deepEqual(await ask(others, () => window.part()), [0, 0]);
    for (const guest of guests) await guest.close();
  });
}

test('who has no peer link is left in peace', async () => {
  const guest = await bare();
  const room = freshRoom();
  await meet([guest.page], room, { patience: 100 });
  const heard = await guest.page.evaluate(async (name) => {
    const { connect } = await import('/client/sigway.js');
    const silent = connect({ room: name, keyStore: false });
    const types = [];
    silent.on('message', ({ type }) => types.push(type));
    await silent.opened;
    while (!types.includes('candidate')) await new Promise((resolve) => { silent.on('message', resolve); });
    await new Promise((resolve) => { setTimeout(resolve, 1000); });    // ten times its patience
    await silent.close();
    return types.filter((type) => type !== 'candidate');
  }, room);
  assert.deepEqual(heard, ['link', 'offer']);
  await guest.close();
});
