// examples/login/ as it is, in Chromium windows. SIGWAY_PICTURES=FOLDER keeps a picture of the call.

import { after, before, test } from 'node:test';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closeBrowser, withPages } from '../browser/support/browser.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';

const kPictures = process.env.SIGWAY_PICTURES;

let server;
before(async () => { server = await startGateway(['--web-root', fileURLToPath(new URL('../../examples/login', import.meta.url))]); });
after(async () => {
  await closeBrowser();
  await stopGateway(server);
});

const shows = (guest, text) => guest.page.locator('#state', { hasText: text }).waitFor({ timeout: 60000 });

async function enter(guest, name) {
  await guest.page.fill('#name', name);
  await guest.page.click('#login button');
}

async function logIn(open, who) {
  const guest = Object.assign(await open(who, server.url), { user: fresh(who) });
  await enter(guest, guest.user);
  await shows(guest, 'Logged in');
  return guest;
}

// Both windows show moving pictures of the other one.
async function call(caller, callee) {
  await caller.page.fill('#callee', callee.user);
  await caller.page.click('#start');
  for (const [guest, other] of [[caller, callee], [callee, caller]]) {
    await shows(guest, `Call with ${other.user}: connected`);
    await guest.page.waitForFunction(() => document.getElementById('theirs').getVideoPlaybackQuality().totalVideoFrames > 3, undefined, { timeout: 60000 });
  }
}

test('examples/login/: a taken name, a call each way, a busy callee, and a window that is closed', (t) => withPages(t, async (open) => {
  const alice = await logIn(open, 'alice');
  const bob = await open('bob', server.url);
  await enter(bob, alice.user);
  await shows(bob, 'Somebody has that name');
  bob.user = fresh('bob');
  await enter(bob, bob.user);
  await shows(bob, 'Logged in');
  await call(alice, bob);
  if (kPictures) for (const guest of [alice, bob]) await guest.page.screenshot({ path: join(kPictures, `login-${guest.name}.png`), fullPage: true });

  const carol = await logIn(open, 'carol');
  await carol.page.fill('#callee', alice.user);
  await carol.page.click('#start');
  await shows(carol, `${alice.user} has left the call.`);
  await shows(alice, `Call with ${bob.user}: connected`);

  await bob.page.click('#hang-up');
  await shows(bob, 'You have hung up.');
  await shows(alice, `${bob.user} has left the call.`);
  await call(bob, alice);
  await alice.page.close();
  await shows(bob, `${alice.user} has left the call.`);
}, { ignoreHTTPSErrors: true }));
