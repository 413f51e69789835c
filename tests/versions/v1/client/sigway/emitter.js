// Handlers by name.

export class Emitter {
  #handlers = new Map();

  on(type, handler) {
    if (!this.#handlers.has(type)) this.#handlers.set(type, new Set());
    this.#handlers.get(type).add(handler);
    return () => this.off(type, handler);
  }

  off(type, handler) {
    this.#handlers.get(type)?.delete(handler);
  }

  // A handler that throws is the application's mistake: it is reported, and the others hear the event all the same.
  emit(type, ...values) {
    for (const handler of [...this.#handlers.get(type) ?? []]) {
      try {
        handler(...values);
      } catch (error) {
        if (typeof reportError === 'function') reportError(error);
        else queueMicrotask(() => { throw error; });
      }
    }
  }
}
