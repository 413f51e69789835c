// Types of peer.js: calls over a sigway room.

import type { Connection, LeaveReason } from './sigway.js';

/**
 * `new` until the negotiation begins, `connecting` until media can flow for the first time, `reconnecting` while the way is broken
 * and ICE looks for another one, `closed` for good: a peer that comes back is another Peer.
 */
export type PeerState = 'new' | 'connecting' | 'connected' | 'reconnecting' | 'closed';

/** Another member of the room, and the call to it. */
export interface Peer {
  /** Changes when the server has forgotten one of the two sessions and the call went on. */
  readonly id: string;
  readonly name: string | undefined;
  readonly join: number;
  readonly polite: boolean;
  /** It has no connection to the server at the moment; media may flow all the same. */
  readonly suspended: boolean;
  readonly state: PeerState;
  /** For statistics, transceivers and data channels of your own; negotiation is done for you. Replaced when the call is begun anew
   *  (see the event `connection`). */
  readonly connection: RTCPeerConnection | null;
  /** How often the call was begun anew since the way last worked. */
  readonly attempts: number;
  /** Streams that it sends. */
  readonly streams: MediaStream[];
  /** Those of PeerLinkOptions.channels, by label. */
  readonly channels: Map<string, RTCDataChannel>;
  /** False when the channel is not open. */
  send(label: string, data: string | ArrayBuffer | ArrayBufferView): boolean;
  /** Looks for another way, with the ICE servers as they are now. Done for you when the way is broken. */
  restartIce(): void;
  /** Begins the call anew: both sides replace their RTCPeerConnection. Done for you when no way comes about, and when ICE restarts
   *  have not mended one that broke. */
  renew(): void;
}

export interface PeerLinkOptions {
  /** The connection's first room unless given. */
  room?: string;
  /** Data channels that both sides have from the start; the same list on both. */
  channels?: string[];
  /** More of RTCConfiguration. ICE servers are the server's unless given here. */
  rtc?: RTCConfiguration;
  /** Milliseconds that the newer of two members leaves to the older one to make the first offer; 1000 unless given. */
  courtesy?: number;
  /** Milliseconds after which a call that has not come about is begun anew, twice as many each further time; 15000 unless given. */
  patience?: number;
  /** Calls at the most, 5 unless given: a mesh of six. Members beyond are called when one of the others has gone. */
  most?: number;
  /** Settles when the tracks are there that are to be sent from the start. A program that is not a peer link, and that may take no
   *  offer, gets its answer then, 10 seconds later at the latest. Unless given they are there already. */
  ready?: Promise<unknown>;
  /** The platform's own unless given; in Node for instance that of `@roamhq/wrtc`. */
  RTCPeerConnection?: typeof RTCPeerConnection;
}

export interface PeerLinkEvents {
  /** A member is there, and the call to it begins. */
  peer: { peer: Peer };
  state: { peer: Peer; state: PeerState; previous: PeerState };
  /** The peer has this RTCPeerConnection from now on: tracks and channels of the link are on it, what else the application wants
   *  there it puts on now. Comes before the first offer, and again whenever the connection is replaced. */
  connection: { peer: Peer; connection: RTCPeerConnection };
  /** The call was begun anew, by us or by them. */
  renewed: { peer: Peer; by: 'us' | 'them' };
  /** `suspended`, `id` or `name` may have changed. */
  presence: { peer: Peer; suspended: boolean };
  /** The call is over. After `replaced` (a reload, mostly) the same person comes again at once. */
  gone: { peer: Peer; reason: LeaveReason | 'bye' | 'full' };
  track: { peer: Peer; track: MediaStreamTrack; streams: MediaStream[]; transceiver: RTCRtpTransceiver };
  'track-removed': { peer: Peer; streams: MediaStream[] };
  /** One of PeerLinkOptions.channels is open, or has said something. */
  open: { peer: Peer; label: string; channel: RTCDataChannel };
  data: { peer: Peer; label: string; data: string | ArrayBuffer };
  /** A data channel that the other side has opened by itself. */
  channel: { peer: Peer; channel: RTCDataChannel };
  'ice-restart': { peer: Peer };
  /**
   * Something was dropped. `by: 'them'`: what they sent (`bad_offer`, `bad_answer`, `bad_candidate`, `too_much`), and they were told;
   * `by: 'us'`: what we sent or did, in the other side's words if it told us. `mesh_full`: a member has to wait for a place
   * (PeerLinkOptions.most).
   */
  trouble: { peer: Peer | undefined; code: string; message: string; by: 'us' | 'them' };
  closed: {};
}

/** Calls to all other members of a room. Make it in the same turn as the connection, so that it misses nobody. */
export class PeerLink {
  constructor(connection: Connection, options?: PeerLinkOptions);
  readonly room: string;
  readonly peers: Peer[];
  readonly closed: boolean;
  /** What is sent to all, also to those who are still to come, with the streams it belongs to. */
  readonly tracks: ReadonlyMap<MediaStreamTrack, MediaStream[]>;
  /** Gives a function that takes the handler off again. */
  on<Name extends keyof PeerLinkEvents>(name: Name, handler: (event: PeerLinkEvents[Name]) => void): () => void;
  addTrack(track: MediaStreamTrack, ...streams: MediaStream[]): void;
  removeTrack(track: MediaStreamTrack): void;
  /** Without a negotiation; `next` is of the same kind. */
  replaceTrack(track: MediaStreamTrack, next: MediaStreamTrack): Promise<void>;
  /** To all whose channel is open; gives how many those are. */
  send(label: string, data: string | ArrayBuffer | ArrayBufferView): number;
  /** Ends all calls and says so (`bye`). The connection lives on. Also done when the connection closes. */
  close(): void;
}
