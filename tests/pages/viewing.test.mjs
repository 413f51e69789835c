// How a person handles the call: keys, buttons of a phone, where one's own picture is, the grid, the whole screen.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browser, server } from './served.mjs';
import { inPage, openCall, phase, seesVideo, visitor } from './support.mjs';

let count = 0;

const freshRoom = () => `${server.url}/r/viewing-${++count}`;
const kPhone = { width: 320, height: 568 };

async function enter(url = freshRoom(), options = {}) {
  const guest = await visitor(browser, options);
  await openCall(guest.page, url);
  return guest;
}

async function pair(options) {
  const url = freshRoom();
  const a = await enter(url, options), b = await enter(url);
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  return { a, b };
}

const pressed = (page, id) => page.getAttribute(`#${id}`, 'aria-pressed');
const becomes = (page, id, wanted) => page.waitForFunction(([name, state]) => document.getElementById(name).getAttribute('aria-pressed') === state, [id, wanted]);

test('m, v and c, but not while typing, not with a modifier, and not when they are turned off', async () => {
  const { page, close } = await enter();
  await phase(page, 'waiting');
  await becomes(page, 'mic', 'true');
  await page.keyboard.press('m');
  await becomes(page, 'mic', 'false');
  await page.keyboard.press('v');
  await becomes(page, 'camera', 'false');
  await page.keyboard.press('Shift+M');
  await becomes(page, 'mic', 'true');
  await page.keyboard.press('Control+m');
  await page.keyboard.press('Alt+m');
  await page.keyboard.press('c');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'chat-text');
  await page.keyboard.type('mvc');
  assert.equal(await page.inputValue('#chat-text'), 'mvc');
  assert.deepEqual([await pressed(page, 'mic'), await pressed(page, 'camera')], ['true', 'false']);
  await page.click('#open-signals');
  await page.focus('#signal-direction');                     // a list in which letters choose
  await page.keyboard.press('m');
  assert.equal(await pressed(page, 'mic'), 'true');
  await page.evaluate(() => { document.getElementById('use-keys').click(); document.activeElement.blur(); });
  await page.keyboard.press('m');
  assert.equal(await pressed(page, 'mic'), 'true');
  await page.reload();
  await phase(page, 'waiting');
  await becomes(page, 'mic', 'true');
  await page.keyboard.press('m');
  assert.equal(await page.isChecked('#use-keys'), false);
  assert.equal(await pressed(page, 'mic'), 'true');
  await close();
});

test('the buttons of a phone have labels, whatever they say', async () => {
  const { a, b } = await pair();
  await a.page.setViewportSize(kPhone);
  const cut = () => a.page.$$eval('#controls button', (buttons) => buttons.filter((button) => {
    const label = button.querySelector('span'), outer = button.getBoundingClientRect(), inner = label.getBoundingClientRect();
    return !label.textContent || parseFloat(getComputedStyle(label).fontSize) < 10.5 || inner.width < 10
      || inner.left < outer.left - 0.5 || inner.right > outer.right + 0.5 || label.scrollWidth > Math.ceil(inner.width) || inner.bottom > outer.bottom;
  }).map(({ textContent }) => textContent));
  assert.deepEqual(await cut(), []);
  await a.page.click('#mic');
  await a.page.click('#camera');
  await becomes(a.page, 'camera', 'false');
  await a.page.evaluate(() => { document.getElementById('screen').lastElementChild.textContent = 'Stop sharing'; });
  assert.deepEqual(await cut(), []);
  assert.ok(await a.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await a.close();
  await b.close();
});

const corner = (page) => page.getAttribute('#self', 'data-corner');

test('one\'s own picture is moved by pointer and by keys, stays there, and is never over the card', async () => {
  const { page, close } = await enter(freshRoom(), { context: { viewport: kPhone, permissions: ['camera', 'microphone'] } });
  await phase(page, 'waiting');
  await page.waitForFunction(() => document.getElementById('self-video').videoWidth > 0);
  const overlap = () => page.evaluate(() => {
    const [self, card, stage, copy] = ['#self', '#status .card', '#stage', '#share-copy'].map((one) => document.querySelector(one).getBoundingClientRect());
    const shown = document.getElementById('status').getBoundingClientRect();       // the card scrolls in it
    const bottom = Math.min(card.bottom, shown.bottom), top = Math.max(card.top, shown.top);
    return { over: self.left < card.right && card.left < self.right && self.top < bottom && top < self.bottom,
      inside: self.top >= stage.top && self.bottom <= stage.bottom, copy: copy.bottom <= shown.bottom };
  });
  await page.focus('#self-grip');
  for (const [key, wanted] of [['ArrowLeft', 'bottom-left'], ['ArrowUp', 'top-left'], ['ArrowRight', 'top-right'], ['ArrowRight', 'top-right'], ['ArrowDown', 'bottom-right']]) {
    await page.keyboard.press(key);
    assert.equal(await corner(page), wanted);
    assert.deepEqual(await overlap(), { over: false, inside: true, copy: true }, wanted);
  }
  for (const wanted of ['bottom-left', 'top-left', 'top-right', 'bottom-right']) {
    await page.click('#self-grip');
    assert.equal(await corner(page), wanted);
  }
  await page.keyboard.press('Enter');
  assert.equal(await corner(page), 'bottom-left');
  await close();

  const { a, b } = await pair();
  const rect = (selector) => a.page.locator(selector).boundingBox();
  const stage = await rect('#stage');
  for (const [x, y, wanted] of [[0.2, 0.2, 'top-left'], [0.8, 0.3, 'top-right'], [0.3, 0.9, 'bottom-left'], [0.9, 0.9, 'bottom-right'], [0.1, 0.1, 'top-left']]) {
    const from = await rect('#self');
    await a.page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
    await a.page.mouse.down();
    await a.page.mouse.move(stage.x + stage.width * x, stage.y + stage.height * y, { steps: 4 });
    const carried = await rect('#self');
    assert.ok(Math.abs(carried.x + carried.width / 2 - (stage.x + stage.width * x)) < 4, 'it does not follow the pointer');
    await a.page.mouse.up();
    assert.equal(await corner(a.page), wanted);
    const to = await rect('#self');
    assert.ok(to.x >= stage.x && to.y >= stage.y && to.x + to.width <= stage.x + stage.width && to.y + to.height <= stage.y + stage.height);
  }
  await a.page.reload();
  await phase(a.page, 'talking');
  assert.equal(await corner(a.page), 'top-left');
  await a.close();
  await b.close();
});

test('the grid has no empty cell, for one to five others, on a phone and on a desk', async () => {
  const { a, b } = await pair();
  for (const viewport of [kPhone, { width: 768, height: 900 }, { width: 1280, height: 800 }]) {
    await a.page.setViewportSize(viewport);
    for (let tiles = 1; tiles <= 5; ++tiles) {
      const covered = await a.page.evaluate((wanted) => {
        const grid = document.getElementById('tiles');
        while (grid.children.length < wanted) grid.append(Object.assign(document.createElement('figure'), { className: 'tile blank' }));
        grid.dataset.count = wanted;
        const style = getComputedStyle(grid), gap = parseFloat(style.rowGap), padding = parseFloat(style.paddingTop);
        const areas = [...grid.children].map((tile) => tile.getBoundingClientRect()).map(({ width, height }) => (width + gap) * (height + gap));
        const all = (grid.clientWidth - 2 * padding + gap) * (grid.clientHeight - 2 * padding + gap);
        return areas.reduce((sum, area) => sum + area, 0) / all;
      }, tiles);
      assert.ok(Math.abs(covered - 1) < 0.02, `${tiles} tiles cover ${covered} of the stage at ${viewport.width}`);
    }
    await a.page.evaluate(() => {
      const grid = document.getElementById('tiles');
      while (grid.children.length > 1) grid.lastChild.remove();
      grid.dataset.count = 1;
    });
  }
  await a.close();
  await b.close();
});

test('the whole screen, and picture in picture, where there are such', async () => {
  const pip = `Object.defineProperty(document, 'pictureInPictureEnabled', { value: true });
    Object.defineProperty(document, 'pictureInPictureElement', { get: () => window.inset ?? null });
    HTMLVideoElement.prototype.requestPictureInPicture = async function () { window.inset = this; };
    document.exitPictureInPicture = async () => { window.inset = null; };`;
  const { a, b } = await pair({ init: pip });
  const choose = async (id) => {
    await a.page.click('#viewing-open');
    await a.page.click(`#${id}`);
    assert.equal(await a.page.locator('#viewing').isVisible(), false);
  };
  await choose('full-screen');
  await a.page.waitForFunction(() => document.fullscreenElement?.id === 'main');
  await a.page.locator('#full-screen-name', { hasText: 'Leave full screen' }).waitFor({ state: 'attached' });
  await choose('full-screen');
  await a.page.waitForFunction(() => document.fullscreenElement === null);
  await choose('picture-in-picture');
  assert.equal(await a.page.evaluate(() => window.inset === document.querySelector('#tiles video')), true);
  await choose('picture-in-picture');
  assert.equal(await a.page.evaluate(() => window.inset), null);
  await choose('picture-in-picture');
  await b.page.click('#leave');
  await phase(a.page, 'waiting');
  assert.equal(await a.page.evaluate(() => window.inset), null, 'a picture of nobody stays');
  await a.close();
  await b.close();

  const none = await enter(freshRoom(), { init: `for (const name of ['pictureInPictureEnabled', 'fullscreenEnabled']) Object.defineProperty(document, name, { value: false });` });
  await phase(none.page, 'waiting');
  assert.equal(await inPage(none.page, () => document.getElementById('full-screen').hidden && document.getElementById('picture-in-picture').hidden), true);
  await none.close();
});
