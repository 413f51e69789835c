// Keys and promises.

/** 144 random bits as 24 characters. Node 18 has Web Crypto, but not as a global. */
export async function makeKey() {
  const nodeModule = 'node:crypto';
  const crypto = globalThis.crypto ?? (await import(nodeModule)).webcrypto;
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_');
}

/** A promise with its `resolve` and `reject`. */
export function deferred() {
  const result = {};
  result.promise = new Promise((resolve, reject) => Object.assign(result, { resolve, reject }));
  result.promise.catch(() => {});  // nobody may be waiting
  return result;
}
