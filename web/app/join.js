// Before a call that was opened by its address. Nothing is joined and no device is asked for before a person has pressed Join:
// here, on the start page, or in this tab before it was reloaded in the middle of the call.

import { nameField } from './choices.js';
import { byId, element, setText } from './dom.js';
import { Preview } from './preview.js';
import { pageMeant } from './rooms.js';

const kPressed = 'sigway pressed join';   // the room of the start page's button, until the call's page has read it
const kInCall = 'sigway in call';         // the room that this tab is in, so that a reload comes back to it

// Without storage, as with all cookies blocked, the page asks once more.
function storage(act) {
  try {
    return act(sessionStorage);
  } catch {
    return null;
  }
}

export const pressedJoin = (room) => storage((kept) => kept.setItem(kPressed, room));
export const callBegins = (room) => storage((kept) => kept.setItem(kInCall, room));
export const callEnds = () => storage((kept) => kept.removeItem(kInCall));

export function hasJoined(room) {
  const pressed = storage((kept) => {
    const before = kept.getItem(kPressed);
    kept.removeItem(kPressed);
    return before;
  });
  const [navigation] = performance.getEntriesByType('navigation');
  return pressed === room || navigation?.type === 'reload' && storage((kept) => kept.getItem(kInCall)) === room;
}

// Shows the room, a preview and the button; `join(given)` is called when that is pressed, with what Media.start() takes.
export function askToJoin({ room, capacity }, { echoes, join }) {
  const meant = pageMeant(room);
  const name = () => element('bdi', {}, room);
  document.title = `Join ${room} · sigway`;
  const asks = 'Nobody sees or hears you yet. When you join, your browser asks for your camera and microphone; you can join without them.';
  if (meant) {
    byId('join-title').replaceChildren(`Did you mean ${meant}?`);
    setText('join-text', 'That page checks what your network lets through. The address that you opened is the one of a room, where people call each other.');
    byId('join-now').replaceChildren(element('span', {}, 'Join the room ', name()));
    byId('join-meant').href = meant;
  } else {
    byId('join-title').replaceChildren(...(echoes ? ['An echo of yourself'] : ['Join ', name()]));
    setText('join-text', echoes ? `You see and hear yourself as others would. ${asks}` : capacity > 2 ? `A call for up to ${capacity} people. ${asks}` : asks);
  }
  byId('join-title').title = meant ? '' : room;      // all of a long name
  byId('join-meant').hidden = !meant;
  byId('join-now').classList.add(meant ? 'quiet' : 'primary');
  nameField(byId('join-name'));
  byId('join-name').parentElement.hidden = Boolean(meant);
  const preview = meant ? null : new Preview();
  byId('join').hidden = false;
  byId('join-form').onsubmit = (event) => {
    event.preventDefault();
    byId('join').hidden = true;
    join(preview?.handOver());
  };
}
