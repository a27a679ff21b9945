/** What operators see of a gateway of one process and tell it to do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGateway } from '../../support/gateway.ts';
import { startMosquitto } from '../../support/mosquitto.ts';
import { waitFor } from '../../support/wait-for.ts';
import { testControl } from './contract.ts';

testControl({
  workers: 1,
  start: async (settings) => {
    const { gateway, port, stop } = await startGateway(settings);
    return { control: gateway, port, stop };
  },
});

test('control: readiness follows the broker, also when no client is there to show it', async () => {
  const broker = await startMosquitto();
  await broker.kill();
  const gateway = await startGateway({ upstream: { url: broker.url } });
  try {
    const isReady = async () => (await gateway.gateway.readiness()).isReady;
    await waitFor(async () => !(await isReady()), 5_000, 'the probe to find nobody');
    const { reasons } = await gateway.gateway.readiness();
    assert.match(reasons[0] ?? '', /^the broker cannot be reached: /);
    const [upstream] = await gateway.gateway.upstream();
    assert.deepEqual([upstream?.state, upstream?.capabilities?.limits], ['down', null]);
    await broker.restart();
    await waitFor(isReady, 20_000, 'the broker to be asked again');
  } finally {
    await gateway.stop();
    await broker.stop();
  }
  assert.deepEqual((await gateway.gateway.readiness()).reasons, ['the gateway is stopping']);
});
