// Types of simple-peer.js: SimplePeer over a sigway room.

import type { Connection } from './sigway.js';

/** What is used of the npm package simple-peer. */
export interface SimplePeerLike {
  signal(data: any): void;
  destroy(error?: Error): void;
  on(event: string, handler: (...values: any[]) => void): unknown;
}

export interface SimplePeersOptions<Peer extends SimplePeerLike> {
  /** The connection's first room unless given. */
  room?: string;
  /** Passed on to `new SimplePeer`; `initiator` is set for you, ICE servers are the server's unless `config` has some. */
  options?: { config?: object; [name: string]: unknown };
  /** It needs no listener for `error`: whatever another member sends, its SimplePeer ends with `close` at the worst. */
  onpeer?(peer: Peer, member: { id: string; name?: string; join: number; initiator: boolean }): void;
  /** The member has left, or been replaced; its SimplePeer is destroyed. */
  ongone?(peer: Peer, member: { id: string; reason: string }): void;
}

/** Call it in the same turn as `connect`, so that it misses nobody. */
export function simplePeers<Peer extends SimplePeerLike>(connection: Connection, SimplePeer: new (options: any) => Peer,
  options?: SimplePeersOptions<Peer>): { readonly peers: Map<string, Peer>; close(): void };
