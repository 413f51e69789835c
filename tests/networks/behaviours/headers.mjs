// Networks that speak an old or a mangled HTTP.

import { Readable } from 'node:stream';
import { whole } from '../exchange.mjs';

const kRequest = /^(host|content-length|content-type|connection|upgrade|sec-websocket-(key|version))$/;
const kAnswer = /^(content-length|content-type|location|set-cookie2)$/;
const only = (headers, pattern) => Object.fromEntries(Object.entries(headers).filter(([name]) => pattern.test(name)));

export const headersStripped = () => ({
  name: 'headers-stripped', says: 'all headers and cookies are stripped but those without which HTTP does not work',
  on: () => ({
    exchange: async (request, next) => {
      const answer = await next({ ...request, headers: only(request.headers, kRequest) });
      if (answer.tunnel || answer.take) return answer;
      return { ...answer, headers: only(answer.headers, kAnswer) };
    },
  }),
});

// A proxy of 1996: no chunks, no Upgrade, a connection for each request.
export const http10 = () => ({
  name: 'http-1.0', says: 'only HTTP/1.0: no chunks, no Upgrade, a connection for each request', breaks: ['websocket'], closes: true,
  on: () => ({
    exchange: async (request, next) => ({ ...await next({ ...request, isUpgrade: false, version: '1.0' }), version: '1.0' }),
  }),
});

// Answers before the answer, which every client has to skip (RFC 9110 §15.2). An unasked 100 is too much for Node's fetch.
export const interimAnswers = (statuses = [102, 103]) => ({
  name: 'interim-answers', says: `${statuses.join(' and ')} before every answer`,
  on: () => ({
    exchange: async (request, next) => ({ ...await next(), interim: statuses }),
  }),
});

export const noKeepAlive = () => ({
  name: 'no-keep-alive', says: 'every answer ends its connection', closes: true,
  on: () => ({
    exchange: async (request, next) => ({ ...await next(), close: true }),
  }),
});

// Whatever the headers say: the same URL gets the same answer, for good.
export const rudeCache = () => ({
  name: 'rude-cache', says: 'a GET is answered from a cache that ignores headers',
  on: () => {
    const kept = new Map();
    return {
      exchange: async (request, next) => {
        if (request.method !== 'GET' || request.isUpgrade) return next();
        const old = kept.get(request.url);
        if (old) return old;
        const answer = await next();
        if (!(answer.body instanceof Readable) || /event-stream/.test(answer.headers['content-type'] ?? '')) return answer;
        const complete = await whole(answer);
        kept.set(request.url, complete);
        return complete;
      },
    };
  },
});
