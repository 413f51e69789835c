// Single keys for what people do most in a call: m, v and c press the buttons of microphone, camera and chat. They can be turned off,
// for speech input may press any key (WCAG 2.1.4).

import { choice, choose } from './choices.js';
import { byId } from './dom.js';

const kKeys = { m: 'mic', v: 'camera', c: 'open-chat' };

// Whether a key that is pressed there writes something, or chooses from a list.
function writes(target) {
  return target instanceof Element && (target.isContentEditable || target.matches('textarea, select, input:not([type=checkbox], [type=radio])'));
}

export function listenToKeys() {
  const wanted = byId('use-keys');
  wanted.checked = choice('keys') !== 'off';
  wanted.onchange = () => choose('keys', wanted.checked ? 'on' : 'off');
  document.onkeydown = (event) => {
    const button = kKeys[event.key?.toLowerCase()];
    if (!button || !wanted.checked || event.repeat || event.isComposing || event.defaultPrevented) return;
    if (event.ctrlKey || event.metaKey || event.altKey || writes(event.target)) return;
    event.preventDefault();                      // the chat would begin with a c
    byId(button).click();                        // nothing, when it is disabled
  };
}
