// Horizontal bars in groups, as SVG that reads well on light and dark pages.

const kWidth = 760, kLeft = 110, kRight = 110, kBar = 18, kGap = 4, kHead = 52, kGroupHead = 22;
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const shown = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));

/** groups: [{name, bars: [{name, median, spread}]}]; the spread in percent. */
export function chartOf({ title, unit, groups }) {
  const most = Math.max(...groups.flatMap((group) => group.bars.map((bar) => bar.median)), 1e-9);
  const scale = (kWidth - kLeft - kRight) / most;
  const parts = [];
  let y = kHead;
  for (const { name, bars } of groups) {
    parts.push(`<text class="group" x="12" y="${y + 14}">${escape(name)}</text>`);
    y += kGroupHead;
    for (const bar of bars) {
      const length = Math.max(1, bar.median * scale);
      parts.push(`<text x="${kLeft - 8}" y="${y + 13}" text-anchor="end">${escape(bar.name)}</text>`,
        `<rect class="${bar.name === 'sigway' ? 'own' : bar.name === 'floor' ? 'floor' : 'peer'}" x="${kLeft}" y="${y}" width="${length.toFixed(1)}" height="${kBar}" rx="2"/>`,
        `<text x="${(kLeft + length + 6).toFixed(1)}" y="${y + 13}">${shown(bar.median)}${bar.spread >= 1 ? ` ±${bar.spread.toFixed(0)}%` : ''}</text>`);
      y += kBar + kGap;
    }
    y += 8;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${kWidth} ${y}" width="${kWidth}" height="${y}" role="img" aria-label="${escape(`${title}, ${unit}`)}">
<style>text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-size:15px;font-weight:600}.group{font-weight:600}.own{fill:#1a7f64}.floor{fill:#8c959f}.peer{fill:#6c8ebf}@media(prefers-color-scheme:dark){text{fill:#d0d7de}}</style>
<text class="title" x="12" y="22">${escape(title)}</text>
<text x="12" y="40">${escape(unit)}, less is better</text>
${parts.join('\n')}
</svg>
`;
}
