// Types of testing.js: a fake for unit tests of applications.

import type { ConnectOptions, Connection, Json } from './sigway.js';

/** What the server has taken for others. */
export interface FakeMessage {
  /** The sender's peer id, and its name at that time. */
  from: string;
  name: string | undefined;
  type: string;
  to: string | string[] | undefined;
  room: string | undefined;
  data: Json | undefined;
}

/**
 * A server in the process, without network and pauses: rooms, names, mailboxes and refusals are those of the real one. What is said is
 * heard in later turns of the microtask queue, in order. Only deadlines use timers. A connection has no journal.
 */
export class FakeServer {
  constructor(options?: { iceServers?: RTCIceServer[] });
  /** What connections say from now on. */
  iceServers: RTCIceServer[];
  features: string[];
  readonly messages: FakeMessage[];
  /** In the place of `connect`. `room`, `name`, `capacity`, `transport`, `signal` and `deadline` count; the other options are checked only. */
  connect(options?: ConnectOptions): Connection;
  /** Its network fails: it is `reconnecting`, the others hear `peer-suspended`, and what is said waits. */
  lose(connection: Connection): void;
  /** Its network is back. */
  restore(connection: Connection): void;
  /** Its session is ended for good by the server: `replaced`, `origin_refused`, … */
  end(connection: Connection, code: string): void;
  /** The server goes away until `restart()`: clients are `reconnecting`, new ones stay `connecting`. */
  stop(): void;
  /** Another server, that knows nobody: each client hears `reset`, and is in its rooms again under another peer id. */
  restart(): void;
  /** Resolves when all that was said has been heard. Handlers that wait for something else are not waited for. */
  settled(): Promise<void>;
}
