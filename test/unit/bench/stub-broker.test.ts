/** The stub broker as its clients see it: it does little, but what it does is MQTT. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { StubBrokerCommands } from '../../bench/processes/stub-broker.ts';
import { Worker } from '../../bench/worker.ts';
import { connectDevice, type Device } from '../../support/device.ts';

let worker: Worker<StubBrokerCommands>;
let url = '';

before(async () => {
  worker = await Worker.start<StubBrokerCommands>('stub-broker');
  url = `mqtt://127.0.0.1:${await worker.run('listen', { fault: null })}`;
});

after(() => worker.end());

async function withDevices(
  versions: readonly (4 | 5)[],
  body: (...devices: Device[]) => Promise<void>,
): Promise<void> {
  const devices = await Promise.all(
    versions.map((protocolVersion) => connectDevice(url, { protocolVersion })),
  );
  try {
    await body(...devices);
  } finally {
    for (const device of devices) await device.close(true);
  }
}

test('stub broker: one copy with all identifiers, properties and the lower QoS', () =>
  withDevices([5, 5], async (receiver, sender) => {
    await receiver?.subscribe('x/+', { qos: 1, id: 300 });
    await receiver?.subscribe('x/y', { qos: 0, id: 2 });
    for (const qos of [0, 1] as const) {
      const properties = { responseTopic: 'r', userProperties: { a: ['1', '2'] } };
      await sender?.publish('x/y', 'hello', { qos, properties });
      const message = await receiver?.next();
      assert.deepEqual([message?.text, message?.qos], ['hello', qos]);
      const { subscriptionIdentifier, responseTopic, userProperties } = message?.properties ?? {};
      assert.deepEqual([subscriptionIdentifier, responseTopic], [[2, 300], 'r']);
      assert.deepEqual({ ...userProperties }, { a: ['1', '2'] });
    }
    await receiver?.settle();
    assert.equal(receiver?.messages.length, 0);
  }));

test('stub broker: messages of different lengths and topics in one stream', () =>
  withDevices([5, 5], async (receiver, sender) => {
    await receiver?.subscribe('many/#', { qos: 0, id: 1 });
    const texts = ['', 'a', 'b'.repeat(127), 'c'.repeat(128), 'd'.repeat(20_000), 'e'.repeat(400_000), 'f'];
    for (const [index, text] of texts.entries()) await sender?.publish(`many/${index % 2}`, text, { qos: 0 });
    for (const [index, text] of texts.entries()) {
      const message = await receiver?.next();
      assert.deepEqual([message?.topic, message?.text.length], [`many/${index % 2}`, text.length]);
      assert.equal(message?.text, text);
    }
  }));

test('stub broker: translates between MQTT 5 and 3.1.1', () =>
  withDevices([4, 5], async (old, modern) => {
    await old?.subscribe('v', { qos: 1 });
    await modern?.subscribe('v', { qos: 1 });
    await modern?.publish('v', 'from 5', { properties: { userProperties: { a: '1' } } });
    await old?.publish('v', 'from 4');
    for (const device of [old, modern]) {
      assert.deepEqual([(await device?.next())?.text, (await device?.next())?.text], ['from 5', 'from 4']);
    }
  }));

test('stub broker: a group gets each message once, by turns, and nothing after leaving', () =>
  withDevices([5, 5, 5], async (first, second, sender) => {
    for (const member of [first, second]) await member?.subscribe('$share/g/turn/#');
    for (const text of ['1', '2', '3', '4']) await sender?.publish('turn/x', text);
    for (const member of [first, second]) await member?.settle();
    assert.deepEqual([first?.messages.length, second?.messages.length], [2, 2]);
    await first?.client.unsubscribeAsync('$share/g/turn/#');
    await sender?.publish('turn/x', '5');
    await second?.settle();
    assert.equal(second?.messages.length, 3);
  }));

test('stub broker: says when nobody listens', () =>
  withDevices([5], async (sender) => {
    const codes: number[] = [];
    sender?.client.on('packetreceive', (packet) => {
      if (packet.cmd === 'puback') codes.push(packet.reasonCode ?? 0);
    });
    await sender?.publish('nobody', 'x');
    await sender?.publish('sink/counts', 'x'.repeat(8));
    assert.deepEqual(codes, [0x10, 0]);
  }));
