/** The configuration on the page about coming from EMQX, run as it stands there, and what the page says that it does. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectDevice } from '../../support/device.ts';
import { DocumentedExamples } from '../../support/documented-examples.ts';
import { type RunningGateway, startGateway } from '../../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { collect, connectNats } from '../../support/nats.ts';
import { connectRawWebSocket } from '../../support/raw-client.ts';
import { isPooled } from '../../support/variants.ts';

let broker: Mosquitto;
let gateway: RunningGateway;

before(async () => {
  broker = await startMosquitto({ users: { alice: 'secret' } });
  const settings = new DocumentedExamples('docs/migration-from-emqx.md').settings('emqx', {
    '"url": "mqtt://127.0.0.1:1883"': isPooled
      ? `"url": "${broker.url}", "username": "alice", "password": "secret"`
      : `"url": "${broker.url}"`,
    '"type": "tcp", "bind": "0.0.0.0:4222"': '"type": "tcp", "bind": "127.0.0.1:0"',
    '0.0.0.0:4223': '127.0.0.1:0',
  });
  gateway = await startGateway({ ...settings, log: { level: 'debug', format: 'json' } });
});

after(async () => {
  await gateway.stop();
  await broker.stop();
});

test('migration: user and password of the NATS client are those at the broker; names cross as with EMQX', async () => {
  if (!isPooled)
    await assert.rejects(connectNats(gateway, { user: 'alice', pass: 'wrong' }), /Authorization Violation/);
  const client = await connectNats(gateway, { user: 'alice', pass: 'secret' });
  assert.equal(client.info?.server_name, 'emqx_nats_gateway');
  assert.equal(client.info?.max_payload, 1_048_576);
  const device = await connectDevice(broker.url, { username: 'alice', password: 'secret' });
  const seen = await collect(client, 'sensors.*.>');
  await device.publish('sensors/kitchen/temperature', '21');
  const message = await seen.next();
  assert.deepEqual([message.subject, message.string()], ['sensors.kitchen.temperature', '21']);
  await device.subscribe('lamps/+');
  client.publish('lamps.kitchen', 'on');
  assert.equal((await device.next()).topic, 'lamps/kitchen');
  await device.close();
  await client.close();
});

test('migration: a name that EMQX would mix up with another is refused, and the connection stays', async () => {
  const client = await connectNats(gateway, { user: 'alice', pass: 'secret' });
  const refused = new Promise<Error | null>((resolve) => {
    client.subscribe('a/b.c', { callback: (error) => resolve(error) });
  });
  assert.match(String(await refused), /Permissions Violation for Subscription to "a\/b\.c"/);
  await client.flush();
  await client.close();
});

test('migration: WebSocket clients come under their path only', async () => {
  const client = await connectRawWebSocket(`${gateway.wsUrl}/nats`);
  client.send('CONNECT {"verbose":false,"user":"alice","pass":"secret"}\r\n');
  await client.pingPong();
  await client.close();
  await assert.rejects(connectRawWebSocket(`${gateway.wsUrl}/mqtt`));
});
