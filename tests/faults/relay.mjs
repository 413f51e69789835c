// The network of one member: a port whose connections go to the server, and suffer on the way. Half of them are plain links
// whose bytes are delayed, cut or swallowed anywhere; the others meet a proxy that reads HTTP and mistreats whole requests.
//
// weather: {raw: share of plain links,
//           link: {cut, swallow: probabilities of a connection, bytes: most bytes before that, delay: ms, dribble: probability},
//           request: {drop, lose, repeat, replay, delay, refuse, old, buffer: probabilities of a request}, delay: ms,
//           upgrade: {refuse, swallow: probabilities}, bodyLimit: bytes}

import http from 'node:http';
import net from 'node:net';
import { sleep } from './random.mjs';

export const clearSky = { raw: 0.5, link: {}, request: {}, upgrade: {}, bodyLimit: Infinity };

const kMostHidden = 2500;      // ms that one side does not hear of a cut, or that bytes are swallowed or held back
const kCopyLife = 1200;        // ms that the copy of a stream or a held poll lives

export class Relay {
  #sockets = new Set();
  #ill = new Set();            // connections that will not come right by themselves
  #outage = null;              // null, 'refused' or 'silent'
  #proxy = http.createServer((request, response) => this.#request(request, response).catch(() => response.destroy()));
  #port = net.createServer((socket) => this.#accept(socket));

  // count(what): told of each fault.
  constructor(target, random, weather, count) {
    Object.assign(this, { target, random, weather, count });
    this.#proxy.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#proxy.keepAliveTimeout = 30000;
  }

  async listen() {
    await new Promise((resolve) => this.#port.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${this.#port.address().port}`;
    return this;
  }

  // Clear weather from now on. What hangs is cut at once, or when its time has come.
  heal(atOnce) {
    this.weather = { ...clearSky, bodyLimit: this.weather.bodyLimit };
    this.#outage = null;
    if (atOnce) for (const socket of this.#ill) socket.destroy();
  }

  // Nothing passes any more; `noticed`: both sides are told.
  goDown(noticed) {
    this.count('outage');
    this.#outage = noticed ? 'refused' : 'silent';
    if (noticed) this.cut();
  }

  comeBack() {
    this.#outage = null;
    for (const socket of this.#ill) socket.destroy();
  }

  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }

  // The end of this network. With `hidden`, the server hears of it so many milliseconds later.
  async close(hidden = 0) {
    this.#outage = 'silent';
    this.#port.close();
    for (const socket of this.#sockets) if (socket.facing === 'client') socket.destroy();
    await sleep(hidden);
    this.cut();
    this.#proxy.close();
  }

  get silent() { return this.#outage === 'silent'; }

  keep(socket, facing) {
    socket.facing = facing;
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#ill.delete(socket);
    });
    return socket;
  }

  connect() {
    return this.keep(net.connect(this.target.port, this.target.host), 'server');
  }

  // The connection is in a state that only its end mends.
  sicken(socket, ms) {
    this.#ill.add(socket);
    setTimeout(() => socket.destroy(), ms).unref();
  }

  #accept(socket) {
    this.keep(socket, 'client');
    if (this.#outage === 'refused') return socket.destroy();
    if (this.#outage === 'silent') return this.sicken(socket, kMostHidden);
    if (this.random.chance(this.weather.raw)) this.#link(socket, this.connect());
    else this.#proxy.emit('connection', socket);
  }

  // ---- Plain links ----

  // Bytes of a connection both ways, after `first` to the server.
  #link(client, server, first = null) {
    const { link } = this.weather;
    const fault = this.random.choose({ cut: link.cut ?? 0, swallow: link.swallow ?? 0 });
    const plan = { fault, upward: this.random.chance(0.5), bytes: this.random.magnitude(1, link.bytes ?? 8000),
      hides: this.random.pick(['nobody', 'nobody', 'client', 'server']), hidden: this.random.between(0, kMostHidden),
      both: this.random.chance(0.5), broken: false };
    if (first) server.write(first);
    this.#carry(client, server, plan, true);
    this.#carry(server, client, plan, false);
  }

  async #carry(from, to, plan, upward) {
    let passed = 0;
    try {
      for await (let chunk of from) {
        if (this.weather.link.delay) await sleep(this.random.magnitude(1, this.weather.link.delay));
        const most = plan.fault && plan.upward === upward ? plan.bytes - passed : Infinity;
        plan.broken ||= this.silent && 'silent';   // also when the outage is over: what was lost is missing
        if (plan.broken) {
          if (plan.broken === 'swallow' && !plan.both && plan.upward !== upward) to.write(chunk);
          else this.sicken(from, kMostHidden);
          continue;
        }
        if (chunk.length >= most) {
          to.write(chunk.subarray(0, most));
          plan.broken = plan.fault;
          this.count(plan.fault);
          if (plan.fault === 'swallow') {
            this.sicken(from, plan.hidden);
            this.sicken(to, plan.hidden);
            continue;
          }
          return this.#break(from, to, plan);
        }
        passed += chunk.length;
        while (chunk.length > 1 && this.random.chance(this.weather.link.dribble ?? 0)) {
          const some = this.random.integer(1, Math.min(chunk.length - 1, 200));
          to.write(chunk.subarray(0, some));
          chunk = chunk.subarray(some);
          await sleep(1);
        }
        to.write(chunk);
      }
      to.end();
    } catch {
      this.#break(from, to, plan);
    }
  }

  #break(from, to, { hides, hidden }) {
    for (const socket of [from, to]) {
      if (socket.facing === hides && !socket.destroyed) this.sicken(socket, hidden);
      else socket.end(() => socket.destroy());
    }
  }

  // ---- The proxy ----

  #upgrade(request, client, head) {
    const fault = this.random.choose(this.weather.upgrade);
    if (fault) this.count(`upgrade ${fault}`);
    if (fault === 'refuse') {
      const status = this.random.pick(['400 Bad Request', '403 Forbidden', '502 Bad Gateway', '200 OK']);
      return client.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    }
    if (fault === 'swallow') return this.sicken(client, kMostHidden);
    this.#link(client, this.connect(), Buffer.concat([this.#head(request, 'HTTP/1.1', request.rawHeaders), head]));
  }

  #head({ method, url }, version, rawHeaders, more = '') {
    let text = `${method} ${url} ${version}\r\n`;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      if (!more || !/^(connection|keep-alive|transfer-encoding)$/i.test(rawHeaders[i])) {
        text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
      }
    }
    return Buffer.from(`${text}${more}\r\n`, 'latin1');
  }

  async #request(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const { weather, random } = this;
    if (this.silent) return this.sicken(request.socket, kMostHidden);
    if (body.length > weather.bodyLimit) {
      this.count('413');
      return response.writeHead(413, { 'Content-Type': 'text/html' }).end('<h1>Too large for this proxy</h1>');
    }
    const fault = random.choose(weather.request);
    if (fault) this.count(fault);
    switch (fault) {
      case 'drop':
        return request.socket.destroy();
      case 'refuse':
        if (random.chance(0.5)) await this.#answerOf(request, body).then((answer) => answer.destroy(), () => {});
        response.writeHead(random.pick([502, 503, 504]), { 'Content-Type': 'text/html' });
        return response.end('<h1>The proxy is unwell</h1>');
      case 'lose':      // the server has acted, and nobody hears it
        await this.#answerOf(request, body).then((answer) => answer.destroy(), () => {});
        return request.socket.destroy();
      case 'delay':     // later requests overtake it
        await sleep(random.magnitude(5, weather.delay));
        return this.#pass(request, response, body, random.chance(0.5) ? random.magnitude(5, weather.delay) : 0);
      case 'repeat': {  // two copies, at once or nearly; either one's answer is passed on
        const lag = random.chance(0.5) ? random.magnitude(1, 300) : 0;
        if (random.chance(0.5)) {
          sleep(lag).then(() => this.#copy(request, body));
        } else {
          this.#copy(request, body);
          await sleep(lag);
        }
        return this.#pass(request, response, body);
      }
      case 'replay':    // once more when nobody thinks of it any longer
        sleep(random.magnitude(50, 3000)).then(() => this.#copy(request, body));
        return this.#pass(request, response, body);
      case 'old': {     // a proxy that knows only HTTP/1.0: the end of the connection is the end of the answer
        const head = this.#head(request, 'HTTP/1.0', request.rawHeaders, 'Connection: close\r\n');
        const up = this.connect();
        up.write(Buffer.concat([head, body]));
        up.pipe(response.socket);
        response.socket.on('close', () => up.destroy());
        return;
      }
      default:
        return this.#pass(request, response, body, 0, fault === 'buffer');
    }
  }

  // The answer's head; its body flows as it is read.
  #answerOf({ method, url, headers }, body) {
    return new Promise((resolve, reject) => {
      const onward = http.request({ ...this.target, path: url, method, headers, agent: false });
      onward.on('socket', (socket) => this.keep(socket, 'server'));
      onward.on('error', reject);
      onward.on('response', resolve);
      onward.end(body);
    });
  }

  async #copy(request, body) {
    const answer = await this.#answerOf(request, body).catch(() => null);
    if (!answer) return;
    answer.on('error', () => {});
    answer.resume();
    setTimeout(() => answer.destroy(), kCopyLife).unref();
  }

  async #pass(request, response, body, lag = 0, buffers = false) {
    let answer = null;
    const onward = this.#answerOf(request, body);
    response.on('close', () => (answer ? answer.destroy() : onward.then((late) => late.destroy(), () => {})));
    try {
      answer = await onward;
    } catch {
      return response.destroy();
    }
    if (lag) await sleep(lag);
    if (buffers) return this.#passLate(answer, response);
    response.writeHead(answer.statusCode, answer.headers);
    response.flushHeaders();
    let lost = false;
    answer.on('data', (chunk) => {
      if (this.silent && !lost) this.sicken(request.socket, kMostHidden);
      lost ||= this.silent;      // for good: what is missing cannot be made up for
      if (!lost) response.write(chunk);
    });
    answer.on('end', () => (lost ? response.destroy() : response.end()));
    answer.on('error', () => response.destroy());
    answer.on('aborted', () => response.destroy());
  }

  // Holds the bytes of a stream back, lets some go together, and so on.
  async #passLate(answer, response) {
    let held = [];
    let ended = false;
    answer.on('data', (chunk) => held.push(chunk));
    answer.on('end', () => { ended = true; });
    answer.on('error', () => response.destroy());
    answer.on('aborted', () => response.destroy());
    response.writeHead(answer.statusCode, answer.headers);
    if (this.random.chance(0.5)) response.flushHeaders();
    while (!response.destroyed) {
      if (!ended && Object.keys(this.weather.request).length) await sleep(this.random.between(50, kMostHidden));
      else await sleep(5);
      for (const chunk of held.splice(0)) response.write(chunk);
      if (ended) return response.end();
    }
  }
}
