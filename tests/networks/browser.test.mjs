// The same client in Chromium: the demo page behind a network, another one not behind it, until they see each other; then traffic
// both ways over the signaling, exactly once and in order.
//
//   node --test browser.test.mjs       SIGWAY_NETWORKS=ws-hangs,squid (some only; all: everything in kNetworks)

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Random } from '../faults/random.mjs';
import { closeVisitors, inPage, launch, openCall, phase, seesVideo, visitor } from '../pages/support.mjs';
import { Gateway } from './gateway.mjs';
import { Middlebox } from './middlebox.mjs';
import { expectations, networks } from './networks.mjs';
import { real } from './real.mjs';

// Networks through which the page itself can be loaded. Not `six`: a browser keeps to six by itself, and counts other connections.
const kNetworks = ['clear', 'ws-403', 'ws-stripped', 'ws-hangs', 'ws-dead', 'ws-dead-up', 'ws-dead-down', 'ws-cut', 'sse-whole', 'sse-4k',
  'sse-one-behind', 'sse-gzip', 'sse-refused', 'answers-cut', 'posts-repeated', 'body-2k', 'http-1.0', 'no-keep-alive', 'cache',
  'headers-stripped', 'latency-http', 'resets', 'silence', 'early-hints', 'ws-blocks', 'sse-unnamed', 'latin-1', 'nginx', 'squid', 'squid-http', 'tinyproxy', 'tinyproxy-http'];
const kMessages = 60;
const kEvery = 80;           // ms

// What Chromium itself says about a network like these.
const expected = [/WebSocket connection to .* failed/, /Failed to load resource: (the server responded with|net::ERR_)/];

let browser;
before(async () => { browser = await launch(); });
afterEach(closeVisitors);
after(() => browser?.close());

const wanted = process.env.SIGWAY_NETWORKS?.split(',') ?? kNetworks;
for (const network of wanted.map((name) => networks.find((each) => each.name === name))) {
  test(`a call through: ${network.title}`, async () => {
    const gateway = await Gateway.start();
    const before = network.real ? await real[network.real](gateway) : { target: gateway, via: null };
    // Chromium speaks to an explicit proxy by itself, all else it takes for the gateway.
    const box = before.via && !network.behaviours.length ? null
      : await Middlebox.start(before.target, network.behaviours, { random: new Random(1), via: before.via });
    const through = box ? browser : await launch({ flags: [`--proxy-server=http://${before.via.host}:${before.via.port}`, '--proxy-bypass-list=<-loopback>'] });
    try {
      const room = `r/${network.name}`;
      const bob = await visitor(browser);
      await openCall(bob.page, `${gateway.url}/${room}`);
      await phase(bob.page, 'waiting');
      const alice = await visitor(through, { expected });
      await openCall(alice.page, `${(box ?? gateway).url}/${room}`);
      await Promise.all([alice, bob].map(({ page }) => phase(page, 'talking')));
      await Promise.all([alice, bob].map(({ page }) => seesVideo(page)));
      await Promise.all([alice, bob].map(({ page }) => inPage(page, listen)));
      await Promise.all([alice, bob].map(({ page }) => inPage(page, talk, { messages: kMessages, every: kEvery })));
      for (const { page } of [alice, bob]) {
        await page.waitForFunction((count) => window.bedHeard.length >= count, kMessages);
        assert.deepEqual(await page.evaluate(() => window.bedHeard), Array.from({ length: kMessages }, (_, i) => i + 1));
        assert.equal(await page.getAttribute('#call', 'data-phase'), 'talking');
      }
      const transport = await inPage(alice.page, (page) => page.call.connection.transport);
      const { works, loses } = expectations(network);
      assert.ok(loses || works.includes(transport), `${transport} is in use, where ${works} work`);
      await alice.close();
      await bob.close();
    } finally {
      if (through !== browser) await through.close();
      await box?.close();
      await before.stop?.();
    }
    assert.equal(await gateway.stop(), null);
  });
}

// In the pages, the first in both before the second in either.
function listen(page) {
  window.bedHeard = [];
  page.call.connection.on('message', ({ type, data }) => { if (type === 'bed') window.bedHeard.push(data.number); });
}

function talk(page, { messages, every }) {
  let number = 0;
  const timer = setInterval(() => {
    page.call.connection.send('bed', { number: ++number, text: 'é'.repeat(512 + (number * 911) % 3500) });
    if (number === messages) clearInterval(timer);
  }, every);
}
