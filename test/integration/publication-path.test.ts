/**
 * What both ways of publishing owe to MQTT, below MQTT.js and through it: nothing before CONNACK, the broker's limits,
 * packet ids, acknowledgements, keepalive. The scripted broker names whatever a correct client would not do.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { collect } from '../support/nats.ts';
import { connectRaw } from '../support/raw-client.ts';
import { Scene } from '../support/scene.ts';
import type { ScriptedBehaviour } from '../support/scripted-behaviour.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';
import { waitFor } from '../support/wait-for.ts';

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

function pubs(subject: string, count: number): string {
  return numbers(count)
    .map((text) => `PUB ${subject} ${text.length}\r\n${text}\r\n`)
    .join('');
}

for (const isFastPath of [true, false]) {
  const pathTest = (
    name: string,
    behaviour: Partial<ScriptedBehaviour>,
    run: (scene: Scene<ScriptedBroker>, broker: ScriptedBroker) => Promise<void>,
    upstream: Record<string, unknown> = {},
  ): void => {
    test(name, async () => {
      const broker = await ScriptedBroker.start(behaviour);
      const settings = { upstream: { fast_path: isFastPath, probe: false, ...upstream } };
      const scene = await Scene.start(broker, settings);
      try {
        await run(scene, broker);
        assert.deepEqual(broker.violations, []);
      } finally {
        await scene.stop();
      }
    });
  };

  describe(isFastPath ? 'fast path' : 'documented path', () => {
    pathTest('nothing is sent before CONNACK', { swallowConnects: true }, async ({ gateway }, broker) => {
      const client = await connectRaw(gateway.host, gateway.port);
      client.send(`CONNECT {"verbose":false}\r\n${pubs('early', 50)}PING\r\n`);
      await waitFor(() => broker.log.length > 0, 5_000, 'CONNECT');
      broker.behaviour.swallowConnects = false;
      broker.cutAll();
      await client.expect(/^PONG\r\n/, 10_000);
      assert.deepEqual(
        broker.received.map(({ payload }) => payload.toString()),
        numbers(50),
      );
      await client.close();
    });

    for (const receiveMaximum of [1, 2, 10]) {
      const name = `Receive Maximum ${receiveMaximum}: never one too many, all acknowledged in order`;
      pathTest(name, { receiveMaximum }, async (scene, broker) => {
        const client = await scene.raw({ verbose: true });
        await client.expect('+OK\r\n').catch(() => undefined);
        client.send(`${pubs('limited', 400)}PING\r\n`);
        await client.readUntil('PONG\r\n');
        const highest = Math.max(...broker.connections.map((one) => one.highestUnacknowledged));
        assert.ok(highest <= receiveMaximum, `${highest} unacknowledged`);
        const payloads = broker.received.filter(({ topic }) => topic === 'limited');
        assert.deepEqual(
          payloads.map(({ payload }) => payload.toString()),
          numbers(400),
        );
      });
    }

    pathTest('a PUBLISH that comes before its SUBACK is delivered', {}, async (scene, broker) => {
      const client = await scene.raw();
      broker.holdAcks('suback');
      client.send('SUB soon 1\r\n');
      await waitFor(() => broker.filters.includes('soon'), 5_000, 'SUBSCRIBE');
      broker.publish({ topic: 'soon', payload: Buffer.from('early') });
      await client.expect('MSG soon 1 5\r\nearly\r\n');
      broker.releaseAcks('suback');
      await client.pingPong();
    });

    pathTest('deliveries with QoS 1 are acknowledged, each once', {}, async (scene, broker) => {
      const nats = await scene.raw({ verbose: true });
      nats.send('SUB sure 1\r\nPING\r\n');
      await nats.readUntil('PONG\r\n');
      for (const text of numbers(300)) broker.publish({ topic: 'sure', payload: Buffer.from(text), qos: 1 });
      await nats.readUntil('MSG sure 1 3\r\n299\r\n');
      // One more is the marker's behind PONG. A second one for the same packet id would be a violation.
      await waitFor(() => broker.packets('puback').length === 301, 5_000, 'all PUBACKs');
    });

    pathTest(
      'what was unacknowledged at a loss goes first on the next session',
      {},
      async (scene, broker) => {
        const client = await scene.raw({ verbose: true });
        client.send('PUB warm 0\r\n\r\nPING\r\n');
        await client.readUntil('PONG\r\n');
        broker.holdPubacks();
        client.send(pubs('owed', 100));
        await waitFor(() => broker.heldAcks('puback') === 100, 5_000, 'all publications');
        broker.cutAll();
        broker.releasePubacks();
        client.send('PUB new 0\r\n\r\nPING\r\n');
        await client.readUntil('PONG\r\n', 10_000);
        const payloads = broker.received.filter(({ topic }) => topic === 'owed' || topic === 'new');
        assert.deepEqual(
          payloads.map(({ payload }) => payload.toString()),
          [...numbers(100), ''],
        );
      },
    );

    pathTest(
      'a malformed PUBLISH ends the session, and the client gets another',
      {},
      async (scene, broker) => {
        const client = await scene.raw();
        client.send('SUB here 1\r\n');
        await client.pingPong();
        const subscriber = broker.sessions.find((one) => one.subscriptions.has('here'));
        // A topic of 200 bytes in a packet of 4.
        subscriber?.sendBytes(Buffer.of(0x30, 4, 0, 200, 0x41, 0x41));
        await waitFor(
          () => broker.sessions.every((one) => one !== subscriber),
          5_000,
          'the end of the session',
        );
        await waitFor(() => broker.filters.includes('here'), 5_000, 'the subscription to be back');
        broker.publish({ topic: 'here', payload: Buffer.from('again') });
        await client.expect(/MSG here 1 5\r\nagain\r\n/, 5_000);
      },
    );

    pathTest(
      'keepalive: an idle session and a flooded one both stay',
      { serverKeepAlive: 1 },
      async (scene, broker) => {
        const idle = await scene.raw();
        const flooded = await scene.nats();
        const got = await collect(flooded, 'flood');
        await idle.pingPong();
        const { length } = broker.connections;
        let sent = 0;
        await waitFor(
          () => {
            for (let i = 0; i < 50; i++, sent++)
              broker.publish({ topic: 'flood', payload: Buffer.from('x') });
            return broker.packets('pingreq').length >= 9;
          },
          20_000,
          'PINGREQs of all sessions, several times',
        );
        await got.count(sent);
        assert.equal(broker.connections.length, length);
      },
      { keepalive: '1s' },
    );

    pathTest('payloads of every size arrive unharmed, both ways', {}, async (scene, broker) => {
      const sizes = [0, 1, 127, 128, 16_383, 16_384, 32_767, 32_768, 65_536, 200_000, 1_000_000];
      const nats = await scene.nats();
      const got = await collect(nats, 'back.>');
      const payloads = sizes.map((size, i) => Buffer.alloc(size, i + 1));
      for (const [i, payload] of payloads.entries()) nats.publish(`size.${i}`, payload);
      await nats.flush();
      for (const [i, payload] of payloads.entries()) {
        const arrived = broker.received.find(({ topic }) => topic === `size/${i}`)?.payload;
        assert.ok(arrived?.equals(payload), `${payload.length} bytes to the broker`);
        broker.publish({ topic: `back/${i}`, payload });
      }
      await got.count(sizes.length);
      for (const [i, message] of got.messages.entries()) {
        assert.ok(payloads[i]?.equals(message.data), `${sizes[i]} bytes from the broker`);
      }
    });
  });
}
