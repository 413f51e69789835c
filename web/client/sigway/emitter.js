// Handlers by name.

import { whenGivenUp } from './giving_up.js';
import { deferred } from './tools.js';

export class Emitter {
  #handlers = new Map();     // name -> Map(handler -> what is called for it)

  /** A handler that is there already stays as it is. Gives a function that takes it off. */
  on(type, handler) {
    return this.#add(type, handler, () => handler);
  }

  once(type, handler) {
    return this.#add(type, handler, (own) => (...values) => {
      own.delete(handler);
      handler(...values);
    });
  }

  off(type, handler) {
    this.#handlers.get(type)?.delete(handler);
  }

  #add(type, handler, call) {
    if (!this.#handlers.has(type)) this.#handlers.set(type, new Map());
    const own = this.#handlers.get(type);
    if (!own.has(handler)) own.set(handler, call(own));
    return () => this.off(type, handler);
  }

  // A handler that throws is the application's mistake: it is reported, and the others hear the event all the same. One that another
  // handler has taken off hears nothing any more.
  emit(type, ...values) {
    const own = this.#handlers.get(type);
    for (const [handler, call] of [...own ?? []]) {
      if (own.get(handler) !== call) continue;
      try {
        call(...values);
      } catch (error) {
        report(error);
      }
    }
  }
}

/** Reports an error of the application's as the platform reports one that nobody caught. */
export function report(error) {
  if (typeof reportError === 'function') reportError(error);
  else queueMicrotask(() => { throw error; });
}

/** A promise of the next event of that name. It rejects with the signal's reason, with `deadline`, and where the connection is closed
 *  before; `end` is why it has been. */
export async function nextEvent(emitter, type, { signal, deadline }, end) {
  signal?.throwIfAborted();
  if (end) {
    if (type === 'closed') return end;
    throw end;
  }
  const event = deferred();
  const stops = [emitter.once(type, event.resolve), emitter.once('closed', type === 'closed' ? event.resolve : event.reject),
    whenGivenUp({ signal, deadline }, `waiting for '${type}'`, event.reject)];
  try {
    return await event.promise;
  } finally {
    for (const stop of stops) stop();
  }
}
