// `io.connect(url, {channel})` as PubNub's build of Socket.IO had it, which signaling pages of 2013 call, over a sigway room. In
// the place of that script, the page itself unchanged:
//
//   <script src="https://signal.example/client/compat/pubnub.js"></script>
//
// A classic script, because those pages call `io.connect` while they are parsed. The server is the one that it was loaded from;
// keys and hosts that the page names are not used. Pages with the same channel and the same namespace (the URL's path) are on one
// channel: the room CHANNEL/NAMESPACE. Everybody on it hears what is said, the sender included, as there. The events of the
// connection and of presence come from the server alone: nobody can emit them.

(() => {
  const script = new URL(document.currentScript.src);
  const loading = import(new URL('../rtc-multi.js', script).href);

  function roomOf(url, { channel = 'default' }) {
    const namespace = new URL(String(url), location.href).pathname.replace(/^\/+|\/+$/g, '');
    return namespace === '' ? String(channel) : `${channel}/${namespace}`;
  }

  // What this script tells by itself. From another member it would be a claim that the page takes for the truth.
  const ownEvents = new Set(['connect', 'disconnect', 'reconnect', 'join', 'leave']);

  class Socket {
    #listeners = new Map();
    #socket;                       // a promise of it

    constructor(url, options) {
      const channel = roomOf(url, options);
      this.channel = channel;
      this.#socket = loading.then(({ signalingChannels }) => {
        const socket = signalingChannels({ url: new URL('../..', script).href })({
          channel,
          onopen: () => this.#tell('connect'),
          onmessage: (message) => this.#hear(message),
          onerror: (error) => console.error(`PubNub channel ${channel}: ${error.message}`),
        });
        const { connection } = socket;
        let wasOpen = false;
        connection.on('state', ({ state }) => {
          if (state === 'open' && wasOpen) this.#tell('reconnect');
          if (state === 'reconnecting' && wasOpen) this.#tell('disconnect');
          wasOpen ||= state === 'open';
        });
        connection.on('peer-joined', ({ peer }) => this.#tell('join', { uuid: peer }));
        connection.on('peer-left', ({ peer }) => this.#tell('leave', { uuid: peer }));
        connection.on('closed', () => this.#tell('disconnect'));
        return socket;
      });
      this.#socket.catch((error) => console.error(`PubNub channel ${channel}: the client of sigway could not be loaded: ${error.message}`));
    }

    on(event, listener) {
      this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
      return this;
    }

    // To everybody on the channel. `acknowledge` is called when it is on its way.
    emit(event, data, acknowledge) {
      if (ownEvents.has(String(event))) {
        console.error(`PubNub channel ${this.channel}: not sent: "${event}" is an event of the server's own; use another name.`);
        return this;
      }
      const message = JSON.parse(JSON.stringify({ event: String(event), data }));
      this.#socket.then((socket) => { socket.send(message); }).then(() => {
        this.#tell(message.event, message.data);
        acknowledge?.();
      }, (error) => console.error(`PubNub channel ${this.channel}: not sent: ${error.message}`));
      return this;
    }

    send(data, acknowledge) { return this.emit('message', data, acknowledge); }

    disconnect() {
      this.#socket.then((socket) => socket.close());
    }

    // Any member of the room can say anything.
    #hear(message) {
      const { event, data } = message ?? {};
      if (!ownEvents.has(event)) this.#tell(event, data);
    }

    #tell(event, ...values) {
      for (const listener of this.#listeners.get(event) ?? []) listener(...values);
    }
  }

  window.io = { connect: (url = location.href, options = {}) => new Socket(url, options) };
})();
