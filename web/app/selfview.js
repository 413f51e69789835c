// One's own picture is in a corner of the stage, and a person may move it to another: by dragging it, by the arrow keys, or,
// without either, by pressing it again and again (WCAG 2.5.7).

import { choice, choose } from './choices.js';
import { byId } from './dom.js';

const kCorners = ['bottom-right', 'bottom-left', 'top-left', 'top-right'];     // clockwise
const kStill = 6;                    // px that a pointer may move and have pressed all the same
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
    dragged = false;
    if (!way) return;
    event.preventDefault();
    move(self.dataset.corner.replace(...way));
  };

  let from = null, dragged = false;
  grip.onclick = () => {
    if (!dragged) move(kCorners[(kCorners.indexOf(self.dataset.corner) + 1) % kCorners.length]);
  };
  grip.onpointerdown = ({ pointerId, clientX, clientY, button }) => {
    if (button !== 0) return;
    from = { x: clientX, y: clientY };
    dragged = false;
    grip.setPointerCapture(pointerId);
  };
  grip.onpointermove = ({ clientX, clientY }) => {
    if (!from) return;
    dragged ||= Math.hypot(clientX - from.x, clientY - from.y) > kStill;
    if (dragged) self.style.translate = `${clientX - from.x}px ${clientY - from.y}px`;
  };
  grip.onpointerup = grip.onpointercancel = ({ type }) => {
    if (!from) return;
    from = null;
    const now = self.getBoundingClientRect(), stage = byId('stage').getBoundingClientRect();
    self.style.translate = '';
    if (type !== 'pointerup' || !dragged) return;
    const right = now.left + now.right > stage.left + stage.right, bottom = now.top + now.bottom > stage.top + stage.bottom;
    move(`${bottom ? 'bottom' : 'top'}-${right ? 'right' : 'left'}`);
  };
}
