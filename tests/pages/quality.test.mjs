// How good the connections are: what is made of getStats(), what the panel says of a running call, and who talks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bitrate, pairOf, pathOf, readStats, share } from '../../web/app/stats.js';
import { browser, server } from './served.mjs';
import { openCall, phase, seesVideo, visitor } from './support.mjs';

let count = 0;

const host = { id: 'L', type: 'local-candidate', candidateType: 'host', protocol: 'udp', address: '192.0.2.1', port: 1000 };
const relay = { id: 'R', type: 'remote-candidate', candidateType: 'relay', protocol: 'udp', address: '2001:db8::1', port: 2000 };
const pair = (more) => ({ id: 'P', type: 'candidate-pair', localCandidateId: 'L', remoteCandidateId: 'R', nominated: true, state: 'succeeded', ...more });
const transport = { id: 'T', type: 'transport', selectedCandidatePairId: 'P' };
const video = (more) => ({ id: 'V', type: 'inbound-rtp', kind: 'video', ...more });

test('the chosen pair as Chromium names it, and as Firefox marks it', () => {
  const other = pair({ id: 'O', localCandidateId: 'X', nominated: true });
  for (const reports of [[transport, other, pair()], [pair({ selected: true, nominated: false }), other], [pair()]]) {
    const read = readStats([...reports, host, relay]);
    assert.equal(pairOf(read), 'host 192.0.2.1:1000 → relay [2001:db8::1]:2000');
    assert.equal(pathOf(read), 'over a relay, UDP');
  }
  const nothing = readStats([]);
  assert.deepEqual([pairOf(nothing), pathOf(nothing), nothing.grade, nothing.rtt], ['none yet', 'none yet', null, null]);
  assert.equal(pathOf(readStats([pair(), host, { ...relay, candidateType: 'srflx' }])), 'direct, through a NAT, UDP');
  assert.equal(pairOf(readStats([pair(), { ...host, address: undefined }, relay])), 'host hidden:1000 → relay [2001:db8::1]:2000');
  assert.equal(pathOf(readStats([pair(), { ...host, candidateType: 'relay', relayProtocol: 'tls' }, relay])), 'over a relay, TLS');
});

test('rates and loss since the reading before; another pair begins anew', () => {
  const at = (timestamp, bytes, lost, got, id = 'P') => [{ ...transport, selectedCandidatePairId: id }, pair({ id, timestamp, bytesReceived: bytes, bytesSent: bytes / 2, currentRoundTripTime: 0.05 }),
    host, relay, video({ packetsLost: lost, packetsReceived: got })];
  const first = readStats(at(1000, 1000, 0, 100));
  assert.deepEqual([first.bitrateIn, first.bitrateOut, first.lossIn, first.lossOut, first.rtt, first.grade], [null, null, null, null, 50, 'good']);
  const second = readStats(at(3000, 251000, 5, 195), first);
  assert.deepEqual([second.bitrateIn, second.bitrateOut, second.lossIn, second.grade], [1e6, 5e5, 0.05, 'fair']);
  const third = readStats(at(4000, 100, 5, 195, 'Q'), second);
  assert.deepEqual([third.bitrateIn, third.lossIn], [null, null]);
  assert.equal(readStats(at(5000, 1000, 0, 295, 'Q'), third).lossIn, 0, 'packets that come late after all are no negative loss');
  const remote = (more) => readStats([pair(), host, relay, { id: 'I', type: 'remote-inbound-rtp', ...more }]);
  assert.deepEqual([remote({ roundTripTime: 0.5 }).grade, remote({ fractionLost: 0.2 }).grade, remote({ fractionLost: 0.2 }).lossOut], ['poor', 'poor', 0.2]);
  assert.deepEqual([bitrate(null), bitrate(64400), bitrate(2.34e6), share(null), share(0.0123)], ['not measured', '64 kbit/s', '2.3 Mbit/s', 'not measured', '1.2 %']);
});

async function pair2() {
  const url = `${server.url}/r/quality-${++count}`;
  const a = await visitor(browser), b = await visitor(browser);
  for (const { page } of [a, b]) await openCall(page, url);
  await Promise.all([a, b].map(({ page }) => seesVideo(page)));
  return { a, b };
}

test('the panel tells of each of the others, goes when they go, and stays to be read after the call', async () => {
  const { a, b } = await pair2();
  await a.page.click('#viewing-open');
  await a.page.click('#open-quality');
  assert.equal(await a.page.locator('#viewing').isVisible(), false);
  const said = (name) => a.page.locator('.quality div', { hasText: name }).locator('dd').first();
  await a.page.waitForFunction(() => /\d+ ms/.test(document.querySelector('.quality dl')?.textContent) && /\d bit|[1-9]\d* kbit\/s|Mbit\/s/.test(document.querySelector('.quality dl').textContent));
  assert.match(await said('Chosen pair').innerText(), /^(host|prflx) \S+:\d+ → (host|prflx) \S+:\d+$/);
  assert.match(await said('Path').innerText(), /^direct.*UDP$/);
  assert.match(await said('Round trip').innerText(), /^\d+ ms$/);
  assert.equal(await a.page.locator('.quality h3 bdi').innerText(), 'Guest 2');
  assert.match(await a.page.locator('.quality .grade').innerText(), /^(Good|Fair|Poor)$/);
  await a.page.keyboard.press('Escape');
  assert.equal(await a.page.evaluate(() => document.activeElement.id), 'viewing-open');
  await a.page.click('#viewing-open');
  await a.page.click('#open-quality');
  await a.page.click('#leave');
  await phase(a.page, 'ended');
  await a.page.waitForTimeout(1500);
  assert.match(await said('Round trip').innerText(), /^\d+ ms$/);
  await a.page.click('#status-actions button');
  await Promise.all([a, b].map(({ page }) => phase(page, 'talking')));
  await a.page.locator('.quality').waitFor();
  assert.equal(await a.page.locator('.quality').count(), 1);
  await b.page.click('#leave');
  await a.page.locator('#quality-empty').waitFor();
  assert.equal(await a.page.locator('.quality').count(), 0);
  await a.close();
  await b.close();
});

test('who talks is marked, who is muted is not', async () => {
  const { a, b } = await pair2();
  await a.page.locator('#tiles .tile.talking').waitFor();            // the fake microphone beeps
  await b.page.click('#mic');
  await a.page.locator('#tiles .hint', { hasText: 'muted' }).waitFor();
  await a.page.waitForFunction(() => {
    window.quietSince = document.querySelector('#tiles .tile.talking') ? undefined : window.quietSince ?? performance.now();
    return performance.now() - window.quietSince > 2500;             // longer than from beep to beep
  });
  await b.page.click('#mic');
  await a.page.locator('#tiles .tile.talking').waitFor();
  await a.close();
  await b.close();
});
