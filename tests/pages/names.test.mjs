// Names that people give themselves: on the tiles and in the chat of the others, as text, on one line, and not longer than a name.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as choices from '../../web/app/choices.js';
import { cleanName, kLongestName } from '../../web/app/choices.js';
import { browser, server } from './served.mjs';
import { inPage, openCall, phase, visitor } from './support.mjs';

let count = 0;

const called = (name) => `localStorage.setItem('sigway choices', ${JSON.stringify(JSON.stringify({ name }))})`;
const names = (page) => page.locator('#tiles figcaption > [dir]').allInnerTexts();
const seesName = (page, name) => page.waitForFunction((wanted) =>
  [...document.querySelectorAll('#tiles figcaption > [dir]')].some(({ textContent }) => textContent === wanted), name);

async function enter(url, name) {
  const guest = await visitor(browser, name === undefined ? {} : { init: called(name) });
  await openCall(guest.page, url);
  return guest;
}

test('a name is one line, without what turns the text around it, and bounded', () => {
  assert.equal(cleanName('  Ada \n\t Lovelace\u0000 '), 'Ada Lovelace');
  assert.equal(cleanName('\u202Eevil\u2066 name\u2069'), 'evil name');
  assert.equal(cleanName('\uD800a'), 'a');
  assert.equal(cleanName('مرحبا 👩‍💻'), 'مرحبا 👩‍💻');
  assert.equal([...cleanName('🎈'.repeat(500))].length, kLongestName);
  for (const nothing of [undefined, null, 7, {}, [], '', ' \u202E ']) assert.equal(cleanName(nothing), '');
  for (const unseen of ['\u200B\u2060', '\u3164', '\u115F\uFFA0', '\u2800', '\uFE0F\u200D', '\u00AD', '\u0301\u0301', '\u061C', '\u{E0041}', `${'\u200B'.repeat(40)}Ada`]) {
    assert.equal(cleanName(unseen), '', JSON.stringify(unseen));
  }
  for (const seen of ['!', '~', '🎈', '٣', 'e\u0301', '한']) assert.equal(cleanName(seen), seen);
});

test('names are shown on tiles and in the chat, as text; who has none is a guest', async () => {
  const url = `${server.url}/r/names-${++count}`, nasty = '<img src=x onerror=alert(1)>';
  const a = await enter(url, nasty), b = await enter(url);
  await Promise.all([a, b].map(({ page }) => phase(page, 'talking')));
  await seesName(b.page, nasty);
  assert.equal(await b.page.locator('#tiles video').getAttribute('aria-label'), `Picture of ${nasty}`);
  await seesName(a.page, 'Guest 2');
  assert.equal(await a.page.locator('#self-name').innerText(), `You (${nasty})`);
  assert.equal(await b.page.locator('#self-name').innerText(), 'You');
  await a.page.click('#open-chat');
  await a.page.fill('#chat-text', 'hello');
  await a.page.press('#chat-text', 'Enter');
  await b.page.click('#open-chat');
  await b.page.locator('.line .by bdi', { hasText: nasty }).waitFor();
  assert.equal(await b.page.locator('#tiles img, #chat img').count(), 0);
  await a.page.click('#mic');                                    // the name stays when it says something else
  await b.page.locator('#tiles .hint', { hasText: 'muted' }).waitFor();
  assert.deepEqual(await names(b.page), [nasty]);
  await a.close();
  await b.close();
});

test('a name reads like the own label, or does not', () => {
  for (const name of ['You', 'you', ' YOU! ', '(You)', 'You (Ada)', 'You (Bob)', 'you, Ada', 'Y\u200Bou', 'Yo\u0301u', 'Уоu', 'Ｙｏｕ', 'Y o u', 'Ada', 'ADA', 'Аda'.replace('А', 'A'), 'A.d.a']) {
    assert.ok(choices.looksOwn(name, 'Ada'), name);
  }
  for (const name of ['Young', 'Youssef', 'Bob', 'Adam', 'Me and you', '🎈']) assert.ok(!choices.looksOwn(name, 'Ada'), name);
  assert.ok(choices.looksOwn('🎈', '🎈'));
  assert.ok(!choices.looksOwn('Bob', ''));
});

test('a peer that calls itself "You", or as we are called, is told from us', async () => {
  const url = `${server.url}/r/names-${++count}`;
  const a = await enter(url, 'Ada'), b = await enter(url, 'You (Ada)');
  await Promise.all([a, b].map(({ page }) => phase(page, 'talking')));
  await seesName(a.page, 'Guest 2: You (Ada)');
  assert.equal(await a.page.locator('#self-name').innerText(), 'You (Ada)');
  const say = (name) => inPage(b.page, ({ call }, told) => call.link.send('app', JSON.stringify({ name: told, media: { mic: true } })), name);
  for (const name of ['You', 'ada', 'y\u200Bou']) {
    await say(name);
    await seesName(a.page, `Guest 2: ${name}`);
  }
  await b.page.click('#open-chat');
  await b.page.fill('#chat-text', 'it is me');
  await b.page.press('#chat-text', 'Enter');
  await a.page.click('#open-chat');
  await a.page.locator('.line:not(.own) .by bdi', { hasText: 'Guest 2: ' }).waitFor();
  await say('Young');
  await seesName(a.page, 'Young');
  await a.close();
  await b.close();
});

test('a peer that says nonsense about its name is shown with little of it', async () => {
  const url = `${server.url}/r/names-${++count}`;
  const a = await enter(url), b = await enter(url);
  await Promise.all([a, b].map(({ page }) => phase(page, 'talking')));
  const say = (name) => inPage(b.page, ({ call }, told) => call.link.send('app', JSON.stringify({ name: told, media: { mic: true } })), name);
  await say(`\u202E${'x'.repeat(3000)}`);
  await seesName(a.page, 'x'.repeat(kLongestName));
  assert.ok(await a.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  for (const nonsense of [{ toString: 'x' }, 12, null, ['a'], '']) {
    await say(nonsense);
    await seesName(a.page, 'Guest 2');
    await say('Grace');
    await seesName(a.page, 'Grace');
  }
  await a.close();
  await b.close();
});
