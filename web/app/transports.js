// What transports are called, on this page everywhere the same.

const kNames = { websocket: 'WebSocket', sse: 'Event stream', poll: 'Long-polling' };

/** As a label. One that this page does not know keeps its own name. */
export const transportName = (transport) => kNames[transport] ?? transport;

/** Within a sentence. */
export const transportInText = (transport) => transport === 'websocket' ? kNames.websocket : kNames[transport]?.toLowerCase() ?? transport;
