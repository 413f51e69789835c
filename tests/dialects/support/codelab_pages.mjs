// The codelab's pages in windows: a server whose web root is their folder, and what a call of two windows is.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withPages } from '../../browser/support/browser.mjs';
import { atPort, startGateway, stopGateway } from './gateway.mjs';

const kPages = fileURLToPath(new URL('../pages/codelab', import.meta.url));
const kDemo = fileURLToPath(new URL('../../../web', import.meta.url));

// A person's folder: `form` is its index.html, the demo page's whole folder beside it if that is `demo`. The page that names port
// 2013 finds a further port of the server there.
export async function servePages(form) {
  const folder = mkdtempSync(join(tmpdir(), 'sigway-codelab-'));
  const server = await startGateway(['--web-root', folder, '--listen', '0']);
  const [{ port }] = server.furtherPorts();
  cpSync(kPages, folder, { recursive: true });
  for (const name of ['2013', 'step-04', 'step-05', 'step-06']) {
    const file = join(folder, `${name}.html`);
    writeFileSync(file, readFileSync(file, 'utf8').replace('localhost:2013', `localhost:${port}`));
  }
  if (form === 'demo') cpSync(kDemo, folder, { recursive: true });
  else cpSync(join(folder, `${form}.html`), join(folder, 'index.html'));
  return Object.assign(server, { folder });
}

export async function stopPages(server) {
  await stopGateway(server);
  rmSync(server.folder, { recursive: true, force: true });
}

export const withWindows = (t, body) => withPages(t, body, { ignoreHTTPSErrors: true });

// The room is in the path; or, for a page that is not the index, in the query.
export const roomUrl = (server, room) => `${server.url}/${room}`;
export const formUrl = (server, form, room) => `${server.url}/${form}.html?room=${room}`;

export const hears = (guest, what) => guest.until(({ heard }, wanted) => heard.includes(wanted), what);

// Moving pictures of the other one, from now on.
export async function seesVideo(guest) {
  const before = await guest.page.evaluate(() => {
    const video = document.querySelector('#remoteVideo');
    return { time: video.currentTime, frames: video.getVideoPlaybackQuality().totalVideoFrames };
  });
  await guest.until((_, { time, frames }) => {
    const video = document.querySelector('#remoteVideo');
    return video.videoWidth > 0 && video.currentTime > time && video.getVideoPlaybackQuality().totalVideoFrames > frames + 2;
  }, before);
}

export async function inCall(...guests) {
  for (const guest of guests) await guest.until((call) => call.report().connection === 'connected');
  await Promise.all(guests.map(seesVideo));
}

// Closes a window as a person does: its page hears that it goes.
export const closeWindow = (guest) => guest.page.close({ runBeforeUnload: true });

// What a window has heard stays what it is, though others come and are refused.
export async function isUndisturbed(guest, act) {
  const before = await guest.ask(({ heard }) => heard);
  await act();
  await seesVideo(guest);
  assert.deepEqual(await guest.ask(({ heard }) => heard), before, guest.name);
}

// A proxy that knows no WebSocket: an upgrade is answered 403.
export async function refuseUpgrades(t, server) {
  const proxy = http.createServer((request, response) => {
    const onward = http.request({ host: server.host, port: server.port, method: request.method, path: request.url, headers: request.headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  });
  proxy.on('upgrade', (request, socket) => {
    socket.on('error', () => {});
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => { proxy.close(); proxy.closeAllConnections(); });
  return atPort(server, proxy.address().port);
}
