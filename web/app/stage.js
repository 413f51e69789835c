// The pictures: a tile for every peer, and our own.

import { useSpeaker } from './devices.js';
import { byId, element, setText } from './dom.js';
import { viewEnded } from './viewing.js';

export class Stage {
  #call;
  #tiles = new Map();      // peer -> its elements
  #quiet;

  // `quiet`: the tiles stay silent, for an echo would howl.
  constructor(call, { quiet = false } = {}) {
    this.#call = call;
    this.#quiet = quiet;
    call.on('peer', (peer) => this.#show(peer));
    call.on('peer-gone', ({ peer }) => this.#remove(peer));
    byId('tiles').replaceChildren();
    byId('self-video').srcObject = null;
    setText('self-name', call.name ? `You (${call.name})` : 'You');
    byId('listen').hidden = true;
    byId('listen').onclick = () => {
      byId('listen').hidden = true;
      for (const { video } of this.#tiles.values()) video.muted = this.#quiet;
    };
  }

  showSelf(media) {
    const video = byId('self-video');
    const track = media.shown;
    const stream = video.srcObject;
    if ((stream?.getVideoTracks()[0] ?? null) !== track) video.srcObject = track ? new MediaStream([track]) : null;
    byId('self').classList.toggle('blank', !track);
    byId('self').classList.toggle('mirrored', track !== null && track !== media.screen);
  }

  #show(peer) {
    if (peer.state === 'closed' || this.#call.isGone(peer)) return this.#remove(peer);
    const tile = this.#tiles.get(peer) ?? this.#add(peer);
    const info = this.#call.infoOf(peer);
    const [stream = null] = peer.streams;
    if (tile.video.srcObject !== stream) {
      tile.video.srcObject = stream;
      if (stream) this.#play(tile);
    }
    const pictures = peer.state !== 'connecting' && Boolean(stream?.getVideoTracks().some((track) => track.readyState === 'live')) && (info.camera || info.screen);
    tile.root.classList.toggle('blank', !pictures);
    tile.root.classList.toggle('shared', info.screen);
    const leaving = this.#call.isLeaving(peer);
    tile.root.classList.toggle('away', leaving || peer.state !== 'connected');
    const name = this.#call.nameOf(peer);
    tile.video.setAttribute('aria-label', `Picture of ${name}`);
    tile.name.textContent = name;
    tile.hint.textContent = [
      leaving ? 'away' : info.plain ? 'terminal, chat only' : peer.state === 'connecting' || peer.state === 'reconnecting' ? peer.state : '',
      !leaving && peer.state === 'connected' && !info.mic ? 'muted' : '',
      info.screen ? 'shares the screen' : '',
    ].filter(Boolean).map((text) => ` · ${text}`).join('');
    this.#count();
  }

  #add(peer) {
    const video = element('video', { autoplay: true, playsInline: true });
    video.muted = this.#quiet;
    useSpeaker(video);
    const name = element('span', { dir: 'auto' }), hint = element('span', { class: 'hint' });
    const face = element('span', { class: 'face', 'aria-hidden': 'true' }, byId('self').querySelector('.face svg').cloneNode(true));
    const root = element('figure', { class: 'tile blank' }, video, face, element('figcaption', {}, name, hint));
    const tile = { root, video, name, hint };
    this.#tiles.set(peer, tile);
    byId('tiles').append(root);
    return tile;
  }

  // `{talking}` or `{poor}`, each of which is shown until it is said to be over.
  mark(peer, marks) {
    for (const [name, on] of Object.entries(marks)) this.#tiles.get(peer)?.root.classList.toggle(name, on);
  }

  // Without a camera of our own the browser may want to be asked before it makes a sound. The picture may move without.
  async #play(tile) {
    try {
      await tile.video.play();
    } catch (error) {
      if (error?.name !== 'NotAllowedError' || tile.video.muted) return;
      tile.video.muted = true;
      tile.video.play().catch(() => {});
      byId('listen').hidden = false;
    }
  }

  #remove(peer) {
    const tile = this.#tiles.get(peer);
    if (!tile) return;
    viewEnded(tile.video);
    tile.video.srcObject = null;
    tile.root.remove();
    this.#tiles.delete(peer);
    if (!this.#tiles.size) byId('listen').hidden = true;
    this.#count();
  }

  #count() {
    byId('tiles').dataset.count = String(this.#tiles.size);
  }

  clear() {
    for (const peer of [...this.#tiles.keys()]) this.#remove(peer);
    byId('self-video').srcObject = null;
  }
}
