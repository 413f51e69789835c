// The preview before a call: one's own picture, how loud the microphone is, and which devices to use. No device is opened before a
// person has pressed the switch.

import { choice, choose } from './choices.js';
import { canChooseSpeaker, listDevices, openDevice, openDevices } from './devices.js';
import { byId, element, setText } from './dom.js';
import { Level } from './level.js';

const kPickers = ['camera', 'mic', 'speaker'];
const kLabels = { camera: 'Camera', mic: 'Microphone', speaker: 'Speaker' };

export class Preview {
  #tracks = { camera: null, mic: null };
  #pressed = false;                  // a person has said whether to be seen and heard
  #on = false;
  #work = Promise.resolve();         // devices are opened one after the other
  #level = null;
  #over = false;
  #plugged = () => this.#list();

  constructor() {
    byId('preview').hidden = false;
    byId('preview-switch').onclick = () => this.#turn(!this.#on);
    for (const kind of kPickers) byId(`pick-${kind}`).onchange = ({ target }) => this.#pick(kind, target.value);
    this.#show();
  }

  #turn(on) {
    this.#pressed = true;
    this.#on = on;
    if (!on) this.#close();
    else this.#queue(() => this.#open());
    this.#show();
  }

  #queue(act) {
    this.#work = this.#work.then(act);
  }

  async #open() {
    if (!this.#on || this.#tracks.camera || this.#tracks.mic) return;
    byId('preview-switch').setAttribute('aria-busy', 'true');
    const { tracks, problem } = await openDevices();
    byId('preview-switch').removeAttribute('aria-busy');
    for (const track of tracks) this.#take(track);
    setText('preview-problem', problem?.text ?? '');
    // Who was refused a device may be given one later: joining asks again.
    if (!tracks.length) this.#on = this.#pressed = false;
    if (this.#over) return;
    if (!this.#on) return this.#show();
    navigator.mediaDevices?.addEventListener('devicechange', this.#plugged);
    await this.#list();
    this.#show();
  }

  #take(track) {
    if (!this.#on) return track.stop();              // switched off meanwhile
    this.#tracks[track.kind === 'audio' ? 'mic' : 'camera'] = track;
    track.onended = () => this.#show();
  }

  // The old one first: some machines open only one at a time.
  async #pick(kind, id) {
    choose(kind, id);
    if (kind === 'speaker') return;
    this.#queue(async () => {
      if (!this.#on || this.#over) return;
      this.#tracks[kind]?.stop();
      this.#tracks[kind] = null;
      const { tracks, problem } = await openDevice(kind);
      for (const track of tracks) this.#take(track);
      setText('preview-problem', problem?.text ?? '');
      this.#show();
    });
  }

  #close() {
    for (const kind of ['camera', 'mic']) {
      this.#tracks[kind]?.stop();
      this.#tracks[kind] = null;
    }
    navigator.mediaDevices?.removeEventListener('devicechange', this.#plugged);
  }

  async #list() {
    const lists = await listDevices();
    for (const kind of kPickers) {
      const used = kind === 'speaker' ? choice(kind) : this.#tracks[kind]?.getSettings().deviceId ?? choice(kind);
      const options = lists[kind].map(({ id, label }, i) => element('option', { value: id }, label || `${kLabels[kind]} ${i + 1}`));
      byId(`pick-${kind}`).replaceChildren(...options);
      if (lists[kind].some(({ id }) => id === used)) byId(`pick-${kind}`).value = used;
      byId(`pick-${kind}`).parentElement.hidden = !options.length || kind === 'speaker' && !canChooseSpeaker();
    }
  }

  #show() {
    if (this.#over) return;
    const { camera, mic } = this.#tracks;
    const video = byId('preview-video');
    const seen = camera?.readyState === 'live';
    byId('preview-switch').setAttribute('aria-checked', String(this.#on));
    byId('join').classList.toggle('previewing', this.#on);
    byId('preview-open').hidden = !this.#on;
    byId('preview-picture').classList.toggle('blank', !seen);
    if ((video.srcObject?.getTracks()[0] ?? null) !== (seen ? camera : null)) video.srcObject = seen ? new MediaStream([camera]) : null;
    setText('preview-says', this.#on ? 'This is how others will see you.' : this.#pressed ? 'You join without camera and microphone; you can turn them on in the call.'
      : '');
    this.#listen(mic?.readyState === 'live' ? mic : null);
  }

  #listen(mic) {
    if (this.#level?.track === mic) return;
    this.#level?.meter.stop();
    byId('preview-level').value = 0;
    this.#level = mic && { track: mic, meter: new Level(mic, (value) => { byId('preview-level').value = value; }) };
  }

  /** Ends the preview. What the call begins with: a promise of {tracks}, which are then the caller's, or undefined where nobody has
   *  said anything yet. */
  handOver() {
    this.#over = true;
    this.#listen(null);
    byId('preview-video').srcObject = null;
    navigator.mediaDevices?.removeEventListener('devicechange', this.#plugged);
    if (!this.#pressed) return undefined;
    return this.#work.then(() => {
      if (!this.#pressed) return undefined;          // it was refused
      const tracks = [this.#tracks.mic, this.#tracks.camera].filter((track) => track?.readyState === 'live');
      for (const track of tracks) track.onended = null;
      return { tracks };
    });
  }
}
