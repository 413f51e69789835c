// Networks that do not let WebSockets live.

import { lost, made, never } from '../exchange.mjs';

const kForbidden = '<html><body><h1>Blocked by the web filter</h1></body></html>';
const breaks = ['websocket'];

const onUpgrade = (act) => () => ({ exchange: (request, next) => (request.isUpgrade ? act(request, next) : next()) });

export const websocketRefused = (status) => ({
  name: 'websocket-refused', says: `Upgrade answered with ${status}`, breaks,
  on: onUpgrade(async () => made(status, 'text/html', kForbidden)),
});

export const websocketClosed = () => ({
  name: 'websocket-closed', says: 'the connection is closed at an Upgrade', breaks,
  on: onUpgrade(async () => { throw lost; }),
});

export const upgradeStripped = () => ({
  name: 'upgrade-stripped', says: 'Upgrade is stripped: the gateway sees a plain request', breaks,
  on: onUpgrade((request, next) => {
    const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !/^(upgrade|connection|sec-websocket-)/.test(name)));
    return next({ ...request, headers, isUpgrade: false });
  }),
});

export const upgradeHangs = () => ({
  name: 'upgrade-hangs', says: 'an Upgrade is never answered', breaks,
  on: onUpgrade(never),
});

// `which`: both, up or down.
export const websocketDead = (which) => ({
  name: `websocket-dead-${which}`, says: `a WebSocket is accepted, and then nothing passes ${which === 'both' ? 'either way' : which}`, breaks,
  on: onUpgrade(async (request, next) => {
    const answer = await next();
    for (const direction of which === 'both' ? ['up', 'down'] : [which]) answer.tunnel?.swallow(direction);
    return answer;
  }),
});

export const websocketCut = (ms) => ({
  name: 'websocket-cut', says: `a WebSocket is cut after ${ms / 1000} s`, breaks, loses: true,
  on: onUpgrade(async (request, next) => {
    const answer = await next();
    answer.tunnel?.cutAfter(ms);
    return answer;
  }),
});

// `rest`: what becomes of a rest that fills no block: 'held' until the block is full, after the first block, without which no
// WebSocket would come about; or 'forgotten' until more comes, by a proxy that reads a block whenever something can be read.
export const websocketBlocks = (bytes, rest = 'held') => ({
  // Where a rest passes with what comes next it looks like a slow line, which is given more time, twice.
  name: `websocket-blocks-${rest}`, breaks, loses: true, noticed: rest === 'held' ? 10000 : 20000,
  says: `a WebSocket passes in blocks of ${bytes / 1024} KiB; a rest is ${rest === 'held' ? 'held until it is one' : 'passed when more comes'}`,
  on: onUpgrade(async (request, next) => {
    const answer = await next();
    for (const direction of ['up', 'down']) answer.tunnel?.filters[direction].push(rest === 'held' ? wholeBlocks(bytes) : oneBlock(bytes));
    return answer;
  }),
});

function wholeBlocks(bytes) {
  let passed = 0, held = Buffer.alloc(0);
  return (chunk) => {
    held = Buffer.concat([held, chunk]);
    const size = passed < bytes ? held.length : held.length - held.length % bytes;
    const block = held.subarray(0, size);
    held = held.subarray(size);
    passed += size;
    return block;
  };
}

function oneBlock(bytes) {
  let held = Buffer.alloc(0);
  return (chunk) => {
    held = Buffer.concat([held, chunk]);
    const block = held.subarray(0, bytes);
    held = held.subarray(bytes);
    return block;
  };
}
