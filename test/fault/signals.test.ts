/** The built program and its signals: SIGTERM drains, SIGINT does not wait, a taken port is told, the start is quick. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { writeSettings } from '../support/gateway.ts';
import { type GatewayProcess, runCommand, startGatewayProcess } from '../support/gateway-process.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';
import { waitFor, within } from '../support/wait-for.ts';
import { connectClient } from './clients.ts';

const COUNT = 50;

const open: { stop(): Promise<unknown> }[] = [];
after(async () => {
  for (const one of open.reverse()) await one.stop();
});

function stopLater<T extends { stop(): Promise<unknown> }>(one: T): T {
  open.push(one);
  return one;
}

interface Setting {
  readonly broker: ScriptedBroker;
  readonly gateway: GatewayProcess;
  readonly client: RawClient;
}

/** A client whose publications have reached the broker, which has not acknowledged them. */
async function withUnacknowledged(settings: object = {}): Promise<Setting> {
  const broker = stopLater(await ScriptedBroker.start());
  const base = { upstream: { url: broker.url, probe: false } };
  const gateway = stopLater(await startGatewayProcess({ settings: { ...base, ...settings } }));
  const client = await connectClient(gateway, { verbose: true });
  broker.holdPubacks();
  for (let i = 0; i < COUNT; i++) client.send(`PUB a 2\r\n${String(i).padStart(2, '0')}\r\n`);
  await waitFor(() => broker.packets('publish').length === COUNT);
  return { broker, gateway, client };
}

test('SIGTERM: waits until the broker has acknowledged what clients have published, then exits with 0', async () => {
  const { broker, gateway, client } = await withUnacknowledged();
  gateway.signal('SIGTERM');
  await waitFor(() => gateway.logLines('gateway.stopping').length === 1);
  await client.closed();
  await assert.rejects(connectRaw(gateway.host, gateway.port), 'no new clients');
  assert.equal(gateway.exit, null, 'still waiting');
  assert.equal(broker.received.length, 0);
  broker.releasePubacks();
  assert.deepEqual(await within(gateway.exited(), 5_000, 'the exit'), { code: 0, signal: null });
  assert.equal(broker.received.length, COUNT);
  assert.equal(gateway.logLines('gateway.drain_incomplete').length, 0);
  assert.deepEqual(broker.packets('disconnect').length, 1, 'an orderly end towards the broker');
});

test('SIGTERM: gives up after shutdown_timeout and says so', async () => {
  const { gateway } = await withUnacknowledged({ shutdown_timeout: '600ms' });
  const start = performance.now();
  gateway.signal('SIGTERM');
  assert.deepEqual(await within(gateway.exited(), 6_000, 'the exit'), { code: 0, signal: null });
  assert.ok(performance.now() - start >= 550);
  assert.equal(gateway.logLines('gateway.drain_incomplete').length, 1);
});

test('SIGINT: does not wait for the broker', async () => {
  const { gateway, client } = await withUnacknowledged();
  const start = performance.now();
  gateway.signal('SIGINT');
  assert.deepEqual(await within(gateway.exited(), 6_000, 'the exit'), { code: 0, signal: null });
  assert.ok(performance.now() - start < 4_000);
  await client.closed();
});

test('a second signal: the process ends at once', async () => {
  const { gateway } = await withUnacknowledged();
  gateway.signal('SIGTERM');
  await waitFor(() => gateway.logLines('gateway.stopping').length === 1);
  const start = performance.now();
  // Signals that follow each other within a moment are taken for one: npm and supervisors double them.
  await waitFor(() => performance.now() - start > 400);
  assert.equal(gateway.exit, null);
  gateway.signal('SIGTERM');
  assert.deepEqual(await within(gateway.exited(), 2_000, 'the exit'), { code: 0, signal: null });
  assert.equal(gateway.logLines('process.aborted').length, 1);
});

test('SIGTERM during an outage: ends in bounded time', async () => {
  const { broker, gateway } = await withUnacknowledged({ shutdown_timeout: '2s' });
  await broker.stop();
  await waitFor(() => gateway.logLines('upstream.lost').length === 1);
  gateway.signal('SIGTERM');
  assert.deepEqual(await within(gateway.exited(), 8_000, 'the exit'), { code: 0, signal: null });
});

test('a taken port: exit code 69, and the message names the key and the flag', async () => {
  const broker = stopLater(await ScriptedBroker.start());
  const upstream = { url: broker.url, probe: false };
  const first = stopLater(await startGatewayProcess({ settings: { upstream } }));
  const listeners = [{ name: 'tcp', type: 'tcp', bind: `127.0.0.1:${first.port}` }];
  const { file, remove } = await writeSettings({ upstream, listeners });
  const result = await runCommand(['serve', '-c', file]);
  await remove();
  assert.equal(result.code, 69, result.stderr);
  assert.match(result.stderr, /listeners\[0\]\.bind/);
  assert.match(result.stderr, /-p\b/);
  await (await connectClient(first)).close();
});

test('start: clients can connect within 400 ms on an idle machine, even while the broker is away', async (t) => {
  const broker = stopLater(await ScriptedBroker.start());
  await broker.stop();
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const gateway = await startGatewayProcess({ settings: { upstream: { url: broker.url } } });
    times.push(gateway.startUpMs);
    await gateway.stop();
  }
  const median = times.sort((a, b) => a - b)[2] ?? Number.NaN;
  t.diagnostic(
    `from process start to LISTEN: ${times.map(Math.round).join(', ')} ms, median ${Math.round(median)} ms`,
  );
  // The machine that runs the tests has other things to do: the best of five, and twice the promise.
  const best = times[0] ?? Number.NaN;
  assert.ok(best <= 800, `best ${best} ms`);
});
