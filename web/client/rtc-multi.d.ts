// Types of rtc-multi.js: openSignalingChannel for RTCMultiConnection and its relatives.

import type { ConnectOptions, Connection } from './sigway.js';

export interface SignalingChannelConfig {
  channel?: string;
  /** What the others on the channel say, as it was given to `send`. */
  onmessage?: (data: any) => void;
  onopen?: (socket: SignalingChannel) => void;
  onerror?: (error: Error) => void;
  /** As onopen; libraries use one or the other. */
  callback?: (socket: SignalingChannel) => void;
}

export interface SignalingChannel {
  readonly channel: string;
  readonly connection: Connection;
  onmessage: ((data: any) => void) | null;
  onopen: ((socket: SignalingChannel) => void) | null;
  onerror: ((error: Error) => void) | null;
  /** To all others on the channel: any JSON value of up to 64 KiB. What is said before it is open waits. */
  send(data: unknown): SignalingChannel;
  close(): Promise<void>;
}

/** `capacity` is 64 unless given; `channel` is used when the library names none. */
export function signalingChannels(options?: ConnectOptions & { channel?: string }): (config?: SignalingChannelConfig) => SignalingChannel;

/** On the server that the page came from. */
export function openSignalingChannel(config?: SignalingChannelConfig): SignalingChannel;
