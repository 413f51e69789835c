// examples/codelab/ as it is, in Chromium windows. SIGWAY_PICTURES=FOLDER keeps a picture of the call.

import { after, before, test } from 'node:test';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closeBrowser, withPages } from '../browser/support/browser.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';

const kPictures = process.env.SIGWAY_PICTURES;
const kPatience = 60000;
const kGone = 'The other one has left.';

let server;
before(async () => { server = await startGateway(['--web-root', fileURLToPath(new URL('../../examples/codelab', import.meta.url))]); });
after(async () => {
  await closeBrowser();
  await stopGateway(server);
});

const shows = (guest, text) => guest.page.locator('#state', { hasText: text }).waitFor({ timeout: kPatience });

// Both windows show moving pictures of the other one.
async function inCall(...guests) {
  for (const guest of guests) {
    await shows(guest, 'The call: connected');
    await guest.page.waitForFunction(() => document.getElementById('theirs').getVideoPlaybackQuality().totalVideoFrames > 3, undefined, { timeout: kPatience });
  }
}

test('examples/codelab/: a call for two, a third one, a hang-up, a reload, and a window that is closed', (t) => withPages(t, async (open) => {
  const url = `${server.url}/${fresh('foo')}`;
  const alice = await open('alice', url);
  await shows(alice, 'You are the first one.');
  const bob = await open('bob', url);
  await inCall(alice, bob);
  if (kPictures) for (const guest of [alice, bob]) await guest.page.screenshot({ path: join(kPictures, `codelab-${guest.name}.png`), fullPage: true });

  const carol = await open('carol', url);
  await shows(carol, 'Two are in this room already.');
  await inCall(alice, bob);

  await alice.page.click('#hang-up');
  await shows(alice, 'You have hung up.');
  await shows(bob, kGone);
  await alice.page.reload();
  await inCall(alice, bob);
  await bob.page.close();
  await shows(alice, kGone);
  await carol.page.reload();
  await inCall(alice, carol);
}, { ignoreHTTPSErrors: true }));
