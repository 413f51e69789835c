// Who comes third, who comes back: places in a room as browsers see them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { withPages } from './support/browser.mjs';
import { callUrl, expectCall, expectFlow, kTransports, leave, startCall } from './support/calls.mjs';
import { Server } from './support/server.mjs';

describe('room', () => {
  let server;
  before(async () => { server = await Server.start(); });
  after(async () => assert.equal(await server.stop(), 0, server.said));

  test('a third peer gets full on every transport, and a place once there is one', (t) => withPages(t, async (open) => {
    const { room, alice, bob } = await startCall(open, server, 'poll', 'sse');
    const others = [];
    for (const transport of kTransports) {
      const other = await open(`carol-${transport}`, callUrl(server, room, transport));
      others.push(other);
      const full = await other.until((end) => end.had('full')[0]);
      assert.deepEqual({ room: full.room, capacity: full.capacity }, { room, capacity: 2 });
      assert.equal(await other.ask((end) => end.link), null);
    }
    for (const guest of [alice, bob]) {
      await expectFlow(guest);
      assert.equal((await guest.ask((end) => end.had('peer-joined').concat(end.had('peer-left')))).length, guest === alice ? 1 : 0,
        `${guest.name} noticed nobody else`);
    }

    await leave(alice);
    assert.equal(await bob.until((end) => end.had('peer-left')[0]?.reason), 'left');
    const [carol] = others;
    assert.equal((await carol.ask((end, again) => end.connection.join(again), room)).type, 'joined');
    await expectCall(bob, carol);
  }, { server }));

  for (const transport of kTransports) {
    test(`a reload on ${transport} comes back to its place and the call comes up again`, (t) => withPages(t, async (open) => {
      const second = kTransports[(kTransports.indexOf(transport) + 1) % 3];
      const { room, alice, bob } = await startCall(open, server, transport, second);
      const gone = await alice.ask((end) => end.connection.peer);
      await alice.page.reload();
      await expectCall(bob, alice);   // who was there first, and who is new
      const left = await bob.ask((end) => end.had('peer-left'));
      assert.deepEqual(left.map(({ peer, reason }) => ({ peer, reason })), [{ peer: gone, reason: 'replaced' }]);
      const [joined] = await alice.ask((end) => end.had('joined'));
      assert.equal(joined.room, room);
      assert.notEqual(joined.peer, gone);
      assert.equal((await alice.ask((end) => end.had('ready'))).length, 1);
      assert.equal((await bob.ask((end) => end.had('ready'))).length, 2);

      // The other end, and at once again. A page that goes before it has opened its session took the key of the one before with
      // it: then the place passes on as that of one who is away. In no case is the room full.
      bob.explain(/net::ERR_ABORTED/);   // also of the page's own scripts
      await bob.page.reload();
      await bob.page.reload();
      await expectCall(alice, bob);
      const reasons = await alice.ask((end) => end.had('peer-left').map(({ reason }) => reason));
      assert.deepEqual(reasons.filter((reason) => reason !== 'replaced' && reason !== 'place-lost'), []);
      assert.deepEqual(await bob.ask((end) => end.had('full')), []);
    }, { server }));
  }

  test('a closed tab leaves no ghost: whoever asks gets its place', (t) => withPages(t, async (open) => {
    const { room, alice, bob } = await startCall(open, server, 'websocket', 'sse');
    await bob.page.close({ runBeforeUnload: false });
    await alice.until((end) => end.had('peer-suspended').length);
    const carol = await open('carol', callUrl(server, room, 'poll'));
    await expectCall(alice, carol);
    assert.equal(await alice.ask((end) => end.had('peer-left')[0].reason), 'place-lost');
    assert.deepEqual(await carol.ask((end) => end.had('full')), []);
  }, { server }));
});
