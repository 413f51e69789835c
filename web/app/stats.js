// What getStats() tells of a call, as a person wants it: the chosen pair of candidates, round trip, loss, bit rates, and a word for them.

const kFair = { rtt: 200, loss: 0.03 }, kPoor = { rtt: 400, loss: 0.08 };    // ms, and a share of the packets

// Chromium and Safari name the pair that is used in `transport`, Firefox marks it.
function chosenPair(all) {
  const transport = all.find(({ type, selectedCandidatePairId }) => type === 'transport' && selectedCandidatePairId);
  if (transport) return all.find(({ id }) => id === transport.selectedCandidatePairId);
  return all.find(({ type, selected }) => type === 'candidate-pair' && selected)
    ?? all.find(({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded');
}

function candidate(one) {
  if (!one) return null;
  const { candidateType, protocol, relayProtocol, address = one.ip, port } = one;
  return { type: candidateType ?? 'unknown', protocol: protocol ?? '', relay: relayProtocol ?? '', address: address ?? '', port: port ?? 0 };
}

const sum = (list, field) => list.reduce((total, one) => total + (one[field] ?? 0), 0);

/**
 * `reports`: those of one RTCPeerConnection. `before`: what the last call gave, or null. Figures that are not known are null; rates are those since
 * `before`, in bits a second, and loss is a share from 0 to 1.
 */
export function readStats(reports, before = null) {
  const all = [...reports];
  const pair = chosenPair(all);
  const byId = (id) => all.find((one) => one.id === id);
  const incoming = all.filter(({ type }) => type === 'inbound-rtp');
  const remote = all.filter(({ type }) => type === 'remote-inbound-rtp');
  const counts = {
    pair: pair?.id ?? null,
    at: pair?.timestamp ?? all[0]?.timestamp ?? 0,
    lost: sum(incoming, 'packetsLost'), got: sum(incoming, 'packetsReceived'),
    received: pair?.bytesReceived ?? null, sent: pair?.bytesSent ?? null,
  };
  const last = before?.counts.pair === counts.pair ? before?.counts : null;      // another pair counts from 0
  const seconds = last ? (counts.at - last.at) / 1000 : 0;
  const rate = (field) => seconds > 0 && counts[field] !== null && last[field] !== null ? Math.max(0, 8 * (counts[field] - last[field]) / seconds) : null;
  const lost = last ? Math.max(0, counts.lost - last.lost) : 0, got = last ? Math.max(0, counts.got - last.got) : 0;
  const lossOut = remote.map(({ fractionLost }) => fractionLost).filter((share) => share !== undefined);
  const trips = [pair?.currentRoundTripTime, ...remote.map(({ roundTripTime }) => roundTripTime)].filter((trip) => trip !== undefined);
  const read = {
    counts,
    local: candidate(pair && byId(pair.localCandidateId)), remote: candidate(pair && byId(pair.remoteCandidateId)),
    rtt: trips.length ? 1000 * trips[0] : null,
    lossIn: lost + got ? lost / (lost + got) : null, lossOut: lossOut.length ? Math.max(...lossOut) : null,
    bitrateIn: rate('received'), bitrateOut: rate('sent'),
  };
  return { ...read, grade: gradeOf(read) };
}

function gradeOf({ local, rtt, lossIn, lossOut }) {
  if (!local) return null;
  const loss = Math.max(lossIn ?? 0, lossOut ?? 0), trip = rtt ?? 0;
  if (trip > kPoor.rtt || loss > kPoor.loss) return 'poor';
  return trip > kFair.rtt || loss > kFair.loss ? 'fair' : 'good';
}

const words = { host: 'direct', srflx: 'direct, through a NAT', prflx: 'direct, through a NAT', relay: 'over a relay' };

/** One line: how the pictures travel. */
export function pathOf({ local, remote }) {
  if (!local || !remote) return 'none yet';
  const kinds = [local.type, remote.type];
  const worst = ['relay', 'prflx', 'srflx', 'host'].find((type) => kinds.includes(type)) ?? local.type;
  return [words[worst] ?? worst, (local.relay || local.protocol).toUpperCase()].filter(Boolean).join(', ');
}

/** The chosen pair: type, address and port of both ends. */
export function pairOf({ local, remote }) {
  const end = ({ type, address, port }) => `${type} ${address.includes(':') ? `[${address}]` : address || 'hidden'}:${port}`;
  return local && remote ? `${end(local)} → ${end(remote)}` : 'none yet';
}

export const bitrate = (bits) => bits === null ? 'not measured' : bits < 1e6 ? `${Math.round(bits / 1000)} kbit/s` : `${(bits / 1e6).toFixed(1)} Mbit/s`;
export const share = (part) => part === null ? 'not measured' : `${(100 * part).toFixed(1)} %`;
