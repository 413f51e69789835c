// What the tests say about calls between two pages/call.html.

import assert from 'node:assert/strict';

export const kTransports = ['websocket', 'sse', 'poll'];
const kRoutes = { websocket: ['/v1/ws'], sse: ['/v1/send', '/v1/sse'], poll: ['/v1/poll', '/v1/send'] };

export function callUrl(server, room, transport, { page = server.url, signaling } = {}) {
  const url = new URL('/call.html', page);
  url.search = new URLSearchParams({ room, transport, ...(signaling ? { server: signaling } : {}) });
  return url.href;
}

let rooms = 0;
export const newRoom = () => `browser-${process.pid}-${++rooms}`;

// Both ends see their peer connection up; data goes both ways, texts and an unbroken row of numbers; so does video that moves.
export async function expectCall(a, b) {
  await Promise.all([a, b].map((guest) => guest.until((call) => call.link?.isUp)));
  const roles = await Promise.all([a, b].map((guest) => guest.ask((call) => call.link.polite)));
  assert.equal(roles[0], !roles[1], 'one end is polite, the other is not');
  await Promise.all([expectData(a, b), expectData(b, a), expectFlow(a), expectFlow(b)]);
}

async function expectData(from, to) {
  const text = `${from.name} says: “héllo” ${Math.random()}`;
  await from.ask((call, said) => call.link.say(said), text);
  await to.until((call, said) => call.link.texts.includes(said), text);
}

// From now on more numbers and more frames come, decoded and shown.
export async function expectFlow(guest) {
  const before = await guest.ask(async ({ link }) => ({ ticks: link.ticks, shown: link.framesShown,
    decoded: await link.framesDecoded() }));
  await guest.until(async ({ link }, { ticks, shown, decoded }) => link.ticks > ticks + 3 && link.framesShown > shown + 2 &&
    await link.framesDecoded() > decoded + 2, before);
  assert.equal(await guest.ask(({ link }) => link.broken), null, `${guest.name}: the data channel lost or repeated something`);
}

// A renegotiation through the signaling: afterwards both ends are in another ICE session, and it works.
export async function restartIce(by, other) {
  const before = await Promise.all([by, other].map((guest) => guest.ask(({ link }) => link.iceSession)));
  await by.ask(({ link }) => link.pc.restartIce());
  await Promise.all([by, other].map((guest, i) => guest.until(({ link }, old) => link.isUp &&
    link.iceSession.every((ufrag, j) => ufrag && ufrag !== old[j]), before[i])));
}

// The browser's own record of requests says that the page used this transport and no other.
export function expectRoutes(guest, transport) {
  const used = [...guest.routes.keys()].filter((path) => path.startsWith('/v1/')).sort();
  assert.deepEqual(used, kRoutes[transport], `${guest.name} was told to use ${transport}`);
}

// The session was never broken or replaced by another one.
export async function expectNoReset(guest) {
  const bad = await guest.ask((call) => call.events.filter(({ name, state }) => name === 'reset' || name === 'refused' ||
    name === 'closed' || state === 'reconnecting'));
  assert.deepEqual(bad, [], `${guest.name}: the connection stayed the same`);
}

// What a page that leaves, moves or reloads gives up in the middle of it.
export const kGivenUp = /request failed: POST \S+\/v1\/(sse|poll|send) net::ERR_ABORTED/;

export async function leave(guest) {
  guest.explain(kGivenUp);
  await guest.ask((call) => call.leave());
}
