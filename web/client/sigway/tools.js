// Keys, promises and time.

import { SigwayError } from './errors.js';

const kBackoffBase = 500, kBackoffCap = 20000, kBackoffLeast = 50;

// 144 random bits as 24 characters. Node 18 has Web Crypto, but not as a global.
export async function makeKey() {
  const nodeModule = 'node:crypto';
  const crypto = globalThis.crypto ?? (await import(nodeModule)).webcrypto;
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_');
}

export function deferred() {
  const result = {};
  result.promise = new Promise((resolve, reject) => Object.assign(result, { resolve, reject }));
  result.promise.catch(() => {});  // nobody may be waiting
  return result;
}

// Full jitter, so that clients that were cut together do not return together; and never at once.
export const backoff = (failures) => kBackoffLeast + Math.random() * Math.min(kBackoffCap, kBackoffBase * 2 ** failures);

export function sleep(ms, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const wake = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal?.addEventListener('abort', wake);
  });
}

export function within(promise, ms, signal, what) {
  return new Promise((resolve, reject) => {
    const abort = () => settle(reject, new SigwayError('aborted', `${what} was given up`));
    const timer = setTimeout(() => settle(reject, new SigwayError('deadline', `${what} took longer than ${ms} ms`)), ms);
    const settle = (way, value) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      way(value);
    };
    if (signal?.aborted) return abort();
    signal?.addEventListener('abort', abort);
    promise.then((value) => settle(resolve, value), (error) => settle(reject, error));
  });
}
