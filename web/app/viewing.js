// The whole screen, and a picture that stays on top of other windows, where the browser has them.

import { byId, setText } from './dom.js';

// The first picture of another that is there.
const firstPicture = () => byId('tiles').querySelector('.tile:not(.blank) video');

function fullScreen() {
  const button = byId('full-screen');
  button.hidden = !document.fullscreenEnabled;
  button.onclick = () => {
    byId('viewing').hidePopover();
    const done = document.fullscreenElement ? document.exitFullscreen() : byId('main').requestFullscreen();
    done?.catch(() => {});                       // it stays as it is
  };
  document.onfullscreenchange = () => setText('full-screen-name', document.fullscreenElement ? 'Leave full screen' : 'Full screen');
}

function pictureInPicture() {
  const button = byId('picture-in-picture');
  button.hidden = !document.pictureInPictureEnabled;
  button.onclick = () => {
    byId('viewing').hidePopover();
    const done = document.pictureInPictureElement ? document.exitPictureInPicture() : firstPicture()?.requestPictureInPicture();
    done?.catch(() => {});
  };
  byId('viewing').onbeforetoggle = () => {
    button.disabled = !firstPicture() && !document.pictureInPictureElement;
    setText('picture-in-picture-name', document.pictureInPictureElement ? 'End picture in picture' : 'Picture in picture');
  };
}

export function offerViews() {
  fullScreen();
  pictureInPicture();
}

/** The peer of this picture has gone. */
export function viewEnded(video) {
  if (document.pictureInPictureElement === video) document.exitPictureInPicture().catch(() => {});
}
