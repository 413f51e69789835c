// A TLS client whose records pass through our hands on their way to the server, so that it can be cut at any moment.

import net from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import { within } from '../../conformance/support/patience.mjs';

export class TlsLine {
  #holds = Infinity;   // bytes that may still be passed on
  #passed = 0;
  #wake = () => {};

  static async connect({ host, port }) {
    const line = new TlsLine();
    line.raw = net.connect({ host, port, allowHalfOpen: true, noDelay: true });
    line.raw.on('error', () => {});
    await within(new Promise((resolve, reject) => line.raw.once('connect', resolve).once('error', reject)), () => 'a connection');
    line.raw.pause();   // nothing is read before the handshake
    return line;
  }

  // Begins the handshake. From the first `bytes` on, all that TLS wants to send is thrown away.
  begin(bytes = Infinity) {
    this.#holds = bytes;
    const wire = new Duplex({
      read: () => this.raw.resume(),
      write: (chunk, _, done) => { this.#pass(chunk); done(); },
      final: (done) => done(),   // the end of TLS is not the end of TCP
    });
    this.raw.on('data', (chunk) => wire.push(chunk));
    this.raw.on('end', () => wire.push(null));
    this.tls = tls.connect({ socket: wire, rejectUnauthorized: false });
    this.tls.on('error', () => {});
    return this;
  }

  #pass(chunk) {
    const part = chunk.subarray(0, Math.max(0, this.#holds));
    this.#holds -= part.length;
    this.#passed += part.length;
    if (part.length > 0 && !this.raw.destroyed) this.raw.write(part);
    this.#wake();
  }

  // Resolves when so many bytes have been passed on.
  async passed(bytes) {
    await within((async () => {
      while (this.#passed < bytes) await new Promise((resolve) => { this.#wake = resolve; });
    })(), () => 'the bytes of a TLS client');
  }

  async ready() {
    this.begin();
    await within(new Promise((resolve, reject) => this.tls.once('secureConnect', resolve).once('error', reject)), () => 'a handshake');
    this.tls.on('data', () => {});
    return this;
  }

  // Of what is written next, only the first `bytes` get through.
  cutAfter(bytes) {
    this.#holds = bytes;
  }

  goDeaf() {
    this.raw.removeAllListeners('data');
    this.raw.pause();
  }

  write(text) {
    return new Promise((resolve) => this.tls.write(text, resolve));
  }

  // A close_notify, and nothing of TCP.
  async closeNotify() {
    const before = this.#passed;
    this.tls.end();
    await this.passed(before + 1);
  }
}
