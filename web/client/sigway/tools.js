// Keys and promises.

/** 144 random bits as 24 characters. */
export async function makeKey() {
  return randomText(await webCrypto(), 18);
}

/** `bytes` random bytes, a multiple of three, as characters of `A–Z a–z 0–9 - _`. */
export function randomText(crypto, bytes) {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(bytes)))).replaceAll('+', '-').replaceAll('/', '_');
}

/** Node 18 has Web Crypto, but not as a global: there it is a promise. */
export function webCrypto() {
  const nodeModule = 'node:crypto';
  return globalThis.crypto ?? import(nodeModule).then(({ webcrypto }) => webcrypto);
}

/** A promise with its `resolve` and `reject`. */
export function deferred() {
  const result = {};
  result.promise = new Promise((resolve, reject) => Object.assign(result, { resolve, reject }));
  result.promise.catch(() => {});  // nobody may be waiting
  return result;
}

/** What the library mends or reports by itself must not end a process because nobody holds the promise. */
export function unheld(promise) {
  promise.catch(() => {});
  return promise;
}
