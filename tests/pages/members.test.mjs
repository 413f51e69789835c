// Who else wants in, and who is in without WebRTC: a full room that has a place again, and a terminal, which chat reaches.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { browser, server } from './served.mjs';
import { openCall, phase, seesVideo, visitor } from './support.mjs';
import { Terminal } from './terminal.mjs';

let count = 0;
afterEach(() => Terminal.leaveAll());

const freshRoom = (people = 2) => `${server.url}/r/members-${++count}?people=${people}`;
const seesText = (page, selector, wanted) => page.locator(selector, { hasText: wanted }).first().waitFor();

async function enter(url, options) {
  const guest = await visitor(browser, options);
  await openCall(guest.page, url);
  return guest;
}

async function say(page, words) {
  if (!await page.locator('#chat').isVisible()) await page.click('#open-chat');
  await page.fill('#chat-text', words);
  await page.press('#chat-text', 'Enter');
}

test('a room that was full lets in who looks at the page, when a place is free', async () => {
  const url = freshRoom();
  const a = await enter(url), b = await enter(url);
  await Promise.all([a, b].map(({ page }) => phase(page, 'talking')));
  const c = await enter(url);
  await phase(c.page, 'full');
  await seesText(c.page, '#status-text', 'as soon as one is free');
  // Asking again and again shows nothing else meanwhile.
  await c.page.evaluate(() => {
    window.phases = new Set();
    new MutationObserver(() => window.phases.add(document.getElementById('call').dataset.phase)).observe(document.getElementById('call'), { attributeFilter: ['data-phase'] });
  });
  await c.page.waitForTimeout(9000);
  assert.deepEqual(await c.page.evaluate(() => [...window.phases].filter((name) => name !== 'full')), []);
  await a.page.click('#leave');
  await Promise.all([b, c].map(({ page }) => phase(page, 'talking')));
  for (const guest of [a, b, c]) await guest.close();
});

test('a page in the background takes no place, until somebody looks at it', async () => {
  const url = freshRoom();
  const a = await enter(url), b = await enter(url);
  await Promise.all([a, b].map(({ page }) => phase(page, 'talking')));
  const c = await enter(url, { init: `Object.defineProperty(document, 'hidden', { get: () => window.away ?? true });` });
  await phase(c.page, 'full');
  await a.page.click('#leave');
  await phase(b.page, 'waiting');
  await c.page.waitForTimeout(9000);
  assert.equal(await c.page.getAttribute('#call', 'data-phase'), 'full');
  await c.page.evaluate(() => { window.away = false; });
  await Promise.all([b, c].map(({ page }) => phase(page, 'talking')));
  for (const guest of [a, b, c]) await guest.close();
});

test('a terminal is shown as such, and chat goes both ways through the room', async () => {
  const url = freshRoom(3);
  const a = await enter(url);
  await phase(a.page, 'waiting');
  const bob = await Terminal.join(url, 'bob');
  await seesText(a.page, '#status-title', 'A terminal is here');
  assert.equal(await a.page.getAttribute('#call', 'data-phase'), 'waiting');
  await seesText(a.page, '#tiles figcaption', 'bob · terminal, chat only');
  assert.equal(await a.page.locator('#share-link').isVisible(), true);
  await say(a.page, 'hello "bob"');
  await bob.sees(/"type":"chat".*"text":"hello \\"bob\\""/);
  assert.equal(await a.page.locator('.line .problem').count(), 0);
  await bob.send('chat', '<b>hi</b>');
  await a.page.locator('.line:not(.own)', { hasText: 'bob' }).locator('.text', { hasText: '<b>hi</b>' }).waitFor();
  await bob.send('chat', { text: 'and more' });
  await a.page.locator('.line:not(.own) .text', { hasText: 'and more' }).waitFor();
  await bob.send('chat', { text: { nonsense: true } });
  await bob.send('chat', 'x'.repeat(9000));
  await a.page.waitForFunction(() => [...document.querySelectorAll('.line:not(.own) .text')].at(-1).textContent.length === 4000);
  assert.equal(await a.page.locator('.line:not(.own)').count(), 3);

  const c = await enter(url);
  await Promise.all([a, c].map(({ page }) => seesVideo(page)));
  for (const { page } of [a, c]) await seesText(page, '#tiles figcaption', 'bob · terminal, chat only');
  await say(c.page, 'to all of you');
  await bob.sees(/to all of you/);
  await a.page.locator('.line:not(.own) .text', { hasText: 'to all of you' }).waitFor();
  assert.equal(await a.page.locator('.line:not(.own) .text', { hasText: 'to all of you' }).count(), 1);
  bob.leave();
  await a.close();
  await c.close();
});

test('who is slow to speak of a call is a terminal only until then', async () => {
  const url = freshRoom(3);
  const a = await enter(url);
  await phase(a.page, 'waiting');
  const late = await Terminal.join(url, 'late');
  await seesText(a.page, '#status-title', 'A terminal is here');
  await late.send('link', { link: 'late', keeps: [] });
  await phase(a.page, 'linking');
  await a.page.locator('#tiles figcaption', { hasText: 'terminal' }).waitFor({ state: 'detached' });
  late.leave();
  await a.close();
});

test('one word of a call and no more is a terminal\'s, after a while', async () => {
  const url = freshRoom(3);
  const a = await enter(url);
  await phase(a.page, 'waiting');
  const bob = await Terminal.join(url, 'bob');
  await bob.send('link', { link: 'bob', keeps: [] });
  await phase(a.page, 'linking');
  await seesText(a.page, '#status-title', 'A terminal is here');
  await phase(a.page, 'waiting');
  await seesText(a.page, '#tiles figcaption', 'bob · terminal, chat only');
  await bob.send('link', { link: 'bob2', keeps: [] });
  await say(a.page, 'are you there?');
  await bob.sees(/are you there\?/);
  assert.equal(await a.page.getAttribute('#call', 'data-phase'), 'waiting');
  bob.leave();
  await a.close();
});
