// A page that knows the rooms and makes no call: it shows what the server says.

'use strict';

const heard = [];   // for the test
const room = new URLSearchParams(location.search).get('room') || location.pathname.substring(1) || 'foo';
const socket = io.connect();

window.isInitiator = undefined;

socket.emit('create or join', room);

socket.on('created', (room, clientId) => {
  heard.push(['created', room, clientId]);
  window.isInitiator = true;
});

socket.on('full', (room) => heard.push(['full', room]));

socket.on('ipaddr', (ipaddr) => heard.push(['ipaddr', ipaddr]));

socket.on('join', (room) => heard.push(['join', room]));

socket.on('joined', (room, clientId) => {
  heard.push(['joined', room, clientId]);
  window.isInitiator = false;
});

socket.on('ready', (...args) => heard.push(['ready', ...args.filter((arg) => arg === room)]));

socket.on('message', (message) => heard.push(['message', message]));

socket.on('log', (array) => {
  heard.push(['log', ...array]);
  console.log.apply(console, array);
});

socket.emit('ipaddr');

// What the test looks at.
window.call = {
  heard,
  say: (message) => socket.emit('message', message),
  get id() { return socket.id; },
  report: () => ({ room, heard, transport: socket.io.engine.transport.name }),
};
