// Cameras, microphones and speakers: which there are, opening those that were chosen, and why one did not open.

import { choice } from './choices.js';

const kVideo = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

// `ideal`: one that is no longer plugged in leaves the choice to the browser.
const preferred = (field) => choice(field) ? { deviceId: { ideal: choice(field) } } : null;
const constraints = {
  camera: () => ({ video: { ...kVideo, ...preferred('camera') } }),
  mic: () => ({ audio: preferred('mic') ?? true }),
};

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

async function open(kinds) {
  const wanted = Object.assign({}, ...kinds.map((kind) => constraints[kind]()));
  return (await navigator.mediaDevices.getUserMedia(wanted)).getTracks();
}

/** One device, `camera` or `mic`: {tracks, problem}. */
export async function openDevice(kind) {
  if (!navigator.mediaDevices?.getUserMedia) return { tracks: [], problem: insecure() };
  try {
    return { tracks: await open([kind]), problem: null };
  } catch (error) {
    return { tracks: [], problem: problemOf(error) };
  }
}

/** Camera and microphone, or the one that there is: {tracks, problem}. */
export async function openDevices() {
  if (!navigator.mediaDevices?.getUserMedia) return { tracks: [], problem: insecure() };
  let first = null;
  for (const kinds of [['mic', 'camera'], ['camera'], ['mic']]) {
    try {
      return { tracks: await open(kinds), problem: null };
    } catch (error) {
      first ??= error;
      if (error?.name === 'NotAllowedError') break;
    }
  }
  return { tracks: [], problem: problemOf(first) };
}

export const canChooseSpeaker = () => typeof HTMLMediaElement.prototype.setSinkId === 'function';

/** {camera, mic, speaker}: lists of {id, label}. Browsers tell labels only to a page that has been given a device. */
export async function listDevices() {
  const kinds = { videoinput: 'camera', audioinput: 'mic', audiooutput: 'speaker' };
  const lists = { camera: [], mic: [], speaker: [] };
  const all = await navigator.mediaDevices?.enumerateDevices?.().catch(() => []) ?? [];
  for (const { kind, deviceId, label } of all) if (deviceId) lists[kinds[kind]]?.push({ id: deviceId, label });
  return lists;
}

// The chosen speaker, if it is still there.
export function useSpeaker(medium) {
  const id = choice('speaker');
  if (canChooseSpeaker() && id !== medium.sinkId) medium.setSinkId(id).catch(() => {});
}
