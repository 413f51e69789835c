// AppRTC by hand: requests to its room server, and clients of Collider.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { WsClient } from './clients.mjs';
import { request } from './engine.mjs';

export const kRoot = '/apprtc';
export const kBye = '{"type":"bye"}';
export const kOffer = JSON.stringify({ type: 'offer', sdp: 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\n' });
export const kAnswer = JSON.stringify({ type: 'answer', sdp: 'v=0\r\ns=-\r\n' });
export const kCandidate = JSON.stringify({ type: 'candidate', label: 0, id: 'audio', candidate: 'candidate:1 1 udp 1 192.0.2.1 9 typ host' });

export const get = (server, path, headers) => request(server, 'GET', kRoot + path, undefined, headers);
export const post = (server, path, body = '', headers) => request(server, 'POST', kRoot + path, body, headers);

// The answer has exactly this status and body.
export async function answers(asked, status, text) {
  const answer = await asked;
  assert.deepEqual([answer.status, answer.text], [status, text]);
  return answer;
}

export async function result(asked, name) {
  return answers(asked, 200, JSON.stringify({ result: name }));
}

// The parameters that a client gets who has a place.
export async function join(server, room) {
  const { status, text } = await post(server, `/join/${room}`);
  assert.equal(status, 200, text);
  const { result: name, params, ...rest } = JSON.parse(text);
  assert.deepEqual([name, rest], ['SUCCESS', {}], text);
  return params;
}

// The same, as soon as there is a place.
export async function joinWhenFree(server, room) {
  for (;; await pause(100)) {
    const answer = await post(server, `/join/${room}`);
    assert.equal(answer.status, 200, answer.text);
    const { result: name, params } = JSON.parse(answer.text);
    if (name === 'SUCCESS') return params;
    assert.equal(name, 'FULL');
  }
}

export const isFull = (server, room) => answers(post(server, `/join/${room}`), 200, '{"result":"FULL","params":{"messages":[]}}');
export const message = (server, room, client, text) => result(post(server, `/message/${room}/${client}`, text), 'SUCCESS');
export const leave = (server, room, client) => answers(post(server, `/leave/${room}/${client}`), 200, '');

// A WebSocket to Collider. What it hears is one JSON object and a line feed.
export class Collider extends WsClient {
  // `options` are those of the WebSocket's constructor.
  static async open(t, server, options = {}) {
    const opened = await WsClient.open(server, `${kRoot}/ws`, { localAddress: server.localAddress, ...options });
    const client = Object.setPrototypeOf(opened, Collider.prototype);
    t.after(() => client.cut());
    return client;
  }

  static async registered(t, server, room, id, options) {
    const client = await Collider.open(t, server, options);
    client.register(room, id);
    return client;
  }

  register(roomid, clientid) { this.tell({ cmd: 'register', roomid, clientid }); }
  send(msg) { this.tell({ cmd: 'send', msg }); }
  tell(frame) { this.say(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame)); }

  async hears(...messages) {
    for (const msg of messages) {
      const frame = await this.next(() => `${msg} at a client of Collider`);
      assert.match(frame, /^[^\n]+\n$/);
      assert.deepEqual(JSON.parse(frame), { msg, error: '' });
    }
  }

  // Whatever comes before it.
  async hearsAtLast(msg) {
    while (JSON.parse(await this.next(() => `${msg} at a client of Collider`)).msg !== msg);
  }

  // The very bytes.
  async complains(error) {
    assert.equal(await this.next(() => error), `{"msg":"","error":${JSON.stringify(error)}}\n`);
  }

  async ends(error, code = 1000) {
    if (error) await this.complains(error);
    assert.equal((await this.closed).code, code);
  }
}

// Two clients of one room, by the room server and by Collider: the first one is in the room for sure.
export async function pair(t, server, room) {
  const [first, second] = [await join(server, room), await join(server, room)];
  const ids = [first.client_id, second.client_id];
  const clients = [];
  for (const id of ids) clients.push(await Collider.registered(t, server, room, id));
  return { ids, clients };
}

// What each of the two says arrives at the other one, once, and with nothing else.
export async function talk([first, second], text = `talk ${Math.random()}`) {
  first.send(text);
  await second.hears(text);
  second.send(text);
  await first.hears(text);
}
