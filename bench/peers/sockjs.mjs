// SockJS on WebSockets, event streams and polls: `join ROOM` is answered by `joined`, what follows goes to all others of the room.

import sockjs from 'sockjs';
import { announce, createHttpServer } from './http.mjs';

const rooms = new Map();
const server = createHttpServer();
// A stream ends after `response_limit` bytes, to begin anew; not while it is measured.
const service = sockjs.createServer({ prefix: '/bench', log: () => {}, response_limit: 2 ** 40 });
service.on('connection', (connection) => {
  let members;
  connection.on('data', (text) => {
    if (members) {
      for (const member of members) if (member !== connection) member.write(text);
      return;
    }
    const name = text.slice('join '.length);
    members = rooms.get(name);
    if (!members) rooms.set(name, members = new Set());
    members.add(connection);
    connection.write('joined');
  });
  connection.on('close', () => members?.delete(connection));
});
service.installHandlers(server);
announce(server);
