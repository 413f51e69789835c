// The least that a client can be: EventSource with a stream ticket, and fetch. Written after docs/protocol.md alone, for
// call.html?transport=eventsource; what it offers is the part of sigway.js that call.js uses.

export function connect(options) {
  return new Connection(options);
}

class Connection {
  state = 'connecting';
  transport = 'eventsource';
  mode = 'eventsource';
  peer = '';
  iceServers = [];
  streams = 0;            // how often EventSource has opened one
  #key = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18)))).replaceAll('+', '-').replaceAll('/', '_');
  #handlers = new Map();
  #sent = 0;
  #heard = 0;
  #uploads = Promise.resolve();
  #isLeaving = false;     // the session ends with the leave: whatever went up behind it would only hear that it is gone

  constructor({ url = location.origin, room }) {
    this.url = url;
    this.#open(room);
  }

  get readyState() {
    return this.source?.readyState;
  }

  async #open(room) {
    const { ticket } = await this.#post('v1/sse', { open: { room }, carrier: 'es', ticket: true });
    this.source = new EventSource(new URL(`v1/sse?ticket=${ticket}`, this.url));
    this.source.addEventListener('open', () => ++this.streams);
    this.source.addEventListener('control', ({ data }) => this.#control(JSON.parse(data)));
    this.source.addEventListener('message', ({ data, lastEventId }) => this.#event(Number(lastEventId), JSON.parse(data), data.length));
  }

  async #post(path, request) {
    const response = await fetch(new URL(path, this.url), { method: 'POST', body: JSON.stringify({ key: this.#key, ...request }) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${answer.error.code}`);
    return answer;
  }

  // One after the other: simple, and slow on a long way.
  #upload(request) {
    if (this.#isLeaving) return this.#uploads;
    this.#uploads = this.#uploads.then(() => this.#post('v1/send', request));
    return this.#uploads;
  }

  #control(control) {
    if (control.control === 'welcome') {
      this.peer = control.peer;
      this.iceServers = control.ice;
    } else if (control.hello === 1) {
      this.#upload({ carrier: 'es', hello: 1, turn: 1 });   // to be active already is no harm
    }
    this.#emit('control', control);
  }

  #event(number, event, bytes) {
    if (number !== ++this.#heard) throw new Error(`event ${number} came after ${this.#heard - 1}`);
    this.#upload({ ack: number });
    const info = { number, transport: this.transport, bytes };
    this.#emit('event', event, info);
    this.#emit(event.from === undefined ? event.type : 'message', event, info);
  }

  on(name, handler) {
    this.#handlers.set(name, [...this.#handlers.get(name) ?? [], handler]);
  }

  #emit(name, ...values) {
    for (const handler of this.#handlers.get(name) ?? []) handler(...values);
  }

  send(type, data, where = {}) {
    this.#upload({ messages: [{ n: ++this.#sent, type, data, ...where }] });
  }

  flush() {
    return this.#uploads;
  }

  close() {
    const left = this.#upload({ messages: [{ n: ++this.#sent, type: 'leave' }] });
    this.#isLeaving = true;
    return left;
  }
}
