// Remembers the key for the next page in this tab. A duplicated tab copies sessionStorage, so the key counts as ours only when
// nobody holds its Web Lock. Null where one of the two is missing: a reload is then seen by the peers as a long absence.

export function browserKeyStore(slot) {
  let storage = null;
  try {
    storage = globalThis.sessionStorage;
  } catch { /* forbidden in this frame */ }
  const locks = globalThis.navigator?.locks;
  if (!storage || !locks) return null;
  const lockName = (key) => `sigway:${key}`;
  let held = '', release = () => {};
  return {
    async load() {
      const key = storage.getItem(slot);
      if (!key) return null;
      // The page before may need a moment to let go.
      const patience = new AbortController();
      const timer = setTimeout(() => patience.abort(), 300);
      try {
        return await locks.request(lockName(key), { signal: patience.signal }, () => key);
      } catch {
        return null;
      } finally {
        clearTimeout(timer);
      }
    },
    save(key) {
      release();
      held = key;
      locks.request(lockName(key), () => new Promise((resolve) => { release = resolve; })).catch(() => {});
      try {
        storage.setItem(slot, key);
      } catch { /* full: no worse than no storage */ }
    },
    clear() {
      release();
      if (storage.getItem(slot) === held) storage.removeItem(slot);
    },
  };
}
