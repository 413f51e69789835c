// Makes session descriptions and candidates readable: a line for each, and the sections of a description to fold.

// RFC 8839, section 5.1: candidate:FOUNDATION COMPONENT PROTOCOL PRIORITY ADDRESS PORT typ TYPE …
export function readCandidate(text) {
  const found = /^(?:a=)?candidate:\S+ \d+ (\S+) \d+ (\S+) (\d+) typ (\S+)/i.exec(text ?? '');
  return found && { protocol: found[1].toLowerCase(), address: found[2], port: Number(found[3]), type: found[4] };
}

const count = (number, what) => `${number} ${what}${number === 1 ? '' : 's'}`;

// "2 host, 1 srflx"
export function candidatesByType(list) {
  const types = new Map();
  for (const text of list) {
    const type = readCandidate(text)?.type ?? 'unreadable';
    types.set(type, (types.get(type) ?? 0) + 1);
  }
  return [...types].map(([type, number]) => `${number} ${type}`).join(', ');
}

// [{title, lines}]: first what holds for all, then a section for each `m=` line.
export function readDescription(sdp) {
  const sections = [{ title: 'session', lines: [] }];
  for (const line of sdp.split(/\r?\n/)) {
    if (!line) continue;
    if (line.startsWith('m=')) sections.push({ title: '', lines: [] });
    sections.at(-1).lines.push(line);
  }
  for (const section of sections.slice(1)) {
    const [kind, port] = section.lines[0].slice(2).split(' ');
    const attribute = (name) => section.lines.find((line) => line.startsWith(`a=${name}`));
    const direction = ['sendrecv', 'sendonly', 'recvonly', 'inactive'].find((name) => section.lines.includes(`a=${name}`));
    const codec = attribute('rtpmap:')?.split(' ')[1]?.split('/')[0];
    section.title = [kind === 'application' ? 'data channels' : kind, kind === 'application' ? '' : direction, codec,
      port === '0' ? 'rejected' : ''].filter(Boolean).join(' · ');
  }
  return sections;
}

export const candidateTexts = (data) =>
  (Array.isArray(data?.candidates) ? data.candidates : [data]).map((one) => one?.candidate?.candidate ?? one?.candidate)
    .filter((text) => typeof text === 'string');

const kMostSummary = 120;        // characters

// What a message says, on one short line.
export function summary(event) {
  return inWords(event).slice(0, kMostSummary);
}

// Those of a peer may hold anything.
function inWords({ type, data, ...event }) {
  if (typeof data?.sdp === 'string') {
    const kinds = [...data.sdp.matchAll(/^m=(\w+)/gm)].slice(0, 100).map((found) => found[1] === 'application' ? 'data' : found[1]);
    const tally = [...new Set(kinds)].map((kind) => {
      const number = kinds.filter((other) => other === kind).length;
      return number > 1 ? `${number} × ${kind}` : kind;
    });
    const inside = [...data.sdp.matchAll(/^a=candidate:/gm)].length;
    return [tally.join(', '), inside ? count(inside, 'candidate') : ''].filter(Boolean).join(' · ');
  }
  if (type === 'candidate') return candidatesByType(candidateTexts(data));
  if (type === 'joined') return `${count(event.members?.length ?? 0, 'member')} there before`;
  if (type === 'created') return `room for ${event.capacity}`;
  if (type === 'peer-left') return event.reason ?? '';
  if (type === 'error') return `${event.code}: ${event.message ?? ''}`;
  if (type === 'link-error') return typeof data?.code === 'string' ? data.code : '';
  if (type === 'join') return event.room ?? '';
  return '';
}
