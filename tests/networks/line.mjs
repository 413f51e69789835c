// One connection of the client, byte by byte: near is the client, far the next hop inward. Behaviours put delays and rates on its
// two pipes, cut it, and let it die.

const kMostWaiting = 64 << 10;   // bytes that wait for a slow pipe before the sender is made to wait

export class Line {
  isCut = false;
  isDead = false;
  lastByte = performance.now();     // in either direction

  constructor(near, box) {
    Object.assign(this, { near, box });
    this.ended = new Promise((resolve) => { this.finish = resolve; });
    near.pause();
    near.setNoDelay(true);
    near.on('error', () => {}).on('close', () => this.#nearClosed());
  }

  begin(far) {
    this.far = far;
    this.up = new Pipe(this.near, far, (chunk) => this.#passed('up', chunk));
    this.down = new Pipe(far, this.near, (chunk) => this.#passed('down', chunk));
    far.on('error', () => {}).on('close', () => this.#farClosed());
  }

  // Nothing comes through any more, not even the end, and nobody is told: the client has another address now.
  die() {
    this.isDead = true;
    this.up?.stop();
    this.down?.stop();
  }

  // The end of the connection, told to both sides at once; `reset`: not a polite end but a TCP reset.
  cut({ reset = false } = {}) {
    if (this.isCut) return;
    this.isCut = true;
    for (const socket of [this.near, this.far]) {
      if (!socket || socket.destroyed) continue;
      if (reset) socket.resetAndDestroy();
      else socket.destroy();
    }
    this.up?.stop();
    this.down?.stop();
    this.finish();
  }

  #nearClosed() {
    if (this.isDead) this.finish();
    else this.cut();
  }

  // What it still had to say is on its way to the client.
  #farClosed() {
    if (!this.isCut && !this.isDead) this.down.afterAll(() => this.cut());
  }

  #passed(direction, chunk) {
    this.lastByte = performance.now();
    this.box.passed(direction, chunk);
  }
}

// One direction. Bytes come out in order, each chunk after the sum of the delays and after what went before at the least rate.
class Pipe {
  delays = [];              // functions that give ms for a chunk
  rate = Infinity;          // bytes a second
  segment = Infinity;       // bytes that pass at a time: a slow line shows its progress as often
  #queue = [];              // {chunk or null for the end, due}
  #waiting = 0;
  #free = 0;                // when the last byte will have been pushed in
  #due = 0;
  #timer = null;
  #last = null;
  #stopped = false;

  constructor(from, to, tell) {
    Object.assign(this, { from, to, tell });
    from.on('data', (chunk) => this.#segments(chunk).forEach((segment) => this.#carry(segment)));
    from.on('end', () => this.#carry(null));
    from.resume();
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#queue = [];
  }

  afterAll(act) {
    if (!this.#queue.length) return act();
    this.#last = act;
  }

  #segments(chunk) {
    if (chunk.length <= this.segment) return [chunk];
    const count = Math.ceil(chunk.length / this.segment);
    return Array.from({ length: count }, (_, i) => chunk.subarray(i * this.segment, (i + 1) * this.segment));
  }

  #carry(chunk) {
    if (this.#stopped) return;
    const now = performance.now();
    const bytes = chunk?.length ?? 0;
    this.#free = Math.max(this.#free, now) + bytes * 1000 / this.rate;
    const delay = this.delays.reduce((sum, give) => sum + give(chunk), 0);
    this.#due = Math.max(this.#due, this.#free + delay);
    this.#queue.push({ chunk, due: this.#due });
    this.#waiting += bytes;
    if (this.#waiting > kMostWaiting) this.from.pause();
    if (this.#queue.length === 1) this.#deliver();
  }

  #deliver() {
    const now = performance.now();
    while (this.#queue.length && this.#queue[0].due <= now + 0.5) {
      const { chunk } = this.#queue.shift();
      if (this.to.destroyed) return this.stop();
      if (chunk === null) {
        this.to.end();
        continue;
      }
      this.tell(chunk);
      this.to.write(chunk);
      this.#waiting -= chunk.length;
      if (this.#waiting <= kMostWaiting && !this.from.destroyed) this.from.resume();
    }
    if (this.#queue.length) this.#timer = setTimeout(() => this.#deliver(), this.#queue[0].due - now);
    else this.#last?.();
  }
}
