// The shapes of traffic: when a member says how many messages, in ms since the start. 200 in all, over ten seconds or more, so
// that what a network does after three or five seconds happens several times.

const kMessages = 200;
const kGap = 6500;          // longer than the shortest silence that a network of the bed allows

export const shapes = {
  steady: () => Array.from({ length: kMessages }, (_, i) => ({ at: i * 50, count: 1 })),
  bursts: () => Array.from({ length: kMessages / 10 }, (_, i) => ({ at: i * 500, count: 10 })),
  silence: ({ gap = kGap } = {}) => Array.from({ length: 4 }, (_, i) => ({ at: i * gap, count: kMessages / 4 })),
};
