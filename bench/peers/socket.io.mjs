// Socket.IO on WebSockets and polls: `join ROOM` is answered by `joined`, a `message` goes to all others of the room. No compression.

import { Server } from 'socket.io';
import { announce, createHttpServer } from './http.mjs';

const server = createHttpServer();
const io = new Server(server, { serveClient: false, perMessageDeflate: false, httpCompression: false });
io.on('connection', (socket) => {
  let room;
  socket.on('join', (name) => {
    room = name;
    socket.join(name);
    socket.emit('joined');
  });
  socket.on('message', (data) => socket.to(room).emit('message', data));
});
announce(server);
