// A call that is opened by its address: nothing is joined, and no device asked for, before a person has pressed Join. Once pressed it
// counts for reloads in the middle of the call, and for nothing else.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browser, server } from './served.mjs';
import { inPage, phase, visitor } from './support.mjs';

let count = 0;

const freshRoom = () => `${server.url}/r/join-${++count}`;
const text = (page, selector) => page.locator(selector).innerText();

// Counts what the page asks of the devices. What it asks of the server are requests below /v1/; probes are the doctor's.
function countDevices() {
  const devices = navigator.mediaDevices;
  const ask = devices.getUserMedia.bind(devices);
  window.asked = 0;
  devices.getUserMedia = (...wanted) => { ++window.asked; return ask(...wanted); };
}

async function enter(url) {
  const guest = await visitor(browser, { init: countDevices });
  guest.requests = [];
  guest.page.on('request', (request) => { if (/^\/v1\/(?!probe\/)/.test(new URL(request.url()).pathname)) guest.requests.push(request.url()); });
  guest.page.on('websocket', (socket) => { if (new URL(socket.url()).pathname === '/v1/ws') guest.requests.push(socket.url()); });
  await guest.page.goto(url);
  return guest;
}

// After a while, in which a page that does not ask would have begun.
async function onlyAsks({ page, requests }) {
  await page.locator('#join').waitFor();
  await page.waitForTimeout(1000);
  assert.deepEqual(requests, []);
  assert.equal(await page.evaluate(() => window.asked), 0);
  assert.equal(await inPage(page, ({ call }) => call), null);
}

for (const [address, title] of [['/r/garden%20%3Cb%3E', 'Join garden <b>'], ['/bare', 'Join bare'], ['/r/echo', 'An echo of yourself'], ['/r/many?people=4', 'Join many']]) {
  test(`${address} asks first, then begins`, async () => {
    const guest = await enter(`${server.url}${address}`);
    await onlyAsks(guest);
    assert.equal(await text(guest.page, '#join-title'), title);
    assert.equal(await text(guest.page, '#join-now'), 'Join');
    await guest.page.click('#join-now');
    await phase(guest.page, address === '/r/echo' ? 'talking' : 'waiting');
    assert.ok(await guest.page.evaluate(() => window.asked) > 0);
    assert.equal(await guest.page.locator('#join').isVisible(), false);
    await guest.close();
  });
}

test('a mistyped /doctor offers the doctor, and the room all the same', async () => {
  const guest = await enter(`${server.url}/doctr`);
  await onlyAsks(guest);
  assert.equal(await text(guest.page, '#join-title'), 'Did you mean /doctor?');
  await guest.page.click('#join-meant');
  await guest.page.waitForURL(`${server.url}/doctor`);
  await guest.page.goBack();
  await onlyAsks(guest);
  assert.equal(await text(guest.page, '#join-now'), 'Join the room doctr');
  await guest.page.click('#join-now');
  await phase(guest.page, 'waiting');
  assert.equal(await text(guest.page, '#room-title'), 'doctr');
  await guest.close();
});

test('who pressed Join on the start page is not asked again: two clicks from / to a call', async () => {
  const guest = await enter(`${server.url}/`);
  await guest.page.fill('#room-name', `join-${++count}`);
  await guest.page.click('button[type=submit] >> visible=true');
  await phase(guest.page, 'waiting');
  // It was said of that room and that time.
  await guest.page.goto(freshRoom());
  await onlyAsks({ ...guest, requests: [] });
  await guest.close();
});

test('a reload in the middle of a call comes back to it; after leaving, and by the address, the page asks', async () => {
  const url = freshRoom();
  const guest = await enter(url);
  await guest.page.focus('#join-now');
  await guest.page.keyboard.press('Enter');
  await phase(guest.page, 'waiting');
  await guest.page.reload();
  await phase(guest.page, 'waiting');
  await guest.page.goto(url);
  await onlyAsks({ ...guest, requests: [] });
  await guest.page.click('#join-now');
  await phase(guest.page, 'waiting');
  await guest.page.click('#leave');
  await phase(guest.page, 'ended');
  await guest.page.reload();
  await onlyAsks({ ...guest, requests: [] });
  await guest.close();
});

test('a browser that keeps nothing asks each time, and joins', async () => {
  const guest = await visitor(browser, { init: () => {
    Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('no', 'SecurityError'); } });
  } });
  await guest.page.goto(freshRoom());
  await guest.page.click('#join-now');
  await phase(guest.page, 'waiting');
  await guest.page.reload();
  await guest.page.click('#join-now');
  await phase(guest.page, 'waiting');
  await guest.close();
});
