// Findings in words: pure. `words` is the content of words.json.

const kLevels = ['bad', 'warn', 'note', 'good'];
const kMarks = { bad: '✗', warn: '!', note: '·', good: '✓' };

export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${String(Math.round(ms / 100) / 10)} s`;
  return `${Math.round(ms / 1000)} s`;
}

export function size(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  const kib = bytes / 1024;
  return kib < 1024 ? `${kib < 10 ? String(Math.round(kib * 10) / 10) : Math.round(kib)} KiB` : `${Math.round(kib / 102.4) / 10} MiB`;
}

function filled(text, finding) {
  return text?.replace(/\{(\w+)\}/g, (_, name) => {
    const value = finding[name];
    if (name === 'ms') return `${finding.least ? 'at least ' : ''}${duration(value)}`;
    if (name === 'bytes') return size(value);
    return value === undefined || value === null ? 'unknown' : String(value);
  });
}

// [{id, topic, level, title, text, advice}], in the order of the topics.
export function inWords({ findings }, words) {
  const topics = Object.keys(words.topics);
  return findings.map((finding) => {
    const { topic, level, title, text, advice } = words.findings[finding.id];
    return { id: finding.id, topic, level, title: filled(title, finding), text: filled(text, finding), advice: filled(advice, finding) };
  }).sort((a, b) => topics.indexOf(a.topic) - topics.indexOf(b.topic));
}

export const verdict = ({ transport }, words) => words.verdict[transport ?? 'none'];

// What an administrator can do, the worst first, each once.
export function advice(said) {
  const some = said.filter((one) => one.advice).sort((a, b) => kLevels.indexOf(a.level) - kLevels.indexOf(b.level));
  return [...new Map(some.map((one) => [one.advice, one])).values()];
}

// The report as text, to be read by a person in an e-mail.
export function asText(measurements, diagnosis, words) {
  const said = inWords(diagnosis, words);
  const { title, text } = verdict(diagnosis, words);
  const lines = [`sigway doctor, ${measurements.url}, ${measurements.at}`, '', title, text];
  for (const [topic, name] of Object.entries(words.topics)) {
    const here = said.filter((one) => one.topic === topic);
    if (here.length === 0) continue;
    lines.push('', name);
    for (const one of here) lines.push(`  ${kMarks[one.level]} ${one.title}. ${one.text}`);
  }
  const todo = advice(said);
  if (todo.length > 0) lines.push('', 'For the administrator', ...todo.map((one) => `  - ${one.title}: ${one.advice}`));
  return `${lines.join('\n')}\n`;
}

// The report for a program: conclusions and everything that was measured.
export const asJson = (measurements, diagnosis) => `${JSON.stringify({ ...diagnosis, measurements }, null, 2)}\n`;
