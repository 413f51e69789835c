// Types of sigway.js. What the events mean is said in docs/protocol.md.

export type Transport = 'websocket' | 'sse' | 'poll';
export type TransportMode = Transport | 'auto';
export type State = 'connecting' | 'open' | 'reconnecting' | 'closed';
export type LeaveReason = 'left' | 'replaced' | 'timeout' | 'place-lost' | 'closed';
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export interface ConnectOptions {
  /** Where the server is, with a path if it is behind one. In a browser: the page's origin unless given. */
  url?: string | URL;
  /** The room to be in from the start. */
  room?: string;
  /** The name to have from the start. */
  name?: string;
  /** Places in the room, if this client creates it; 2 unless given. */
  capacity?: number;
  /** `auto` unless given. */
  transport?: TransportMode;
  /** Where the platform has none (Node before 22): the constructor of the npm package `ws`. */
  WebSocket?: WebSocketConstructor | null;
  /** The platform's own unless given. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** The key of a session that this one takes over from, if the application knows one. */
  replaces?: string;
  /** Where the key outlives a reload: sessionStorage guarded by Web Locks unless given; `false`: nowhere (a second connection of
   *  one page to the same room wants that). */
  keyStore?: KeyStore | false;
  /** Milliseconds between the server's heartbeats, 1000 at the least; the server's setting unless given. */
  heartbeat?: number;
  /** Messages a second that the client lets out, 160 unless given (a server takes 200); 0: as many as the server takes. Where the server ends
   *  a connection because there were too many, it goes on with 160, and then with half as many each time. */
  messageRate?: number;
  /** Where it is remembered for half an hour what worked on this network: localStorage unless given, in Node an object like it that
   *  is passed in; `false`: nowhere. */
  memory?: NetworkStore | false;
  /** Web Locks by which the tabs of a browser share its connections to a server; the browser's own unless given. */
  locks?: Pick<LockManager, 'request'>;
  /** What `pagehide`, `pageshow`, `online`, `offline` and `visibilitychange` are heard on, with a `navigator` and a `document`; the
   *  window unless given, `null`: nothing. */
  page?: (EventTarget & {
    navigator?: { sendBeacon?(url: string, body: string): boolean; connection?: EventTarget };
    document?: { visibilityState: string };
  }) | null;
  /** Gives up while it has not been open: `opened` rejects with the signal's reason, and the connection closes. What comes later has
   *  no effect, so `AbortSignal.timeout(5000)` will do; an open connection is ended by `close()`. */
  signal?: AbortSignal;
  /** Milliseconds until it must be open for the first time; as long as it takes unless given. Then `opened` rejects with the code
   *  `deadline`, with the error of the latest attempt as `cause`, and the connection closes. */
  deadline?: number;
  /** `true` prints each entry of the journal as a line on the console; a function gets the line, and the entry. */
  debug?: boolean | ((line: string, entry: JournalEntry) => void);
}

/** How long to wait. */
export interface Waiting {
  /** Rejects with its reason. */
  signal?: AbortSignal;
  /** Milliseconds; rejects with the code `deadline`. */
  deadline?: number;
}

/** Which messages to read; all that are not given. */
export interface MessageFilter {
  type?: string;
  room?: string;
  /** A peer id. */
  from?: string;
  /** Ends the iteration with its reason. */
  signal?: AbortSignal;
  /** Messages that may wait to be read, 1024 unless given. With more the iteration ends with the code `slow_reader`, after what waits. */
  most?: number;
}

/** Whom to ask, and for how long; 10 seconds unless `deadline` is given, `Infinity` for ever. */
export interface RequestOptions extends Waiting {
  /** A peer id or an `@name`; all others in the room unless given, and the first answer counts. */
  to?: string;
  room?: string;
}

export interface WebSocketLike {
  readonly readyState: number;
  onopen: ((event: any) => any) | null;
  onmessage: ((event: any) => any) | null;
  onclose: ((event: any) => any) | null;
  onerror: ((event: any) => any) | null;
  send(text: string): void;
  close(code?: number): void;
}
export type WebSocketConstructor = new (url: string) => WebSocketLike;

export interface KeyStore {
  /** The key of the page before, if no other page uses it. */
  load(): Promise<string | null> | string | null;
  save(key: string): void;
  /** The session has ended: there is nothing to take over. */
  clear(): void;
}

export interface NetworkStore {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
}

/** What was tried, why it was dropped, what was learnt: for people. More fields may come. */
export interface JournalEntry {
  /** Milliseconds since 1970. */
  at: number;
  /** `race`, `probe`, `renewal`, `switch`: transports are tried; `trying`, `failed`, `dropped`, `active`, `lost`: what became of one;
   *  `learnt`, `relaxed`, `set aside`, `remembered`: what is made of it; `nothing works`, `reset`, `offline`, `closed`, … */
  what: string;
  transport?: Transport;
  /** For what reason, in words; and as a code, if it was an error. */
  why?: string;
  code?: string;
  [figure: string]: unknown;
}

export class SigwayError extends Error {
  constructor(code: string, message?: string, more?: object);
  /** A code of docs/protocol.md, or one of the client's: `network`, `deadline`, `unreachable`, `aborted`, `silence`, `gap`,
   *  `slow_reader`, `failed` (the other side's handler of a request), `held_back` (a stream does not let through what is written), `not_sigway` (something else answered in the server's place), `http_N`, `reset`, `closed`, `bad_transport`. */
  readonly code: string;
  readonly hint?: string;
  readonly status?: number;
  /** Milliseconds after which the server would like to see us again. */
  readonly retry?: number;
  /** The peer that answered a request with this error; its code is then the peer's. */
  readonly from?: string;
}

export interface Member {
  peer: string;
  name?: string;
  join: number;
  polite: boolean;
  suspended?: boolean;
}

/** How an event or a message travelled. */
export interface Info {
  /** Its number on the wire. */
  number: number;
  transport: Transport;
  /** The size of its JSON text. */
  bytes: number;
}

/** What a peer said. */
export interface Message<Data = any> {
  type: string;
  from: string;
  name?: string;
  /** Absent when it came by name. */
  room?: string;
  data: Data;
}

export interface OutgoingMessage {
  type: string;
  to?: string | string[];
  room?: string;
  data?: unknown;
  name?: string;
  capacity?: number;
}

export interface Created { type: 'created'; room: string; peer: string; join: number; capacity: number; re?: number }
export interface Joined { type: 'joined'; room: string; peer: string; join: number; capacity: number; members: Member[]; re?: number }
export interface Full { type: 'full'; room: string; capacity: number; re?: number }
export interface PeerEvent<Type extends string> { type: Type; room: string; peer: string }

/** The server's own events, under their own names. */
export interface ServerEvents {
  created: Created;
  joined: Joined;
  full: Full;
  ready: { type: 'ready'; room: string };
  left: { type: 'left'; room: string; re?: number };
  'place-lost': { type: 'place-lost'; room: string };
  'peer-joined': PeerEvent<'peer-joined'> & { name?: string; join: number; polite: boolean };
  'peer-named': PeerEvent<'peer-named'> & { name?: string };
  'peer-suspended': PeerEvent<'peer-suspended'>;
  'peer-resumed': PeerEvent<'peer-resumed'>;
  'peer-left': PeerEvent<'peer-left'> & { reason: LeaveReason };
  login: { type: 'login'; name: string; re?: number };
  logout: { type: 'logout'; name: string; re?: number };
  'name-lost': { type: 'name-lost'; name: string };
  stored: { type: 'stored'; to: string; lifetime: number; re: number };
}

/** A message was refused; `re` is the number that `send` gave. */
export interface Refused {
  type: 'error';
  code: string;
  message: string;
  hint: string;
  re?: number;
  [more: string]: unknown;
}

export interface Reset {
  /** `restarted`, `gone`, `timeout`, … */
  reason: string;
  /** The peer id before, and the one now. */
  previous: string;
  peer: string;
  /** What `send` gave for messages that may not have arrived. They are not sent again; what had not gone out yet is sent. */
  lost: number[];
}

/** What `on` hears: handlers get the value, and for what travelled an Info. */
export type Events = {
  [Name in keyof ServerEvents]: [event: ServerEvents[Name], info: Info];
} & {
  /** Every event of the session in order, before its own name is called. */
  event: [event: ServerEvents[keyof ServerEvents] | Message | Refused, info: Info];
  /** What a peer said, whatever its type. */
  message: [message: Message, info: Info];
  refused: [refusal: Refused, info: Info];
  /** A message goes out for the first time. */
  sent: [message: OutgoingMessage, info: Info];
  state: [change: { state: State; previous: State }];
  transport: [change: { transport: Transport; previous: Transport | null }];
  /** Milliseconds. */
  roundtrip: [milliseconds: number];
  /** An entry was added to the journal. */
  journal: [entry: JournalEntry];
  /** Nothing works; the next attempt comes after `delay` milliseconds. */
  retry: [plan: { delay: number; reason: SigwayError | null }];
  /** The server had forgotten the session: another one is open, in the same rooms, under another peer id. Said before the new
   *  session's first event. Peer connections to others are unaffected, but the others see a new peer. */
  reset: [reset: Reset];
  /** It is over, and nothing is tried any more: `left`, `replaced`, or what the server forbids. */
  closed: [reason: SigwayError];
};

export interface Connection {
  readonly state: State;
  /** In use, or last used while reconnecting; null before the first. */
  readonly transport: Transport | null;
  /** What was asked for. */
  readonly mode: TransportMode;
  /** Our own peer id; empty before the first answer. */
  readonly peer: string;
  /** The session's key: a secret. */
  readonly key: string;
  readonly server: string;
  readonly name: string | undefined;
  /** Rooms we are in, or have asked to be. */
  readonly rooms: string[];
  /** The last one measured, in milliseconds. */
  readonly roundTrip: number | null;
  /** The latest 200 entries, oldest first. */
  readonly journal: JournalEntry[];
  /** As RTCConfiguration.iceServers takes it. */
  readonly iceServers: RTCIceServer[];
  /** What the server does beyond the first `sigway.v1` (docs/protocol.md, "Versions"); empty with an older server, and before the first answer. */
  readonly features: string[];
  readonly limits: { data: number; body: number; messages: number };
  /** Messages that the server has not taken yet. */
  readonly pending: number;
  /** Resolves when it is open for the first time; rejects when it is closed before. */
  readonly opened: Promise<Connection>;

  /** Gives a function that takes the handler off again. */
  on<Name extends keyof Events>(name: Name, handler: (...values: Events[Name]) => void): () => void;
  /** The same for one event. */
  once<Name extends keyof Events>(name: Name, handler: (...values: Events[Name]) => void): () => void;
  /** Resolves with the next event of that name. Rejects when the connection is closed before, with the reason. */
  once<Name extends keyof Events>(name: Name, options?: Waiting): Promise<Events[Name][0]>;
  off<Name extends keyof Events>(name: Name, handler: (...values: Events[Name]) => void): void;

  /**
   * What peers say from this call on, for `for await`; what is said while the loop's body is busy waits. Ends when this side closes the
   * connection, and throws the reason when others do.
   */
  messages<Data = any>(filter?: MessageFilter): AsyncIterableIterator<Message<Data>>;
  /** `messages()`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message>;

  /**
   * Sends to all others in the room, or `to` a peer id, an `@name`, or several. Arrives once and in order, also when it is said
   * while there is no connection. Gives the number by which `refused` and `stored` quote it. Throws what can never be sent.
   */
  send(type: string, data?: unknown, where?: { to?: string | string[]; room?: string }): number;
  /**
   * A message with an answer: resolves with what the handler of `respond` gives on the other side. Rejects with the signal's reason;
   * with `deadline`, also where nobody responds to that type; with the code of a refusal (`no_such_peer`, `nobody_there`, …); with the
   * SigwayError that the other side's handler threw, or `failed`; with `reset` where the answer can no longer find us; with `closed`.
   * The envelope takes less than 100 bytes and one level of what `data` may have.
   */
  request<Answer = any>(type: string, data?: unknown, options?: RequestOptions): Promise<Answer>;
  /**
   * Answers requests of that type with what the handler gives. They are not heard as `message` any more; messages of that type that
   * are no requests are. A SigwayError that the handler throws is told to the other side with its code and sentence, of another error
   * only that there was one. 256 requests may wait for their handlers, each for two minutes: beyond that the other side hears `busy` or
   * `deadline`. While 1024 messages wait to be sent, requests get no answer. Gives a function that takes the handler off;
   * one handler for each type.
   */
  respond<Data = any>(type: string, handler: (data: Data, message: Message<Data>) => unknown): () => void;
  join(room: string, options?: { capacity?: number }): Promise<Created | Joined | Full>;
  leave(room: string): Promise<ServerEvents['left']>;
  /** Ends the session. */
  leave(): Promise<void>;
  login(name: string): Promise<ServerEvents['login']>;
  logout(): Promise<ServerEvents['logout']>;
  /** Resolves when the server has taken all that was said so far; rejects when that can no longer be. */
  flush(): Promise<void>;
  /** In the middle of a call as well: the old transport works until the new one is proved. Resolves with the one in use. */
  switchTransport(mode: TransportMode): Promise<Transport>;
  /** Leaves, and ends the session. */
  close(): Promise<void>;
}

/** Begins at once; handlers that are put on in the same turn miss nothing. */
export function connect(options?: ConnectOptions): Connection;
