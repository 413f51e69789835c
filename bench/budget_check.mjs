// Compares figures with the budget. No I/O.

import { kFigures } from './budget_figures.mjs';

export const kMargin = 0.03;
// Another compiler or C library makes other code of the same source. So much more is an accident of our own also there.
export const kForeignMargin = 0.15;
// A table that grows now and then makes parts of an allocation a message.
const kNoise = { allocations: 0.1 };

const percent = (ratio) => `${ratio >= 1 ? '+' : '−'}${Math.abs((ratio - 1) * 100).toFixed(1)} %`;

/** {problems, notes}: lines of text. `toolchain` is what measured; the budget names what wrote it. */
export function checkBudget(budget, measured, toolchain) {
  const problems = [], notes = [];
  const differing = Object.keys({ ...budget.toolchain, ...toolchain }).filter((what) => budget.toolchain[what] !== toolchain[what]);
  const margin = differing.length > 0 ? kForeignMargin : kMargin;
  if (differing.length > 0) {
    const list = differing.map((what) => `${what} ${toolchain[what]} instead of ${budget.toolchain[what]}`).join(', ');
    notes.push(`The budget was written with another toolchain (${list}): it is compared with a margin of ${kForeignMargin * 100} % instead of ${kMargin * 100} %`);
  }
  for (const [transport, limits] of Object.entries(budget.figures)) {
    for (const [figure, limit] of Object.entries(limits)) {
      const value = measured[transport]?.[figure];
      if (value === undefined) {
        problems.push(`${transport}: ${kFigures[figure] ?? figure} was not measured`);
        continue;
      }
      const ratio = value / limit;
      const line = `${transport}: ${kFigures[figure]}: ${value}, the budget is ${limit} (${percent(ratio)})`;
      if (ratio > 1 + margin && value - limit > (kNoise[figure] ?? 0)) problems.push(line);
      else if (ratio < 1 - kMargin && differing.length === 0) notes.push(`${line}: less than the budget; write it anew, or the next increase is not seen`);
    }
  }
  return { problems, notes };
}

/** The smaller value of each figure. */
export const leastOf = (some, others) => Object.fromEntries(Object.entries(some).map(([transport, figures]) =>
  [transport, Object.fromEntries(Object.entries(figures).map(([figure, value]) => [figure, Math.min(value, others[transport][figure])]))]));
