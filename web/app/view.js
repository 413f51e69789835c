// Puts the state of a call into words: the card in the middle, the banner above, the buttons below.

import { byId, element, icon, setText } from './dom.js';

const kTitles = { talking: '● In call', waiting: 'Waiting', full: 'Full', ended: 'Ended' };

// What the card says; null when there is nothing to say because the call is on.
function card(call) {
  switch (call.phase) {
    case 'connecting':
      return { title: 'Connecting', busy: true, text: call.unreachable
        ? 'The server cannot be reached yet. Trying again…' : 'Getting in touch with the server…' };
    case 'waiting':
      if (call.plainMembers.length) {
        return { title: call.plainMembers.length > 1 ? 'Terminals are here' : 'A terminal is here', share: !call.full,
          text: `Without camera and microphone: write in the chat.${call.full ? '' : ' Share the link to call others.'}` };
      }
      return { title: call.someLeft ? 'The other side has left' : call.everMet ? 'You are alone here' : 'Waiting for the other side',
        share: true, busy: true, text: call.capacity > 2 ? `Share the link: up to ${call.capacity} people fit in here.`
          : call.someLeft ? 'The call goes on if it comes back, or begins with whoever opens the link.'
            : 'Share the link. The call begins as soon as it is opened.' };
    case 'linking':
      return call.reloading ? { title: 'The other side is reloading', busy: true, text: 'The call comes back by itself.' }
        : call.attempts ? { title: 'Still looking for a way', busy: true, text: call.hasRelay
          ? 'Somebody is here, but no way between you has been found yet. Trying again…'
          : 'Somebody is here, but no way between you has been found yet. Trying again… Behind strict firewalls a TURN server is needed, and none is set up here.' }
          : { title: 'Connecting the call', busy: true, text: 'Somebody is here. Looking for a way between you…' };
    case 'full':
      return call.waitingForPlace
        ? { title: 'Waiting for a place', busy: true, text: `All ${call.capacity} places are taken. You come in as soon as one is free, also when you look at something else.` }
        : { title: 'This room is full', busy: true,
          text: `All ${call.capacity} places are taken. While you look at this page you come in as soon as one is free.`, actions: ['wait', 'elsewhere'] };
    case 'ended':
      return { title: call.ended.title, text: call.ended.text, actions: call.ended.again ? ['again', 'elsewhere'] : ['elsewhere'] };
    default:
      return null;
  }
}

// The most important one of what is not as it should be while a call is on.
function banner(call) {
  if (call.phase === 'ended') return null;
  if (call.trouble) return { text: call.trouble.text, kind: 'warn' };
  if (call.peersLeaving && call.peersLeaving >= call.peersReconnecting) {
    return { text: 'The other side has closed the page or is reloading it.', kind: 'info' };
  }
  if (call.peersReconnecting) return { text: 'The connection to the other side is broken. Trying to mend it…', kind: 'warn' };
  if (call.server === 'draining') return { text: 'The server is restarting. Your call goes on; nothing is lost.', kind: 'info' };
  if (call.server === 'reconnecting') return { text: 'The server cannot be reached; trying again. A running call goes on.', kind: 'warn' };
  if (call.phase === 'talking' && call.reloading) return { text: 'Somebody is reloading the page and will be back in a moment.', kind: 'info' };
  if (call.peersAway) return { text: 'The other side has lost its connection to the server. It may come back.', kind: 'info' };
  return null;
}

export class View {
  #call;
  #actions;
  #shown = '';

  // `actions`: {again, elsewhere}
  constructor(call, actions) {
    this.#call = call;
    this.#actions = { ...actions, wait: () => call.waitForPlace() };
    call.on('change', () => this.show());
  }

  show() {
    const call = this.#call;
    byId('call').dataset.phase = call.phase;
    this.#showCard(card(call));
    const said = banner(call);
    setText('banner', said?.text ?? '');
    byId('banner').dataset.kind = said?.kind ?? '';
    // What was said, and how, can be read after the call.
    for (const button of byId('controls').querySelectorAll('button:not([aria-controls])')) button.disabled = call.phase === 'ended';
    document.title = [kTitles[call.phase], call.title, 'sigway'].filter(Boolean).join(' · ');
  }

  #showCard(what) {
    byId('status').hidden = what === null;
    const key = JSON.stringify(what);
    if (key === this.#shown) return;     // a live region speaks only when something is new
    this.#shown = key;
    if (!what) return;
    setText('status-title', what.title);
    setText('status-text', what.text);
    byId('status-spinner').hidden = !what.busy;
    byId('share').hidden = !what.share;
    const labels = { wait: 'Wait for a place', elsewhere: 'Another room', again: 'Join again' };
    byId('status-actions').replaceChildren(...(what.actions ?? []).map((name, i) =>
      element('button', { type: 'button', class: i ? 'quiet' : 'primary', onclick: () => this.#actions[name]() }, labels[name])));
  }
}

const press = (id, pressed, name, label) => {
  const button = byId(id);
  button.setAttribute('aria-pressed', String(pressed));
  button.lastElementChild.textContent = label;
  if (name) icon(button, name);
};

// The buttons for camera, microphone and screen, and why there is no picture.
export function showMedia(media, dismissed) {
  press('mic', media.micOn, media.micOn ? 'mic' : 'mic-off', media.micOn ? 'Mute' : 'Unmute');
  press('camera', media.cameraOn, media.cameraOn ? 'camera' : 'camera-off', media.cameraOn ? 'Stop video' : 'Start video');
  press('screen', media.screen !== null, null, media.screen ? 'Stop sharing' : 'Share screen');
  byId('screen').hidden = !media.canShare;
  const note = media.starting ? '' : media.problem?.text ?? '';
  byId('media-note').hidden = !note || dismissed === note;
  setText('media-note-text', note);
}
