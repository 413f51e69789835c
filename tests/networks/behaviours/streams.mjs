// Networks that do not pass an answer on as it comes.

import { Transform } from 'node:stream';
import { createGzip } from 'node:zlib';
import { cuttable, drop, made, through } from '../exchange.mjs';

const breaks = ['sse'];
const isEventStream = ({ headers }) => /^text\/event-stream/i.test(headers?.['content-type'] ?? '');

// `head`: 'at once', so that the stream looks open, or 'late'.
export const bufferedWhole = (head = 'at once') => ({
  name: 'buffered-whole', says: `answers are held until their end, their head ${head === 'late' ? 'too' : 'is not'}`, breaks,
  on: () => ({
    exchange: async (request, next) => {
      const held = [];
      return through(await next(), new Transform({
        transform(chunk, _, done) { held.push(chunk); done(); },
        flush(done) { done(null, Buffer.concat(held)); },
      }), { headLater: head === 'late' });
    },
  }),
});

export const bufferedBlocks = (bytes) => ({
  name: `buffered-${bytes}`, says: `answers pass in blocks of ${bytes / 1024} KiB`, breaks,
  on: () => ({
    exchange: async (request, next) => {
      let held = Buffer.alloc(0);
      return through(await next(), new Transform({
        transform(chunk, _, done) {
          held = Buffer.concat([held, chunk]);
          const full = held.length - held.length % bytes;
          const block = held.subarray(0, full);
          held = held.subarray(full);
          done(null, block.length ? block : undefined);
        },
        flush(done) { done(null, held); },
      }));
    },
  }),
});

// A virus scanner that reads the whole of an answer first, but for streams whose request names them.
export const acceptWanted = () => ({
  name: 'accept-wanted', says: 'event streams are held until their end, unless the request has Accept: text/event-stream',
  on: () => {
    const { exchange } = bufferedWhole().on();
    return {
      exchange: async (request, next) =>
        /text\/event-stream/.test(request.headers.accept ?? '') ? next() : exchange(request, next),
    };
  },
});

// The first chunk waits for the second; with `always` each waits for the next.
export const oneBehind = ({ always = false } = {}) => ({
  name: always ? 'one-behind' : 'first-held', says: `${always ? 'each' : 'the first'} event of a stream is held until the next one comes`, breaks,
  on: () => ({
    exchange: async (request, next) => {
      let held = null, passed = 0;
      return through(await next(), new Transform({
        transform(chunk, _, done) {
          const before = held;
          held = always || passed === 0 ? chunk : null;
          ++passed;
          const passes = [before, held ? null : chunk].filter(Boolean);
          done(null, passes.length ? Buffer.concat(passes) : undefined);
        },
        flush(done) { done(null, held ?? undefined); },
      }));
    },
  }),
});

export const gzipUnflushed = () => ({
  name: 'gzip', says: 'answers are compressed without a flush', breaks,
  on: () => ({
    exchange: async (request, next) => {
      const answer = await next();
      if (!/gzip/.test(request.headers['accept-encoding'] ?? '') || answer.tunnel) return answer;
      return through(answer, createGzip(), { keepsBytes: false, headers: { 'content-encoding': 'gzip' } });
    },
  }),
});

export const eventStreamsRefused = () => ({
  name: 'event-streams-refused', says: 'text/event-stream is refused for its type', breaks,
  on: () => ({
    exchange: async (request, next) => {
      const answer = await next();
      if (!isEventStream(answer)) return answer;
      drop(answer);
      return made(403, 'text/html', '<html><body>This type of content is not allowed.</body></html>');
    },
  }),
});

// Also of polls that are held longer: a time limit counts from the request.
export const answersCut = (ms) => ({
  name: 'answers-cut', says: `an answer that takes longer than ${ms / 1000} s is cut`, loses: true,
  on: (box) => ({
    exchange: async (request, next) => {
      if (request.isUpgrade) return next();
      const late = box.sleep(ms).then(() => null);
      const pending = next();
      const answer = await Promise.race([pending, late]);
      if (!answer) {
        pending.then(drop, () => {});
        return made(504, 'text/html', '<html><body><h1>504 Gateway Time-out</h1></body></html>');
      }
      const cut = cuttable(answer);
      late.then(() => cut.body.destroy());
      return cut;
    },
  }),
});

export const slowFirstByte = (ms) => ({
  name: 'slow-first-byte', says: `every answer begins ${ms} ms late`, delay: ms,
  on: (box) => ({
    exchange: async (request, next) => {
      const answer = await next();
      await box.sleep(ms);
      return answer;
    },
  }),
});
