// Waiting for what a page will say. Playwright's own waitForFunction takes the promise of an async condition for something true
// (seen with 1.60), so a condition with `await` in it would always hold.

import { setTimeout as pause } from 'node:timers/promises';

const kMoved = /context was destroyed|Cannot find context|navigat/i;   // the page is being reloaded: ask the next one

// Runs `condition`, a function or an expression, in the page every `every` milliseconds until what it gives, or what its promise
// resolves with, is true, and gives that. Fails after `timeout` milliseconds, and when the condition throws.
export async function until(page, condition, argument, { timeout, every = 50 }) {
  const ask = () => page.evaluate(condition, argument).catch((error) => { if (!kMoved.test(error.message)) throw error; });
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${timeout} ms in vain for ${condition}`)), timeout);
  });
  try {
    for (;;) {
      const given = await Promise.race([ask(), late]);
      if (given) return given;
      await Promise.race([pause(every), late]);
    }
  } finally {
    clearTimeout(timer);
  }
}
