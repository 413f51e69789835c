// What the pages share is named here, and nothing else is in the sheet that they share. A class that one page styles for itself there
// falls on the other page's elements of that name: `.note` of the call page once placed the doctor's notes over its report.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const web = fileURLToPath(new URL('../../web/', import.meta.url));
const read = (name) => readFileSync(web + name, 'utf8');
const kShared = ['symbols', 'for-ears', 'off-screen', 'skip', 'button', 'primary', 'quiet', 'field', 'with-button', 'problem',
  'top', 'brand', 'wave', 'card', 'lead', 'actions', 'noscript'];

const pages = readdirSync(web).filter((name) => name.endsWith('.html')).map((name) => {
  const sheets = [...read(name).matchAll(/<link rel="stylesheet" href="\/([^"]+)"/g)].map(([, sheet]) => sheet);
  return { name, sheets };
});
// Selectors only: what stands before each brace, without comments.
const selectors = (sheet) => [...read(sheet).replace(/\/\*[^]*?\*\//g, '').matchAll(/([^{};]+)\{/g)].map(([, selector]) => selector.trim()).filter((selector) => !selector.startsWith('@'));
const classes = (list) => new Set(list.flatMap((selector) => [...selector.matchAll(/\.([a-z][\w-]*)/g)].map(([, name]) => name)));

test('each page has the shared sheet and sheets of its own', () => {
  assert.ok(pages.length >= 2);
  for (const { name, sheets } of pages) assert.equal(sheets[0], 'style.css', name);
  const own = pages.flatMap(({ sheets }) => sheets.slice(1));
  assert.equal(new Set(own).size, own.length, `${own}`);
});

test('the shared sheet styles what is meant to be shared, and nothing else', () => {
  assert.deepEqual([...classes(selectors('style.css'))].filter((name) => !kShared.includes(name)), []);
});

test('no two sheets of a page style one class on its own', () => {
  for (const { name, sheets } of pages) {
    const seen = new Map();
    for (const sheet of sheets) {
      const alone = new Set(selectors(sheet).flatMap((selector) => selector.split(',')).map((one) => /^\s*\.([a-z][\w-]*)\s*$/.exec(one)?.[1]).filter(Boolean));
      for (const one of alone) {
        assert.ok(!seen.has(one), `${name}: .${one} is styled by ${seen.get(one)} and by ${sheet}`);
        seen.set(one, sheet);
      }
    }
  }
});
