// The little that the page needs of the DOM. Text goes in as text, never as markup.

export const byId = (id) => document.getElementById(id);

// element('li', { class: 'line', hidden: true, onclick: f }, 'text', otherElement)
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith('on') || key in made && typeof value !== 'string') made[key] = value;
    else if (value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function icon(button, name) {
  button.querySelector('use').setAttribute('href', `#i-${name}`);
}

export function setText(id, text) {
  const target = byId(id);
  if (target.textContent !== text) target.textContent = text;
}

export const clockTime = (date) => date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });

// Calls `act` at most once a frame, however often it is asked for. A hidden tab draws no frames, so a timer stands in.
export function oncePerFrame(act) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    const go = () => {
      asked = false;
      act();
    };
    if (document.hidden) setTimeout(go, 100);
    else requestAnimationFrame(go);
  };
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { /* an insecure origin has no clipboard, but the old way works */ }
  const holder = element('textarea', { class: 'off-screen', 'aria-hidden': 'true' });
  holder.value = text;
  document.body.append(holder);
  const focused = document.activeElement;
  holder.select();
  const done = document.execCommand('copy');
  holder.remove();
  focused?.focus();
  return done;
}

// Says on the button itself that it worked.
export async function copyFrom(button, text, place = button) {
  const before = place.textContent;
  place.textContent = await copyText(text) ? 'Copied' : 'Not copied';
  clearTimeout(button.timer);
  button.before ??= before;
  button.timer = setTimeout(() => { place.textContent = button.before; button.before = undefined; }, 1600);
}
