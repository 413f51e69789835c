// Requests that a client might well make, and what chance makes of them: the object changed, then its text.

const kRooms = Array.from({ length: 12 }, (_, i) => `chaos-${i}`);
const kNames = Array.from({ length: 8 }, (_, i) => `name-${i}`);
const kTypes = ['offer', 'answer', 'candidate', 'bye', 'chat', 'join', 'leave', 'login', 'logout'];

export const makeKey = (random) => Array.from({ length: 26 }, () => random.pick('abcdefghijklmnopqrstuvwxyz0123456789-_')).join('');

export function makeOpen(random) {
  const open = {};
  if (random.chance(0.8)) open.room = random.pick(kRooms);
  if (random.chance(0.3)) open.name = random.pick(kNames);
  if (random.chance(0.3)) open.capacity = random.integer(1, 8);
  return open;
}

function makeMessage(random, n) {
  const type = random.pick(kTypes);
  const message = { n, type };
  if (type === 'join') return { ...message, room: random.pick(kRooms), capacity: random.integer(1, 8) };
  if (type === 'login') return { ...message, name: random.pick(kNames) };
  if (type === 'leave' && random.chance(0.8)) return { ...message, room: random.pick(kRooms) };
  if (random.chance(0.3)) message.to = random.pick([`@${random.pick(kNames)}`, 'nobody-here', [`@${random.pick(kNames)}`, 'x']]);
  if (random.chance(0.2)) message.room = random.pick(kRooms);
  message.data = random.pick([null, 1, 'text', { sdp: 'v=0\r\n'.repeat(random.magnitude(1, 2000)) }, 'd'.repeat(random.magnitude(1, 70000))]);
  if (!random.chance(0.15)) return message;
  const text = JSON.stringify({ ...message, n: undefined });
  const at = random.integer(0, text.length - 1);
  return { n, at, of: text.length, piece: text.slice(at, at + random.integer(1, text.length)) };
}

// A request of a session that has said `state.said` messages and has opened `state.carrier`.
export function makeRequest(random, state) {
  const request = {};
  if (random.chance(0.7)) request.ack = random.integer(0, 4);
  if (random.chance(0.6)) {
    request.messages = Array.from({ length: random.magnitude(1, 20) }, () => makeMessage(random, ++state.said));
    if (random.chance(0.1)) random.pick(request.messages).n += random.integer(-3, 70);
  }
  if (random.chance(0.2)) Object.assign(request, { turn: random.integer(1, 5), carrier: state.carrier });
  if (random.chance(0.2)) Object.assign(request, { hello: random.integer(1, 6), carrier: state.carrier });
  if (random.chance(0.05)) request.away = true;
  return request;
}

const kStrange = [null, true, false, -1, 0, 1.5, 1e308, 2 ** 53, '', 'x', '\u0000', '\ud83d\ude00', [], {}, [[]], { a: { b: {} } }, '@', 'x'.repeat(5000)];

// Changes the value in place: one field to something strange, one dropped, one added.
function spoilObject(random, object) {
  const holders = [object];
  for (const holder of holders) {
    for (const value of Object.values(holder)) if (value && typeof value === 'object') holders.push(value);
    if (holders.length > 50) break;
  }
  const holder = random.pick(holders);
  const fields = Object.keys(holder);
  const field = fields.length > 0 ? random.pick(fields) : 'field';
  switch (random.choose({ strange: 0.6, drop: 0.2, add: 0.2 })) {
    case 'strange': holder[field] = random.pick(kStrange); break;
    case 'drop': delete holder[field]; break;
    default: if (!Array.isArray(holder)) holder[random.pick(['pad', 'wait', 'heartbeat', 'ticket', 'resume', 'unknown', 'n', 'ping'])] = random.pick(kStrange);
  }
}

// Changes the text, as bytes.
export function spoilBytes(random, bytes) {
  const at = random.integer(0, Math.max(0, bytes.length - 1));
  switch (random.choose({ cut: 0.25, flip: 0.3, insert: 0.2, repeat: 0.1, deep: 0.05, huge: 0.05 })) {
    case 'cut': return bytes.subarray(0, at);
    case 'flip': {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[at] ^= 1 << random.integer(0, 7);
      return copy;
    }
    case 'insert': return Buffer.concat([bytes.subarray(0, at), Buffer.from([random.integer(0, 255), random.integer(0, 255)]), bytes.subarray(at)]);
    case 'repeat': return Buffer.concat([bytes, bytes.subarray(at)]);
    case 'deep': return Buffer.from('['.repeat(random.magnitude(10, 100000)));
    case 'huge': return Buffer.concat([bytes, Buffer.alloc(random.magnitude(1000, 1000000), ' ')]);
    default: return bytes;
  }
}

// The bytes of a request, right in about half of all cases.
export function encode(random, request) {
  const object = structuredClone(request);
  if (random.chance(0.25)) spoilObject(random, object);
  let text = JSON.stringify(object);
  if (random.chance(0.05)) text = text.replace(/^\{/, `{"ack":${random.integer(0, 9)},`);
  const bytes = Buffer.from(text);
  return random.chance(0.2) ? spoilBytes(random, bytes) : bytes;
}
