// Types of firebase.js, a classic script that defines `Firebase`: what signaling pages of 2013 call of it.

declare class Firebase {
  /** Pages with the same URL are on one channel. */
  constructor(url: string);
  toString(): string;
  /** Any JSON value of up to 64 KiB. All pages on the channel hear it, this one too. */
  push(value: unknown, onComplete?: (error: Error | null) => void): Firebase.Key;
  /** Hears of each value that was pushed and is there still, and then of each new one. */
  on(event: 'child_added', callback: (child: Firebase.Snapshot) => void): (child: Firebase.Snapshot) => void;
  off(event?: 'child_added', callback?: (child: Firebase.Snapshot) => void): void;
  /** Whoever comes later hears nothing of what was pushed before. */
  remove(onComplete?: (error: Error | null) => void): void;
  /** What this page has pushed goes with it in any case. */
  onDisconnect(): { remove(onComplete?: (error: null) => void): void; cancel(onComplete?: (error: null) => void): void };
  goOffline(): void;
}

declare namespace Firebase {
  interface Key {
    key(): string;
    name(): string;
  }
  interface Snapshot extends Key {
    val(): any;
  }
}
