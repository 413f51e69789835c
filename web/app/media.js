// Camera, microphone and screen of this page. `on.change` hears of every change; what there is goes to the peers by `link`.

const kVideo = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

// Why there is no camera, in words for people.
function problemOf(error) {
  switch (error?.name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return { kind: 'refused', text: 'Camera and microphone are blocked. Allow them in the address bar to be seen and heard; you can watch, listen and chat meanwhile.' };
    case 'NotFoundError':
    case 'OverconstrainedError':
      return { kind: 'none', text: 'No camera or microphone was found. You can watch, listen and chat.' };
    case 'NotReadableError':
    case 'AbortError':
      return { kind: 'busy', text: 'The camera is used by another program. You can watch, listen and chat.' };
    default:
      return { kind: 'failed', text: `The camera did not start: ${error?.message ?? error}. You can watch, listen and chat.` };
  }
}

function insecure() {
  return { kind: 'insecure', text: `Browsers give a camera only to secure pages, and ${location.origin} is not one. Open this page over https:// or on localhost to be seen; you can watch, listen and chat.` };
}

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

  // Both, or the one that there is.
  async start() {
    if (!navigator.mediaDevices?.getUserMedia) {
      this.problem = insecure();
      this.#isReady();
      return this.#changed();
    }
    this.starting = true;
    this.#changed();
    this.problem = null;
    let first = null;
    for (const wanted of [{ audio: true, video: kVideo }, { video: kVideo }, { audio: true }]) {
      try {
        const given = await navigator.mediaDevices.getUserMedia(wanted);
        for (const track of given.getTracks()) this.#take(track);
        first = null;
        break;
      } catch (error) {
        first ??= error;
        if (error?.name === 'NotAllowedError') break;
      }
    }
    if (first) this.problem = problemOf(first);
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

  // One device, asked for later.
  async #acquire(constraints) {
    if (!navigator.mediaDevices?.getUserMedia) {
      this.problem = insecure();
      return;
    }
    try {
      const given = await navigator.mediaDevices.getUserMedia(constraints);
      this.problem = null;
      given.getTracks().forEach((track) => this.#take(track));
    } catch (error) {
      this.problem = problemOf(error);
    }
  }

  async toggleMic() {
    if (this.mic?.readyState === 'live') this.mic.enabled = !this.mic.enabled;
    else await this.#acquire({ audio: true });
    this.#changed();
  }

  // Off means off: the camera's light goes out.
  async toggleCamera() {
    if (this.cameraOn) this.camera.stop();
    else await this.#acquire({ video: kVideo });
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
