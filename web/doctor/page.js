// The page /doctor: starts by itself, shows what is being looked at, then the verdict.

import { byId, copyFrom, element, setText } from '../app/dom.js';
import { diagnose } from './diagnose.js';
import { examine } from './examine.js';
import { advice, asJson, asText, inWords, verdict } from './report.js';

const words = await (await fetch('/doctor/words.json')).json();
const kMarks = { good: '✓', note: 'i', warn: '!', bad: '✕' };
const kLevels = { good: 'Good', note: 'Note', warn: 'Problem', bad: 'Failure' };
let report = null;

function finding({ level, title, text }) {
  return element('li', { class: level },
    element('span', { class: 'mark', 'aria-hidden': 'true' }, kMarks[level]),
    element('div', {}, element('b', {}, element('span', { class: 'for-ears' }, `${kLevels[level]}: `), title), element('p', {}, text)));
}

function show(measurements) {
  const diagnosis = diagnose(measurements);
  const said = inWords(diagnosis, words);
  const { title, text } = verdict(diagnosis, words);
  report = { text: asText(measurements, diagnosis, words), json: asJson(measurements, diagnosis) };
  byId('result').dataset.transport = diagnosis.transport ?? 'none';
  setText('verdict', title);
  setText('verdict-text', text);
  byId('topics').replaceChildren(...Object.entries(words.topics).map(([topic, name]) => {
    const here = said.filter((one) => one.topic === topic);
    return here.length === 0 ? '' : element('section', {}, element('h2', {}, name), element('ul', { class: 'findings' }, ...here.map(finding)));
  }));
  const todo = advice(said);
  byId('advice').hidden = todo.length === 0;
  byId('advice-list').replaceChildren(...todo.map((one) => element('li', {}, element('b', {}, one.title), element('p', {}, one.advice))));
  setText('when', `${measurements.url}, ${new Date(measurements.at).toLocaleString()}, took ${Math.round(measurements.took / 1000)} s`);
}

async function check() {
  byId('result').hidden = true;
  byId('progress').hidden = false;
  const began = performance.now();
  const limit = 45000;
  const draw = () => {
    // The long ones take their time whatever else is done: time is the honest measure.
    const part = Math.min(0.98, Math.max((performance.now() - began) / limit, 0.02));
    byId('bar').value = part;
    setText('bar-text', `about ${Math.max(1, Math.ceil((limit * (1 - part)) / 1000))} s left`);
  };
  const timer = setInterval(draw, 250);
  draw();
  const measurements = await examine({
    url: location.origin,
    onProgress: ({ step, what, running }) => {
      const known = byId(`step-${step}`);
      if (what === 'ends') known?.setAttribute('class', 'done');
      else if (!known) byId('steps').append(element('li', { id: `step-${step}`, class: 'running' }, running.at(-1)));
    },
  });
  clearInterval(timer);
  byId('progress').hidden = true;
  byId('steps').replaceChildren();
  show(measurements);
  byId('result').hidden = false;
  byId('verdict').focus();
}

byId('again').onclick = () => { check().catch(failed); };
byId('copy-text').onclick = () => copyFrom(byId('copy-text'), report.text);
byId('copy-json').onclick = () => copyFrom(byId('copy-json'), report.json);

function failed(error) {
  byId('progress').hidden = true;
  byId('problem').hidden = false;
  byId('problem').textContent = `The check could not be made: ${error.message}. Reload the page to try again.`;
}

check().catch(failed);
