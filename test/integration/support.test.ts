/** The tests' own tools for the whole gateway: a message crosses, logs are seen, nothing is left behind. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectDevice } from '../support/device.ts';
import { startGateway } from '../support/gateway.ts';
import { runCommand, startGatewayProcess } from '../support/gateway-process.ts';
import { watchLeaks } from '../support/leaks.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { collect, connectNats } from '../support/nats.ts';
import { connectRaw, connectRawWebSocket } from '../support/raw-client.ts';

let broker: Mosquitto;

before(async () => {
  broker = await startMosquitto();
});

after(() => broker.stop());

test('gateway in process: a message crosses both ways, and stopping leaves nothing behind', async () => {
  const assertNoLeaks = watchLeaks();
  const gateway = await startGateway({ upstream: { url: broker.url } });
  const nats = await connectNats(gateway);
  const device = await connectDevice(broker.url);
  const collected = await collect(nats, 'to.nats');
  await device.subscribe('to/device');
  await device.publish('to/nats', 'hello');
  assert.equal((await collected.next()).string(), 'hello');
  nats.publish('to.device', 'there');
  assert.equal((await device.next()).text, 'there');
  assert.ok(gateway.logLines('client.connected').length === 1);
  await nats.close();
  await device.close();
  await gateway.stop();
  await assertNoLeaks();
});

test('gateway in process: raw clients over TCP and WebSocket', async () => {
  const gateway = await startGateway({ upstream: { url: broker.url } });
  for (const client of [
    await connectRaw(gateway.host, gateway.port),
    await connectRawWebSocket(gateway.wsUrl),
  ]) {
    client.send('CONNECT {"verbose":false}\r\n');
    await client.pingPong();
    await client.close();
  }
  await gateway.stop();
});

test('gateway process: listens, ends cleanly on SIGTERM', async () => {
  const gateway = await startGatewayProcess({ settings: { upstream: { url: broker.url } } });
  const client = await connectRaw(gateway.host, gateway.port);
  client.send('CONNECT {"verbose":false}\r\n');
  await client.pingPong();
  assert.ok(gateway.residentBytes() > 10_000_000);
  gateway.signal('SIGTERM');
  await client.closed();
  assert.deepEqual(await gateway.exited(), { code: 0, signal: null });
});

test('gateway process: runs a subcommand to its end', async () => {
  const result = await runCommand(['version']);
  assert.equal(result.code, 0);
  assert.match(result.stdout, /\d+\.\d+\.\d+/);
});
