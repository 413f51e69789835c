// A room for several: the library opens or joins the room that the path names, and connects everybody with everybody.

'use strict';

const element = (id) => document.getElementById(id);
const show = (text) => { element('state').textContent = text; };
const room = decodeURIComponent(location.pathname.slice(1)) || 'garden';

const connection = new RTCMultiConnection();
connection.socketURL = '/';
connection.iceServers = [];   // [{ urls: 'stun:…' }] for a call across networks
connection.enableLogs = false;
connection.videosContainer = element('videos');

const nameOf = ({ extra }) => extra?.name ?? 'somebody';

function note(text) {
  const line = document.createElement('li');
  line.textContent = text;
  element('said').append(line);
}

function tell() {
  const others = connection.getAllParticipants().length;
  show(`You are in ${room}, with ${others} other${others === 1 ? '' : 's'}${connection.isInitiator ? '. The room is yours.' : '.'}`);
}

connection.onopen = (event) => { note(`${nameOf(event)} is here.`); tell(); };
connection.onmessage = (event) => note(`${nameOf(event)}: ${event.data}`);
connection.onleave = (event) => { note(`${nameOf(event)} has left.`); setTimeout(tell); };

element('enter').onsubmit = (event) => {
  event.preventDefault();
  const withCamera = element('camera').checked;
  connection.extra = { name: element('name').value };
  connection.password = element('password').value;
  connection.session = { data: true, audio: withCamera, video: withCamera };
  connection.sdpConstraints.mandatory = { OfferToReceiveAudio: true, OfferToReceiveVideo: true };
  show('Entering');
  connection.openOrJoin(room, (isIn, _room, error) => {
    if (!isIn) return show(`The server says: ${error}.`);
    element('enter').hidden = true;
    element('say').hidden = false;
    element('text').focus();
    connection.socket.on('set-isInitiator-true', () => setTimeout(tell));   // the library takes it first
    tell();
  });
};

element('say').onsubmit = (event) => {
  event.preventDefault();
  const text = element('text').value;
  if (text === '') return;
  connection.send(text);
  note(`You: ${text}`);
  element('text').value = '';
};

element('leave').onclick = () => {
  connection.leave();
  connection.closeSocket();
  location.reload();
};
