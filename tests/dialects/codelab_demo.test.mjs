// A page of the codelab's fifth step and sigway's own demo page in one room: calls with video, whoever comes first.

import { after, before, test } from 'node:test';
import { closeBrowser } from '../browser/support/browser.mjs';
import { closeWindow, formUrl, hears, inCall, servePages, stopPages, withWindows } from './support/codelab_pages.mjs';
import { fresh } from './support/gateway.mjs';

const kPatience = 90000;   // a call that comes about at the second attempt takes 20 s

let server;
before(async () => { server = await servePages('demo'); });
after(async () => {
  await closeBrowser();
  await stopPages(server);
});

// The codelab's page throws on an offer that comes before its camera, and on a description that does not fit its state: a
// DOMException, which has no stack to show. It answers such an offer all the same.
const kEarly = /page error: (TypeError: Cannot read properties of (undefined|null)|$)|InvalidStateError: Failed to execute 'createAnswer'/;

// Two cores encode and decode everything.
function smallPictures() {
  const devices = navigator.mediaDevices;
  const getUserMedia = devices.getUserMedia.bind(devices);
  devices.getUserMedia = ({ video, ...rest }) => getUserMedia({ ...rest, ...(video ? { video: { width: 160, height: 120, frameRate: 8 } } : {}) });
}

// Its person answers the browser's question only when allowCamera() is called.
function askForCamera() {
  const devices = navigator.mediaDevices;
  const getUserMedia = devices.getUserMedia.bind(devices);
  const allowed = new Promise((resolve) => { window.allowCamera = resolve; });
  devices.getUserMedia = async (wanted) => {
    await allowed;
    return getUserMedia(wanted);
  };
}

// A machine so busy that an offer takes longer than the other side leaves it.
function offerSlowly() {
  const { createOffer } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.createOffer = function (success, failure) {
    setTimeout(() => createOffer.call(this).then(success, failure), 3000);
  };
}

async function openDemo(open, name, room) {
  const guest = await open(name, 'about:blank');
  await guest.page.addInitScript(smallPictures);
  await guest.page.goto(`${server.url}/r/${room}`);
  await guest.page.click('#join-now');
  return guest;
}

async function openCodelab(open, name, room, init = () => {}) {
  const guest = await open(name, 'about:blank');
  guest.explain(kEarly);
  await guest.page.addInitScript(init);
  await guest.page.goto(formUrl(server, 'step-05', room));
  return guest;
}

const isAlone = (demo) => phase(demo, 'waiting');
const phase = (demo, wanted) => demo.page.waitForFunction((name) => document.getElementById('call').dataset.phase === name, wanted, { timeout: kPatience });

// Both see moving pictures of the other one.
async function areInCall(codelab, demo) {
  await codelab.until((call) => call.report().connection === 'connected', undefined, kPatience);
  await phase(demo, 'talking');
  await inCall(codelab);
  await demo.page.waitForFunction(() => [...document.querySelectorAll('.tile video')].some((video) => video.videoWidth > 0 && video.getVideoPlaybackQuality().totalVideoFrames > 3),
    undefined, { timeout: kPatience });
}

test('the codelab\'s page was first, and others come and go', (t) => withWindows(t, async (open) => {
  const room = fresh('mixed');
  const codelab = await openCodelab(open, 'codelab', room);
  await codelab.until((call) => call.report().hasCamera);
  const demo = await openDemo(open, 'demo', room);
  await areInCall(codelab, demo);
  await demo.page.click('#leave');
  await hears(codelab, 'message bye');
  const again = await openDemo(open, 'demo-again', room);
  await areInCall(codelab, again);
}));

test('the demo page was first, and others come and go', (t) => withWindows(t, async (open) => {
  const room = fresh('mixed');
  const demo = await openDemo(open, 'demo', room);
  await isAlone(demo);
  const codelab = await openCodelab(open, 'codelab', room);
  await areInCall(codelab, demo);
  await closeWindow(codelab);
  await isAlone(demo);
  const again = await openCodelab(open, 'codelab-again', room);
  await areInCall(again, demo);
}));

for (const isFirst of [true, false]) {
  test(`the codelab's page, ${isFirst ? 'first' : 'second'} in the room, gets its camera when an offer has come`, (t) => withWindows(t, async (open) => {
    const room = fresh('mixed');
    const openBoth = [
      () => openCodelab(open, 'codelab', room, askForCamera),
      () => openDemo(open, 'demo', room),
    ];
    if (!isFirst) openBoth.reverse();
    const first = await openBoth[0]();
    if (isFirst) await hears(first, `created ${room}`);
    else await isAlone(first);
    const second = await openBoth[1]();
    const [codelab, demo] = isFirst ? [first, second] : [second, first];
    await hears(codelab, 'message offer');
    await codelab.page.evaluate('allowCamera()');
    await areInCall(codelab, demo);
  }));
}

test('two offers that cross: the call comes up at the second attempt', (t) => withWindows(t, async (open) => {
  const room = fresh('mixed');
  const codelab = await openCodelab(open, 'codelab', room, offerSlowly);
  await codelab.until((call) => call.report().hasCamera);
  const demo = await openDemo(open, 'demo', room);
  await areInCall(codelab, demo);
}));
