/** MQTT fields set from the NATS side: `Mqtt-…` headers, and rules by subject. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { headers } from '@nats-io/transport-node';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { collect } from '../support/nats.ts';
import { Scene } from '../support/scene.ts';

let scene: Scene<Mosquitto>;

before(async () => {
  scene = await Scene.start(await startMosquitto(), {
    rules: [
      { subject: 'rule.first.>', qos: 1 },
      { subject: 'rule.*.keep', retain: true, message_expiry: '1h' },
      { subject: 'rule.>', qos: 0 },
    ],
  });
});
afterEach(() => scene.closeClients());
after(() => scene.stop());

function withHeaders(pairs: readonly (readonly [string, string])[]): ReturnType<typeof headers> {
  const block = headers();
  for (const [name, value] of pairs) block.append(name, value);
  return block;
}

test('control headers: each sets its MQTT field and stays visible to NATS receivers', async () => {
  const nats = await scene.nats();
  const device = await scene.device();
  await device.subscribe('control/#');
  const collected = await collect(nats, 'control.>');
  const pairs = [
    ['Mqtt-Qos', '1'],
    ['Mqtt-Message-Expiry', '3600'],
    ['Mqtt-Content-Type', 'application/json'],
    ['Mqtt-Response-Topic', 'devices/answers here'],
    ['Mqtt-Correlation-Data', 'AAEC_w'],
    ['Other', 'x'],
  ] as const;
  nats.publish('control.all', 'x', { headers: withHeaders(pairs) });
  const { qos, properties } = await device.next();
  assert.equal(qos, 1);
  const expiry = properties.messageExpiryInterval ?? 0;
  assert.ok(expiry > 3_500 && expiry <= 3_600);
  assert.equal(properties.contentType, 'application/json');
  assert.equal(properties.responseTopic, 'devices/answers here');
  assert.deepEqual(properties.correlationData, Buffer.from([0, 1, 2, 255]));
  const message = await collected.next();
  for (const [name, value] of pairs) assert.equal(message.headers?.get(name), value, name);
  // A Response Topic makes it a request for NATS receivers as well; it came with QoS 0, so the answer will.
  assert.equal(message.reply, '_MR_.AAABAv8.devices.answers%20here');
});

test('control headers: a reply subject beats Mqtt-Response-Topic', async () => {
  const nats = await scene.nats();
  const device = await scene.device();
  await device.subscribe('control/reply');
  const block = withHeaders([['Mqtt-Response-Topic', 'somewhere/else']]);
  nats.publish('control.reply', 'x', { headers: block, reply: 'my.inbox' });
  const { properties } = await device.next();
  assert.equal(properties.responseTopic, 'my/inbox');
  assert.equal(properties.correlationData?.toString(), 'nats.inbox');
});

test('control headers: invalid values are ignored and counted, the message goes its way', async () => {
  const nats = await scene.nats();
  const device = await scene.device();
  await device.subscribe('control/invalid');
  const counters = scene.gateway.gateway.status().counters;
  const before = counters.dropped.get('invalid_control_header') ?? 0;
  const pairs = [
    ['Mqtt-Qos', '3'],
    ['Mqtt-Retain', 'maybe'],
    ['Mqtt-Message-Expiry', '-1'],
    ['Mqtt-Response-Topic', 'a/+'],
    ['Mqtt-Correlation-Data', 'not base64!'],
  ] as const;
  nats.publish('control.invalid', 'x', { headers: withHeaders(pairs) });
  const { qos, retain, properties } = await device.next();
  assert.deepEqual({ qos, retain }, { qos: 0, retain: false });
  assert.equal(properties.responseTopic, undefined);
  assert.equal(properties.correlationData, undefined);
  assert.equal(properties.messageExpiryInterval, undefined);
  assert.equal(counters.dropped.get('invalid_control_header'), before + pairs.length);
  for (const topic of ['$SYS/x', '_NMG/x', '$CONTROL/dynamic-security/v1']) {
    nats.publish('control.invalid', 'x', { headers: withHeaders([['Mqtt-Response-Topic', topic]]) });
    assert.equal((await device.next()).properties.responseTopic, undefined, topic);
  }
});

test('control headers: control_headers false leaves them to the receivers', async () => {
  const gateway = await scene.otherGateway({ control_headers: false, upstream: { probe: false } });
  const nats = await scene.nats({}, gateway);
  const device = await scene.device();
  await device.subscribe('control/off');
  const block = withHeaders([
    ['Mqtt-Qos', '1'],
    ['Mqtt-Retain', 'true'],
    ['Mqtt-Content-Type', 'a/b'],
    ['Mqtt-Response-Topic', 'r'],
  ]);
  nats.publish('control.off', 'x', { headers: block });
  const { qos, properties } = await device.next();
  assert.equal(qos, 0);
  assert.equal(properties.contentType, undefined);
  assert.equal(properties.responseTopic, undefined);
  assert.equal(properties.userProperties?.['Mqtt-Qos'], '1');
  const late = await scene.device();
  await late.subscribe('control/off');
  await late.settle();
  assert.deepEqual(late.messages, []);
});

test('control headers: fields of device messages arrive as headers, replacing properties of that name', async () => {
  const nats = await scene.nats();
  const device = await scene.device();
  const collected = await collect(nats, 'fields.>');
  await device.publish('fields/a', 'x', {
    properties: {
      contentType: 'image/png',
      correlationData: Buffer.from([1, 2, 3]),
      userProperties: { 'mqtt-content-type': 'forged', 'Mqtt-Retained': 'true', other: 'y' },
    },
  });
  const { headers: block } = await collected.next();
  assert.deepEqual(block?.values('Mqtt-Content-Type'), ['image/png']);
  assert.deepEqual(block?.values('mqtt-content-type'), []);
  assert.equal(block?.get('Mqtt-Correlation-Data'), 'AQID');
  assert.equal(block?.get('other'), 'y');
  await device.publish('fields/b', 'x', {
    properties: { responseTopic: 'r/t', correlationData: Buffer.from([1, 2, 3]) },
  });
  const request = await collected.next();
  assert.equal(request.headers?.get('Mqtt-Correlation-Data') ?? '', '');
  assert.equal(request.reply, '_MR_.AAECAw.r.t');
});

test('rules: the first one that matches sets QoS, retain and expiry; a control header goes before it', async () => {
  const nats = await scene.nats();
  const device = await scene.device();
  await device.subscribe('rule/#');
  nats.publish('rule.first.keep', 'a');
  assert.equal((await device.next()).qos, 1);
  nats.publish('rule.second.keep', 'b');
  const kept = await device.next();
  assert.equal(kept.qos, 0);
  const expiry = kept.properties.messageExpiryInterval ?? 0;
  assert.ok(expiry > 3_500 && expiry <= 3_600);
  const late = await scene.device();
  await late.subscribe('rule/+/keep');
  const retained = await late.next();
  assert.deepEqual([retained.topic, retained.retain], ['rule/second/keep', true]);
  const block = withHeaders([
    ['Mqtt-Retain', 'false'],
    ['Mqtt-Qos', '1'],
    ['Mqtt-Message-Expiry', '60'],
  ]);
  nats.publish('rule.third.keep', 'c', { headers: block });
  const overridden = await device.next();
  assert.equal(overridden.qos, 1);
  assert.ok((overridden.properties.messageExpiryInterval ?? 0) <= 60);
  const later = await scene.device();
  await later.subscribe('rule/third/keep');
  await later.settle();
  assert.deepEqual(later.messages, []);
  // A verbose client would publish with QoS 1; the rule says otherwise, and `+OK` comes all the same.
  const client = await scene.raw({ verbose: true });
  client.send('PUB rule.other 1\r\nx\r\n');
  await client.expect('+OK\r\n');
  assert.equal((await device.next()).qos, 0);
});
