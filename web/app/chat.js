// Text chat over the data channel.

import { byId, clockTime, element, oncePerFrame } from './dom.js';

const kLinesKept = 300;

export class Chat {
  #call;
  #waiting = [];
  #draw = oncePerFrame(() => this.#drawWaiting());
  onarrival = () => {};

  constructor(call) {
    this.#call = call;
    call.on('chat', ({ text, peer }) => {
      this.#add({ who: call.nameOf(peer), text });
      this.onarrival();
    });
    const input = byId('chat-text');
    byId('chat-lines').replaceChildren();
    byId('chat-empty').hidden = false;
    byId('chat-form').onsubmit = (event) => {
      event.preventDefault();
      this.#say(input);
    };
    input.onkeydown = (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#say(input);
    };
    input.oninput = () => {
      input.rows = Math.min(5, input.value.split('\n').length);
    };
  }

  #say(input) {
    const text = input.value.trim();
    if (!text) return;
    const heard = this.#call.chat(text);
    this.#add({ who: 'You', text, own: true, problem: heard ? '' : 'Nobody is connected yet; this was not sent.' });
    if (!heard) return;
    input.value = '';
    input.rows = 1;
  }

  #add(line) {
    this.#waiting.push({ ...line, time: new Date() });
    if (this.#waiting.length > kLinesKept) this.#waiting.splice(0, this.#waiting.length - kLinesKept);
    this.#draw();
  }

  #drawWaiting() {
    const lines = byId('chat-lines');
    const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 60;
    byId('chat-empty').hidden = true;
    for (const { who, text, own, problem, time } of this.#waiting.splice(0)) {
      lines.append(element('div', { class: own ? 'line own' : 'line' },
        element('p', { class: 'by' }, element('bdi', {}, who), element('time', { datetime: time.toISOString() }, clockTime(time).slice(0, 5))),
        element('p', { class: 'text', dir: 'auto' }, text),
        problem ? element('p', { class: 'problem' }, problem) : null));
    }
    while (lines.children.length > kLinesKept) lines.firstChild.remove();
    if (atEnd) lines.scrollTop = lines.scrollHeight;
  }
}
