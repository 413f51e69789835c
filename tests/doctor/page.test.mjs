// The page /doctor in Chromium: behind a network that refuses WebSocket and streams, in all widths, light and dark, by keyboard; its
// report copied. With SIGWAY_PICTURES=FOLDER it keeps the pictures; with SIGWAY_DOCTOR_WHOLE=1 it takes its whole minute.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { eventStreamsRefused } from '../networks/behaviours/streams.mjs';
import { websocketRefused } from '../networks/behaviours/websocket.mjs';
import { Middlebox } from '../networks/middlebox.mjs';
import { closeVisitors, launch, Server, visitor } from '../pages/support.mjs';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const pictures = process.env.SIGWAY_PICTURES;
const kWhole = process.env.SIGWAY_DOCTOR_WHOLE === '1';
const kWidths = [[320, 640], [768, 900], [1280, 800]];
let server, browser, box;
before(async () => {
  if (pictures) await mkdir(pictures, { recursive: true });
  server = await Server.start();
  box = await Middlebox.start({ host: '127.0.0.1', port: Number(server.port) }, [websocketRefused(403), eventStreamsRefused()]);
  browser = await launch();
});
afterEach(closeVisitors);
after(async () => {
  await browser?.close();
  await box?.close();
  await server?.stop();
});

// The same page, but for how long it watches; with `findings`, the ids of what it finds.
async function open(url, cap = 5000, findings = null) {
  const guest = await visitor(browser, {});
  await guest.page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: url });
  if (!kWhole) {
    await guest.page.route('**/doctor/page.js', async (route) => {
      const answer = await route.fetch();
      const text = await answer.text();
      assert.match(text, /url: location\.origin,/);
      await route.fulfill({ response: answer, body: text.replace('url: location.origin,', `url: location.origin, times: { cap: ${cap} },`) });
    });
  }
  if (findings) {
    await guest.page.route('**/doctor/diagnose.js', async (route) => {
      const answer = await route.fetch();
      const text = await answer.text();
      assert.match(text, /export function diagnose\(m\) \{/);
      const said = { findings: findings.map((id) => ({ id, ms: 30000, bytes: 4096, status: 403 })), works: { websocket: true, sse: true, poll: true }, transport: 'websocket' };
      await route.fulfill({ response: answer, body: text.replace('export function diagnose(m) {', `export function diagnose(m) { return ${JSON.stringify(said)};`) });
    });
  }
  await guest.page.goto(`${url}/doctor`);
  return guest.page;
}

async function look(page, name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const [width, height] of kWidths) {
      await page.setViewportSize({ width, height });
      await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve, 50)); }));
      if (pictures) await page.screenshot({ path: path.join(pictures, `doctor-${name}-${width}-${colorScheme}.png`), fullPage: name !== 'checking' });
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wider <= 0, `${name} at ${width} is ${wider} px too wide`);
    }
    if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(await readFile(axe, 'utf8'));
    const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(' | ')}`), [], `${name}, ${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

const titles = (page) => page.locator('.findings b').allInnerTexts();

test('behind a filter: progress, verdict, findings, advice, the report', { timeout: 150000 }, async () => {
  const page = await open(box.url);
  await page.locator('#progress li.done').first().waitFor();
  if (!kWhole) await look(page, 'checking');
  await page.locator('#result').waitFor({ timeout: 70000 });
  assert.equal(await page.locator('#verdict').innerText(), 'sigway will use long-polling.');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'verdict');
  const said = (await titles(page)).join('\n');
  for (const finding of [/WebSockets are refused/, /Event streams are refused for their type/, /Requests and complete answers pass/]) assert.match(said, finding);
  assert.match(await page.locator('#advice-list').innerText(), /text\/event-stream/);
  await look(page, 'result');

  await page.click('#copy-text');
  await page.locator('#copy-text', { hasText: 'Copied' }).waitFor();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(text, /^sigway doctor, http:\/\/127\.0\.0\.1:\d+, .*\n\nsigway will use long-polling\./);
  await page.focus('#copy-json');
  await page.keyboard.press('Enter');
  await page.locator('#copy-json', { hasText: 'Copied' }).waitFor();
  const json = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
  assert.equal(json.transport, 'poll');
  assert.equal(json.measurements.schema, 'sigway-doctor/1');
  assert.ok(json.findings.some(({ id }) => id === 'stream-type-refused'));
});

test('findings of each kind stand one below the other', { timeout: 150000 }, async () => {
  const { findings } = JSON.parse(await readFile(new URL('../../web/doctor/words.json', import.meta.url), 'utf8'));
  const levels = ['good', 'note', 'warn', 'bad'];
  const some = levels.flatMap((level) => Object.keys(findings).filter((id) => findings[id].level === level).slice(0, 3));
  const page = await open(server.url, 1000, some);
  await page.locator('#result').waitFor({ timeout: 70000 });
  const shown = await page.evaluate(() => [...document.querySelectorAll('.findings > li')].map((one) => {
    const { left, right, top, bottom } = one.getBoundingClientRect(), around = one.parentElement.getBoundingClientRect();
    return { level: one.className, position: getComputedStyle(one).position, left, top, bottom,
      isInside: left >= around.left && right <= around.right && top >= around.top && bottom <= around.bottom };
  }));
  assert.equal(shown.length, some.length);
  for (const level of levels) assert.ok(shown.some((one) => one.level === level), level);
  for (const [i, { level, position, isInside, left, top }] of shown.entries()) {
    assert.equal(position, 'static', level);
    assert.ok(isInside, `a finding of kind ${level} is outside its list`);
    if (i > 0) assert.ok(left === shown[i - 1].left && top >= shown[i - 1].bottom, `a finding of kind ${level} is over the one before`);
  }
  await look(page, 'all-kinds');
});

test('nothing in the way, and then no server at all', { timeout: 150000 }, async () => {
  const page = await open(server.url, 2500);
  await page.locator('#result').waitFor({ timeout: 70000 });
  assert.equal(await page.locator('#verdict').innerText(), 'sigway will use WebSocket.');
  assert.equal(await page.locator('.findings .warn, .findings .bad').count(), 0, (await titles(page)).join('\n'));
  await look(page, 'clear');
  await server.stop();
  await page.click('#again');
  await page.locator('#result').waitFor({ state: 'hidden' });
  await page.locator('#result').waitFor({ timeout: 70000 });
  assert.equal(await page.locator('#verdict').innerText(), 'sigway cannot work here now.');
  assert.deepEqual(await titles(page), ['Failure:\nThe server cannot be reached']);
  await look(page, 'none');
});
