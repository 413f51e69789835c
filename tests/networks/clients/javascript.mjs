// web/client/sigway.js as the bed drives it, by its public interface alone.
//
// The seam that every client under test has:
//
//   start({url, room, name, transport}, hooks) → {say(data) → id, transport, journal, close()}
//
// `transport` is `auto` or the only one. Hooks, all called in the order in which things happened:
//   attached()             we are in the room (alone or not)
//   ready()                the room is complete: two members
//   heard(data)            the other one said that
//   transport(kind)        in use from now on
//   reset(lost)            the session had to begin anew; `lost`: ids whose messages may not have arrived and are not sent again
//   refused(id, code)      the message was refused
//   closed(code, text)     it is over, and nobody asked for it
//   note(text)             anything that helps to understand a failure

import { WebSocket } from 'ws';
import { connect } from '../../../web/client/sigway.js';

export function start({ url, room, name, transport = 'auto' }, hooks) {
  const connection = connect({ url, room, name, transport, WebSocket, fetch: globalThis.fetch, keyStore: false, page: null, memory: false });
  let closing = false;
  connection.opened.catch(() => {});
  connection.on('created', () => hooks.attached());
  connection.on('joined', () => hooks.attached());
  connection.on('ready', () => hooks.ready());
  connection.on('message', ({ data }) => hooks.heard(data));
  connection.on('transport', (change) => hooks.transport(change.transport));
  connection.on('reset', ({ reason, lost }) => {
    hooks.note(`reset: ${reason}`);
    hooks.reset(lost);
  });
  connection.on('refused', ({ re, code }) => hooks.refused(re, code));
  connection.on('closed', (error) => { if (!closing) hooks.closed(error.code, error.message); });
  for (const type of ['peer-joined', 'peer-left', 'peer-suspended', 'peer-resumed', 'full', 'place-lost']) {
    connection.on(type, (event) => hooks.note(JSON.stringify(event)));
  }
  connection.on('state', ({ state }) => hooks.note(`state: ${state}`));
  connection.on('retry', ({ delay, reason }) => hooks.note(`again in ${delay} ms: ${reason?.message}`));
  connection.on('journal', (entry) => hooks.note(JSON.stringify(entry)));
  return {
    get transport() { return connection.transport; },
    say: (data) => connection.send('message', data),
    close() {
      closing = true;
      return connection.close();
    },
  };
}
