// The application asks for another transport.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { counting, numbers } from './helpers.mjs';
import { client, pair, server, states } from './scene.mjs';

describe('switching goes wrong', () => {
  test('a switch that fails leaves everything as it was', async () => {
    const [alice, bob] = await pair('sse');
    server.upgrade = () => 'refuse';
    await assert.rejects(alice.connection.switchTransport('websocket'));
    assert.equal(alice.connection.mode, 'sse');
    alice.connection.send('count', { i: 0 });
    await bob.until(() => numbers(bob).length === 1);
    assert.deepEqual(states(alice), ['open']);
  });

  test('a later switch calls off the one before', async () => {
    const [alice] = await pair('sse');
    server.upgrade = () => 'mute';
    const first = alice.connection.switchTransport('websocket');
    const second = alice.connection.switchTransport('poll');
    await assert.rejects(first, { code: 'aborted' });
    assert.equal(await second, 'poll');
  });

  test('of two switches that fail neither leaves its wish behind', async () => {
    const alice = client({ room: 'one' });
    await alice.until(() => alice.connection.transport === 'websocket');
    server.fault = ({ route }) => (route === '/v1/send' ? null : { status: 403 });
    const first = alice.connection.switchTransport('sse');
    const second = alice.connection.switchTransport('poll');
    await assert.rejects(first, { code: 'aborted' });
    await assert.rejects(second);
    assert.equal(alice.connection.mode, 'auto');
  });

  test('back to what is in use, while another one is tried', async () => {
    const alice = client({ room: 'one' });
    await alice.until(() => alice.connection.transport === 'websocket');
    await alice.connection.switchTransport('poll');
    server.upgrade = () => 'mute';
    const first = alice.connection.switchTransport('websocket');
    assert.equal(await alice.connection.switchTransport('poll'), 'poll');
    await assert.rejects(first, { code: 'aborted' });
    assert.equal(alice.connection.mode, 'poll');
  });

  test('another one is asked for when what carried has been lost meanwhile', async () => {
    const [alice] = await pair('websocket');
    server.fault = ({ route }) => (route === '/v1/sse' ? 'swallow' : null);
    const first = alice.connection.switchTransport('sse');
    for (const carrier of server.carriers()) if (carrier.kind === 'websocket') carrier.socket.terminate();
    await alice.until(() => alice.connection.state === 'reconnecting');
    assert.equal(await alice.connection.switchTransport('poll'), 'poll');
    await assert.rejects(first, { code: 'aborted' });
    assert.equal(alice.connection.mode, 'poll');
  });

  test('the old carrier dies during a switch', async () => {
    const [alice, bob] = await pair('websocket');
    server.fault = ({ route }) => route === '/v1/sse' ? { delay: 100 } : null;
    const switched = alice.connection.switchTransport('sse');
    for (const carrier of server.carriers()) if (carrier.kind === 'websocket') carrier.socket.terminate();
    alice.connection.send('count', { i: 0 });
    assert.equal(await switched, 'sse');
    await bob.until(() => numbers(bob).length === 1);
    assert.equal(alice.connection.state, 'open');
  });

  test('auto goes back up', async () => {
    const [alice] = await pair('poll');
    assert.equal(await alice.connection.switchTransport('auto'), 'websocket');
    assert.equal(alice.connection.mode, 'auto');
  });
});

test('a switch that calls off a reconnect in the middle leaves no dead carrier behind', async () => {
  const [alice, bob] = await pair('sse');
  let opened;
  const attached = new Promise((resolve) => { opened = resolve; });
  server.fault = ({ route, body }) => {
    if (route === '/v1/send' && body.hello) {
      opened();
      return { delay: 300 };      // active, and not proved yet
    }
    return null;
  };
  server.cut();
  await attached;
  server.fault = () => null;
  alice.connection.switchTransport('poll').catch(() => {});
  for (const i of counting(5)) bob.connection.send('count', { i });
  await alice.until(() => numbers(alice).length === 5 && alice.connection.transport === 'poll');
  assert.deepEqual(numbers(alice), counting(5));
});
