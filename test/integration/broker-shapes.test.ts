/**
 * Brokers differ in what they deliver and in what they allow. The same promises hold for each shape, played by the
 * scripted broker, which also notes whatever a correct MQTT client would not do.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GROUP_SESSIONS_PER_PAIR } from '../../src/upstream/connect-options.ts';
import { collect } from '../support/nats.ts';
import { Scene } from '../support/scene.ts';
import type { OverlapShape, ScriptedBehaviour } from '../support/scripted-behaviour.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';
import { waitFor } from '../support/wait-for.ts';

type ScriptedScene = Scene<ScriptedBroker>;

/** Runs a test against a broker of this kind; a violation of MQTT fails it. */
function shapeTest(
  name: string,
  behaviour: Partial<ScriptedBehaviour>,
  run: (scene: ScriptedScene, broker: ScriptedBroker) => Promise<void>,
  settings: Record<string, unknown> = {},
): void {
  test(name, async () => {
    const broker = await ScriptedBroker.start(behaviour);
    const scene = await Scene.start(broker, settings);
    try {
      await run(scene, broker);
      assert.deepEqual(broker.violations, []);
    } finally {
      await scene.stop();
    }
  });
}

/** Overlapping plain subscriptions and two queue groups: everyone gets one copy of every message, in order. */
async function everyoneGetsOneCopy(scene: ScriptedScene): Promise<void> {
  const nats = await scene.nats();
  const plain = [];
  for (const subject of ['s.a.b', 's.*.b', 's.>', 's.a.b', '>']) plain.push(await collect(nats, subject));
  const device = await scene.device();
  const count = 40;
  for (let i = 0; i < count; i++) await device.publish('s/a/b', String(i), { qos: i % 3 === 0 ? 1 : 0 });
  await Promise.all(plain.map((one) => one.count(count)));
  await nats.flush();
  const expected = Array.from({ length: count }, (_, i) => String(i));
  for (const one of plain) assert.deepEqual(one.texts, expected);
}

/** Equal messages in a row are as many messages as were sent. */
async function equalMessagesStay(scene: ScriptedScene): Promise<void> {
  const nats = await scene.nats();
  const all = [await collect(nats, 'same.x'), await collect(nats, 'same.*'), await collect(nats, 'same.>')];
  const device = await scene.device();
  for (let i = 0; i < 25; i++) await device.publish('same/x', 'tick');
  await Promise.all(all.map((one) => one.count(25)));
  await nats.flush();
  for (const one of all) assert.equal(one.messages.length, 25);
}

async function groupsShare(scene: ScriptedScene): Promise<void> {
  const clients = [await scene.nats(), await scene.nats()];
  const members = await Promise.all(clients.map((client) => collect(client, 'g.*', { queue: 'q' })));
  const device = await scene.device();
  for (let i = 0; i < 40; i++) await device.publish(`g/${i}`, String(i));
  const count = (): number => members.reduce((sum, one) => sum + one.messages.length, 0);
  await waitFor(() => count() >= 40);
  await Promise.all(clients.map((client) => client.flush()));
  assert.equal(count(), 40);
  for (const member of members) assert.ok(member.messages.length > 3);
}

/** Two groups and plain subscriptions over the same connections and topics: each counts for itself. */
async function groupsAndPlainMix(scene: ScriptedScene): Promise<void> {
  const clients = [await scene.nats(), await scene.nats()];
  const on = (subject: string, options?: { queue: string }) =>
    Promise.all(clients.map((client) => collect(client, subject, options)));
  const groups = [await on('mix.x', { queue: 'one' }), await on('mix.*', { queue: 'two' })];
  const plain = await on('mix.>');
  const device = await scene.device();
  for (let i = 0; i < 40; i++) await device.publish('mix/x', String(i));
  await Promise.all(plain.map((one) => one.count(40)));
  for (let round = 0; round < 2; round++) await Promise.all(clients.map((client) => client.flush()));
  for (const group of groups)
    assert.equal(
      group.reduce((sum, one) => sum + one.messages.length, 0),
      40,
    );
  for (const one of plain) assert.equal(one.messages.length, 40);
}

/** More groups on one topic than there are sessions for: those that have none are served all the same. */
async function manyGroups(scene: ScriptedScene): Promise<void> {
  const nats = await scene.nats();
  const groups = [];
  for (let i = 0; i < GROUP_SESSIONS_PER_PAIR + 2; i++)
    groups.push(await collect(nats, 'many.x', { queue: `g${i}` }));
  const device = await scene.device();
  for (let i = 0; i < 10; i++) await device.publish('many/x', String(i));
  await Promise.all(groups.map((group) => group.count(10)));
  await nats.flush();
  for (const group of groups) assert.equal(group.messages.length, 10);
  assert.ok(scene.gateway.logLines('upstream.group_distributed_here').length > 0);
  // A session that no group needs any more serves the next one.
  for (const group of groups) group.subscription.unsubscribe();
  await nats.flush();
  const later = await collect(nats, 'many.y', { queue: 'later' });
  await device.publish('many/y', 'y');
  assert.equal((await later.next()).string(), 'y');
}

async function groupsComeBack(scene: ScriptedScene, broker: ScriptedBroker): Promise<void> {
  const nats = await scene.nats();
  const group = await collect(nats, 'back.x', { queue: 'g' });
  const plain = await collect(nats, 'back.x');
  broker.cutAll();
  await nats.flush();
  const device = await scene.device();
  await device.publish('back/x', '1');
  await group.count(1);
  await plain.count(1);
  await nats.flush();
  assert.deepEqual([group.messages.length, plain.messages.length], [1, 1]);
}

async function requestsAreAnswered(scene: ScriptedScene): Promise<void> {
  const nats = await scene.nats();
  const device = await scene.device();
  await device.answer('ask', (request) => request.payload);
  assert.equal((await nats.request('ask', 'q', { timeout: 3_000 })).string(), 'q');
}

const SHAPES: readonly OverlapShape[] = [
  'copies-with-one-id',
  'one-copy-all-ids',
  'one-copy-one-id',
  'copies-no-id',
];

for (const overlapping of SHAPES) {
  describe(`overlap shape ${overlapping}`, () => {
    shapeTest('shapes: overlapping subscriptions get one copy each', { overlapping }, everyoneGetsOneCopy);
    shapeTest('shapes: equal messages in a row stay apart', { overlapping }, equalMessagesStay);
    shapeTest('shapes: queue groups share', { overlapping }, groupsShare);
    shapeTest('shapes: requests are answered', { overlapping }, requestsAreAnswered);
    shapeTest('shapes: groups and plain subscriptions mix', { overlapping }, groupsAndPlainMix);
  });
}

describe('capabilities', () => {
  const noIds = { subscriptionIdentifiersAvailable: false } as const;
  shapeTest('no subscription identifiers: one copy each', noIds, everyoneGetsOneCopy);
  shapeTest('no subscription identifiers: equal messages stay apart', noIds, equalMessagesStay);
  shapeTest('no subscription identifiers: groups and plain subscriptions mix', noIds, groupsAndPlainMix);
  for (const sharedAndPlain of ['doubled', 'collapsed'] as const) {
    shapeTest(
      `shared and plain copies ${sharedAndPlain}: they are kept apart`,
      { sharedAndPlain },
      groupsAndPlainMix,
    );
  }
  shapeTest('no subscription identifiers: more groups than sessions for them', noIds, manyGroups);
  shapeTest(
    'no subscription identifiers: sessions of groups come back after an outage',
    noIds,
    groupsComeBack,
  );
  const noShare = { sharedSubscriptionAvailable: false } as const;
  shapeTest('no shared subscriptions: the gateway distributes and says so', noShare, async (scene) => {
    await groupsShare(scene);
    await groupsAndPlainMix(scene);
    assert.equal(scene.gateway.logLines('upstream.no_shared_subscriptions').length, 1);
  });

  for (const receiveMaximum of [1, 10]) {
    shapeTest(
      `Receive Maximum ${receiveMaximum}: 200 verbose publications, none too many at a time`,
      { receiveMaximum, ackDelayMs: 2 },
      async (scene, broker) => {
        const client = await scene.raw({ verbose: true });
        client.send(Array.from({ length: 200 }, (_, i) => `PUB rm.${i} 1\r\nx\r\n`).join(''));
        await client.expect('+OK\r\n'.repeat(200), 20_000);
        const topics = broker.received.map((one) => one.topic).filter((topic) => topic.startsWith('rm/'));
        assert.deepEqual(
          topics,
          Array.from({ length: 200 }, (_, i) => `rm/${i}`),
        );
        const highest = Math.max(...broker.connections.map((one) => one.highestUnacknowledged));
        assert.ok(highest <= receiveMaximum && highest > receiveMaximum / 2, `${highest} at a time`);
      },
    );
    shapeTest(
      `Receive Maximum ${receiveMaximum}: QoS 0 behind QoS 1 keeps its place`,
      { receiveMaximum, ackDelayMs: 2 },
      async (scene, broker) => {
        const client = await scene.raw();
        const lines = Array.from({ length: 60 }, (_, i) =>
          i % 3 === 0 ? `PUB order.${i} reply.${i} 1\r\nx\r\n` : `PUB order.${i} 1\r\nx\r\n`,
        );
        client.send(lines.join(''));
        await client.pingPong(20_000);
        const topics = broker
          .packets('publish')
          .map((one) => one.topic)
          .filter((one) => one.startsWith('order/'));
        assert.deepEqual(
          topics,
          Array.from({ length: 60 }, (_, i) => `order/${i}`),
        );
      },
    );
  }

  shapeTest(
    'Maximum QoS 0: verbose publications go out with QoS 0 and get their +OK',
    { maximumQoS: 0 },
    async (scene, broker) => {
      const client = await scene.raw({ verbose: true });
      client.send('SUB q.x 1\r\nPUB q.x 1\r\nx\r\n');
      const text = (await client.pingPong()).toString();
      assert.equal(text.match(/\+OK\r\n/g)?.length, 2);
      assert.match(text, /MSG q\.x 1 1\r\nx\r\n/);
      assert.ok(
        broker
          .packets('publish')
          .filter((one) => one.topic === 'q/x')
          .every((one) => one.qos === 0),
      );
    },
  );

  shapeTest(
    'no retain: Mqtt-Retain is left out, the message goes its way',
    { retainAvailable: false },
    async (scene) => {
      const device = await scene.device();
      await device.subscribe('r/x');
      const client = await scene.raw();
      const block = 'NATS/1.0\r\nMqtt-Retain: true\r\n\r\n';
      client.send(`HPUB r.x ${block.length} ${block.length + 1}\r\n${block}x\r\n`);
      assert.equal((await device.next()).text, 'x');
    },
  );

  shapeTest(
    'Maximum Packet Size: INFO names what fits, what does not is a Maximum Payload Violation',
    { maximumPacketSize: 50_000 },
    async (scene, broker) => {
      const first = await scene.raw();
      // Known once a session is up: the next client reads it in its INFO.
      const client = await scene.greeted();
      const maxPayload = Number(client.info.max_payload);
      assert.equal(maxPayload, 50_000 - 16 * 1024);
      client.send('CONNECT {"verbose":true}\r\nSUB big.* 1\r\n');
      await client.expect('+OK\r\n+OK\r\n');
      const payload = 'p'.repeat(maxPayload);
      client.send(`PUB big.x ${payload.length}\r\n${payload}\r\n`);
      await client.readUntil(`MSG big.x 1 ${payload.length}\r\n${payload}\r\n`);
      client.send(`PUB big.x ${maxPayload + 1}\r\n`);
      assert.match((await client.closed()).leftover.toString(), /-ERR 'Maximum Payload Violation'\r\n$/);
      await first.pingPong();
      assert.ok(broker.received.some((one) => one.payload.length === maxPayload));
    },
  );

  shapeTest(
    'Maximum Packet Size: headers that would burst the packet are refused, not sent',
    { maximumPacketSize: 20_000 },
    async (scene) => {
      const first = await scene.raw();
      const client = await scene.raw();
      const block = `NATS/1.0\r\nbig: ${'\t'.repeat(3_000)}\r\n${'a: 1\r\n'.repeat(50)}\r\n`;
      const maxPayload = 20_000 - 16 * 1024;
      assert.ok(block.length <= maxPayload);
      for (let round = 0; round < 3; round++) {
        client.send(
          `HPUB big.x ${block.length} ${maxPayload}\r\n${block}${'x'.repeat(maxPayload - block.length)}\r\n`,
        );
      }
      // Either it fits, or the client is told; the broker must never have to cut the session (see violations).
      client.send('PING\r\n');
      const text = (await client.readUntil(/PONG\r\n|-ERR 'Maximum Payload Violation'\r\n/)).toString();
      assert.ok(text.length > 0);
      await first.pingPong();
    },
  );

  shapeTest(
    'Topic Alias Maximum and Server Keep Alive are honoured',
    { topicAliasMaximum: 5, serverKeepAlive: 30 },
    async (scene) => {
      await requestsAreAnswered(scene);
    },
  );

  shapeTest(
    'a small write is not delayed: one session serves both directions',
    { nagle: false },
    async (scene, broker) => {
      await scene.nats();
      const before = broker.sessions.length;
      const client = await scene.raw();
      client.send('SUB a 1\r\nPUB b 1\r\nx\r\n');
      await client.pingPong();
      assert.equal(broker.sessions.length, before + 1);
    },
  );

  shapeTest(
    'sessions "separate": publications and subscriptions each on their own',
    {},
    async (scene, broker) => {
      const client = await scene.raw();
      client.send('SUB a 1\r\nPUB b 1\r\nx\r\n');
      await client.pingPong();
      assert.equal(broker.sessions.length, 2);
      const [one, two] = broker.sessions.map((session) => ({
        subscribes: session.packets.some((packet) => packet.cmd === 'subscribe'),
        publishes: session.packets.some((packet) => packet.cmd === 'publish'),
      }));
      assert.deepEqual(one, { subscribes: true, publishes: false });
      assert.deepEqual(two, { subscribes: false, publishes: true });
    },
    { upstream: { sessions: 'separate', probe: false } },
  );
});
