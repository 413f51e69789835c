// The badge that says how the server is reached, and the sheet behind it to choose another way.

import { byId, clockTime, setText } from './dom.js';
import { masked } from './signals.js';
import { transportName } from './transports.js';

export class TransportPicker {
  #call;
  #wanted = 0;

  constructor(call) {
    this.#call = call;
    const { connection } = call;
    call.on('change', () => this.#show());
    call.on('roundtrip', () => this.#show());
    for (const radio of document.querySelectorAll('input[name=transport]')) {
      radio.checked = radio.value === connection.mode;
      radio.onchange = () => this.#choose(radio.value);
    }
    byId('badge').hidden = false;
    byId('transport-problem').hidden = true;
    this.#show();
  }

  async #choose(mode) {
    const problem = byId('transport-problem');
    const wanted = ++this.#wanted;
    if (this.#call.phase === 'ended') return;
    problem.hidden = true;
    byId('transport').setAttribute('aria-busy', 'true');
    try {
      await this.#call.connection.switchTransport(mode);
    } catch (error) {
      if (wanted !== this.#wanted || error.code === 'aborted' || this.#call.phase === 'ended') return;
      problem.textContent = `${transportName(mode)} does not work here (${error.message}). The call goes on as before.`;
      problem.hidden = false;
    } finally {
      if (wanted === this.#wanted && this.#call.phase !== 'ended') {
        byId('transport').removeAttribute('aria-busy');
        for (const radio of document.querySelectorAll('input[name=transport]')) radio.checked = radio.value === this.#call.connection.mode;
        this.#show();
      }
    }
  }

  #show() {
    const { connection, server, transportSince, phase } = this.#call;
    const name = connection.transport ? transportName(connection.transport) : '';
    const trip = connection.roundTrip;
    const ended = phase === 'ended';
    const open = connection.state === 'open' && !ended;
    const badge = byId('badge');
    if (ended) byId('transport').removeAttribute('aria-busy');
    badge.dataset.state = ended ? 'closed' : open ? 'open' : 'trying';
    setText('badge-name', ended ? 'Ended' : open ? name : server === 'connecting' ? 'Connecting' : 'Reconnecting');
    setText('badge-trip', open && trip !== null ? `${Math.round(trip)} ms` : '');
    const since = transportSince ? `since ${clockTime(transportSince)}` : '';
    badge.title = [name, since].filter(Boolean).join(' ');
    setText('badge-since', open && transportSince ? ` since ${clockTime(transportSince).slice(0, 5)}` : '');
    setText('fact-transport', name ? `${name}${connection.mode === 'auto' ? ', chosen automatically' : ''}` : 'none yet');
    setText('fact-trip', trip === null ? 'not measured' : `${Math.round(trip)} ms`);
    setText('fact-changed', transportSince ? clockTime(transportSince) : 'never');
    setText('fact-key', connection.key ? masked(connection.key) : 'none yet');
    setText('fact-ice', connection.iceServers.map(({ urls, username, credential }) =>
      [[urls].flat().join(' '), username ? `user ${masked(username)}` : '', credential ? `credential ${masked(credential)}` : ''].filter(Boolean).join(', '))
      .join('; ') || 'none');
  }
}
