// Camera, microphone and screen of this page. `on.change` hears of every change; what there is goes to the peers by `link`.

import { openDevice, openDevices } from './devices.js';

export class Media {
  link = null;
  mic = null;
  camera = null;          // the track that stands for the camera at the peers; may have ended
  screen = null;
  problem = null;
  starting = false;
  #isReady;
  ready = new Promise((resolve) => { this.#isReady = resolve; });   // what the browser gives is there, or nothing is to come
  stream = new MediaStream();
  #changed;
  #stopped = false;

  constructor(changed) {
    this.#changed = () => { if (!this.#stopped) changed(); };   // by then the page may have others
  }

  get micOn() { return this.mic?.readyState === 'live' && this.mic.enabled; }
  get cameraOn() { return this.camera?.readyState === 'live'; }
  get canShare() { return Boolean(navigator.mediaDevices?.getDisplayMedia); }
  get shown() { return this.screen ?? (this.cameraOn ? this.camera : null); }
  get summary() { return { mic: this.micOn, camera: this.cameraOn, screen: this.screen !== null }; }

  // From now on `link` gets what there is and what is to come.
  attach(link) {
    this.link = link;
    for (const track of [this.mic, this.screen ?? this.camera]) if (track) link.addTrack(track, this.stream);
  }

  // With what a preview has handed over, `{tracks}`, if it did; else with both devices, or the one that there is.
  async start(given) {
    this.starting = true;
    this.problem = null;
    this.#changed();
    const { tracks, problem = null } = await given ?? await openDevices();
    for (const track of tracks) this.#take(track);
    this.problem = problem;
    this.starting = false;
    this.#isReady();
    this.#changed();
  }

  #take(track) {
    const kind = track.kind === 'audio' ? 'mic' : 'camera';
    const before = this[kind];
    // Asked for twice: the second one would stay on for good, for nothing here would stop it.
    if (this.#stopped || before?.readyState === 'live') return track.stop();
    this[kind] = track;
    track.onended = () => this.#changed();
    if (kind === 'camera' && this.screen) return;           // it is sent when the screen is not
    if (before && this.link?.tracks.has(before)) this.link.replaceTrack(before, track);
    else this.link?.addTrack(track, this.stream);
  }

  // One device, asked for later: `camera` or `mic`.
  async #acquire(kind) {
    const { tracks, problem } = await openDevice(kind);
    this.problem = problem;
    for (const track of tracks) this.#take(track);
  }

  async toggleMic() {
    if (this.mic?.readyState === 'live') this.mic.enabled = !this.mic.enabled;
    else await this.#acquire('mic');
    this.#changed();
  }

  // Off means off: the camera's light goes out.
  async toggleCamera() {
    if (this.cameraOn) this.camera.stop();
    else await this.#acquire('camera');
    this.#changed();
  }

  async toggleScreen() {
    if (this.screen) return this.#endScreen();
    let given;
    try {
      given = await navigator.mediaDevices.getDisplayMedia({ video: true });
    } catch (error) {
      if (error?.name !== 'NotAllowedError') this.problem = { kind: 'screen', text: `The screen cannot be shared: ${error?.message ?? error}` };
      return this.#changed();
    }
    const [screen] = given.getVideoTracks();
    if (this.#stopped || this.screen) return screen.stop();   // the call ended, or another one came, while the picker was open
    this.screen = screen;
    this.screen.contentHint = 'detail';
    this.screen.onended = () => this.#endScreen();
    if (this.camera && this.link?.tracks.has(this.camera)) await this.link.replaceTrack(this.camera, this.screen);
    else this.link?.addTrack(this.screen, this.stream);
    this.#changed();
  }

  async #endScreen() {
    const { screen } = this;
    if (!screen) return;
    this.screen = null;
    screen.stop();
    if (this.camera) await this.link?.replaceTrack(screen, this.camera);
    else this.link?.removeTrack(screen);
    this.#changed();
  }

  stop() {
    this.#stopped = true;
    this.#isReady();
    for (const track of [this.mic, this.camera, this.screen]) track?.stop();
    this.mic = this.camera = this.screen = null;
  }
}
