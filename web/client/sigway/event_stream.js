// Server-Sent Events, read by fetch, as a carrier.

import { Carrier } from './carrier.js';
import { SigwayError } from './errors.js';
import { parseObject } from './http.js';

const kHeadDeadline = 10000;

export class EventStreamCarrier extends Carrier {
  kind = 'sse';
  #event = { name: '', data: '', id: '' };
  #greeted = 0;     // when hello 1 was answered

  async start() {
    const { http, heartbeat } = this.session.settings;
    try {
      const response = await http.stream('v1/sse', JSON.stringify(this.attachment(heartbeat ? { heartbeat } : {})),
        { deadline: kHeadDeadline, signal: this.stopper.signal });
      if (!/^text\/event-stream/i.test(response.headers.get('Content-Type') ?? '') || !response.body) {
        throw new SigwayError('not_sigway', 'the answer is no event stream');
      }
      await this.#read(response.body.getReader());
      throw new SigwayError('network', 'the event stream was cut');
    } catch (error) {
      this.end(error instanceof SigwayError ? error : new SigwayError('network', String(error?.message ?? error)));
    }
  }

  async #read(reader) {
    const decoder = new TextDecoder();
    let rest = '';
    while (!this.done) {
      const { done, value } = await reader.read();
      if (done) return;
      this.seen = Date.now();
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
      rest = lines.pop();
      for (const line of lines) if (!this.done) this.#line(line.endsWith('\r') ? line.slice(0, -1) : line);
      if (rest.length > 1 << 20) throw new SigwayError('not_sigway', 'a line of the event stream has no end');
    }
  }

  // HTML standard, section 9.2.6, as far as one server uses it.
  #line(line) {
    const event = this.#event;
    if (line === '') {
      this.#event = { name: '', data: '', id: '' };
      if (event.data) this.#dispatch(event);
    } else if (line.startsWith(':')) {
      if (line.startsWith(': heartbeat') && this.active) this.acknowledge();
    } else {
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
      if (field === 'data') event.data += value;
      else if (field === 'event') event.name = value;
      else if (field === 'id') event.id = value;
    }
  }

  #dispatch({ name, data, id }) {
    const value = parseObject(data);
    if (name !== 'control') return this.session.event(this, Number(id), value, data.length);
    if (value.control === 'probe') return this.#upload({ ack: this.session.cursor });   // any sign of life keeps our place
    if (value.control !== 'hello') return this.heard(value);
    if (value.hello === 2) {
      this.session.roundTrip(Date.now() - this.#greeted);
      this.proved.resolve();
    }
    if (value.hello !== 1) return;
    this.#greeted = Date.now();
    const hello = { carrier: this.name, hello: 1 };
    if (!this.session.active && !this.turn) hello.turn = this.turn = this.session.nextTurn();  // saves a round trip
    this.#upload(hello);
  }

  activate(turn) {
    this.turn = turn;
    this.#upload({ carrier: this.name, turn });
  }

  acknowledge() {
    this.#upload({});
  }

  #upload(request) {
    this.session.upload(request, this).catch((error) => this.end(error));
  }
}
