// The diagnosis by itself: measurements that were taken in the networks of the bed (cases/, by all.mjs --keep), the words for them, and
// what is left when measurements are missing. tests/unit/doctor runs the same cases through the twin in C++.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { diagnose } from '../../web/doctor/diagnose.js';
import { advice, asJson, asText, duration, inWords, size } from '../../web/doctor/report.js';

const read = (path) => JSON.parse(readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8'));
const words = read('../../web/doctor/words.json');
const cases = readdirSync(new URL('cases/', import.meta.url)).sort().map((file) => ({ name: file.replace('.json', ''), ...read(`cases/${file}`) }));

for (const { name, network, measurements, expected } of cases) {
  test(`${name}: ${network}`, () => {
    const diagnosis = diagnose(measurements);
    assert.deepEqual(JSON.parse(JSON.stringify(diagnosis)), expected);
    const text = asText(measurements, diagnosis, words);
    assert.doesNotMatch(text, /\{|\}|undefined|NaN|null|unknown/, 'every place in the words is filled');
    assert.match(text, /^sigway (will use|cannot work)/m);
    assert.deepEqual(JSON.parse(asJson(measurements, diagnosis)).measurements, measurements);
  });
}

// Any part may be missing: the minute is over, or the page was closed.
test('without some of the measurements it says less, and nothing else', () => {
  for (const { measurements, expected } of cases) {
    for (const part of Object.keys(measurements)) {
      if (['reach', 'times', 'schema', 'url', 'at'].includes(part)) continue;
      const { [part]: _, ...rest } = measurements;
      const said = inWords(diagnose(rest), words);
      assert.ok(said.length <= expected.findings.length + 2, part);
    }
  }
});

test('the words have no finding that is never made, and every finding has its words', () => {
  const source = ['../../web/doctor/diagnose.js', '../../src/doctor/certificate.cpp'].map((path) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8')).join('\n');
  for (const [id, { topic, level, title, text }] of Object.entries(words.findings)) {
    const stem = id.replace(/-at-first$/, '');
    assert.ok(source.includes(`'${stem}'`) || source.includes(`"${stem}"`), `nothing says ${id}`);
    assert.ok(topic in words.topics && ['good', 'note', 'warn', 'bad'].includes(level) && title && text, id);
    assert.doesNotMatch(title, /\.$/);
    assert.match(text, /\.$/);
  }
  for (const { expected } of cases) for (const { id } of expected.findings) assert.ok(id in words.findings, id);
});

test('times and sizes as people write them', () => {
  assert.deepEqual([4, 999, 1000, 1240, 9949, 9999, 35000].map(duration), ['4 ms', '999 ms', '1 s', '1.2 s', '9.9 s', '10 s', '35 s']);
  assert.deepEqual([0, 1023, 1024, 1536, 10240, 65536, 1048576].map(size), ['0 bytes', '1023 bytes', '1 KiB', '1.5 KiB', '10 KiB', '64 KiB', '1 MiB']);
});

test('advice is given once, the worst first', () => {
  const said = inWords({ findings: [{ id: 'silence-cut', ms: 5000 }, { id: 'websocket-dead' }, { id: 'websocket-dead' }, { id: 'unreachable' }] }, words);
  assert.deepEqual(advice(said).map(({ id }) => id), ['unreachable', 'websocket-dead', 'silence-cut']);
});
