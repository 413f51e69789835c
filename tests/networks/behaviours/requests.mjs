// Networks that lose, repeat, reorder and refuse requests.

import { drop, lost, made, never, whole } from '../exchange.mjs';

const kErrors = { 502: 'Bad Gateway', 503: 'Service Unavailable', 504: 'Gateway Time-out' };
const kCopyLife = 4000;      // ms for which the copy of a request waits for its answer

// Once more, for nobody.
function copy(request, next) {
  next({ ...request, headers: { ...request.headers }, gone: AbortSignal.timeout(kCopyLife) }).then(whole, () => {}).catch(() => {});
}

// `later`: not at once but when nobody thinks of it any longer.
export const postsRepeated = ({ later = false } = {}) => ({
  name: later ? 'posts-repeated-later' : 'posts-repeated', says: `every POST reaches the gateway twice, the second time ${later ? 'up to 2 s later' : 'at once'}`,
  on: (box) => ({
    exchange: (request, next) => {
      if (request.method === 'POST') {
        if (later) box.after(box.random.between(100, 2000), () => copy(request, next));
        else copy(request, next);
      }
      return next();
    },
  }),
});

// A gateway to an old system, which has no letters but those of Latin-1.
export const latin1 = () => ({
  name: 'latin-1', says: 'bodies of requests are recoded from UTF-8 to Latin-1',
  on: () => ({
    exchange: (request, next) => {
      const body = Buffer.from(request.body.toString().replace(/[^\0-\xff]/gu, '?'), 'latin1');
      return next({ ...request, body, headers: { ...request.headers, 'content-length': String(body.length) } });
    },
  }),
});

export const getsDoubled = () => ({
  name: 'gets-doubled', says: 'every GET reaches the gateway twice',
  on: () => ({
    exchange: (request, next) => {
      if (request.method === 'GET' && !request.isUpgrade) copy(request, next);
      return next();
    },
  }),
});

export const answersLost = (probability) => ({
  name: 'answers-lost', says: `${probability * 100} % of the answers are lost after the gateway has acted`, loses: true,
  on: (box) => ({
    exchange: async (request, next) => {
      const isLost = !request.isUpgrade && box.random.chance(probability);
      const answer = await next();
      if (!isLost) return answer;
      drop(answer);
      throw lost;
    },
  }),
});

// `silently`: nothing tells the client, who has to be impatient by itself.
export const requestsLost = (probability, { silently = false } = {}) => ({
  name: silently ? 'requests-swallowed' : 'requests-lost',
  says: `${probability * 100} % of the requests never reach the gateway${silently ? ', and nobody says so' : ''}`, loses: true,
  on: (box) => ({
    exchange: (request, next) => {
      if (request.isUpgrade || !box.random.chance(probability)) return next();
      if (silently) return never();
      throw lost;
    },
  }),
});

export const bodyLimit = (bytes) => ({
  name: `body-limit-${bytes}`, says: `a body over ${bytes / 1024} KiB is refused with 413`, body: bytes,
  on: () => ({
    exchange: async (request, next) => (request.body.length > bytes
      ? made(413, 'text/html', '<html><body><h1>413 Request Entity Too Large</h1></body></html>') : next()),
  }),
});

export const onlyGetAndPost = () => ({
  name: 'only-get-and-post', says: 'methods other than GET and POST are refused with 405',
  on: () => ({
    exchange: async (request, next) => (['GET', 'POST'].includes(request.method) ? next() : made(405, 'text/plain', 'no')),
  }),
});

export const optionsRefused = () => ({
  name: 'options-refused', says: 'OPTIONS is refused with 403',
  on: () => ({
    exchange: async (request, next) => (request.method === 'OPTIONS' ? made(403, 'text/plain', 'no') : next()),
  }),
});

export const balancerErrors = (probability) => ({
  name: 'balancer-errors', says: `${probability * 100} % of the requests get 502, 503 or 504`, loses: true,
  on: (box) => ({
    exchange: async (request, next) => {
      if (!box.random.chance(probability)) return next();
      const status = box.random.pick([502, 503, 504]);
      // A 504 is said when the gateway may have acted.
      if (status === 504 && !request.isUpgrade) copy(request, next);
      return made(status, 'text/html', `<html><body><h1>${status} ${kErrors[status]}</h1></body></html>`);
    },
  }),
});

// A request waits for the next one, which goes first, or for `ms`.
export const reordered = (ms) => ({
  name: 'reordered', says: `requests overtake each other by up to ${ms} ms`, delay: ms,
  on: (box) => {
    let release = null;
    return {
      exchange: async (request, next) => {
        if (request.isUpgrade) return next();
        if (release) {
          const other = release;
          release = null;
          const answer = next();
          other();
          return answer;
        }
        await new Promise((resolve) => {
          release = resolve;
          box.after(ms, resolve);
        });
        if (release) release = null;
        return next();
      },
    };
  },
});
