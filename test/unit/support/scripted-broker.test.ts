import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { after, afterEach, test } from 'node:test';
import mqttPacket, { type IPublishPacket, type Packet } from 'mqtt-packet';
import { connectDevice, type Device } from '../../support/device.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import type { OverlapShape, ScriptedBehaviour } from '../../support/scripted-behaviour.ts';
import { ScriptedBroker } from '../../support/scripted-broker.ts';
import { waitFor, within } from '../../support/wait-for.ts';

const brokers: { stop(): Promise<void> }[] = [];
const devices: Device[] = [];

async function start(behaviour: Partial<ScriptedBehaviour> = {}): Promise<ScriptedBroker> {
  const broker = await ScriptedBroker.start(behaviour);
  brokers.push(broker);
  return broker;
}

async function device(...[url, options]: Parameters<typeof connectDevice>): Promise<Device> {
  const connected = await connectDevice(url, options);
  devices.push(connected);
  return connected;
}

/** Reason code of the PUBACK of one QoS 1 publication; MQTT.js shows it on `packetreceive` only. */
async function pubackCode(from: Device, topic: string): Promise<number> {
  let code = -1;
  const look = (packet: Packet): void => {
    if (packet.cmd === 'puback') code = packet.reasonCode ?? 0;
  };
  from.client.on('packetreceive', look);
  await from.publish(topic, 'x').catch(() => {});
  from.client.off('packetreceive', look);
  return code;
}

afterEach(async () => {
  for (const open of devices.splice(0)) await open.close(true);
  for (const broker of brokers.splice(0)) await broker.stop();
});

let mosquitto: Mosquitto | null = null;
after(() => mosquitto?.stop());

/**
 * The script that both brokers run: what the scripted one says must be what Mosquitto says.
 * @returns what each side saw
 */
async function script(url: string, protocolVersion: 4 | 5): Promise<unknown> {
  const seen: unknown[] = [];
  const sub = await device(url, { protocolVersion });
  const pub = await device(url, { protocolVersion });
  await pub.publish('keep/a', 'old', { retain: true });
  seen.push(await pubackCode(pub, 'nobody/there'));
  await sub.subscribe('keep/+', { qos: 1 });
  await sub.subscribe('x/+', { qos: 0, ...(protocolVersion === 5 ? { id: 7 } : {}) });
  seen.push(await pubackCode(pub, 'x/1'));
  await pub.publish('$dollar/1', 'no');
  await sub.subscribe('#', { qos: 0 });
  await pub.publish('$dollar/1', 'no');
  await pub.publish('keep/a', '', { retain: true });
  await sub.client.unsubscribeAsync('x/+');
  await sub.settle();
  for (const { topic, text, qos, retain, properties } of sub.messages) {
    seen.push([topic, text, qos, retain, properties.subscriptionIdentifier]);
  }
  return seen;
}

for (const protocolVersion of [4, 5] as const) {
  test(`scripted broker: answers as Mosquitto does (protocol level ${protocolVersion})`, async () => {
    mosquitto ??= await startMosquitto();
    const broker = await start();
    assert.deepEqual(await script(broker.url, protocolVersion), await script(mosquitto.url, protocolVersion));
    assert.deepEqual(broker.violations, []);
  });
}

const SHAPES: [OverlapShape, unknown[]][] = [
  ['copies-with-one-id', [1, 2, 3]],
  ['one-copy-all-ids', [[1, 2, 3]]],
  ['one-copy-one-id', [3]],
  ['copies-no-id', [undefined, undefined, undefined]],
];
for (const [overlapping, ids] of SHAPES) {
  test(`scripted broker: overlapping filters as ${overlapping}`, async () => {
    const broker = await start({ overlapping });
    const sub = await device(broker.url);
    await sub.subscribe('a/+', { id: 1, qos: 0 });
    await sub.subscribe('a/b', { id: 2, qos: 1 });
    await sub.subscribe('a/#', { id: 3, qos: 0 });
    broker.publish({ topic: 'a/b', qos: 1 });
    await sub.settle();
    assert.deepEqual(
      sub.messages.map((message) => message.properties.subscriptionIdentifier),
      ids,
    );
  });
}

test('scripted broker: $share goes round, apart from plain copies', async () => {
  const broker = await start();
  const [one, two] = [await device(broker.url), await device(broker.url)];
  await one.subscribe('$share/g/t/+', { id: 5 });
  await two.subscribe('$share/g/t/+', { id: 6 });
  await two.subscribe('t/1', { id: 7 });
  for (let count = 0; count < 4; count++) broker.publish({ topic: 't/1', payload: Buffer.from(`${count}`) });
  await one.settle();
  await two.settle();
  assert.equal(one.messages.length, 2);
  const ids = two.messages.map((message) => message.properties.subscriptionIdentifier);
  assert.deepEqual(ids.sort(), [6, 6, 7, 7, 7, 7]);
});

test('scripted broker: keeps what it acknowledged over a cut, and what it had not acknowledged is not in the list', async () => {
  const broker = await start();
  const sub = await device(broker.url);
  await sub.publish('a', '1');
  await sub.publish('a', '2', { qos: 0 });
  broker.holdPubacks();
  sub.publish('a', '3').catch(() => {});
  await waitFor(() => broker.heldAcks('puback') === 1, 2_000, 'the publication');
  broker.cutAll();
  await waitFor(() => broker.sessions.length === 0, 2_000, 'the cut');
  broker.releasePubacks();
  await broker.restart();
  const again = await device(broker.url);
  await again.publish('a', '4');
  assert.deepEqual(
    broker.received.map((publication) => `${publication.connection}:${publication.payload}`),
    ['1:1', '1:2', '2:4'],
  );
});

test('scripted broker: holds and releases acknowledgements in order', async () => {
  const broker = await start();
  const pub = await device(broker.url);
  broker.holdPubacks();
  const done: number[] = [];
  const all = [1, 2, 3].map((n) => pub.publish('a', `${n}`).then(() => done.push(n)));
  await waitFor(() => broker.heldAcks('puback') === 3, 2_000, 'three publications');
  assert.deepEqual(done, []);
  broker.releasePubacks();
  await Promise.all(all);
  assert.deepEqual(done, [1, 2, 3]);
});

test('scripted broker: delays acknowledgements', async () => {
  const broker = await start({ ackDelayMs: 80 });
  const pub = await device(broker.url);
  const startedAt = performance.now();
  await pub.publish('a', 'x');
  assert.ok(performance.now() - startedAt >= 79);
});

test('scripted broker: one publication beyond Receive Maximum is a violation and DISCONNECT 0x93', async () => {
  const broker = await start({ receiveMaximum: 2 });
  const pub = await device(broker.url);
  assert.equal(pub.client.options.properties?.receiveMaximum, undefined);
  broker.holdPubacks();
  const reason = disconnectReason(pub);
  for (let count = 0; count < 3; count++) pub.publish('a', 'x').catch(() => {});
  assert.equal(await reason, 0x93);
  assert.match(broker.violations[0]?.what ?? '', /3 publications unacknowledged, Receive Maximum is 2/);
});

function disconnectReason(from: Device): Promise<number | undefined> {
  const told = new Promise<number | undefined>((resolve) => {
    from.client.once('disconnect', (packet) => resolve(packet.reasonCode));
  });
  return within(told, 5_000, 'DISCONNECT');
}

const ILLEGAL: {
  name: string;
  behaviour?: Partial<ScriptedBehaviour>;
  reason: number;
  act(from: Device): void;
}[] = [
  { name: 'a wildcard in a topic name', reason: 0x90, act: (from) => void from.client.publish('a/+', 'x') },
  { name: 'a TAB in a topic name', reason: 0x90, act: (from) => void from.client.publish('a\tb', 'x') },
  {
    name: 'CR LF in a user property',
    reason: 0x81,
    act: (from) => void from.client.publish('a', 'x', { properties: { userProperties: { k: 'a\r\nb' } } }),
  },
  {
    name: 'a wildcard in a response topic',
    reason: 0x82,
    act: (from) => void from.client.publish('a', 'x', { properties: { responseTopic: 'r/#' } }),
  },
  {
    name: 'a packet that is too large',
    behaviour: { maximumPacketSize: 100 },
    reason: 0x95,
    act: (from) => void from.client.publish('a', 'x'.repeat(100)),
  },
  {
    name: 'retain where there is none',
    behaviour: { retainAvailable: false },
    reason: 0x9a,
    act: (from) => void from.client.publish('a', 'x', { retain: true }),
  },
  {
    name: 'QoS 1 where there is only 0',
    behaviour: { maximumQoS: 0 },
    reason: 0x9b,
    act: (from) => void from.client.publish('a', 'x', { qos: 1 }),
  },
  {
    name: '$share where there is none',
    behaviour: { sharedSubscriptionAvailable: false },
    reason: 0x9e,
    act: (from) => void from.client.subscribe('$share/g/a'),
  },
  { name: 'a $share without filter', reason: 0x8f, act: (from) => void from.client.subscribe('$share/g/') },
  {
    name: 'No Local on $share',
    reason: 0x82,
    act: (from) => void from.client.subscribe('$share/g/a', { qos: 0, nl: true }),
  },
  {
    name: 'an identifier where there are none',
    behaviour: { subscriptionIdentifiersAvailable: false },
    reason: 0xa1,
    act: (from) => void from.client.subscribe('a', { qos: 0, properties: { subscriptionIdentifier: 1 } }),
  },
];
for (const { name, behaviour, reason, act } of ILLEGAL) {
  test(`scripted broker: ${name} is a violation and DISCONNECT 0x${reason.toString(16)}`, async () => {
    const broker = await start(behaviour);
    const from = await device(broker.url);
    const told = disconnectReason(from);
    act(from);
    assert.equal(await told, reason);
    assert.equal(broker.violations.length, 1);
  });
}

test('scripted broker: bytes that are no MQTT are a violation', async () => {
  const broker = await start();
  const socket = createConnection({ host: broker.host, port: broker.port });
  socket.end(Buffer.of(0, 0));
  await waitFor(() => broker.violations.length > 0, 2_000, 'the violation');
  socket.destroy();
});

test('scripted broker: refuses CONNECT with a reason, on either protocol level', async () => {
  const broker = await start({ connackCode: (connect) => (connect.protocolVersion === 5 ? 0x86 : 4) });
  await assert.rejects(connectDevice(broker.url), { code: 0x86 });
  await assert.rejects(connectDevice(broker.url, { protocolVersion: 4 }), { code: 4 });
});

test('scripted broker: denies a topic by PUBACK or by DISCONNECT', async () => {
  const verdict = (packet: IPublishPacket) => {
    if (packet.topic === 'deny/soft') return { puback: 0x87 } as const;
    return packet.topic === 'deny/hard' ? ({ disconnect: 0x87 } as const) : 'accept';
  };
  const broker = await start({ publishVerdict: verdict });
  const pub = await device(broker.url);
  await assert.rejects(pub.publish('deny/soft', 'x'), { code: 0x87 });
  const told = disconnectReason(pub);
  pub.publish('deny/hard', 'x').catch(() => {});
  assert.equal(await told, 0x87);
  assert.deepEqual([broker.received, broker.violations], [[], []]);
});

test('scripted broker: grants and refuses filters one by one', async () => {
  const broker = await start({ subackCode: (sub, granted) => (sub.topic === 'no' ? 0x87 : granted) });
  const sub = await device(broker.url);
  await sub.subscribe('yes');
  await assert.rejects(sub.subscribe('no'));
  assert.deepEqual(broker.filters, ['yes']);
});

test('scripted broker: tells all clients to go, and takes over client ids', async () => {
  const broker = await start();
  const first = await device(broker.url, { clientId: 'same' });
  const told = disconnectReason(first);
  const second = await device(broker.url, { clientId: 'same' });
  assert.equal(await told, 0x8e);
  const toldToo = disconnectReason(second);
  broker.disconnectAll(0x8b);
  assert.equal(await toldToo, 0x8b);
});

test('scripted broker: swallows PINGREQ', async () => {
  const broker = await start({ swallowPings: true });
  const from = await device(broker.url, { keepalive: 60 });
  from.client.sendPing();
  await waitFor(() => broker.packets('pingreq').length === 1, 2_000, 'PINGREQ');
  let isAnswered = false;
  from.client.on('packetreceive', (packet) => {
    isAnswered ||= packet.cmd === 'pingresp';
  });
  await from.publish('a', 'x');
  assert.equal(isAnswered, false);
});

test('scripted broker: keeps within the client’s Receive Maximum, and in order', async () => {
  const broker = await start();
  const socket = createConnection({ host: broker.host, port: broker.port });
  const parser = mqttPacket.parser({ protocolVersion: 5 });
  const received: Packet[] = [];
  parser.on('packet', (packet) => received.push(packet));
  socket.on('data', (bytes) => parser.parse(bytes));
  const send = (packet: Packet): void =>
    void socket.write(mqttPacket.generate(packet, { protocolVersion: 5 }));
  const connect = { cmd: 'connect', protocolVersion: 5, clientId: 'c', clean: true, keepalive: 0 } as const;
  send({ ...connect, properties: { receiveMaximum: 2 } });
  send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] });
  await waitFor(() => received.length === 2, 2_000, 'CONNACK and SUBACK');
  for (const qos of [1, 1, 1, 0, 1] as const) broker.publish({ topic: 'a', qos });
  send({ cmd: 'pingreq' });
  await waitFor(() => received.at(-1)?.cmd === 'pingresp', 2_000, 'PINGRESP');
  const kinds = (): string[] =>
    received.slice(2).map((packet) => (packet.cmd === 'publish' ? `${packet.qos}` : packet.cmd));
  assert.deepEqual(kinds(), ['1', '1', 'pingresp']);
  send({ cmd: 'puback', messageId: received[2]?.messageId ?? 0, reasonCode: 0 });
  await waitFor(() => received.length === 7, 2_000, 'two more publications');
  assert.deepEqual(kinds().slice(3), ['1', '0']);
  socket.destroy();
});

test('scripted broker: writes down who sent what in which order', async () => {
  const broker = await start();
  const first = await device(broker.url);
  await first.subscribe('a');
  broker.cutAll();
  await waitFor(() => broker.sessions.length === 0, 2_000, 'the cut');
  const second = await device(broker.url);
  await second.subscribe('a');
  await second.publish('a', 'x');
  const log = broker.log.map((entry) => `${entry.connection} ${entry.packet.cmd}`);
  assert.deepEqual(log.slice(0, 5), ['1 connect', '1 subscribe', '2 connect', '2 subscribe', '2 publish']);
});
