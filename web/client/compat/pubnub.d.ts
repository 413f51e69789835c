// Types of pubnub.js, a classic script that defines `io.connect` as PubNub's build of Socket.IO had it.

declare namespace PubNubSocketIO {
  interface Socket {
    readonly channel: string;
    on(event: 'connect' | 'disconnect' | 'reconnect', listener: () => void): this;
    on(event: 'join' | 'leave', listener: (user: { uuid: string }) => void): this;
    on(event: string, listener: (data: any) => void): this;
    /** To everybody on the channel, this page too: any JSON value of up to 64 KiB. The events of the first two lines of `on` are
     *  the server's own and are not sent. */
    emit(event: string, data?: unknown, acknowledge?: () => void): this;
    /** `emit('message', data)`. */
    send(data: unknown, acknowledge?: () => void): this;
    disconnect(): void;
  }
}

/** Pages with the same channel and the same path of `url` hear each other. */
declare const io: { connect(url?: string, options?: { channel?: string; [other: string]: unknown }): PubNubSocketIO.Socket };
