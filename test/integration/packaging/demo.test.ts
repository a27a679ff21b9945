/** The demo of the compose stack: its NATS service and its MQTT device talk to each other through gateway and broker. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type RunningGateway, startGateway } from '../../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { ManagedProcess } from '../../support/processes.ts';

const LIMIT_MS = 20_000;

let broker: Mosquitto;
let gateway: RunningGateway;

before(async () => {
  broker = await startMosquitto();
  gateway = await startGateway({ upstream: { url: broker.url } });
});

after(async () => {
  await gateway.stop();
  await broker.stop();
});

function start(script: string, env: Readonly<Record<string, string>>): ManagedProcess {
  const path = fileURLToPath(new URL(`../../../deploy/demo/${script}`, import.meta.url));
  return new ManagedProcess({
    path: process.execPath,
    args: [path],
    env: { PATH: process.env.PATH ?? '', ...env },
  });
}

test('demo: messages and requests cross in both directions, and both scripts end on SIGTERM', async () => {
  const service = start('service.js', { NATS_URL: gateway.url });
  await service.untilOutput(/service: the device is not there/, LIMIT_MS);
  const device = start('device.js', { MQTT_URL: broker.url });
  await service.untilOutput(/service: living%20room has 2\d\.\d Celsius/, LIMIT_MS);
  await device.untilOutput(/device: asked by service/, LIMIT_MS);
  await service.untilOutput(/service: the device says \{"sent":\d+\}/, LIMIT_MS);
  await device.untilOutput(/device: the average is 2\d\.\d/, LIMIT_MS);
  for (const script of [service, device]) {
    assert.deepEqual(await script.end('SIGTERM'), { code: 0, signal: null }, script.stderr);
    assert.equal(script.stderr, '');
  }
});
