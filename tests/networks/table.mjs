// How results look: a line for each cell at the terminal, a row for each network in docs/networks.md.

import { expectations } from './networks.mjs';

const kReadySlack = 500;         // ms later than the best transport by itself

const ms = (value) => (Number.isFinite(value) ? Math.round(value) : '-');

export const heading = () =>
  '       network              shape    behind  ready  transport   p95   worst  requests     KiB  idle/20s  conn  noise';

export function line({ network, shape, behind, faults, slow, ready, transport, p95, worst, requests, bytes, idle, noise, connections, settled }) {
  const verdict = faults.length ? 'FAILED' : !slow ? 'ok    ' : slow.isSure ? 'slow  ' : 'slow? ';
  return [verdict, network.name.padEnd(20), shape.padEnd(8), behind.padEnd(6), String(ms(ready)).padStart(6),
    (transport ?? '-').padEnd(9), String(ms(p95)).padStart(5), String(ms(worst)).padStart(7), String(requests).padStart(9),
    String(Math.round(bytes / 1024)).padStart(7), (idle === null ? '' : idle.toFixed(1)).padStart(6),
    `${connections}/${settled ?? '-'}`.padStart(5), String(ms(noise)).padStart(6), faults.length ? ` ${faults[0].slice(0, 100)}` : ''].join(' ');
}

// An outage ends when it ends, and who asks at the right moment is luck.
export function readiness(network, times, ready) {
  const [best, time] = Object.entries(times).sort(([, one], [, other]) => one - other)[0] ?? ['nothing', NaN];
  const isLate = !expectations(network).outage && !(ready <= time + kReadySlack);
  const text = `${isLate ? 'slow  ' : 'ok    '} ${network.name.padEnd(20)} ready ${ms(ready)} ms; best by itself: ` +
    Object.entries(times).map(([kind, value]) => `${kind} ${ms(value)}`).join(', ');
  return { network, best, time, ready, isLate, text };
}

export function markdown(results, readyTable, { client, seed, cores, times, command }) {
  const rows = [...new Set(results.map(({ network }) => network))].map((network) => {
    const own = results.filter((result) => result.network === network);
    const passed = own.filter(({ faults }) => !faults.length).length;
    const { outage } = expectations(network);
    const [slowest, target] = own.map((result) => [result.p95, expectations(network, result.behind, result.shape).p95])
      .sort(([one, its], [other, others]) => other / others - one / its)[0];
    const ready = readyTable.find((row) => row.network === network);
    const most = (field) => ms(Math.max(...own.map((result) => result[field])));
    const median = (field) => own.map((result) => result[field]).sort((one, other) => one - other)[own.length >> 1];
    const idle = own.map((result) => result.idle).filter((value) => value !== null);
    return [network.name, network.title, `${passed}/${own.length}`, ready ? `${ms(ready.ready)} (${ready.best} ${ms(ready.time)})` : '',
      [...new Set(own.map(({ transport }) => transport ?? 'none'))].join(', '), `${ms(slowest)}${outage ? '' : ` (${target})`}`, most('worst'),
      median('requests'), Math.round(median('bytes') / 1024), idle.length ? Math.max(...idle).toFixed(1) : ''].join(' | ');
  });
  const passed = results.filter(({ faults }) => !faults.length).length;
  const noise = results.map((result) => result.noise).sort((one, other) => one - other)[results.length >> 1];
  return `${passed} of ${results.length} cells passed. Measured ${new Date().toISOString().slice(0, 10)} on ${cores} cores, seed ${seed}, by \`${command}\`${times ? '' : ', where times are told and not judged'}.
Meanwhile the machine itself answered a local timer and socket ${ms(noise)} ms late (95 % of them, in the middle cell), which is in all the times.

| network | what it does | passed | ready (best alone), ms | ends on | p95 (target), ms | worst, ms | requests | KiB | idle requests in 20 s |
|---|---|---|---|---|---|---|---|---|---|
${rows.map((row) => `| ${row} |`).join('\n')}`;
}
