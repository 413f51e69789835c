// Pages that were written from the codelab, in its forms, in Chromium windows: the room in the path, calls with video.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { closeBrowser } from '../browser/support/browser.mjs';
import { closeWindow, formUrl, hears, inCall, isUndisturbed, refuseUpgrades, roomUrl, servePages, stopPages, withWindows } from './support/codelab_pages.mjs';
import { fresh } from './support/gateway.mjs';

const servers = new Map();
async function serve(form) {
  if (!servers.has(form)) servers.set(form, servePages(form));
  return servers.get(form);
}
after(async () => {
  await closeBrowser();
  for (const server of servers.values()) await stopPages(await server);
});

const said = (heard, name) => heard.filter(([event]) => event === name).map(([, ...args]) => args);

// A window that is closed on polling cannot say goodbye to the server. For some seconds it may still count.
async function getsIn(guest, room) {
  for (;;) {
    const answer = await guest.until(({ heard }, name) => heard.find((what) => what === `full ${name}` || what === `joined ${name}`), room);
    if (answer.startsWith('joined')) return;
    await guest.page.reload();
  }
}

const transport = (guest) => guest.ask((call) => call.report().transport);

for (const form of ['2013', 'step-05']) {
  describe(form, () => {
    test('two call each other, a third hears full, one leaves and another comes', (t) => withWindows(t, async (open) => {
      const url = roomUrl(await serve(form), fresh('foo'));
      const room = new URL(url).pathname.slice(1);
      const alice = await open('alice', url);
      await hears(alice, `created ${room}`);
      const bob = await open('bob', url);
      await inCall(alice, bob);
      assert.ok((await bob.ask(({ heard }) => heard)).includes(`joined ${room}`));
      assert.equal(await transport(alice), 'websocket');

      for (const guest of [alice, bob]) {
        await isUndisturbed(guest, async () => {
          const carol = await open('carol', url);
          await hears(carol, `full ${room}`);
          await carol.until(() => document.querySelector('#localVideo').videoWidth > 0);   // it has said that it has its camera
          await closeWindow(carol);                                                        // and now says bye
        });
      }

      await closeWindow(alice);
      await hears(bob, 'message bye');
      const dave = await open('dave', url);
      await inCall(bob, dave);
      await closeWindow(dave);
      await bob.until(({ heard }) => heard.filter((what) => what === 'message bye').length === 2);
      await bob.page.reload();
      const erin = await open('erin', url);
      await inCall(bob, erin);
    }));

    test('the same where the network lets no WebSocket through', (t) => withWindows(t, async (open) => {
      const server = await refuseUpgrades(t, await serve(form));
      const url = roomUrl(server, fresh('foo'));
      const room = new URL(url).pathname.slice(1);
      const enter = async (name) => {
        const guest = await open(name, 'about:blank');
        guest.explain(/WebSocket|response: 403 GET \S+transport=websocket/);
        await guest.page.goto(url);
        return guest;
      };
      const alice = await enter('alice');
      await hears(alice, `created ${room}`);
      const bob = await enter('bob');
      await inCall(alice, bob);
      for (const guest of [alice, bob]) assert.match(await transport(guest), /polling$/);
      if (form === '2013') return;   // its client gives each WebSocket ten seconds
      const carol = await enter('carol');
      await hears(carol, `full ${room}`);
      await closeWindow(bob);
      await hears(alice, 'message bye');
      const dave = await enter('dave');
      await getsIn(dave, room);
      await inCall(alice, dave);
    }));
  });
}

test('a page of 2013 and one of step 5 call each other, in both orders', (t) => withWindows(t, async (open) => {
  const server = await serve('step-05');
  for (const forms of [['2013', 'step-05'], ['step-05', '2013']]) {
    const room = fresh('mixed');
    const first = await open('first', formUrl(server, forms[0], room));
    await hears(first, `created ${room}`);
    const second = await open('second', formUrl(server, forms[1], room));
    await inCall(first, second);
    for (const guest of [first, second]) await closeWindow(guest);
  }
}));

test('step-04: what the server says, to two and to a third', (t) => withWindows(t, async (open) => {
  const url = roomUrl(await serve('step-04'), fresh('foo'));
  const room = new URL(url).pathname.slice(1);
  const alice = await open('alice', url);
  await alice.until(({ heard }) => heard.some(([event]) => event === 'created'));
  const bob = await open('bob', url);
  for (const guest of [alice, bob]) await guest.until(({ heard }) => heard.some(([event]) => event === 'ready'));
  const carol = await open('carol', url);
  await carol.until(({ heard }) => heard.some(([event]) => event === 'full'));

  const [a, b, c] = await Promise.all([alice, bob, carol].map((guest) => guest.ask((call) => ({ heard: call.heard, id: call.id }))));
  const log = (...texts) => texts.map((text) => ['Message from server:', text]);
  assert.deepEqual(said(a.heard, 'created'), [[room, a.id]]);
  assert.deepEqual(said(a.heard, 'join'), [[room]]);
  assert.deepEqual(said(b.heard, 'joined'), [[room, b.id]]);
  for (const { heard } of [a, b]) assert.deepEqual(said(heard, 'ready'), [[room]]);
  assert.deepEqual(said(c.heard, 'full'), [[room]]);
  assert.deepEqual(said(a.heard, 'log'), log(`Received request to create or join room ${room}`, `Room ${room} now has 0 client(s)`, `Client ID ${a.id} created room ${room}`));
  assert.deepEqual(said(b.heard, 'log'), log(`Received request to create or join room ${room}`, `Room ${room} now has 1 client(s)`, `Client ID ${b.id} joined room ${room}`));
  assert.deepEqual(said(c.heard, 'log'), log(`Received request to create or join room ${room}`, `Room ${room} now has 2 client(s)`));

  await carol.ask((call) => call.say('not for you'));
  await alice.ask((call) => call.say('for you'));
  await bob.until(({ heard }) => heard.some(([event]) => event === 'message'));
  assert.deepEqual(said(await bob.ask(({ heard }) => heard), 'message'), [['for you']]);
  assert.deepEqual(said(await alice.ask(({ heard }) => heard), 'message'), []);
}));

test('step-06: pictures both ways, a third hears full, and whoever stays gets a call with the next one', (t) => withWindows(t, async (open) => {
  const url = roomUrl(await serve('step-06'), fresh('foo'));
  const room = new URL(url).pathname.slice(1);
  const canSend = (guest) => guest.until((call) => !document.querySelector('#send').disabled && document.querySelector('#localVideo').videoWidth > 0);
  const sends = async (from, to) => {
    const before = await to.ask((call) => call.report().pictures);
    await from.page.click('#send');
    await to.until((call, count) => call.report().pictures > count, before);
    assert.ok(await to.page.evaluate(() => document.querySelector('#trail').getContext('2d', { willReadFrequently: true }).getImageData(0, 0, 160, 120).data.some((value) => value > 0 && value < 255)));
  };
  const exchange = async (one, other) => {
    for (const guest of [one, other]) await canSend(guest);
    await sends(one, other);
    await sends(other, one);
  };
  const alice = await open('alice', url);
  await hears(alice, `created ${room}`);
  const bob = await open('bob', url);
  await exchange(alice, bob);
  for (const guest of [alice, bob]) assert.equal(await guest.ask((call) => call.report().connections), 1);

  const before = await Promise.all([alice, bob].map((guest) => guest.ask(({ heard }) => heard)));
  const carol = await open('carol', url);
  await hears(carol, `full ${room}`);
  await closeWindow(carol);
  await exchange(alice, bob);
  assert.deepEqual(await Promise.all([alice, bob].map((guest) => guest.ask(({ heard }) => heard))), before);

  await closeWindow(bob);
  await hears(alice, 'bye');
  const dave = await open('dave', url);
  await exchange(alice, dave);
  await closeWindow(alice);            // the one who opened the room
  await hears(dave, `created ${room}`);   // it has loaded its page again
  const erin = await open('erin', url);
  await exchange(dave, erin);
}));
