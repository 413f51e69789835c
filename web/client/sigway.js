// The client of a sigway server (docs/protocol.md, `sigway.v1`), for browsers and Node >= 18.
//
// connect(options) gives a Connection that keeps one session alive over WebSocket, Server-Sent Events or long-polling. What is
// sent arrives exactly once and in order, and so does what is received, whatever happens to requests and connections on the
// way, and also while the transport is switched. The types are in sigway.d.ts.
//
// The parts are in sigway/, a subject each. All of them are named here, so that a browser asks for them in one round trip
// instead of one for each level of the graph.

import './sigway/backoff.js';
import './sigway/body_limit.js';
import './sigway/cadence.js';
import './sigway/carrier.js';
import './sigway/clock.js';
import { Connection } from './sigway/connection.js';
import './sigway/conversation.js';
import './sigway/debug.js';
import './sigway/emitter.js';
import './sigway/event_stream.js';
import './sigway/giving_up.js';
import './sigway/http.js';
import './sigway/inbox.js';
import './sigway/journal.js';
import './sigway/key_store.js';
import './sigway/limits.js';
import './sigway/lines.js';
import './sigway/lives.js';
import './sigway/memory.js';
import './sigway/network_profile.js';
import './sigway/outgoing.js';
import './sigway/poll_carrier.js';
import './sigway/race.js';
import './sigway/requests.js';
import './sigway/round_trip.js';
import './sigway/seats.js';
import './sigway/session.js';
import './sigway/steering.js';
import './sigway/stream_carrier.js';
import './sigway/surroundings.js';
import './sigway/text.js';
import './sigway/tools.js';
import './sigway/uplink.js';
import './sigway/websocket_carrier.js';
import './sigway/words.js';

export { SigwayError } from './sigway/failure.js';

export function connect(options = {}) {
  return new Connection(options);
}
