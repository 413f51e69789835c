// The login guide: who closes, who is cut, and who has its name afterwards.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { CurlClient, PollClient, W3cClient, WebSocketClient, WsClient } from './support/clients.mjs';
import { fresh, startGateway, stopGateway } from './support/gateway.mjs';
import { Line } from './support/line.mjs';
import { hears, isQuiet, login, tell, told, user } from './support/talk.mjs';

const kPatience = 60000;

// Where a name must be free at once, a probe takes longer than any test waits.
let server, probing;
before(async () => {
  server = await startGateway(['--probe-timeout', '120s']);
  probing = await startGateway(['--probe-timeout', '2s']);
});
after(async () => { for (const one of [server, probing]) await stopGateway(one); });

const kWays = {
  'by close()': (client) => client.close(),
  'by a cut of TCP': (client) => client.cut(),
  'with a code of its own': (client) => client.socket.close(4321, 'bye'),
};

for (const [way, leave] of Object.entries(kWays)) {
  for (const sent of ['offer', 'answer']) {
    test(`who closes ${way}: the one to whom it sent an ${sent} is told, and the name is free`, async (t) => {
      const alice = await user(t, server, fresh('alice'));
      const bob = await user(t, server, fresh('bob'));
      const carol = await user(t, server, fresh('carol'));
      await tell(alice, { type: 'offer', offer: 'the one before', name: carol.user });
      await hears(carol, { type: 'offer', offer: 'the one before', name: alice.user });
      await tell(alice, { type: sent, [sent]: 'the last one', name: bob.user });
      await hears(bob, { type: sent, [sent]: 'the last one', name: alice.user });
      leave(alice);
      await hears(bob, { type: 'leave', name: alice.user });
      const again = await user(t, server, alice.user);
      await tell(again, { type: 'candidate', candidate: 1, name: carol.user });
      await hears(carol, { type: 'candidate', candidate: 1, name: again.user });   // and not `leave` before it
      await isQuiet(bob);
    });
  }
}

test('both sides of a call close: each hears it once if it is still there', async (t) => {
  const alice = await user(t, server, fresh('alice'));
  const bob = await user(t, server, fresh('bob'));
  await tell(alice, { type: 'offer', offer: 1, name: bob.user });
  await hears(bob, { type: 'offer', offer: 1, name: alice.user });
  await tell(bob, { type: 'answer', answer: 2, name: alice.user });
  await hears(alice, { type: 'answer', answer: 2, name: bob.user });
  bob.close();
  await hears(alice, { type: 'leave', name: bob.user });
  await isQuiet(alice);
  alice.close();
  await alice.closed;
  await user(t, server, alice.user);
  const bobAgain = await user(t, server, bob.user);
  await isQuiet(bobAgain);   // no `leave` has waited in a mailbox
});

test('who called nobody, and who sent candidates only, is gone without a word', async (t) => {
  const bob = await user(t, server, fresh('bob'));
  const carol = await user(t, server, fresh('carol'));
  const alice = await user(t, server, fresh('alice'));
  await tell(alice, { type: 'candidate', candidate: 1, name: bob.user });
  await hears(bob, { type: 'candidate', candidate: 1, name: alice.user });
  alice.close();
  await alice.closed;
  const again = await user(t, server, alice.user);
  for (const one of [bob, carol]) {
    await tell(again, { type: 'candidate', candidate: 2, name: one.user });
    await hears(one, { type: 'candidate', candidate: 2, name: again.user });
  }
});

test('who closes before it logged in disturbs nobody, and its partner is told', async (t) => {
  const bob = await user(t, server, fresh('bob'));
  const nobody = await WsClient.open(server, '/login');
  await tell(nobody, { type: 'offer', offer: 1, name: bob.user });
  await hears(bob, { type: 'offer', offer: 1 });
  nobody.close();
  await hears(bob, { type: 'leave' });
});

for (const [library, Kind] of Object.entries({ ws: WsClient, W3CWebSocket: W3cClient, WebSocketClient })) {
  test(`a name is free at once, again and again: ${library}`, async (t) => {
    const name = fresh('again');
    const watch = await user(t, server, fresh('watch'));
    for (let round = 0; round < 5; ++round) {
      const holder = await user(t, server, name, { Kind });
      await tell(holder, { type: 'offer', offer: round, name: watch.user });
      await hears(watch, { type: 'offer', offer: round, name });
      holder.close();
      await hears(watch, { type: 'leave', name });
    }
  });
}

// Asks until the server says yes; how often it said no. A refusal says that the holder was there a moment ago.
async function loginAtLast(client, name) {
  for (const began = Date.now(), refused = []; ; await pause(1000)) {
    await tell(client, { type: 'login', name });
    const answer = await told(client);
    if (answer.success === true) return refused.length;
    assert.deepEqual(answer, { type: 'login', success: false });
    refused.push(answer);
    assert.ok(Date.now() - began < kPatience, `${name} is still taken after ${refused.length} refusals`);
  }
}

test('a name whose holder was cut without FIN passes on after the probe; one whose holder is there does not', async (t) => {
  const line = await Line.start(t, probing);
  const lost = await user(t, line.server, fresh('lost'));
  const there = await user(t, probing, fresh('there'));
  line.stall();
  const heir = await WsClient.open(probing, '/login');
  t.after(() => heir.close());
  await loginAtLast(heir, lost.user);
  await tell(there, { type: 'offer', offer: 'to the heir', name: lost.user });
  await hears(heir, { type: 'offer', offer: 'to the heir', name: there.user });
  await pause(1500);   // the holder's last sign of life is older than a second: it is asked
  const other = await WsClient.open(probing, '/login');
  t.after(() => other.close());
  await tell(other, { type: 'login', name: there.user });
  await hears(other, { type: 'login', success: false });
  await isQuiet(there);
});

test('what is sent to somebody who was cut waits for whoever has the name next, or was lost with the holder; nothing comes twice', async (t) => {
  const line = await Line.start(t, probing);
  const lost = await user(t, line.server, fresh('lost'));
  const caller = await user(t, probing, fresh('caller'));
  line.stall();
  await tell(caller, { type: 'offer', offer: 'into the void', name: lost.user });
  await isQuiet(caller);
  const heir = await WsClient.open(probing, '/login');
  t.after(() => heir.close());
  await loginAtLast(heir, lost.user);
  await tell(caller, { type: 'offer', offer: 'again', name: lost.user });
  await hears(heir, { type: 'offer', offer: 'again', name: caller.user });
  await isQuiet(heir);
});

for (const [what, Kind] of Object.entries({ 'a stream': CurlClient, polls: PollClient })) {
  test(`a user by ${what} has its name as any other`, async (t) => {
    const holder = await user(t, server, fresh('holder'), { Kind });
    const other = await WsClient.open(server, '/login');
    t.after(() => other.close());
    await tell(other, { type: 'login', name: holder.user });
    await hears(other, { type: 'login', success: false });
    await login(other, fresh('other'));
    await isQuiet(holder);
  });
}
