// One address cannot take all places: whoever comes from another one gets in.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PollMember, WebSocketMember, fetchJson, makeKey } from '../conformance/support/members.mjs';
import { RawConnection, get, post } from '../conformance/support/raw.mjs';
import { attacked } from './support/target.mjs';

const kPlaces = 200;
const kAttempts = 400;

// Each holds a place that is not idle: an event stream of a person, or a held poll.
async function takePlace(server, i) {
  const connection = await RawConnection.open(server, { localAddress: server.localAddress });
  if (i % 2 === 0) connection.request(...get(server, `/v1/sse?room=places-${i}`));
  else connection.request(...post(server, '/v1/probe/hold?ms=300000', ''));
  if (i % 2 === 0) {
    const { status } = await connection.responseHead().catch(() => ({ status: 0 }));
    if (status !== 200) {
      connection.destroy();
      return null;
    }
  }
  return connection;
}

test('400 connections from one address, 200 places', () =>
  attacked(['--max-connections', String(kPlaces), '--max-probes-per-address', '0', '--probe-time', '10m'], async (target, talk) => {
    const attacker = target.from('127.0.0.1');
    const taken = [];
    for (let i = 0; i < kAttempts; i += 20) {
      taken.push(...await Promise.all(Array.from({ length: 20 }, (_, at) => takePlace(attacker, i + at).catch(() => null))));
    }
    // The pairs are at an address of their own, and so is each of these.
    for (const [i, Member] of [WebSocketMember, PollMember].entries()) {
      const member = await new Member(target.from(`127.0.0.${20 + i}`)).open({ room: makeKey() });
      await member.event('created');
      member.close();
    }
    await talk.rounds(5);

    const { status, json } = await fetchJson(attacker, '/healthz', undefined, { method: 'GET' });
    assert.equal(status, 429, 'the address has all that it may have');
    assert.equal(json.error.code, 'too_many_connections');
    assert.match(`${json.error.message} ${json.error.hint}`, /--max-connections-per-address/, 'the refusal says how to raise the limit');
    for (const connection of taken) connection?.destroy();
  }));
