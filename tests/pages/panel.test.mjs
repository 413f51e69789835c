// The signaling panel: everything is there, in order, readable, and nothing that is secret.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, test } from 'node:test';
import { promisify } from 'node:util';
import { closeVisitors, inPage, launch, openCall, phase, Server, visitor } from './support.mjs';

const run = promisify(execFile);
const kCredential = 'dHVybi1wYXNzd29yZC10aGF0LWlzLXNlY3JldA==', kUser = '1999999999:someone';
let server, browser, count = 0;
before(async () => {
  server = await Server.start('--ice-server', JSON.stringify({ urls: 'turn:127.0.0.1:9', username: kUser, credential: kCredential }));
  browser = await launch();
});
afterEach(closeVisitors);
after(async () => {
  await browser?.close();
  await server?.stop();
});

const clipboard = { context: { permissions: ['camera', 'microphone', 'clipboard-read', 'clipboard-write'] } };

async function pair(people = 3) {
  const url = `${server.url}/r/panel-${++count}?people=${people}`;
  const a = await visitor(browser, clipboard), b = await visitor(browser);
  await openCall(a.page, url);
  await phase(a.page, 'waiting');
  await inPage(a.page, ({ call }) => call.connection.switchTransport('websocket'));    // a slow machine may have chosen another
  await openCall(b.page, url);
  await Promise.all([a, b].map(({ page }) => phase(page, 'talking')));
  await a.page.click('#open-signals');
  await a.page.locator('#signal-rows b', { hasText: 'answer' }).first().waitFor();
  return { a, b };
}

const types = (page) => page.locator('#signal-rows > li:not([hidden]) summary b').allInnerTexts();

test('every message in and out, in order, with its facts; SDP folded, candidates by type', async () => {
  const { a, b } = await pair();
  const shown = await types(a.page);
  assert.deepEqual(shown.slice(0, 2), ['created', 'peer-joined']);
  for (const type of ['link', 'offer', 'answer', 'candidate']) assert.ok(shown.includes(type), `${type} is missing in ${shown}`);
  const recorded = await inPage(a.page, ({ signals }) => signals.entries.filter(({ direction }) => direction === 'in').map(({ number }) => number));
  assert.deepEqual(recorded, recorded.map((_, i) => i + 1), 'received messages have gaps');

  const offer = a.page.locator('#signal-rows li:has(b:text-is("offer"))').first();
  assert.match(await offer.locator('summary').innerText(), /[↑↓][\s\S]*\d\d:\d\d:\d\d\.\d{3}[\s\S]*offer[\s\S]*#\d+ · \d+(\.\d)? k?B · WebSocket/);
  await offer.locator('summary').first().click();
  await offer.locator('.section > summary').first().waitFor();     // drawn when it is opened
  const sections = await offer.locator('.section > summary').allInnerTexts();
  assert.ok(sections.some((title) => title.startsWith('session')) && sections.some((title) => title.startsWith('audio')), String(sections));
  await offer.locator('.section > summary').first().click();
  assert.match(await offer.locator('.section pre').first().innerText(), /^v=0\n/);

  const candidate = a.page.locator('#signal-rows li:has(b:text-is("candidate"))').first();
  assert.match(await candidate.locator('.text').innerText(), /\d+ host/);
  await candidate.locator('summary').click();
  assert.equal(await candidate.locator('th').first().innerText(), 'host');
  await a.close();
  await b.close();
});

test('filter, direction, pause', async () => {
  const { a, b } = await pair();
  await a.page.fill('#signal-filter', 'ANSWER');
  assert.ok((await types(a.page)).includes('answer') && !(await types(a.page)).includes('created'));
  await a.page.fill('#signal-filter', '');
  await a.page.selectOption('#signal-direction', 'out');
  assert.equal(await a.page.locator('#signal-rows > li.in:not([hidden])').count(), 0);
  assert.ok(await a.page.locator('#signal-rows > li.out:not([hidden])').count() > 0);
  await a.page.selectOption('#signal-direction', '');
  await a.page.click('#signal-pause');
  const rows = await a.page.locator('#signal-rows > li').count();
  await inPage(b.page, ({ call }) => call.connection.send('wave', { n: 1 }));
  await a.page.locator('#signal-tally', { hasText: /paused, \d+ new/ }).waitFor();
  assert.equal(await a.page.locator('#signal-rows > li').count(), rows);
  await a.page.click('#signal-pause');
  await a.page.locator('#signal-rows b', { hasText: 'wave' }).waitFor();
  await a.close();
  await b.close();
});

test('the filter looks at all that is kept, and what is not shown is said', async () => {
  const { a, b } = await pair();
  const list = a.page.locator('#signal-rows > li');
  await inPage(a.page, ({ call }) => {
    call.connection.send('early', { n: 0 });
    for (let i = 0; i < 500; ++i) call.connection.send('wave', { i });
  });
  await a.page.locator('#signal-tally', { hasText: 'only the last 400 rows shown' }).waitFor();
  assert.equal(await list.count(), 400);
  await inPage(a.page, ({ call }) => call.connection.flush());
  await a.page.fill('#signal-filter', 'early');
  assert.deepEqual(await types(a.page), ['early']);
  assert.doesNotMatch(await a.page.innerText('#signal-tally'), /only the last/);
  await list.locator('summary').first().click();
  await inPage(a.page, ({ call }) => call.connection.send('early', { n: 1 }));
  await list.nth(1).waitFor();
  await a.page.fill('#signal-filter', '');
  assert.equal(await list.count(), 400);
  await a.page.locator('#signal-tally', { hasText: 'only the last 400 rows shown' }).waitFor();
  const numbers = await a.page.locator('#signal-rows > li time').evaluateAll((times) => times.map(({ dateTime }) => dateTime));
  assert.deepEqual(numbers, [...numbers].sort());
  await a.close();
  await b.close();
});

test('the journal stands between the messages, in words', async () => {
  const { a, b } = await pair();
  await a.page.selectOption('#signal-direction', 'note');
  const lines = () => a.page.locator('#signal-rows > li:not([hidden]) .text').allInnerTexts();
  await inPage(a.page, ({ call }) => call.connection.switchTransport('poll'));
  await a.page.locator('#signal-rows > li.note', { hasText: /uses long-polling, proved after \d/ }).last().waitFor();
  const told = await lines();
  assert.match(told[0], /^looks for a way: /);
  for (const line of ['tries WebSocket', 'changes to long-polling']) assert.ok(told.includes(line), `no “${line}” in ${told.join('; ')}`);
  assert.ok(told.every((line) => !/undefined|NaN|\[object/.test(line)), told.join('; '));
  const { journal } = await inPage(a.page, ({ signals }) => JSON.parse(signals.json()));
  assert.deepEqual(journal.slice(0, 2).map(({ what }) => what), ['race', 'trying']);
  await a.close();
  await b.close();
});

test('neither the key nor a TURN credential is shown in full, anywhere', async () => {
  const { a, b } = await pair();
  const key = await inPage(a.page, ({ call }) => call.connection.key);
  await inPage(b.page, ({ call }, [secret, credential]) => call.connection.send('note', { password: 'hunter2-hunter2', text: `${secret} ${credential}` }),
    [key, kCredential]);
  await a.page.locator('#signal-rows b', { hasText: 'note' }).waitFor();
  await a.page.evaluate(() => { for (const details of document.querySelectorAll('#signal-rows details')) details.open = true; });
  await a.page.click('#badge');
  await a.page.locator('#fact-ice', { hasText: 'turn:127.0.0.1:9, user 1999…, credential dHVy…' }).waitFor();
  const [download] = await Promise.all([a.page.waitForEvent('download'), a.page.keyboard.press('Escape').then(() => a.page.click('#signal-download'))]);
  const file = await readFile(await download.path(), 'utf8');
  const { messages } = JSON.parse(file);
  assert.ok(messages.length > 5 && messages.every(({ time }) => !Number.isNaN(Date.parse(time))));
  assert.equal(messages.find(({ type }) => type === 'note').message.data.text, `${key.slice(0, 4)}… ${kCredential.slice(0, 4)}…`);
  const html = await a.page.content();
  for (const secret of [key, kCredential, 'hunter2-hunter2']) {
    assert.ok(!file.includes(secret), `the download has ${secret}`);
    assert.ok(!html.includes(secret), `the page has ${secret}`);
  }
  await a.close();
  await b.close();
});

test('copy as curl says the same from a terminal', async () => {
  const { a, b } = await pair(4);
  const words = `it's "quoted" $HOME \`id\` \\ 🎈 <b>`;
  await inPage(a.page, ({ call }, text) => call.connection.send('greeting', { text }, { to: call.link.peers[0].id }), words);
  const row = a.page.locator('#signal-rows li:has(b:text-is("greeting"))').first();
  await row.locator('summary').click();
  await row.locator('button', { hasText: 'Copy as curl' }).click();
  await row.locator('button', { hasText: 'Copied' }).waitFor();
  const command = await a.page.evaluate(() => navigator.clipboard.readText());
  assert.match(command, /^curl -sS /);
  assert.ok(!command.includes(await inPage(a.page, ({ call }) => call.connection.key)));
  await inPage(b.page, ({ call }) => {
    window.greetings = [];
    call.connection.on('message', ({ type, data, from }) => { if (type === 'greeting') window.greetings.push([data.text, from]); });
  });
  assert.doesNotMatch(await row.locator('.ways').innerText(), /taken/);
  const { stdout } = await run('bash', ['-c', command]);
  assert.ok(JSON.parse(stdout).events.some(({ type }) => type === 'joined'), stdout);
  await b.page.waitForFunction(() => window.greetings.length > 0);
  const [text, from] = (await b.page.evaluate(() => window.greetings)).at(-1);
  assert.equal(text, words);
  assert.notEqual(from, await inPage(a.page, ({ call }) => call.connection.peer));
  await a.close();
  await b.close();
});

test('where the room is full, copy as curl says so', async () => {
  const { a, b } = await pair(2);
  const row = a.page.locator('#signal-rows li:has(b:text-is("offer"))').first();
  await row.locator('summary').first().click();
  await row.locator('.ways', { hasText: 'All 2 are taken, so the server would answer “full”: leave on one side first' }).waitFor();
  await b.page.click('#leave');
  await phase(a.page, 'waiting');
  for (let i = 0; i < 2; ++i) await row.locator('summary').first().click();
  await row.locator('.ways').waitFor();
  assert.doesNotMatch(await row.locator('.ways').innerText(), /taken/);
  await a.close();
  await b.close();
});

test('it opens at its newest row, and can be read when the call is over', async () => {
  const { a, b } = await pair();
  await a.page.click('#side-close');
  await inPage(b.page, ({ call }) => {
    for (let i = 0; i < 100; ++i) call.connection.send('wave', { i });
    return call.connection.flush();
  });
  await a.page.waitForFunction(() => document.querySelectorAll('#signal-rows > li').length > 100);
  await inPage(b.page, ({ call }) => call.connection.send('newest'));
  await a.page.locator('#signal-rows b', { hasText: 'newest' }).waitFor({ state: 'attached' });
  const atEnd = () => a.page.evaluate(() => {
    const list = document.getElementById('signal-rows');
    return list.scrollHeight > list.clientHeight && list.scrollHeight - list.scrollTop - list.clientHeight < 5;
  });
  for (let i = 0; i < 2; ++i) {
    await a.page.click('#open-signals');
    assert.ok(await atEnd(), 'it does not show the newest row');
    await a.page.evaluate(() => { document.getElementById('signal-rows').scrollTop = 0; });
    await a.page.click('#side-close');
  }
  await a.page.click('#leave');
  await phase(a.page, 'ended');
  await a.page.click('#open-signals');
  const row = a.page.locator('#signal-rows li:has(b:text-is("offer"))').first();
  await row.locator('summary').first().click();
  await row.locator('.section').first().waitFor();
  await a.page.click('#open-chat');
  assert.equal(await a.page.locator('#chat').isVisible(), true);
  assert.deepEqual(await a.page.locator('#controls button:disabled').evaluateAll((buttons) => buttons.map(({ id }) => id)), ['mic', 'camera', 'screen', 'leave']);
  await a.close();
  await b.close();
});

test('the passwords of ICE are in no export, and not on the page', async () => {
  const { a, b } = await pair();
  const passwords = await inPage(a.page, ({ call }) => {
    const { localDescription, remoteDescription } = call.link.peers[0].connection;
    return [localDescription.sdp, remoteDescription.sdp].map((sdp) => /ice-pwd:(\S+)/.exec(sdp)[1]);
  });
  assert.ok(passwords.every((secret) => secret.length >= 22));
  await a.page.evaluate(() => { for (const details of document.querySelectorAll('#signal-rows details')) details.open = true; });
  const offer = a.page.locator('#signal-rows li:has(b:text-is("offer"))').first();
  await offer.locator('button', { hasText: 'Copy as curl' }).click();
  await offer.locator('button', { hasText: 'Copied' }).waitFor();
  const [download] = await Promise.all([a.page.waitForEvent('download'), a.page.click('#signal-download')]);
  const exports = [await readFile(await download.path(), 'utf8'), await a.page.evaluate(() => navigator.clipboard.readText()), await a.page.content()];
  for (const text of exports) {
    assert.match(text, /ice-pwd:\S{4}…/);
    for (const secret of passwords) assert.ok(!text.includes(secret), `${secret} is in ${text.slice(0, 100)}`);
  }
  const { messages } = JSON.parse(exports[0]);
  assert.match(messages.find(({ type }) => type === 'offer').message.data.sdp, /^v=0\r\n[^]*a=ice-pwd:\S{4}…\r\na=/, 'the lines after it are kept');
  await a.close();
  await b.close();
});

test('a transport has one name: on the badge, in its sheet, in the rows and in the journal', async () => {
  const { a, b } = await pair();
  for (const [mode, name, inText] of [['sse', 'Event stream', 'event stream'], ['poll', 'Long-polling', 'long-polling'], ['websocket', 'WebSocket', 'WebSocket']]) {
    await inPage(a.page, ({ call }, wanted) => call.connection.switchTransport(wanted), mode);
    await a.page.locator('#badge-name', { hasText: name }).waitFor();
    assert.equal(await a.page.locator('#fact-transport').textContent(), name);
    assert.equal(await a.page.locator(`label:has(input[value=${mode}]) b`).textContent(), name);
    await inPage(a.page, ({ call }, type) => { call.connection.send(type); return call.connection.flush(); }, `over-${mode}`);
    await a.page.locator(`#signal-rows li:has(b:text-is("over-${mode}")) .facts`, { hasText: `· ${name}` }).waitFor();
    await a.page.locator('#signal-rows > li.note', { hasText: `changes to ${inText}` }).first().waitFor();
  }
  await a.close();
  await b.close();
});
