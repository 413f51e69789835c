// What the protocol lets pass (docs/protocol.md, Limits), until a server's welcome says otherwise.

export const kLimits = { data: 65536, body: 262144, messages: 256 };
export const kLongest = 3600000;      // ms that are believed of a stranger; a timer of more than 24 days would end at once
export const kMessageRate = 160;      // below the server's 200 a second and bursts of 400
export const kDataDepth = 64;

const kLeast = { data: 1, body: 512, messages: 1 };    // of a server with which one can talk

/** The limits of a welcome; a figure that makes no sense is ignored. */
export function limitsOf(told) {
  const limits = { ...told, ...kLimits };
  for (const name of Object.keys(kLimits)) if (Number.isFinite(told?.[name]) && told[name] >= kLeast[name]) limits[name] = told[name];
  return limits;
}
