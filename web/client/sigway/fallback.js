// How `auto` chooses. A strategy is an object with one method, connect({kinds, attempt}): attempt(kind, ms) gives a carrier that
// has proved itself within the time, or throws; the carrier that connect() returns is activated, the others are ended.
// This one tries them in order, the one that worked last first. Whatever fails is forgotten at once when all fail: an outage
// says nothing about a transport.

import { SigwayError, verdict } from './errors.js';

export const kProofDeadline = { websocket: 3000, sse: 4000, poll: 8000 };  // in `auto`, where another transport can be tried
export const kPatientDeadline = 10000;      // where the application named the only transport

export function orderedFallback(deadlines = kProofDeadline) {
  let worked = null;
  return {
    async connect({ kinds, attempt }) {
      const order = kinds.includes(worked) ? [worked, ...kinds.filter((kind) => kind !== worked)] : kinds;
      const reasons = [];
      for (const kind of order) {
        try {
          const carrier = await attempt(kind, kinds.length > 1 ? deadlines[kind] : kPatientDeadline);
          worked = kind;
          return carrier;
        } catch (error) {
          // The server has spoken, or we are called off: another transport would hear the same.
          if (verdict(error) !== 'retry' || error.code === 'aborted' || error.retry) throw error;
          reasons.push(`${kind}: ${error.message}`);
        }
      }
      worked = null;
      throw new SigwayError('unreachable', reasons.join('; '));
    },
  };
}
