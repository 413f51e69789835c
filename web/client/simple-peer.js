// simple-peer (npm) over a sigway room: one SimplePeer for every other member, introduced and fed with signals.
//
//   const connection = connect({ room: 'garden' });
//   simplePeers(connection, SimplePeer, { onpeer: (peer) => peer.on('data', show) });   // in the same turn
//
// Of each two members the one that was there before is the initiator.

const kType = 'signal';

export function simplePeers(connection, SimplePeer, { room = connection.rooms[0], options = {}, onpeer = () => {}, ongone = () => {} } = {}) {
  const peers = new Map();
  const offs = [];

  const meet = ({ peer: id, polite, name, join }) => {
    if (peers.has(id)) return;
    const { config, ...rest } = options;
    const peer = new SimplePeer({ ...rest, initiator: !polite, config: { iceServers: connection.iceServers, ...config } });
    peers.set(id, peer);
    peer.on('error', () => {});   // one that nobody hears would be thrown at the page, and what another one sends must not do that
    peer.on('signal', (data) => {
      if (connection.state !== 'closed') connection.send(kType, data, { to: id, room });
    });
    // It may end by itself, before the server knows that the member has gone; it stays in `peers` until then.
    onpeer(peer, { id, name, join, initiator: !polite });
  };
  const part = (id, reason) => {
    const peer = peers.get(id);
    if (!peer) return;
    peers.delete(id);
    peer.destroy();
    ongone(peer, { id, reason });
  };
  const partAll = (reason) => { for (const id of [...peers.keys()]) part(id, reason); };

  const hear = (name, act) => offs.push(connection.on(name, (event) => { if (event.room === room) act(event); }));
  hear('joined', ({ members }) => members.forEach(meet));
  hear('peer-joined', meet);
  hear('peer-left', ({ peer, reason }) => part(peer, reason));
  hear('message', ({ type, from, data }) => {
    if (type !== kType) return;
    try {
      peers.get(from)?.signal(data);
    } catch (error) {
      peers.get(from)?.destroy(error);   // what it cannot read
    }
  });
  for (const name of ['left', 'place-lost', 'full']) hear(name, () => partAll(name));
  offs.push(connection.on('reset', () => partAll('reset')), connection.on('closed', () => partAll('closed')));

  return {
    peers,
    close() {
      for (const off of offs) off();
      partAll('closed');
    },
  };
}
