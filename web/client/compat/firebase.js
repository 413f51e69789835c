// The calls of Firebase's first JavaScript client that signaling pages of 2013 make, over a sigway room. In the place of
// `firebase.js` of old, the page itself unchanged:
//
//   <script src="https://signal.example/client/compat/firebase.js"></script>
//
// A classic script, because those pages call `new Firebase(url)` while they are parsed. The server is the one that it was loaded
// from; the host is said nothing to that the page's URL names. Pages with the same URL are on one channel: the room HOST/PATH.
//
// Nothing is stored on a server. A page keeps what it has pushed, tells it to whoever comes, and takes it along when it goes, as
// `onDisconnect().remove()` asks. A channel has 64 places.

(() => {
  const kMostChildren = 256;       // that one page keeps; older ones are forgotten
  const script = new URL(document.currentScript.src);
  const loading = import(new URL('../rtc-multi.js', script).href);

  // A key that sorts by the time of its making, as the original's do.
  let made = 0;
  const newKey = () => `-${Date.now().toString(36).padStart(9, '0')}${(made++ % 46656).toString(36).padStart(3, '0')}${
    Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => (byte % 36).toString(36)).join('')}`;

  const reference = (key) => ({ key: () => key, name: () => key });
  const snapshot = (key, value) => ({ ...reference(key), val: () => structuredClone(value) });

  class Firebase {
    #url;
    #children = new Map();         // by key, in the order of their arrival: {value, isOwn}
    #listeners = new Set();
    #socket;                       // a promise of it

    constructor(url) {
      this.#url = new URL(String(url));
      const channel = this.#url.host + decodeURIComponent(this.#url.pathname).replace(/\/+$/, '');
      this.#socket = loading.then(({ signalingChannels }) => {
        const socket = signalingChannels({ url: new URL('../..', script).href })({
          channel,
          onmessage: (message) => {
            if (message?.removed === true) this.#children.clear();
            if (typeof message?.key === 'string') this.#add(message.key, message.value, false);
          },
          onerror: (error) => console.error(`Firebase: ${this}: ${error.message}`),
        });
        socket.connection.on('peer-joined', ({ peer }) => {
          for (const [key, { value, isOwn }] of this.#children) {
            if (isOwn) socket.connection.send('signal', { key, value }, { to: peer });
          }
        });
        return socket;
      });
      this.#socket.catch((error) => console.error(`Firebase: ${this}: the client of sigway could not be loaded: ${error.message}`));
    }

    toString() { return this.#url.href; }

    push(value, onComplete) {
      const key = newKey();
      if (value === undefined || value === null) return reference(key);    // as there: nothing is pushed
      const copy = JSON.parse(JSON.stringify(value));
      this.#send({ key, value: copy }, (error) => {
        if (error) this.#children.delete(key);
        onComplete?.(error);
      });
      this.#add(key, copy, true);
      return reference(key);
    }

    on(event, callback) {
      if (event !== 'child_added') throw new Error(`Firebase.on: there is "child_added" and no "${event}" here`);
      this.#listeners.add(callback);
      // What is there already comes soon, and before what is still to come.
      for (const [key, { value }] of this.#children) queueMicrotask(() => callback(snapshot(key, value)));
      return callback;
    }

    off(event, callback) {
      if (callback === undefined) this.#listeners.clear();
      this.#listeners.delete(callback);
    }

    // For all pages: whoever comes hears nothing of what was pushed before.
    remove(onComplete) {
      this.#children.clear();
      this.#send({ removed: true }, onComplete);
    }

    // What this page has pushed goes with it, whether it asks for that or not.
    onDisconnect() {
      const done = (onComplete) => { queueMicrotask(() => onComplete?.(null)); };
      return { remove: done, cancel: done };
    }

    goOffline() { this.#socket.then((socket) => socket.close()); }

    #send(message, onComplete) {
      this.#socket.then((socket) => { socket.send(message); }).then(() => onComplete?.(null), (error) => {
        console.error(`Firebase: ${this}: not sent: ${error.message}`);
        onComplete?.(error);
      });
    }

    #add(key, value, isOwn) {
      if (this.#children.has(key)) return;       // it came when it was said, and once more from its author
      this.#children.set(key, { value, isOwn });
      // What a newcomer is told, and what a listener that comes late hears, is bounded.
      if (this.#children.size > kMostChildren) this.#children.delete(this.#children.keys().next().value);
      for (const listener of [...this.#listeners]) listener(snapshot(key, value));
    }
  }

  window.Firebase = Firebase;
})();
