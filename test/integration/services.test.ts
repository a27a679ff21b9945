/** NATS micro services (`@nats-io/services`) over an MQTT broker, as over nats-server, and called by devices. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { type Service, ServiceError, type ServiceMsg, Svcm } from '@nats-io/services';
import type { NatsConnection } from '@nats-io/transport-node';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { Scene } from '../support/scene.ts';

let scene: Scene<Mosquitto>;

before(async () => {
  scene = await Scene.start(await startMosquitto());
});
afterEach(() => scene.closeClients());
after(() => scene.stop());

async function startService(nats: NatsConnection): Promise<Service> {
  const service = await new Svcm(nats).add({ name: 'math', version: '1.0.0', description: 'sums' });
  const numbers = service.addGroup('math');
  numbers.addEndpoint('sum', (error: Error | null, message: ServiceMsg) => {
    if (error !== null) return;
    const list = message.json<number[]>();
    if (list.length === 0) message.respondError(400, 'nothing to add');
    else message.respond(String(list.reduce((a, b) => a + b, 0)));
  });
  await nats.flush();
  return service;
}

async function all<T>(answers: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const one of answers) list.push(one);
  return list;
}

test('services: ping, info and stats find every instance', async () => {
  const hosts = await Promise.all([scene.nats(), scene.nats()]);
  const services = await Promise.all(hosts.map((host) => startService(host)));
  const nats = await scene.nats();
  const client = new Svcm(nats).client({ strategy: 'count', maxWait: 3_000, maxMessages: 2 });
  const ids = services.map((service) => service.info().id).sort();
  assert.deepEqual((await all(await client.ping())).map((one) => one.id).sort(), ids);
  const infos = await all(await client.info('math'));
  assert.deepEqual(infos.map((one) => one.id).sort(), ids);
  assert.equal(infos[0]?.endpoints[0]?.subject, 'math.sum');
  const single = new Svcm(nats).client({ strategy: 'count', maxWait: 3_000, maxMessages: 1 });
  const [stats] = await all(await single.stats('math', ids[0]));
  assert.equal(stats?.id, ids[0]);
  await Promise.all(services.map((service) => service.stop()));
});

test('services: endpoints answer requests, errors included, and share the work', async () => {
  const hosts = await Promise.all([scene.nats(), scene.nats()]);
  const services = await Promise.all(hosts.map((host) => startService(host)));
  const nats = await scene.nats();
  for (let i = 0; i < 40; i++) {
    const answer = await nats.request('math.sum', JSON.stringify([i, 1]), { timeout: 3_000 });
    assert.equal(answer.string(), String(i + 1));
  }
  const counts = await Promise.all(
    services.map(async (one) => (await one.stats()).endpoints?.[0]?.num_requests ?? 0),
  );
  assert.equal(
    counts.reduce((a, b) => a + b),
    40,
  );
  assert.ok(
    counts.every((count) => count > 0),
    String(counts),
  );
  const failed = await nats.request('math.sum', '[]', { timeout: 3_000 });
  assert.ok(ServiceError.isServiceError(failed));
  assert.equal(ServiceError.toServiceError(failed)?.code, 400);
  await services[0]?.stop();
  for (let i = 0; i < 10; i++) await nats.request('math.sum', '[1]', { timeout: 3_000 });
  await services[1]?.stop();
});

test('services: a device calls an endpoint and finds services', async () => {
  const service = await startService(await scene.nats());
  const device = await scene.device();
  await device.subscribe('device/in');
  const correlationData = Buffer.from('1');
  await device.publish('math/sum', '[20,22]', {
    properties: { responseTopic: 'device/in', correlationData },
  });
  const answer = await device.next();
  assert.equal(answer.text, '42');
  assert.deepEqual(answer.properties.correlationData, correlationData);
  await device.publish('math/sum', '[]', { properties: { responseTopic: 'device/in' } });
  assert.equal((await device.next()).properties.userProperties?.['Nats-Service-Error-Code'], '400');
  await device.publish('$SRV/PING', '', { properties: { responseTopic: 'device/in' } });
  assert.equal((JSON.parse((await device.next()).text) as { name: string }).name, 'math');
  await service.stop();
});
