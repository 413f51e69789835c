// The server as it starts by itself, and a browser, for a whole test file; what visits it is closed after each test.

import { after, afterEach, before } from 'node:test';
import { closeVisitors, launch, Server } from './support.mjs';

export let server, browser;

before(async () => {
  server = await Server.start();
  browser = await launch();
});
afterEach(closeVisitors);
after(async () => {
  await browser?.close();
  await server?.stop();
});
