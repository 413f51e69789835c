// One's own picture is in a corner of the stage, and a person may move it to another: by dragging it, or by the arrow keys.

import { choice, choose } from './choices.js';
import { byId } from './dom.js';

const kCorners = ['bottom-right', 'bottom-left', 'top-right', 'top-left'];
const kArrows = { ArrowLeft: ['right', 'left'], ArrowRight: ['left', 'right'], ArrowUp: ['bottom', 'top'], ArrowDown: ['top', 'bottom'] };

export function moveSelfView() {
  const self = byId('self'), grip = byId('self-grip');
  const put = (corner) => {
    self.dataset.corner = corner;
    grip.setAttribute('aria-description', `In the ${corner.replace('-', ' ')} corner.`);
  };
  const move = (corner) => {
    put(corner);
    choose('corner', corner);
  };
  put(kCorners.includes(choice('corner')) ? choice('corner') : kCorners[0]);

  grip.onkeydown = (event) => {
    const way = kArrows[event.key];
    if (!way) return;
    event.preventDefault();
    move(self.dataset.corner.replace(...way));
  };

  let from = null;
  grip.onpointerdown = ({ pointerId, clientX, clientY, button }) => {
    if (button !== 0) return;
    from = { x: clientX, y: clientY };
    grip.setPointerCapture(pointerId);
  };
  grip.onpointermove = ({ clientX, clientY }) => {
    if (from) self.style.translate = `${clientX - from.x}px ${clientY - from.y}px`;
  };
  grip.onpointerup = grip.onpointercancel = ({ type }) => {
    if (!from) return;
    from = null;
    const now = self.getBoundingClientRect(), stage = byId('stage').getBoundingClientRect();
    self.style.translate = '';
    if (type !== 'pointerup') return;
    const right = now.left + now.right > stage.left + stage.right, bottom = now.top + now.bottom > stage.top + stage.bottom;
    move(`${bottom ? 'bottom' : 'top'}-${right ? 'right' : 'left'}`);
  };
}
