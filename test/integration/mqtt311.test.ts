/** MQTT 3.1.1 towards the broker, the declared fallback: publish, subscribe and queue groups, without the rest. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { headers, TimeoutError } from '@nats-io/transport-node';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { collect } from '../support/nats.ts';
import { Scene } from '../support/scene.ts';
import { testIn } from '../support/variants.ts';
import { waitFor } from '../support/wait-for.ts';

let scene: Scene<Mosquitto>;

before(async () => {
  scene = await Scene.start(await startMosquitto(), { upstream: { protocol_version: 4 } });
});
afterEach(() => scene.closeClients());
after(() => scene.stop());

test('3.1.1: messages cross in both directions, with the QoS of verbose', async () => {
  const client = await scene.raw({ verbose: true });
  client.send('SUB three.in 1\r\n');
  await client.expect('+OK\r\n');
  const device = await scene.device({ protocolVersion: 4 });
  await device.subscribe('three/out');
  await device.publish('three/in', 'hello');
  await client.expect('MSG three.in 1 5\r\nhello\r\n');
  client.send('PUB three.out 2\r\nyo\r\n');
  await client.expect('+OK\r\n');
  const message = await device.next();
  assert.deepEqual([message.text, message.qos], ['yo', 1]);
});

test('3.1.1: overlapping subscriptions get one copy each, flush proves it', async () => {
  const client = await scene.raw();
  const subjects = ['lap.a.b', 'lap.*.b', 'lap.>', 'lap.a.b'];
  client.send(subjects.map((subject, sid) => `SUB ${subject} ${sid}\r\n`).join(''));
  for (let round = 0; round < 10; round++) {
    client.send(`PUB lap.a.b 1\r\n${round}\r\n`);
    const text = (await client.pingPong()).toString();
    const sids = [...text.matchAll(/MSG lap\.a\.b (\d) /g)].map((match) => match[1]);
    assert.deepEqual(sids.sort(), ['0', '1', '2', '3']);
  }
});

test('3.1.1: queue groups share at the broker, over connections and gateways', async () => {
  const other = await scene.otherGateway({ upstream: { protocol_version: 4 } });
  const clients = [await scene.nats(), await scene.nats(), await scene.nats({}, other)];
  const members = await Promise.all(clients.map((client) => collect(client, 'work.*', { queue: 'g' })));
  const device = await scene.device();
  for (let i = 0; i < 90; i++) await device.publish(`work/${i}`, String(i));
  await waitFor(() => members.reduce((sum, one) => sum + one.messages.length, 0) >= 90);
  await Promise.all(clients.map((client) => client.flush()));
  assert.equal(
    members.reduce((sum, one) => sum + one.messages.length, 0),
    90,
  );
  for (const member of members) assert.ok(member.messages.length > 5);
});

test('3.1.1: groups and plain subscriptions of one client get a copy each', async () => {
  const clients = [await scene.nats(), await scene.nats()];
  const on = (subject: string, options?: { queue: string }) =>
    Promise.all(clients.map((client) => collect(client, subject, options)));
  const groups = [await on('both.x', { queue: 'one' }), await on('both.x', { queue: 'two' })];
  const plain = await on('both.x');
  const device = await scene.device();
  for (let i = 0; i < 40; i++) await device.publish('both/x', String(i));
  await Promise.all(plain.map((one) => one.count(40)));
  for (const client of clients) await client.flush();
  const counts = groups.map((group) => group.reduce((sum, one) => sum + one.messages.length, 0));
  assert.deepEqual(
    [counts, plain.map((one) => one.messages.length)],
    [
      [40, 40],
      [40, 40],
    ],
  );
});

test('3.1.1: retained messages reach the first subscription of a filter, marked', async () => {
  const device = await scene.device();
  await device.publish('kept/x', 'k', { retain: true });
  const client = await scene.raw();
  client.send('SUB kept.x 1\r\n');
  await client.expect('HMSG kept.x 1 33 34\r\nNATS/1.0\r\nMqtt-Retained: true\r\n\r\nk\r\n');
  await client.pingPong();
  await device.publish('kept/x', 'l', { retain: true });
  await client.expect('MSG kept.x 1 1\r\nl\r\n');
});

test('3.1.1: headers and reply subjects stay behind, the payload crosses', async () => {
  const nats = await scene.nats();
  const collected = await collect(nats, 'bare.x');
  const device = await scene.device();
  await device.subscribe('bare/x');
  const block = headers();
  block.set('a', '1');
  nats.publish('bare.x', 'x', { headers: block, reply: 'inbox' });
  const message = await collected.next();
  assert.equal(message.string(), 'x');
  assert.equal(message.headers?.get('a') ?? '', '');
  assert.equal(message.reply ?? '', '');
  assert.deepEqual((await device.next()).properties, {});
});

test('3.1.1: a request that nobody answers times out; the log says at the start what is missing', async () => {
  const nats = await scene.nats();
  await assert.rejects(nats.request('nobody', '', { timeout: 300 }), TimeoutError);
  assert.equal(scene.gateway.logLines('upstream.degraded').length, 1);
});

testIn('per_client', '3.1.1: wrong credentials are an Authorization Violation here, too', async () => {
  const broker = await startMosquitto({ users: { ann: 'a' } });
  const own = await Scene.start(broker, { upstream: { protocol_version: 4 } });
  try {
    const client = await own.greeted();
    assert.equal(client.info.auth_required, true);
    client.send('CONNECT {"verbose":false,"user":"ann","pass":"b"}\r\nPING\r\n');
    assert.equal((await client.closed()).leftover.toString(), "-ERR 'Authorization Violation'\r\n");
    await own.raw({ user: 'ann', pass: 'a' });
  } finally {
    await own.stop();
  }
});
