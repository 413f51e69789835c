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

// Alice is there first and bob comes; gives them with their call up.
export async function startCall(open, server, first, second, places = {}) {
  const room = newRoom();
  const alice = await open('alice', callUrl(server, room, first, places));
  await alice.until((call) => call.had('created').length);
  const bob = await open('bob', callUrl(server, room, second, places));
  await expectCall(alice, bob);
  return { room, alice, bob };
}

// In the middle of a call, while the old transport still works.
export async function switchTo(guest, transport) {
  assert.equal(await guest.ask((call, kind) => call.connection.switchTransport(kind), transport), transport);
  assert.equal(await guest.ask((call) => call.connection.transport), transport);
}

// Numbered messages run both ways over the signaling all the time while `act` does its work; all arrive, once and in order.
// So dense (milliseconds between two) that some are under way whenever a transport changes.
export async function whileNotesRun(a, b, act, every = 15) {
  for (const guest of [a, b]) await guest.ask((call, ms) => call.startNotes(ms), every);
  await act();
  const [said, answered] = await Promise.all([a, b].map((guest) => guest.ask((call) => call.stopNotes())));
  assert.ok(said > 0 && answered > 0);
  for (const [to, count] of [[b, said], [a, answered]]) {
    await to.until((call, least) => call.notes.length >= least, count);
    const notes = await to.ask((call) => call.notes);
    assert.deepEqual(notes, Array.from({ length: count }, (_, i) => i), `what was said to ${to.name}`);
  }
}

// Both ends see their peer connection up; data goes both ways, texts and an unbroken row of numbers; so does video that moves.
export async function expectCall(earlier, later) {
  const both = [earlier, later];
  await Promise.all(both.map((guest) => guest.until((call) => call.link?.isUp)));
  const roles = await Promise.all(both.map((guest) => guest.ask((call) => call.link.polite)));
  assert.deepEqual(roles, [false, true], 'who came later is polite');
  await Promise.all([expectData(earlier, later), expectData(later, earlier), ...both.map(expectFlow)]);
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

export async function leave(guest) {
  await guest.ask((call) => call.leave());
}
