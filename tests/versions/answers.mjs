// What a server says in a short exchange on each transport, by the names of fields: {kind: [fields]}.

import { once } from 'node:events';
import { WebSocket } from 'ws';

const key = (letter) => letter.repeat(24);

// Names of fields, of objects inside too.
function fields(value) {
  return Object.entries(value).flatMap(([name, inner]) => {
    const object = Array.isArray(inner) ? inner.find((each) => typeof each === 'object') : inner;
    return object && typeof object === 'object' ? [name, ...fields(object).map((each) => `${name}.${each}`)] : [name];
  }).sort();
}

/** `server` has `url` and `replace()`. */
export async function answers(server) {
  const found = {};
  const note = (kind, value) => { found[kind] ??= fields(value); };
  const hear = (by, frame) => note(`${by} ${frame.control ?? frame.type}${frame.code ? ` ${frame.code}` : ''}`, frame);
  const post = async (path, body) => {
    const response = await fetch(`${server.url}/v1/${path}`, { method: 'POST', body: JSON.stringify(body), headers: { Connection: 'close' } });
    return { status: response.status, ...await response.json() };
  };
  const poll = async (body) => {
    const answer = await post('poll', { key: key('p'), carrier: 'p', ...body });
    if (answer.welcome) note('poll welcome', answer.welcome);
    for (const event of answer.events) hear('poll', event);
    note(['poll', ...['activated', 'ended'].filter((name) => answer[name])].join(' '), Object.fromEntries(Object.entries(answer)
      .filter(([name]) => !['events', 'welcome'].includes(name))));
    return answer;
  };

  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/ws`, 'sigway.v1');
  const frames = [];
  let told = () => {};
  socket.on('message', (text) => {
    frames.push(JSON.parse(text));
    told();
  });
  const frame = async (wanted) => {
    for (;;) {
      const at = frames.find((each) => each.control === wanted || each.type === wanted);
      if (at) return at;
      await new Promise((resolve) => { told = resolve; });
    }
  };
  const say = (request) => socket.send(JSON.stringify(request));

  await once(socket, 'open');
  say({ key: key('w'), open: { room: 'answers' }, carrier: 'w' });
  await frame('created');
  say({ carrier: 'w', turn: 1, ack: 1 });
  await frame('activated');
  await poll({ open: { room: 'answers' }, n: 1, turn: 1 });
  await frame('ready');
  say({ ping: 7, messages: [{ n: 1, type: 'hello', data: 1 }, { n: 2, type: 'offer', to: 'nobody-here' }, { n: 3, type: 'join', room: 'more' },
    { n: 4, type: 'leave', room: 'more' }] });
  for (const wanted of ['pong', 'up', 'error', 'left']) await frame(wanted);
  await poll({ n: 2, ack: 2 });
  note('upload', await post('send', { key: key('p'), ack: 3, messages: [{ n: 1, type: 'hello', data: 2 }] }));
  await frame('hello');
  say({ messages: [{ n: 5, type: 'login', name: 'wendy' }] });
  await frame('login');

  const stream = await fetch(`${server.url}/v1/sse`, { method: 'POST', body: JSON.stringify({ key: key('s'), open: {}, carrier: 's', turn: 1 }) });
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of stream.body) {
    text += decoder.decode(chunk, { stream: true });
    if (/"control":"hello"[^\n]*\n\n/.test(text)) break;
  }
  for (const [, line] of text.matchAll(/^data: (.*)$/gm)) hear('sse', JSON.parse(line));

  await server.replace();
  for (const each of [await post('send', { key: key('w'), resume: { server: 'another' } }), await post('send', { key: key('w') })]) {
    note(`refusal ${each.status} ${each.error.code}`, each);
  }
  await frame('end');
  for (const each of frames) hear('websocket', each);
  socket.terminate();
  return found;
}
