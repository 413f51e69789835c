// How good the connections of a call are: a section for each of the others in the side panel, measured each second, and who talks.

import { byId, element } from './dom.js';
import { bitrate, pairOf, pathOf, readStats, share } from './stats.js';

const kEvery = 1000;                 // ms
const kListenEvery = 200;
const kSpeech = 0.02;                // of full scale
const kPause = 700;                  // ms of silence within speech
const kGrades = { good: 'Good', fair: 'Fair', poor: 'Poor' };
const kRows = ['Path', 'Chosen pair', 'Round trip', 'Loss received', 'Loss sent', 'Received', 'Sent'];

// The loudest of what comes in at this moment.
function loudness(peer) {
  const receivers = peer.connection?.getReceivers().filter(({ track }) => track.kind === 'audio') ?? [];
  return Math.max(0, ...receivers.flatMap((receiver) => receiver.getSynchronizationSources().map(({ audioLevel }) => audioLevel ?? 0)));
}

export class Quality {
  #call;
  #stage;
  #last = new Map();                 // peer -> {connection, read}
  #sections = new Map();             // peer -> {root, title, grade, values}
  #spoke = new Map();                // peer -> when
  #timers;
  #over = false;

  constructor(call, stage) {
    this.#call = call;
    this.#stage = stage;
    byId('quality-list').replaceChildren();
    byId('quality-empty').hidden = false;
    this.#timers = [setInterval(() => this.#measure(), kEvery), setInterval(() => this.#listen(), kListenEvery)];
    call.on('peer-gone', ({ peer }) => this.#forget(peer));
  }

  /** What was measured last stays to be read. */
  stop() {
    this.#over = true;
    for (const timer of this.#timers) clearInterval(timer);
  }

  async #measure() {
    for (const peer of this.#call.present) {
      const { connection } = peer;
      if (!connection || peer.state !== 'connected') continue;
      const stats = await connection.getStats().catch(() => null);
      if (!stats || this.#over || peer.connection !== connection || this.#call.isGone(peer)) continue;
      const last = this.#last.get(peer);
      const read = readStats(stats.values(), last?.connection === connection ? last.read : null);
      this.#last.set(peer, { connection, read });
      this.#show(peer, read);
    }
  }

  #show(peer, read) {
    byId('quality-empty').hidden = true;
    const section = this.#sections.get(peer) ?? this.#add(peer);
    const texts = [pathOf(read), pairOf(read), read.rtt === null ? 'not measured' : `${Math.round(read.rtt)} ms`, share(read.lossIn), share(read.lossOut),
      bitrate(read.bitrateIn), bitrate(read.bitrateOut)];
    texts.forEach((text, i) => { section.values[i].textContent = text; });
    section.title.textContent = this.#call.nameOf(peer);
    section.grade.textContent = kGrades[read.grade] ?? '';
    section.root.dataset.grade = read.grade ?? '';
    this.#stage.mark(peer, { poor: read.grade === 'poor' });
  }

  #add(peer) {
    const title = element('bdi'), grade = element('span', { class: 'grade' });
    const values = kRows.map(() => element('dd'));
    const root = element('section', { class: 'quality' }, element('h3', {}, title, grade),
      element('dl', {}, ...kRows.map((name, i) => element('div', {}, element('dt', {}, name), values[i]))));
    const section = { root, title, grade, values };
    this.#sections.set(peer, section);
    byId('quality-list').append(root);
    return section;
  }

  #forget(peer) {
    if (this.#over || this.#call.phase === 'ended') return;
    this.#sections.get(peer)?.root.remove();
    for (const kept of [this.#sections, this.#last, this.#spoke]) kept.delete(peer);
    byId('quality-empty').hidden = this.#sections.size > 0;
  }

  #listen() {
    const now = Date.now();
    for (const peer of this.#call.present) {
      if (peer.state !== 'connected') continue;
      if (loudness(peer) > kSpeech) this.#spoke.set(peer, now);
      this.#stage.mark(peer, { talking: now - (this.#spoke.get(peer) ?? 0) < kPause });
    }
  }
}
