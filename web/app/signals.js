// The record of all signaling messages and of the client's journal, without anything to look at: kept, redacted, as JSON, as a curl
// command.

import { sentence } from './journal.js';
import { summary } from './sdp.js';

const kKept = 5000;
const kBytesKept = 8 << 20;
// The password of a call's ICE checks, as a line of a session description: with it a stranger on the network could take part in them.
const kIcePassword = /(\bice-pwd:)([\w+/-]+)/g;
const kSecretFields = new Set(['key', 'credential', 'password', 'ticket', 'replaces']);

// The beginning is enough to tell two keys apart.
export function masked(secret) {
  const text = String(secret ?? '');
  return text.length > 8 ? `${text.slice(0, 4)}…` : '…';
}

// Safe inside single quotes of a POSIX shell.
export const shellQuoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export class Signals {
  entries = [];
  dropped = 0;
  onchange = () => {};
  #connection;
  #bytes = 0;
  #count = 0;

  constructor(connection) {
    this.#connection = connection;
    connection.on('event', (event, info) => this.#add('in', event, info));
    connection.on('sent', (message, info) => this.#add('out', message, info));
    for (const entry of connection.journal) this.#note(entry);
    connection.on('journal', (entry) => this.#note(entry));
  }

  #add(direction, message, { number, transport, bytes }) {
    const { type, from, to, room, ...rest } = message;
    this.#push({ direction, type, from, to, room, number, transport, bytes, message, text: summary({ type, room, ...rest }) });
  }

  #note(journal) {
    this.#push({ direction: 'note', type: journal.what, transport: journal.transport ?? '', bytes: 0, message: null, journal,
      text: sentence(journal) });
  }

  #push(entry) {
    this.entries.push({ ...entry, id: ++this.#count, time: new Date(entry.journal?.at ?? Date.now()) });
    this.#bytes += entry.bytes;
    while (this.entries.length > kKept || this.#bytes > kBytesKept) {
      this.#bytes -= this.entries.shift().bytes;
      ++this.dropped;
    }
    this.onchange();
  }

  // -- redaction --

  // Secrets by the name of their field, and known ones wherever they turn up.
  redacted(value) {
    const text = JSON.stringify(value, (name, inner) => kSecretFields.has(name) && typeof inner === 'string' ? masked(inner) : inner);
    return text === undefined ? undefined : JSON.parse(this.redactedText(text));
  }

  redactedText(text) {
    let result = text;
    for (const secret of this.#secrets()) result = result.replaceAll(secret, masked(secret));
    return result.replace(kIcePassword, (_, line, secret) => line + masked(secret));
  }

  #secrets() {
    const found = [this.#connection.key];
    for (const { username, credential } of this.#connection.iceServers) found.push(username, credential);
    return found.filter((secret) => typeof secret === 'string' && secret.length > 3);
  }

  // -- ways out --

  json() {
    return JSON.stringify({
      protocol: 'sigway.v1', server: this.#connection.server, peer: this.#connection.peer, dropped: this.dropped,
      messages: this.entries.filter(({ journal }) => !journal).map(({ time, direction, number, type, from, to, room, bytes, transport, message }) => ({
        time: time.toISOString(), direction, number, type, from, to, room, bytes, transport, message: this.redacted(message) })),
      journal: this.entries.filter(({ journal }) => journal).map(({ time, journal: { at, ...entry } }) => ({ time: time.toISOString(), ...entry })),
    }, null, 1);
  }

  canRepeat({ message }) {
    return message !== null && message.type !== 'leave' && (message.data !== undefined || message.type === 'join');
  }

  // A command that says the same in the room, from a session of its own: with the key of this one it would take the number of
  // a message that this page is about to send. What has come in is said again to whoever it was for, which is us.
  curl({ direction, message }) {
    const own = direction === 'out';
    const to = own ? message.to : this.#connection.peer;
    const said = message.type === 'join' ? [] : [{ n: 1, type: message.type, to, data: this.redacted(message.data) }];
    const room = message.room ?? this.#connection.rooms[0];
    const body = JSON.stringify({ key: 'KEY', open: { room }, messages: said });
    const key = `"$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')"`;
    return `curl -sS -H 'Content-Type: text/plain' ${shellQuoted(`${location.origin}/v1/poll`)} \\\n`
      + ` -d ${shellQuoted(body).replace('KEY', () => `'${key}'`)}`;
  }
}
