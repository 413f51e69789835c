// The page: the start at `/`, a call at `/r/ROOM`, which begins when a person has pressed Join.

import { Call } from './call.js';
import { Chat } from './chat.js';
import { choice, nameField } from './choices.js';
import { byId, copyFrom, setText } from './dom.js';
import { Echo } from './echo.js';
import { askToJoin, callBegins, callEnds, hasJoined, pressedJoin } from './join.js';
import { listenToKeys } from './keys.js';
import { Media } from './media.js';
import { Panel } from './panel.js';
import { Quality } from './quality.js';
import { roomOf, roomPath, roomProblem, suggestRoom } from './rooms.js';
import { moveSelfView } from './selfview.js';
import { Signals, shellQuoted } from './signals.js';
import { Stage } from './stage.js';
import { TransportPicker } from './transport.js';
import { showMedia, View } from './view.js';
import { offerViews } from './viewing.js';

const kEcho = 'echo';

// What is running, for tests and for the curious: `(await import('/app/main.js')).page`.
export const page = { call: null, media: null, echo: null, signals: null };

// ---- Start page ----------------------------------------------------------------------------------------------------------

function showLobby(problem = '') {
  const input = byId('room-name');
  const complain = (text) => {
    byId('room-problem').hidden = !text;
    setText('room-problem', text);
    input.setAttribute('aria-invalid', String(Boolean(text)));
  };
  const showCommand = () => {
    const room = roomProblem(input.value) ? 'ROOM' : encodeURIComponent(input.value);
    setText('terminal-command', `curl -N ${shellQuoted(`${location.origin}/v1/sse?room=${room}`)}`);
  };
  byId('lobby').hidden = false;
  input.value = suggestRoom();
  input.oninput = () => {
    complain('');
    showCommand();
  };
  byId('another').onclick = () => {
    input.value = suggestRoom();
    input.oninput();
  };
  const go = ({ asked }) => {
    const room = input.value.trim().normalize('NFC');
    const wrong = roomProblem(room);
    complain(wrong);
    if (wrong) return input.focus();
    if (!asked) pressedJoin(room);
    location.assign(roomPath(room, Number(byId('capacity').value)));
  };
  nameField(byId('lobby-name'));
  byId('lobby-form').onsubmit = (event) => {
    event.preventDefault();
    go({ asked: false });
  };
  byId('lobby-preview').onclick = () => go({ asked: true });
  complain(problem);
  showCommand();
}

// ---- Side panel ----------------------------------------------------------------------------------------------------------

function sidePanel() {
  // `back`: what has the focus again when the tab is closed, if that is not its button.
  const tabs = { chat: { button: byId('open-chat'), title: 'Chat' }, signals: { button: byId('open-signals'), title: 'Signaling' },
    quality: { button: byId('open-quality'), title: 'Connection quality', back: byId('viewing-open') } };
  let open = null, unread = 0;
  const count = (number) => {
    unread = number;
    byId('chat-new').hidden = number === 0;
    setText('chat-count', number > 99 ? '99+' : String(number));
  };
  const show = (name) => {
    const before = open;
    open = name;
    byId('side').hidden = name === null;
    byId('main').classList.toggle('with-side', name !== null);
    for (const [key, { button }] of Object.entries(tabs)) {
      button.setAttribute('aria-expanded', String(key === name));
      byId(key).hidden = key !== name;
    }
    if (name === null) return (tabs[before]?.back ?? tabs[before]?.button)?.focus();
    setText('side-title', tabs[name].title);
    if (name === 'chat') {
      count(0);
      byId('chat-text').focus();
    } else if (name === 'signals') {
      byId('signal-rows').scrollTop = byId('signal-rows').scrollHeight;
      byId('signal-filter').focus();
    } else {
      byId('viewing').hidePopover();
      byId('side-close').focus();
    }
  };
  for (const [name, { button }] of Object.entries(tabs)) button.onclick = () => show(open === name ? null : name);
  byId('side-close').onclick = () => show(null);
  byId('side').onkeydown = (event) => {
    if (event.key === 'Escape' && !event.defaultPrevented) show(null);
  };
  return { arrived: () => { if (open !== 'chat') count(unread + 1); } };
}

// ---- A call --------------------------------------------------------------------------------------------------------------

// Everybody has an echo room of their own, also after a reload.
function echoRoom() {
  let name = sessionStorage.getItem('sigway echo');
  if (!name) sessionStorage.setItem('sigway echo', name = `echo ${suggestRoom()}`);
  return name;
}

// `given`: what a preview has handed over.
function startCall({ room, capacity }, given) {
  const echoes = room === kEcho;
  const address = location.origin + roomPath(room, capacity);
  const sides = sidePanel();
  let call, dismissed = '', stage, panel;

  byId('where').hidden = byId('call').hidden = false;
  setText('room-title', room);
  byId('room-title').title = room;
  byId('share-link').value = address;
  byId('share-link').onfocus = () => byId('share-link').select();
  byId('share-copy').onclick = () => copyFrom(byId('share-copy'), address);
  byId('copy-link').onclick = () => copyFrom(byId('copy-link'), address, byId('copy-link').lastElementChild);
  byId('copy-link').hidden = echoes;

  const begin = () => {
    callBegins(room);
    const media = page.media = new Media(() => {
      showMedia(media, dismissed);
      stage.showSelf(media);
      byId('self').hidden = call.phase === 'ended' || (!media.shown && media.problem !== null);
      call.mediaChanged();
    });
    call = page.call = new Call({ room: echoes ? echoRoom() : room, title: room, capacity, media, name: choice('name') });
    page.signals = new Signals(call.connection);
    stage = new Stage(call, { quiet: echoes });
    panel?.detach();
    panel = new Panel(page.signals, call);
    new TransportPicker(call);
    const chat = new Chat(call);
    chat.onarrival = () => sides.arrived();
    const quality = new Quality(call, stage);
    const view = new View(call, { again: () => begin(), elsewhere: () => location.assign('/') });
    call.on('change', () => {
      if (call.phase !== 'ended') return;
      callEnds();
      quality.stop();
      stage.clear();
      byId('self').hidden = true;
      page.echo?.close().catch(() => {});
      page.echo = null;
    });
    view.show();
    media.start(given);
    given = undefined;      // joining again asks again
    if (echoes) page.echo = new Echo({ room: call.link.room, call: call.connection });
  };

  byId('mic').onclick = () => page.media.toggleMic();
  byId('camera').onclick = () => page.media.toggleCamera();
  byId('screen').onclick = () => page.media.toggleScreen();
  byId('leave').onclick = () => {
    call.leave();
    byId('status-actions').querySelector('button')?.focus();
  };
  byId('media-note-close').onclick = () => {
    dismissed = byId('media-note-text').textContent;
    byId('media-note').hidden = true;
  };
  listenToKeys();
  moveSelfView();
  offerViews();
  begin();
}

const where = roomOf(location);
if (!where?.room) showLobby(where?.problem);
else if (hasJoined(where.room)) startCall(where);
else askToJoin(where, { echoes: where.room === kEcho, join: (given) => startCall(where, given) });
