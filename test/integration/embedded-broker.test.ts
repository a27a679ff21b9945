/** The gateway with the broker that comes along, as `npm start` runs it: a process of its own, devices on its port. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { connectDevice, type Device } from '../support/device.ts';
import { freePort } from '../support/free-port.ts';
import { type GatewayProcess, runCommand, startGatewayProcess } from '../support/gateway-process.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { collect, connectNats } from '../support/nats.ts';

let gateway: GatewayProcess;
let brokerUrl: string;
const closers: (() => Promise<unknown>)[] = [];

before(async () => {
  const port = await freePort();
  brokerUrl = `mqtt://127.0.0.1:${port}`;
  gateway = await startGatewayProcess({
    settings: {
      listeners: [{ name: 'tcp', type: 'tcp', bind: '127.0.0.1:0' }],
      upstream: { url: 'embedded:', embedded_bind: `127.0.0.1:${port}` },
    },
  });
});
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});
after(async () => {
  assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
});

async function nats(): Promise<NatsConnection> {
  const connection = await connectNats(gateway);
  closers.push(() => connection.close());
  return connection;
}

async function device(): Promise<Device> {
  const one = await connectDevice(brokerUrl);
  closers.push(() => one.close(true));
  return one;
}

test('embedded: devices join on its port, messages cross in both directions', async () => {
  const client = await nats();
  const thing = await device();
  await thing.subscribe('to/device');
  const collected = await collect(client, 'to.nats');
  await thing.publish('to/nats', 'a');
  assert.equal((await collected.next()).string(), 'a');
  client.publish('to.device', 'b');
  assert.equal((await thing.next()).text, 'b');
  assert.equal(gateway.logLines('embedded_broker.started')[0]?.level, 'warn');
});

test('embedded: requests in both directions, and a 503 although this broker has no 0x10', async () => {
  const client = await nats();
  const thing = await device();
  await thing.answer('device/ask', (request) => request.payload);
  assert.equal((await client.request('device.ask', 'q', { timeout: 3_000 })).string(), 'q');
  const startedAt = performance.now();
  await assert.rejects(client.request('nobody', '', { timeout: 3_000 }), /no responders/);
  assert.ok(performance.now() - startedAt < 1_000);
  client.subscribe('service', {
    callback: (_error: Error | null, message: Msg) => void message.respond('served'),
  });
  await client.flush();
  const asker = await device();
  await asker.subscribe('device/in');
  const correlationData = Buffer.from([1, 2]);
  await asker.publish('service', '', { properties: { responseTopic: 'device/in', correlationData } });
  const answer = await asker.next();
  assert.equal(answer.text, 'served');
  assert.deepEqual(answer.properties.correlationData, correlationData);
});

test('embedded: overlapping subscriptions, one copy each', async () => {
  const client = await nats();
  const all = [];
  for (const subject of ['o.a.b', 'o.*.b', 'o.>', 'o.a.b']) all.push(await collect(client, subject));
  const thing = await device();
  for (let i = 0; i < 50; i++) await thing.publish('o/a/b', String(i), { qos: i % 2 === 0 ? 0 : 1 });
  await Promise.all(all.map((one) => one.count(50)));
  await client.flush();
  for (const one of all) {
    assert.equal(one.messages.length, 50);
    assert.equal(new Set(one.texts).size, 50);
  }
});

test('embedded: retained messages reach each new subscription once', async () => {
  const thing = await device();
  await thing.publish('kept/x', 'k', { retain: true });
  const client = await nats();
  const first = await collect(client, 'kept.x');
  const second = await collect(client, 'kept.x');
  const third = await collect(client, 'kept.*');
  await Promise.all([first, second, third].map((one) => one.count(1)));
  await client.flush();
  for (const one of [first, second, third]) {
    assert.equal(one.messages.length, 1);
    assert.equal(one.messages[0]?.headers?.get('Mqtt-Retained'), 'true');
  }
});

test('embedded: its port in use ends the program with 69, and the very command that uses the broker there', async () => {
  const mosquitto: Mosquitto = await startMosquitto();
  try {
    const listen = ['--set', 'listeners=[{"name":"tcp","bind":"127.0.0.1:0"}]'];
    const bind = ['--set', `upstream.embedded_bind=127.0.0.1:${mosquitto.port}`];
    const result = await runCommand(['serve', '--upstream', 'embedded:', ...listen, ...bind]);
    assert.equal(result.code, 69, result.stderr);
    assert.match(result.stderr, /upstream\.embedded_bind/);
    assert.match(result.stderr, new RegExp(`--upstream mqtt://127\\.0\\.0\\.1:${mosquitto.port}`));
  } finally {
    await mosquitto.stop();
  }
});

test('embedded: the port for NATS clients in use ends the program with 69 and names key and flag', async () => {
  const port = await freePort();
  const bind = ['--set', `upstream.embedded_bind=127.0.0.1:${port}`];
  const result = await runCommand(['serve', '--upstream', 'embedded:', ...bind, '-p', String(gateway.port)]);
  assert.equal(result.code, 69, result.stderr);
  assert.match(result.stderr, /listeners/);
  assert.match(result.stderr, /-p /);
});
