// web/client/sigway.js in Chromium, a page of the network's own origin for each member. The seam is described in javascript.mjs. The page
// and the client's files come from the disk, not through the network: what is under test begins with connect().

import { readFile } from 'node:fs/promises';
import { kPatience, launch } from '../../pages/support.mjs';

const kFolder = new URL('../../../web/client/', import.meta.url);
const kPage = `<!doctype html><link rel="icon" href="data:,"><script type="module">
import { connect } from './sigway.js';
window.connectToSigway = connect;
</script>`;
// A page that comes from the disk is of no network, and Chromium would keep it from WebSockets to this machine. The last list counts.
const kFlags = ['--disable-features=LocalNetworkAccessChecks,WebRtcHideLocalIpsWithMdns'];
const kNotes = ['peer-joined', 'peer-left', 'peer-suspended', 'peer-resumed', 'full', 'place-lost'];

let browser = null;

/** Ends the browser. */
export async function stop() {
  await (await browser)?.close();
  browser = null;
}

async function serve(route) {
  const name = new URL(route.request().url()).pathname.replace('/bed/', '');
  if (name === '') return route.fulfill({ contentType: 'text/html', body: kPage });
  return route.fulfill({ contentType: 'text/javascript', body: await readFile(new URL(name, kFolder)) });
}

async function open(url, tell) {
  browser ??= launch({ devices: false, flags: kFlags });
  const context = await (await browser).newContext();
  const page = await context.newPage();
  page.on('pageerror', (error) => tell('closed', 'thrown', error.stack ?? String(error)));
  page.on('crash', () => tell('closed', 'crash', 'the page crashed'));
  await page.exposeFunction('tellBed', tell);
  await page.route('**/bed/**', serve);
  await page.goto(`${url}/bed/`, { timeout: kPatience });
  await page.waitForFunction(() => window.connectToSigway, null, { timeout: kPatience });
  // While there are routes, Chromium asks this process about every request.
  await page.unroute('**/bed/**');
  return page;
}

// In the page.
function begin({ url, room, name, transport, noted }) {
  const connection = window.connectToSigway({ url, room, name, transport });
  const tell = (...what) => { window.tellBed(...what); };
  window.connection = connection;
  connection.opened.catch(() => {});
  connection.on('created', () => tell('attached'));
  connection.on('joined', () => tell('attached'));
  connection.on('ready', () => tell('ready'));
  connection.on('message', ({ data }) => tell('heard', data));
  connection.on('transport', (change) => tell('transport', change.transport));
  connection.on('reset', ({ reason, lost }) => {
    tell('note', `reset: ${reason}`);
    tell('reset', lost);
  });
  connection.on('refused', ({ re, code }) => tell('refused', re, code));
  connection.on('closed', (error) => { if (!window.isClosing) tell('closed', error.code, error.message); });
  for (const type of noted) connection.on(type, (event) => tell('note', JSON.stringify(event)));
  connection.on('state', ({ state }) => tell('note', `state: ${state}`));
  connection.on('journal', (entry) => tell('note', JSON.stringify(entry)));
}

export function start({ url, room, name, transport = 'auto' }, hooks) {
  let used = null, said = 0, closing = false;
  const tell = (type, ...values) => {
    if (type === 'transport') [used] = values;
    if (type !== 'closed' || !closing) hooks[type](...values);
  };
  const fail = (error) => { if (!closing) hooks.closed('page', error.message); };
  const opened = open(url, tell);
  // What is said is said in that order.
  let last = opened.then((page) => page.evaluate(begin, { url, room, name, transport, noted: kNotes }));
  last.catch(fail);
  const later = (act) => {
    last = Promise.all([opened, last]).then(([page]) => act(page));
    last.catch(fail);
  };
  return {
    get transport() { return used; },
    // Ids of messages count them.
    say(data) {
      later((page) => page.evaluate((value) => { window.connection.send('message', value); }, data));
      return ++said;
    },
    async close() {
      closing = true;
      const page = await opened;
      await page.evaluate(() => {
        window.isClosing = true;
        return window.connection?.close();
      }).catch(() => {});
      await page.context().close();
    },
  };
}
