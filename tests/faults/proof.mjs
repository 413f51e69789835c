// What the notes of all members must show. Everything said in a room passes through one place, so whatever two members heard
// while both were there must be the same, in the same order: that proves order, completeness and uniqueness of what others
// said and of the room's own events at once. What remains is what a sender said against what each receiver heard.

export function prove(members, fault) {
  const lives = members.flatMap((member) => member.lives);
  const stays = lives.flatMap((life) => life.stays);
  for (const one of stays) {
    for (const other of stays) {
      if (one.room === other.room && one !== other) compareWhatBothHeard(one, other, fault);
    }
  }
  for (const life of lives) {
    for (const line of life.counts.keys()) {
      const said = life.said.filter(({ room, to }) => line === (to ? `${room}>${to}` : room));
      if (line.includes('>')) compareSaidToOne(life, said, lives, fault);
      else compareSaidToAll(life, said, stays, fault);
    }
  }
}

// Where `older` heard that `newer` came, or -1. A room that was empty in between counts its joins from 1 again, so the same two
// sessions may meet several times under the same numbers; both met equally often, in the same order.
function whereItCame(older, newer) {
  const { room, peer, join } = newer;
  const came = (stay) => stay.heard.findIndex((one) => one.kind === 'peer-joined' && one.about === peer && one.join === join);
  const meets = (stay) => stay.room === room && stay.peer === older.peer && came(stay) >= 0;
  const met = (stay) => stay.room === room && stay.peer === peer && stay.join === join && stay.begin.includes(older.peer);
  if (!meets(older) || !met(newer)) return -1;
  const nth = older.life.stays.filter(meets).indexOf(older);
  return newer.life.stays.filter(met).indexOf(newer) === nth ? came(older) : -1;
}

// `newer` came while `older` was there: from then on until one of them ended.
function compareWhatBothHeard(older, newer, fault) {
  const start = whereItCame(older, newer);
  if (start < 0) return;
  const endOf = (list, peer, from) => list.findIndex(({ kind, about }, i) => i >= from && kind === 'peer-left' && about === peer);
  const olderEnd = endOf(older.heard, newer.peer, start), newerEnd = endOf(newer.heard, older.peer, 0);
  if (olderEnd >= 0 && newerEnd >= 0) return fault(`${name(older)} and ${name(newer)} both saw the other leave`);
  const ofBoth = ({ about, direct }) => !direct && about !== older.peer && about !== newer.peer;
  const shared = (list) => list.filter(ofBoth).map(sentence);
  const left = shared(older.heard.slice(start + 1, olderEnd < 0 ? undefined : olderEnd));
  const right = shared(newer.heard.slice(0, newerEnd < 0 ? undefined : newerEnd));
  const at = left.findIndex((text, i) => i < right.length && text !== right[i]);
  if (at >= 0) {
    return fault(`${name(older)} heard ${left.slice(at, at + 3)} where ${name(newer)} heard ${right.slice(at, at + 3)}`);
  }
  // Who was told that the stay is over heard everything before; who is still there heard everything.
  const heardAll = ({ end }) => end === null || end === 'left' || end === 'place-lost';
  if (newerEnd < 0 && heardAll(newer) && right.length < left.length) {
    fault(`${name(newer)} missed ${left.slice(right.length, right.length + 3)}, which ${name(older)} heard`);
  }
  if (olderEnd < 0 && heardAll(older) && left.length < right.length) {
    fault(`${name(older)} missed ${right.slice(left.length, left.length + 3)}, which ${name(newer)} heard`);
  }
}

function compareSaidToAll(life, said, stays, fault) {
  const room = said[0].room;
  const own = life.stays.filter((stay) => stay.room === room);
  for (const stay of stays) {
    if (stay.room !== room || stay.life === life) continue;
    const heard = stay.heard.filter((entry) => entry.tag === life.tag && !entry.direct).map(({ count }) => count);
    const sawCome = (one) => one && whereItCame(stay, one) >= 0;
    const last = own.at(-1);
    compareCounts({ life, said, heard, to: name(stay), fault, fromFirst: sawCome(own[0]),
      toLast: stay.end === null && last && (sawCome(last) || last.end === null) && !lostItsPlace(stay, last) });
  }
}

function compareSaidToOne(life, said, lives, fault) {
  const { room, to } = said[0];
  const receiver = lives.find((one) => one.stays.some(({ peer }) => peer === to));
  if (!receiver) return;
  const theirs = receiver.stays.filter((stay) => stay.room === room && stay.peer === to);
  const all = theirs.flatMap((stay) => stay.heard);
  const heard = all.filter(({ tag, direct }) => tag === life.tag && direct).map(({ count }) => count);
  const last = life.stays.findLast((stay) => stay.room === room);
  // Said to somebody who was just out of the room, it was refused; who has gone since did not hear that.
  const wasOut = life.end !== null && theirs.length > 1;
  compareCounts({ life, said, heard, to: `${receiver.tag} alone`, fault, fromFirst: true,
    toLast: theirs.length > 0 && theirs.at(-1).end === null && !wasOut && !theirs.some((stay) => lostItsPlace(stay, last)) });
}

// The last that a dead member said may have been refused without its knowledge, if its place was gone.
function lostItsPlace(stay, dead) {
  return stay.heard.some(({ kind, about, reason }) => kind === 'peer-left' && about === dead?.peer && reason === 'place-lost');
}

function compareCounts({ life, said, heard, to, fault, fromFirst, toLast }) {
  const known = new Map(said.map((one) => [one.count, one]));
  const due = said.filter(({ refused, lost }) => !refused && !lost).map(({ count }) => count);
  for (let i = 0; i < heard.length; ++i) {
    const one = known.get(heard[i]);
    if (!one) return fault(`${to} heard ${heard[i]} of ${life.tag}, who never said it`);
    if (one.refused) return fault(`${to} heard ${heard[i]} of ${life.tag}, which was refused: ${one.refused}`);
    if (i && heard[i] <= heard[i - 1]) return fault(`${to} heard ${heard[i]} of ${life.tag} after ${heard[i - 1]}`);
  }
  const least = fromFirst ? 0 : heard[0] ?? Infinity;
  // Of a dead member only what the server said to have taken is due, and nothing behind a `leave` or `join` whose answer it did
  // not hear.
  const surely = life.said.slice(0, life.taken).findLast((one) => known.get(one.count) === one && !one.late);
  const certain = life.end ? surely?.count ?? 0 : Infinity;
  const most = toLast ? certain : heard.at(-1) ?? 0;
  const got = new Set(heard);
  const missed = due.filter((count) => count >= least && count <= Math.max(most, heard.at(-1) ?? 0) && !got.has(count));
  if (missed.length) {
    fault(`${to} missed ${missed.slice(0, 5)} (${missed.length} in all) of ${life.tag}, ` +
      `heard ${heard.slice(0, 3)} … ${heard.slice(-3)} of ${due.length}`);
  }
}

const name = ({ life, room, peer, join }) => `${life.tag}/${peer} (${room}, join ${join})`;

function sentence({ kind, about, tag, count, reason }) {
  return kind === 'message' ? `${tag}#${count}` : `${kind} ${about}${reason ? ' ' + reason : ''}`;
}
