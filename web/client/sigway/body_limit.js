// How large a body this network lets up. Nobody says so: what was refused is halved until it passes, and what lies between the two
// is then halved a few times more, as each piece pays for what the limit is too low.

const kSafe = 500;                   // bytes; nobody was ever seen to refuse so little
const kNear = 0.75;                  // a body of so much of the limit shows that it holds
const kApart = 7;                    // closer together than a seventh, what passes and what does not are not worth another refusal

/** Smaller than this nothing can be split. */
export const kLeastBody = 400;

export class BodyLimit {
  most = Infinity;
  proven = kSafe;            // what passes
  #refused = Infinity;       // the smallest that did not

  /** As it was known before, null where nothing was. */
  set(most) {
    this.most = most ?? Infinity;
    this.#refused = Infinity;
  }

  /** A body of `size` bytes was taken. Whether larger ones are to be tried now. */
  passed(size) {
    this.proven = Math.max(this.proven, size);
    if (size < kNear * this.most || this.#refused === Infinity || this.#refused <= this.proven + Math.floor(this.proven / kApart)) return false;
    const most = (this.proven + this.#refused) >> 1;
    const isMore = most > this.most;
    this.most = Math.max(this.most, most);
    return isMore;
  }

  /** A body of `size` bytes was refused, maybe with the limit. Whether bodies are to be smaller now than they were. */
  refused(size, limit) {
    const before = this.most;
    this.#refused = Math.min(this.#refused, size);
    // Of several that are refused the last to be heard of may be the largest.
    const passes = limit < size ? limit : Math.max(this.proven < size ? this.proven : 0, size >> 1);
    this.most = Math.max(kLeastBody, Math.min(before, passes));
    if (this.proven >= size) this.proven = this.most;
    return this.most < before;
  }
}
