// The signaling panel: a row for every message, its contents when it is opened.

import { byId, clockTime, copyFrom, element, oncePerFrame } from './dom.js';
import { candidateTexts, readCandidate, readDescription } from './sdp.js';
import { transportName } from './transports.js';

const kRowsShown = 400;
const kMostText = 20000;         // of one message that is laid out

const size = (bytes) => bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`;
const kArrows = { in: '↓', out: '↑', note: '·' };
const kWords = { in: 'received', out: 'sent', note: 'journal' };

export class Panel {
  #signals;
  #call;
  #rows = new Map();             // entry -> li, of those that fit the filter
  #cut = false;                  // more fit than there are rows
  #last = 0;                     // id of the last entry looked at
  #paused = false;
  #detached = false;
  #draw = oncePerFrame(() => this.#drawNew());

  // `call`: {full, capacity}
  constructor(signals, call) {
    this.#signals = signals;
    this.#call = call;
    signals.onchange = () => this.#draw();
    byId('signal-rows').replaceChildren();
    byId('signal-filter').oninput = byId('signal-direction').onchange = () => this.#filterAll();
    byId('signal-pause').setAttribute('aria-pressed', 'false');
    byId('signal-pause').onclick = () => this.#togglePause();
    byId('signal-download').onclick = () => this.#download();
    this.#draw();
  }

  // Another one has the page from now on.
  detach() {
    this.#detached = true;
  }

  #togglePause() {
    this.#paused = !this.#paused;
    byId('signal-pause').setAttribute('aria-pressed', String(this.#paused));
    this.#draw();
  }

  #drawNew() {
    if (this.#detached) return;
    const list = byId('signal-rows');
    const { entries } = this.#signals;
    if (!this.#paused) {
      const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
      this.#append(entries.filter(({ id }) => id > this.#last));
      this.#last = entries.at(-1)?.id ?? 0;
      if (atEnd) list.scrollTop = list.scrollHeight;
    }
    this.#tally();
  }

  // Of those that fit the latest; `drawn` are rows that may be used again.
  #append(entries, drawn = this.#rows) {
    const fitting = entries.filter((entry) => this.#fits(entry));
    for (const entry of fitting.slice(-kRowsShown)) this.#rows.set(entry, drawn.get(entry) ?? this.#row(entry));
    for (const [entry, row] of this.#rows) {
      if (this.#rows.size <= kRowsShown) break;
      row.remove();
      this.#rows.delete(entry);
      this.#cut = true;
    }
    if (fitting.length > kRowsShown) this.#cut = true;
    byId('signal-rows').append(...fitting.map((entry) => this.#rows.get(entry)).filter(Boolean));
  }

  #tally() {
    const { entries, dropped } = this.#signals;
    const messages = entries.filter(({ direction }) => direction !== 'note');
    const waiting = entries.filter(({ id }) => id > this.#last).length;
    const received = messages.filter(({ direction }) => direction === 'in').length;
    byId('signal-tally').textContent = [`${received} received, ${messages.length - received} sent`,
      this.#paused ? `paused, ${waiting} new` : '', this.#cut ? `only the last ${kRowsShown} rows shown` : '', dropped ? `${dropped} older entries dropped` : ''].filter(Boolean).join(' · ');
  }

  #fits(entry) {
    const direction = byId('signal-direction').value;
    if (direction && entry.direction !== direction) return false;
    const wanted = byId('signal-filter').value.trim().toLowerCase();
    if (!wanted) return true;
    entry.haystack ??= `${entry.type} ${entry.text} ${entry.from ?? ''} ${entry.transport} ${JSON.stringify(this.#signals.redacted(entry.message) ?? '')}`
      .toLowerCase();
    return entry.haystack.includes(wanted);
  }

  // All that is kept, for what is not drawn may fit now.
  #filterAll() {
    const list = byId('signal-rows'), drawn = this.#rows;
    this.#rows = new Map();
    this.#cut = false;
    list.replaceChildren();
    this.#append(this.#signals.entries.filter(({ id }) => id <= this.#last), drawn);
    list.scrollTop = list.scrollHeight;
    this.#tally();
  }

  #row(entry) {
    const { direction, time, number, type, bytes, transport, text } = entry;
    const cells = [
      element('span', { class: 'arrow', role: 'img', 'aria-label': kWords[direction] }, kArrows[direction]),
      element('time', { datetime: time.toISOString() }, `${clockTime(time)}.${String(time.getMilliseconds()).padStart(3, '0')}`),
    ];
    const row = element('li', { class: direction });
    if (direction === 'note') {
      row.append(...cells, element('span', { class: 'text' }, text));
      return row;
    }
    const details = element('details', {}, element('summary', {}, ...cells,
      element('b', {}, type),
      element('span', { class: 'text', dir: 'auto' }, text),
      element('span', { class: 'facts' }, `#${number} · ${size(bytes)} · ${transportName(transport)}`)));
    details.ontoggle = () => {
      details.querySelector('.contents')?.remove();      // what is said there may have changed
      if (details.open) details.append(this.#contents(entry));
    };
    row.append(details);
    return row;
  }

  #contents(entry) {
    const { message } = entry;
    const { data, ...envelope } = message;
    const parts = [block(JSON.stringify(this.#signals.redacted(envelope), null, 1))];
    if (typeof data?.sdp === 'string') parts.push(...this.#description(data));
    else if (message.type === 'candidate') parts.push(...this.#candidates(data));
    else if (data !== undefined) parts.push(block(JSON.stringify(this.#signals.redacted(data), null, 1)));
    if (this.#signals.canRepeat(entry)) {
      const button = element('button', { type: 'button', class: 'quiet' }, 'Copy as curl');
      button.onclick = () => copyFrom(button, this.#signals.curl(entry));
      parts.push(element('p', { class: 'ways' }, button,
        element('small', {}, `Says the same from a session of its own, which takes a place in the room. ${this.#noPlace()}`)));
    }
    return element('div', { class: 'contents' }, ...parts);
  }

  #noPlace() {
    const { full, capacity } = this.#call;
    return full ? `All ${capacity} are taken, so the server would answer “full”: leave on one side first, or begin in a room for more people.` : '';
  }

  #description({ sdp }) {
    const shown = this.#signals.redactedText(sdp.slice(0, kMostText));
    const folded = readDescription(shown).slice(0, 70).map(({ title, lines }) => {
      const isCandidate = (line) => line.startsWith('a=candidate:');
      return element('details', { class: 'section' },
        element('summary', {}, title || 'section', element('small', {}, ` ${lines.length} lines`)),
        block(lines.filter((line) => !isCandidate(line)).join('\n')),
        lines.some(isCandidate) ? candidateTable(lines.filter(isCandidate)) : null);
    });
    return sdp.length > kMostText ? [...folded, element('p', {}, `${sdp.length - kMostText} more characters`)] : folded;
  }

  #candidates(data) {
    return [candidateTable(candidateTexts(data).slice(0, 100).map((text) => this.#signals.redactedText(text.slice(0, 400))))];
  }

  #download() {
    const url = URL.createObjectURL(new Blob([this.#signals.json()], { type: 'application/json' }));
    const link = element('a', { href: url, download: `sigway-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.json` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }
}

function block(text = '') {
  const more = text.length - kMostText;
  return element('pre', { tabindex: '0', 'aria-label': 'Contents' }, text.slice(0, kMostText) + (more > 0 ? `\n… ${more} more characters` : ''));
}

function candidateTable(texts) {
  const rows = texts.map((text) => {
    const read = readCandidate(text);
    return read ? element('tr', {}, element('th', { scope: 'row' }, read.type), element('td', {}, read.protocol),
      element('td', {}, `${read.address} : ${read.port}`))
      : element('tr', {}, element('th', { scope: 'row' }, 'unreadable'), element('td', { colspan: '2', dir: 'auto' }, text.slice(0, 200)));
  });
  return element('table', {}, element('caption', {}, 'Candidates'), element('tbody', {}, ...rows));
}
