// What the protocol lets pass (docs/protocol.md, Limits), until a server's welcome says otherwise.

export const kLimits = { data: 65536, body: 262144, messages: 256 };
export const kDataDepth = 64;
