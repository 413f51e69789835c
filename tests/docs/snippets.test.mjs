// The pages and scripts in the READMEs, as they stand there but for the server's address: each runs in Chromium, opened twice, and does
// what the text around it promises. What nobody promises anything of here fails, so that no snippet goes untried.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { closeVisitors, launch, Server, source, visitor } from '../pages/support.mjs';

// The documents: the project's README, the npm package's, and those of the examples.
const documents = ['README.md', 'web/client/README.md',
  ...readdirSync(path.join(source, 'examples')).map((name) => `examples/${name}/README.md`)].flatMap((name) => {
  try {
    return [{ name, text: readFileSync(path.join(source, name), 'utf8') }];
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  }
});
const snippets = documents.flatMap(({ name, text }) => [...text.matchAll(/^```(js|html|javascript|mjs|ts)\n([^]*?)^```/gm)].map(([, language, code], index) =>
  ({ title: `${name}, snippet ${index + 1}`, language, code })));

// Moving pictures of the other side that nobody had to press a button for.
async function calls(pages) {
  for (const page of pages) {
    await page.waitForFunction(() => {
      const video = document.querySelector('video');
      return video?.srcObject && !video.paused && video.getVideoPlaybackQuality().totalVideoFrames > 3;
    });
  }
}
const says = (...logged) => async (pages, logs) => {
  for (const [i] of pages.entries()) {
    for (const words of logged) await logs[i].until((line) => words.every((word) => line.includes(word)));
  }
};
const kPromises = [
  [/PeerLink/, calls],
  [/signaling\.opened/, says(['sigway ', 'active'], ['connected by'])],
  [/signaling\.messages\(/, says(['good morning', 'from'])],
  [/signaling\.request\(/, says(['twice 21 is 42'])],
  [/FakeServer/, says(['bob heard: are you there?'])],
  [/signaling\.on\("message"/, says(['greeting', 'hello'])],
];

let server, browser;
const folder = mkdtempSync(path.join(tmpdir(), 'sigway-snippets-'));
before(async () => {
  execFileSync('node', [path.join(source, 'scripts/classic-client.mjs'), path.join(folder, 'sigway.classic.js')]);
  server = await Server.start('--web-root', folder);
  browser = await launch();
});
afterEach(closeVisitors);
after(async () => {
  await browser?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

// What a page logs, and a promise of the line that is waited for.
class Log {
  #lines = [];
  #wake = () => {};
  put(line) {
    this.#lines.push(line);
    this.#wake();
  }
  async until(wanted) {
    while (!this.#lines.some(wanted)) await new Promise((resolve) => { this.#wake = resolve; });
  }
}

// A bundler does what the import map does here: it finds the package. A script of a page is a module of it.
const kImports = { 'sigway-client': '/client/sigway.js', 'sigway-client/peer': '/client/peer.js', 'sigway-client/testing': '/client/testing.js' };
function asPage({ language, code }) {
  const here = code.replaceAll('https://call.example.org', server.url);
  if (language === 'html') return here;
  return `<!doctype html><script type="importmap">${JSON.stringify({ imports: kImports })}</script><body><script type="module">\n${here}</script>`;
}

for (const [i, snippet] of snippets.entries()) {
  test(snippet.title, { timeout: 120000 }, async () => {
    const [, keepsIt] = kPromises.find(([pattern]) => pattern.test(snippet.code)) ?? [];
    assert.ok(keepsIt, `somebody has to say here what this promises:\n${snippet.code}`);
    writeFileSync(path.join(folder, `snippet-${i}.html`), asPage(snippet));
    const guests = [], logs = [];
    for (let n = 0; n < 2; ++n) {
      const guest = await visitor(browser, { expected: [/favicon\.ico/] });
      const log = new Log();
      guest.page.on('console', (message) => log.put(message.text()));
      await guest.page.goto(`${server.url}/snippet-${i}`);
      guests.push(guest);
      logs.push(log);
    }
    await keepsIt(guests.map(({ page }) => page), logs);
    for (const guest of guests) await guest.close();
  });
}

test('the first thing a README shows in JavaScript is a whole call', () => {
  for (const name of ['README.md', 'web/client/README.md']) {
    assert.match(snippets.find(({ title }) => title.startsWith(`${name},`)).code, /PeerLink/, name);
  }
});

test('each promise is of a snippet that is there', () => {
  for (const [pattern] of kPromises) assert.ok(snippets.some(({ code }) => pattern.test(code)), String(pattern));
});
