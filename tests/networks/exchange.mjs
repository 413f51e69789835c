// One HTTP exchange on its way through a network. A behaviour's hook is a function
//
//   async exchange(request, next) → answer
//
// around those behind it; the last `next` asks the gateway. It may change the request, ask twice or not at all, change the
// answer, or throw `lost` to end the client's connection without one.
//
//   request  {method, url, headers: {name: value}, body: Buffer, isUpgrade, version: '1.1' or '1.0' toward the gateway,
//             gone: AbortSignal of whoever waits for the answer}
//   answer   {status, headers, body: Buffer or Readable, version toward the client, close: end the connection after it,
//             headLater: the head waits for the first byte of the body, interim: [status] of answers before it}
//            or {tunnel} after an upgrade (tunnel.mjs), or {take(incoming, socket, head)}, which does what it likes

import { PassThrough, Readable, pipeline } from 'node:stream';

export const lost = Object.assign(new Error('the network ate it'), { isLost: true });
export const never = () => new Promise(() => {});

const kHopByHop = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'te', 'trailer', 'upgrade']);
export const endToEnd = (headers) => Object.fromEntries(Object.entries(headers).filter(([name]) => !kHopByHop.has(name)));

// An answer that the network makes up.
export const made = (status, type, text, headers = {}) => ({ status, body: Buffer.from(text),
  headers: { 'content-type': type, 'content-length': Buffer.byteLength(text), ...headers } });

// Nobody is there to hear it.
export function drop(answer) {
  if (answer.body instanceof Readable) answer.body.destroy();
  answer.tunnel?.cut();
}

// The answer with its body sent through a Transform. Its length stays known only if no byte is added or removed.
export function through(answer, transform, { keepsBytes = true, ...more } = {}) {
  if (answer.tunnel || answer.take) return answer;
  const headers = { ...answer.headers, ...more.headers };
  if (!keepsBytes) delete headers['content-length'];
  const body = answer.body instanceof Readable ? answer.body : Readable.from([answer.body]);
  pipeline(body, transform, () => {});
  return { ...answer, ...more, headers, body: transform };
}

// The answer with its body read to the end.
export async function whole(answer) {
  if (!(answer.body instanceof Readable)) return answer;
  const chunks = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  return { ...answer, body: Buffer.concat(chunks) };
}

// The answer with a body that may be destroyed in the middle.
export function cuttable(answer) {
  return through(answer, new PassThrough());
}
