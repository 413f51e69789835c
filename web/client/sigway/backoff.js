// Pauses before the next try, in ms.

const kBackoffBase = 500, kBackoffCap = 20000, kBackoffLeast = 50;

/** Full jitter, so that clients that were cut together do not return together; and never at once. `most`: ms. */
export const backoff = (failures, most = Infinity) =>
  kBackoffLeast + Math.random() * Math.min(most, kBackoffCap, kBackoffBase * 2 ** failures);

/** After a first failure: most are a connection that was reset between two requests. */
export const soon = () => 20 + Math.random() * 100;
