// An upgraded connection: the bytes of a WebSocket both ways, and what a network does to them.

export class Tunnel {
  // What passes: give the chunk, another one, or null to swallow it.
  filters = { up: [], down: [] };
  #timers = [];

  constructor(server, head, rawHeaders) {
    Object.assign(this, { server, head, rawHeaders });
    server.on('error', () => {});
    server.pause();
  }

  // Nothing passes in that direction any more, and nobody is told.
  swallow(direction) {
    this.filters[direction].push(() => null);
  }

  cutAfter(ms) {
    this.#timers.push(setTimeout(() => this.cut(), ms));
  }

  open(client, head) {
    this.client = client;
    let text = 'HTTP/1.1 101 Switching Protocols\r\n';
    for (let i = 0; i < this.rawHeaders.length; i += 2) text += `${this.rawHeaders[i]}: ${this.rawHeaders[i + 1]}\r\n`;
    client.write(`${text}\r\n`);
    this.#carry('up', client, this.server, head);
    this.#carry('down', this.server, client, this.head);
    if (client.destroyed) this.cut();
  }

  cut() {
    for (const timer of this.#timers) clearTimeout(timer);
    this.server.destroy();
    this.client?.destroy();
  }

  #carry(direction, from, to, first) {
    const pass = (chunk) => {
      for (const filter of this.filters[direction]) chunk = chunk && filter(chunk);
      if (chunk?.length && !to.destroyed) to.write(chunk);
    };
    pass(first);
    from.on('data', pass).on('close', () => this.cut()).on('end', () => to.end());
    from.resume();
  }
}
