// A relay on npm's ws: GET /ws/ROOM/SEAT is a member of the room, a message goes to all others. No compression, nothing stored.

import { WebSocketServer } from 'ws';
import { announce, createHttpServer } from './http.mjs';

const rooms = new Map();
const server = createHttpServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });

sockets.on('connection', (socket, request) => {
  const room = request.url.split('/')[2];
  let members = rooms.get(room);
  if (!members) rooms.set(room, members = new Set());
  members.add(socket);
  socket.on('message', (data, binary) => {
    for (const member of members) if (member !== socket) member.send(data, { binary });
  });
  socket.on('close', () => {
    members.delete(socket);
    if (members.size === 0 && rooms.get(room) === members) rooms.delete(room);
  });
  socket.on('error', () => {});
});
announce(server);
