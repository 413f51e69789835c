// The shapes of traffic: when a member says how many messages, in ms since the start. 200 in all, over ten seconds or more, so
// that what a network does after three or five seconds happens several times.

/** Bytes of a message, from and to. */
export const kSizes = [1024, 8192];

const kMessages = 200;
const kGap = 6500;          // longer than the shortest silence that a network of the bed allows
const kIdle = 100000;

// What follows a burst, and the search for something better, has come to rest after so many ms.
export const quietAfter = (shape) => (shape === 'idle' ? 30000 : 1500);

/** Messages that are said at once, or so soon after each other that a slow line has them all to carry. */
export const atOnce = (shape) => ({ steady: 1, bursts: 10, silence: 50, idle: 1 })[shape];

export const shapesOf = (network) => Object.keys(shapes).filter((shape) => shape !== 'idle' || network.idle);

export const shapes = {
  steady: () => Array.from({ length: kMessages }, (_, i) => ({ at: i * 50, count: 1 })),
  bursts: () => Array.from({ length: kMessages / 10 }, (_, i) => ({ at: i * 500, count: 10 })),
  // Each after silence: five times ten, as candidates come.
  silence: ({ gap = kGap } = {}) => Array.from({ length: kMessages / 10 }, (_, i) =>
    ({ at: Math.floor(i / 5) * gap + (i % 5) * 100, count: 10 })),
  // Only for networks that ask for it: what does it cost to be there?
  idle: () => [{ at: 0, count: 1 }, { at: kIdle, count: 1 }],
};
