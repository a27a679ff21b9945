/** What a program that uses the gateway as a library relies on. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { createGateway, type Gateway, loadConfig } from '../../src/gateway.ts';

function newGateway(): Gateway {
  const flags = { 'listeners[0].bind': '127.0.0.1:0', 'upstream.embedded_bind': '127.0.0.1:0' };
  return createGateway(loadConfig({ env: {}, flags }));
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
  });
}

test('gateway: starts once, neither twice nor after it was stopped', async () => {
  const gateway = newGateway();
  await gateway.start();
  const [address] = gateway.addresses();
  assert.ok(address && (await accepts(address.port)));
  await assert.rejects(gateway.start(), /starts once/);
  assert.ok(await accepts(address.port), 'the second call changes nothing');
  await gateway.stop();
  await assert.rejects(gateway.start(), /starts once/);
  assert.ok(!(await accepts(address.port)));
});

test('gateway: stopped while it starts, it leaves nothing open', async () => {
  const gateway = newGateway();
  const starting = gateway.start();
  await gateway.stop();
  await starting;
  const [address] = gateway.addresses();
  assert.ok(address);
  assert.ok(!(await accepts(address.port)));
});

test('gateway: its overview is that of one process', async () => {
  const gateway = newGateway();
  await gateway.start();
  const { workers, ...sums } = await gateway.overview();
  const [only] = workers;
  assert.ok(only !== undefined && workers.length === 1);
  const { worker, pid, uptimeMs, isCurrent, ...own } = only;
  assert.deepEqual([worker, pid, isCurrent], [0, process.pid, true]);
  assert.ok(uptimeMs >= 0);
  assert.deepEqual(own, sums);
  assert.deepEqual([sums.connections, sums.restarts, sums.counters.clientMessagesIn], [0, 0, 0]);
  await gateway.stop();
});
