// A page that was written from the login guide, in Chromium windows: calls with video and a data channel.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { closeBrowser, withPages } from '../browser/support/browser.mjs';
import { wsUrl } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { tell, told, user } from './support/talk.mjs';

// A data channel is offered, and no way to it.
const kOfferOfNothing = ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'c=IN IP4 0.0.0.0', 'a=ice-ufrag:abcd', 'a=ice-pwd:abcdefghijklmnopqrstuvwx',
  `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`, 'a=setup:actpass', 'a=mid:0', 'a=sctp-port:5000', ''].join('\r\n');

let server;
before(async () => { server = await startGateway(['--web-root', fileURLToPath(new URL('pages', import.meta.url))], { listen: ['login'] }); });
after(async () => {
  await closeBrowser();
  await stopGateway(server);
});

const withWindows = (t, body) => withPages(t, body, { ignoreHTTPSErrors: true });
const shows = (guest, text) => guest.until((_, wanted) => document.getElementById('said').textContent === wanted, text);

async function enter(open, who, { name = fresh(who), at } = {}) {
  const url = new URL('/login.html', server.url);
  if (at) url.searchParams.set('at', at);
  const guest = await open(who, url.href);
  await shows(guest, 'connected');
  await guest.page.fill('#name', name);
  await guest.page.click('#enter');
  return Object.assign(guest, { user: name });
}

async function call(caller, callee) {
  await caller.page.fill('#callee', callee.user);
  await caller.page.click('#call');
  for (const [guest, other] of [[caller, callee], [callee, caller]]) {
    await guest.until(({ isUp, other: name }, user) => isUp && name === user, other.user);
    const before = await guest.ask((page) => page.framesDecoded());
    await guest.until(async (page, frames) => await page.framesDecoded() > frames + 2, before);
  }
  for (const [from, to] of [[caller, callee], [callee, caller]]) {
    const text = `${from.name} says: žluť ${Math.random()}`;
    await from.page.fill('#text', text);
    await from.page.click('#send');
    await to.until(({ texts }, said) => texts.at(-1) === said, text);
  }
}

async function hangUp(guest, other) {
  const ends = await other.ask((page) => page.ends);
  await guest.page.click('#hang-up');
  await other.until((page, before) => page.ends === before + 1, ends);
}

test('two windows call each other, hang up, and call again the other way round', (t) => withWindows(t, async (open) => {
  const alice = await enter(open, 'alice');
  const bob = await enter(open, 'bob');
  for (const guest of [alice, bob]) await shows(guest, 'logged in');
  await call(alice, bob);
  await hangUp(bob, alice);
  await call(bob, alice);
  await hangUp(bob, alice);
}));

test('the same through a port of its own, and a window that is closed is a call that is over', (t) => withWindows(t, async (open) => {
  const at = `${wsUrl(server.own.login, '/')}`;
  const alice = await enter(open, 'alice', { at });
  const bob = await enter(open, 'bob', { at });
  for (const guest of [alice, bob]) await shows(guest, 'logged in');
  await call(alice, bob);
  await alice.page.close();
  await shows(bob, 'the call is over');
  const again = await enter(open, 'alice-again', { name: alice.user });   // the name is free
  await shows(again, 'logged in');
  await call(bob, again);
}));

test('a name that is taken, and a third one who calls nobody', (t) => withWindows(t, async (open) => {
  const alice = await enter(open, 'alice');
  await shows(alice, 'logged in');
  const third = await enter(open, 'third', { name: alice.user });
  await shows(third, 'that name is taken');
  await third.page.fill('#name', fresh('third'));
  await third.page.click('#enter');
  await shows(third, 'logged in');
  const bob = await enter(open, 'bob');
  await shows(bob, 'logged in');
  await call(alice, bob);
  assert.deepEqual((await third.ask((page) => page.report())).said, ['login', 'login']);
}));

test('an offer that waited for its callee finds a page that is ready for it', (t) => withWindows(t, async (open) => {
  const name = fresh('late');
  const caller = await user(t, server, fresh('caller'));
  await tell(caller, { type: 'offer', offer: { type: 'offer', sdp: kOfferOfNothing }, name });
  const late = await enter(open, 'late', { name });
  await late.until(({ other }, user) => other === user, caller.user);
  const answer = await told(caller);
  assert.deepEqual([answer.type, answer.name, answer.answer.type], ['answer', name, 'answer']);
  assert.match(answer.answer.sdp, /^v=0/);
  await tell(caller, { type: 'leave', name });
  await shows(late, 'the call is over');
}));
