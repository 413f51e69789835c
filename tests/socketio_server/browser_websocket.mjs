// For the public suites in Node: mocha --require browser_websocket.mjs. They wait for one message after the other, as a page can, for which each message is
// a task of its own (WHATWG). The `ws` that they come with tells two messages of one TCP segment in one go, and a suite would miss the second.
let assigned;

function inTasks(WebSocket) {
  return class extends WebSocket {
    #events = [];

    emit(name, ...args) {
      if (name !== 'message' && name !== 'close') return super.emit(name, ...args);
      if (this.#events.push([name, args]) === 1) setImmediate(() => this.#next());
      return true;
    }

    #next() {
      const [name, args] = this.#events[0];
      super.emit(name, ...args);
      this.#events.shift();
      if (this.#events.length > 0) setImmediate(() => this.#next());
    }
  };
}

// The suites bring their WebSocket themselves.
Object.defineProperty(globalThis, 'WebSocket', {
  configurable: true,
  get: () => assigned,
  set: (WebSocket) => { assigned = inTasks(WebSocket); },
});
