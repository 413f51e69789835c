const kMost = 10000;      // a longer one is the exception: a machine that slept, a line that was down

/** How long a round trip takes, as TCP guesses it (RFC 6298): smoothed, and with room for what it varies. */
export class RoundTrip {
  last = null;
  least = null;
  smoothed = null;
  #varies = 0;

  add(measured) {
    const ms = Math.min(measured, kMost);
    this.last = ms;
    this.least = Math.min(this.least ?? ms, ms);
    if (this.smoothed === null) {
      this.smoothed = ms;
      this.#varies = ms / 2;
    } else {
      this.#varies += (Math.abs(ms - this.smoothed) - this.#varies) / 4;
      this.smoothed += (ms - this.smoothed) / 8;
    }
  }

  /** What a round trip hardly ever takes longer than: `least` at the least, and where nothing is known yet `unknown`. */
  patience(least, unknown) {
    return this.smoothed === null ? unknown : Math.max(least, Math.ceil(this.smoothed + 4 * this.#varies));
  }
}
