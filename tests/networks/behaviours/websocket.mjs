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
