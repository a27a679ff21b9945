/**
 * The embedded broker as MQTT clients see it, through MQTT.js on loopback sockets.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, it } from 'node:test';
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { generate } from 'mqtt-packet';
import { GatewayError } from '../../../src/errors.ts';
import { type EmbeddedBroker, startEmbeddedBroker } from '../../../src/upstream/embedded-broker.ts';
import { silentLogger } from '../../../src/util/logger.ts';
import { waitFor, within } from '../../support/wait-for.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(): Promise<EmbeddedBroker> {
  const broker = await startEmbeddedBroker({ host: '127.0.0.1', port: 0, logger: silentLogger });
  cleanups.push(() => broker.close());
  return broker;
}

async function connect(broker: EmbeddedBroker, options: IClientOptions = {}): Promise<MqttClient> {
  const client = mqtt.connect(broker.url, { protocolVersion: 5, reconnectPeriod: 0, ...options });
  cleanups.push(() => client.endAsync(true));
  client.on('error', () => {});
  await within(new Promise((done) => client.once('connect', done)), 5_000, 'CONNACK');
  return client;
}

function collect(client: MqttClient): IPublishPacket[] {
  const packets: IPublishPacket[] = [];
  client.on('message', (_topic, _payload, packet) => packets.push(packet));
  return packets;
}

describe('embedded broker: messages', () => {
  it('carries user properties, response topic, correlation data and the identifier', async () => {
    const broker = await start();
    const subscriber = await connect(broker);
    const publisher = await connect(broker);
    const received = collect(subscriber);
    await subscriber.subscribeAsync('a/+', { qos: 1, properties: { subscriptionIdentifier: 7 } });
    const properties = {
      userProperties: { k: ['1', '2'] },
      responseTopic: 'r/1',
      correlationData: Buffer.from([0, 1, 255]),
      contentType: 'text/plain',
    };
    await publisher.publishAsync('a/b', 'x', { qos: 1, properties });
    await waitFor(() => received.length === 1);
    const { userProperties, ...rest } = received[0]!.properties!;
    assert.deepEqual(rest, {
      responseTopic: 'r/1',
      correlationData: Buffer.from([0, 1, 255]),
      contentType: 'text/plain',
      subscriptionIdentifier: 7,
    });
    assert.deepEqual({ ...userProperties }, { k: ['1', '2'] });
  });

  it('keeps retained messages', async () => {
    const broker = await start();
    const publisher = await connect(broker);
    await publisher.publishAsync('kept', 'v', { qos: 1, retain: true });
    const subscriber = await connect(broker);
    const received = collect(subscriber);
    await subscriber.subscribeAsync('kept', { qos: 1 });
    await waitFor(() => received.length === 1);
    assert.equal(received[0]!.retain, true);
  });

  it('serves MQTT 3.1.1 and 5 side by side', async () => {
    const broker = await start();
    const old = await connect(broker, { protocolVersion: 4 });
    const received = collect(old);
    await old.subscribeAsync('s');
    await (await connect(broker)).publishAsync('s', 'x', { qos: 1 });
    await waitFor(() => received.length === 1);
  });

  for (const protocolVersion of [4, 5] as const) {
    it(`refuses $share to an MQTT ${protocolVersion} client`, async () => {
      const broker = await start();
      const client = await connect(broker, { protocolVersion });
      const codes: unknown[] = [];
      client.on('packetreceive', (packet) => {
        if (packet.cmd === 'suback') codes.push(...packet.granted);
      });
      await client.subscribeAsync('$share/g/t').catch(() => null);
      assert.deepEqual(codes, [protocolVersion === 5 ? 0x9e : 0x80]);
      assert.equal(broker.hasSubscribers('t'), false);
    });
  }

  it('acknowledges and answers over one connection without the delay of Nagle', async () => {
    const broker = await start();
    const client = await connect(broker);
    const received = collect(client);
    await client.subscribeAsync('loop', { qos: 0 });
    const startMs = performance.now();
    for (let i = 1; i <= 20; i++) {
      await client.publishAsync('loop', 'x', { qos: 1 });
      await waitFor(() => received.length === i);
    }
    // With Nagle on one such round takes 44 ms.
    const roundMs = (performance.now() - startMs) / 20;
    assert.ok(roundMs < 20, `${roundMs} ms`);
  });
});

describe('embedded broker: names that must not pass', () => {
  const topics = ['a\tb', 'a\r\nMSG x 1 0', 'nul\0', 'del\x7f', 'a/+/b', 'a/#', '$SYS/x'];
  for (const topic of topics) {
    it(`drops a publication to ${JSON.stringify(topic)}`, async () => {
      const broker = await start();
      const subscriber = await connect(broker);
      const received = collect(subscriber);
      await subscriber.subscribeAsync(['#', '$SYS/x']);
      // A plain socket, because client libraries refuse some of these names themselves.
      const socket = net.connect(broker.port, '127.0.0.1');
      cleanups.push(async () => socket.destroy());
      socket.on('error', () => {}).resume();
      socket.write(
        generate({
          cmd: 'connect',
          clientId: 'raw',
          protocolId: 'MQTT',
          protocolVersion: 5,
          clean: true,
          keepalive: 0,
        }),
      );
      await within(once(socket, 'data'), 5_000, 'CONNACK');
      // The name is put in afterwards: the encoder refuses wildcards.
      const place = '\x01'.repeat(Buffer.byteLength(topic));
      const packet = generate(
        { cmd: 'publish', topic: place, payload: 'evil', qos: 0, dup: false, retain: false },
        { protocolVersion: 5 },
      );
      packet.write(topic, packet.indexOf(place));
      socket.write(packet);
      const tail = generate(
        { cmd: 'publish', topic: 'after', payload: '', qos: 0, dup: false, retain: false },
        { protocolVersion: 5 },
      );
      socket.write(tail);
      // A wildcard ends the connection.
      await waitFor(() => socket.destroyed || received.some((packet) => packet.topic === 'after'));
      assert.deepEqual(
        received.filter((packet) => packet.payload.toString() === 'evil'),
        [],
      );
    });
  }

  it('tells the publisher with reason code 0x87', async () => {
    const broker = await start();
    const client = await connect(broker);
    const error: { code?: number } = await client.publishAsync('a\tb', '', { qos: 1 }).then(
      () => ({}),
      (reason) => reason,
    );
    assert.equal(error.code, 0x87);
  });

  it('drops a response topic with a line break', async () => {
    const broker = await start();
    const client = await connect(broker);
    const publishing = client.publishAsync('a', '', { qos: 1, properties: { responseTopic: 'r\r\nPUB' } });
    await assert.rejects(publishing, { code: 0x87 });
  });
});

describe('embedded broker: hasSubscribers', () => {
  const table: { filter: string; topic: string; expected: boolean }[] = [
    { filter: 'a/b', topic: 'a/b', expected: true },
    { filter: 'a/b', topic: 'a/c', expected: false },
    { filter: 'a/+', topic: 'a/c', expected: true },
    { filter: 'a/+', topic: 'a/c/d', expected: false },
    { filter: 'a/#', topic: 'a', expected: true },
    { filter: 'a/#', topic: 'a/b/c', expected: true },
    { filter: '#', topic: '$SRV/x', expected: false },
    { filter: '+/x', topic: '/x', expected: true },
    { filter: '$SRV/#', topic: '$SRV/x', expected: true },
  ];
  for (const { filter, topic, expected } of table) {
    it(`says ${expected} for ${topic} with a subscription to ${filter}`, async () => {
      const broker = await start();
      assert.equal(broker.hasSubscribers(topic), false);
      const client = await connect(broker);
      const received = collect(client);
      await client.subscribeAsync(filter);
      assert.equal(broker.hasSubscribers(topic), expected);
      // What the broker really does is the measure.
      await client.subscribeAsync('end');
      const publisher = await connect(broker);
      await publisher.publishAsync(topic, '', { qos: 1 });
      await publisher.publishAsync('end', '', { qos: 1 });
      await waitFor(() => received.some((packet) => packet.topic === 'end'));
      assert.equal(
        received.some((packet) => packet.topic === topic),
        expected,
      );
    });
  }

  it('follows unsubscribe, disconnect, a lost connection and a session that is away', async () => {
    const broker = await start();
    const first = await connect(broker);
    const second = await connect(broker);
    await first.subscribeAsync('t');
    await second.subscribeAsync('t');
    await first.unsubscribeAsync('t');
    assert.equal(broker.hasSubscribers('t'), true);
    second.stream.destroy();
    await waitFor(() => !broker.hasSubscribers('t'), 5_000, 'the lost connection to be noticed');
    const away = await connect(broker, {
      clientId: 'away',
      clean: false,
      properties: { sessionExpiryInterval: 60 },
    });
    await away.subscribeAsync('t', { qos: 1 });
    assert.equal(broker.hasSubscribers('t'), true);
    await away.endAsync();
    await waitFor(() => !broker.hasSubscribers('t'), 5_000, 'the client to be away');
  });

  it('counts a subscription that was replaced once', async () => {
    const broker = await start();
    const client = await connect(broker);
    await client.subscribeAsync('t', { qos: 0 });
    await client.subscribeAsync('t', { qos: 1, properties: { subscriptionIdentifier: 9 } });
    assert.equal(broker.hasSubscribers('t'), true);
    await client.unsubscribeAsync('t');
    assert.equal(broker.hasSubscribers('t'), false);
  });
});

describe('embedded broker: start and end', () => {
  it('names the key when the port is taken', async () => {
    const broker = await start();
    const starting = startEmbeddedBroker({ host: '127.0.0.1', port: broker.port, logger: silentLogger });
    await assert.rejects(starting, (error: unknown) => {
      assert.ok(error instanceof GatewayError);
      assert.equal(error.code, 'GW_LISTEN');
      assert.deepEqual(error.context, {
        key: 'upstream.embedded_bind',
        address: `127.0.0.1:${broker.port}`,
        code: 'EADDRINUSE',
      });
      return true;
    });
  });

  it('ends clients and silent connections on close, and frees the port', async () => {
    const broker = await start();
    const client = await connect(broker);
    const silent = net.connect(broker.port, '127.0.0.1');
    await once(silent, 'connect');
    silent.on('error', () => {}).resume();
    const gone = Promise.all([
      new Promise<void>((done) => client.once('close', done)),
      once(silent, 'close'),
    ]);
    await Promise.all([broker.close(), broker.close()]);
    await within(gone, 5_000, 'all connections to end');
    const again = await startEmbeddedBroker({ host: '127.0.0.1', port: broker.port, logger: silentLogger });
    await again.close();
  });
});
