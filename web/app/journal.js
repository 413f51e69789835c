// The client's journal in words: what it tries on this network, why that is dropped, what it learns.

import { transportInText as named } from './transports.js';

const because = (why) => why ? `: ${why}` : '';
const seconds = (milliseconds) => milliseconds < 1000 ? `${milliseconds} ms` : `${Math.round(milliseconds / 100) / 10} s`;
const each = (transports) => String(transports).split(', ').map(named).join(', ');

// What the client asks for after a lesson, by the name of the figure.
const kMeasures = {
  heartbeat: (value) => `a sign of life every ${seconds(value)}`,
  hold: (value) => `answers within ${seconds(value)}`,
  renewal: (value) => `a new connection every ${seconds(value)}`,
  pad: (value) => `${value} bytes of padding`,
  body: (value) => `uploads of at most ${value} bytes`,
};

function lesson(entry) {
  const measures = Object.keys(kMeasures).filter((name) => entry[name]).map((name) => kMeasures[name](entry[name]));
  const where = entry.transport ? `${named(entry.transport)}: ` : '';
  return `${where}${entry.why}${measures.length ? `, so it asks for ${measures.join(' and ')}` : ''}`;
}

const kSentences = {
  race: ({ transports }) => `looks for a way: ${each(transports)}`,
  probe: ({ transports }) => `looks for a better way: ${each(transports)}`,
  renewal: ({ transports }) => `renews ${each(transports)} before the network cuts it`,
  switch: ({ transports }) => `changes to ${each(transports)}`,
  trying: ({ transport }) => `tries ${named(transport)}`,
  failed: ({ transport, why }) => `${named(transport)} does not work${because(why)}`,
  dropped: ({ transport, why }) => `drops ${named(transport)}${because(why)}`,
  active: ({ transport, proof }) => `uses ${named(transport)}, proved after ${seconds(proof)}`,
  lost: ({ transport, age, why }) => `lost ${transport ? named(transport) : 'the connection'}${age ? ` after ${seconds(age)}` : ''}${because(why)}`,
  'set aside': ({ transport, for: term, why }) => `tries no ${named(transport)} for ${seconds(term)}${because(why)}`,
  learnt: (entry) => `learns about ${lesson(entry)}`,
  relaxed: (entry) => `relaxes: ${lesson(entry)}`,
  remembered: ({ transport }) => `remembers that ${named(transport)} works on this network`,
  'nothing works': ({ why }) => `nothing gets through${because(why)}`,
  reset: ({ why }) => `begins a new session${because(why)}`,
};

const kAside = new Set(['at', 'what', 'why', 'code', 'transport']);

/** One line of plain text. What has no sentence of its own says its word and its figures. */
export function sentence(entry) {
  const own = kSentences[entry.what];
  if (own) return own(entry);
  const figures = Object.entries(entry).filter(([name]) => !kAside.has(name)).map(([name, value]) => `${name} ${value}`);
  const what = [entry.what, entry.transport ? named(entry.transport) : '', ...figures].filter(Boolean).join(' · ');
  return what + because(entry.why);
}
