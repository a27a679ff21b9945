/** Queue groups: by the broker's shared subscriptions, and within the gateway where the broker has none. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { freePort } from '../support/free-port.ts';
import { startMosquitto } from '../support/mosquitto.ts';
import { type Collected, collect } from '../support/nats.ts';
import type { RawClient } from '../support/raw-client.ts';
import { Scene, type SceneBroker } from '../support/scene.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';
import { waitFor } from '../support/wait-for.ts';

const TOTAL = 200;

async function startEmbedded(): Promise<Scene> {
  const port = await freePort();
  const broker = { url: `mqtt://127.0.0.1:${port}`, stop: async () => {} };
  return await Scene.start(broker, { upstream: { url: 'embedded:', embedded_bind: `127.0.0.1:${port}` } });
}

async function startWithoutSharedSubscriptions(): Promise<Scene> {
  return await Scene.start(await ScriptedBroker.start({ sharedSubscriptionAvailable: false }));
}

const BROKERS: readonly (readonly [name: string, start: () => Promise<Scene>])[] = [
  ['Mosquitto', async () => await Scene.start<SceneBroker>(await startMosquitto())],
  ['embedded broker', startEmbedded],
  ['broker without $share', startWithoutSharedSubscriptions],
];

/** How many messages all collections have together. */
function sum(all: readonly Collected[]): number {
  return all.reduce((total, one) => total + one.messages.length, 0);
}

/** Waits until this many have come in all, and a little of everybody's traffic has shown that there are no more. */
async function settled(
  all: readonly Collected[],
  count: number,
  connections: readonly NatsConnection[],
): Promise<void> {
  await waitFor(() => sum(all) >= count, 5_000, `${count} messages, there are ${sum(all)}`);
  for (let round = 0; round < 2; round++) {
    await Promise.all(connections.map((connection) => connection.flush()));
  }
  assert.equal(sum(all), count);
}

for (const [name, start] of BROKERS) {
  describe(`queue groups (${name})`, () => {
    let scene: Scene;
    before(async () => {
      scene = await start();
    });
    afterEach(() => scene.closeClients());
    after(() => scene.stop());

    test('queue group: each message goes to one member, and all members get their part', async () => {
      const clients = await Promise.all([scene.nats(), scene.nats(), scene.nats(), scene.nats()]);
      const members = await Promise.all(clients.map((one) => collect(one, 'spread.*', { queue: 'g' })));
      const device = await scene.device();
      for (let i = 0; i < TOTAL; i++)
        await device.publish(`spread/${i}`, String(i), { qos: i % 2 === 0 ? 0 : 1 });
      await settled(members, TOTAL, clients);
      assert.equal(new Set(members.flatMap((one) => one.texts)).size, TOTAL);
      for (const member of members)
        assert.ok(member.messages.length > TOTAL / 20, `${member.messages.length}`);
    });

    test('queue group: members on one connection share as well', async () => {
      const client = await scene.nats();
      const members = [];
      for (let i = 0; i < 4; i++) members.push(await collect(client, 'one.*', { queue: 'g' }));
      const device = await scene.device();
      for (let i = 0; i < TOTAL; i++) await device.publish(`one/${i}`, String(i), { qos: 0 });
      await settled(members, TOTAL, [client]);
      for (const member of members)
        assert.ok(member.messages.length > TOTAL / 20, `${member.messages.length}`);
    });

    test('queue group: two groups and a plain subscription each get every message', async () => {
      const [a, b] = await Promise.all([scene.nats(), scene.nats()]);
      const first = [
        await collect(a, 'two.x', { queue: 'first' }),
        await collect(b, 'two.x', { queue: 'first' }),
      ];
      const second = [
        await collect(a, 'two.x', { queue: 'se/c+nd.#' }),
        await collect(b, 'two.x', { queue: 'se/c+nd.#' }),
      ];
      const plain = [await collect(a, 'two.x'), await collect(a, 'two.*')];
      const device = await scene.device();
      for (let i = 0; i < 50; i++) await device.publish('two/x', String(i));
      await settled(first, 50, [a, b]);
      await settled(second, 50, [a, b]);
      await settled(plain, 100, [a, b]);
    });

    test('queue group: a group is its name, over all patterns of a connection', async () => {
      const client = await scene.nats();
      const members = [
        await collect(client, 'name.a', { queue: 'g' }),
        await collect(client, 'name.*', { queue: 'g' }),
        await collect(client, 'name.>', { queue: 'g' }),
        await collect(client, '*.a', { queue: 'g' }),
      ];
      const other = await collect(client, 'name.*', { queue: 'other' });
      const device = await scene.device();
      for (let i = 0; i < 50; i++) await device.publish('name/a', String(i));
      await settled(members, 50, [client]);
      await settled([other], 50, [client]);
      assert.equal(new Set(members.flatMap((one) => one.texts)).size, 50);
    });

    test('queue group: a pattern that matches in MQTT but not in NATS keeps nothing from the others', async () => {
      const client = await scene.nats();
      const members = [
        await collect(client, '*.>', { queue: 'g' }),
        await collect(client, 'parent', { queue: 'g' }),
        await collect(client, 'parent.>', { queue: 'g' }),
      ];
      const device = await scene.device();
      for (let i = 0; i < 20; i++) await device.publish('parent', String(i));
      await settled(members, 20, [client]);
      assert.deepEqual(
        members.map((one) => one.messages.length),
        [0, 20, 0],
      );
    });

    test('queue group: a copy that its member may not take goes to another one', async () => {
      const quiet = await scene.nats({ noEcho: true });
      const other = await scene.nats();
      const members = [
        await collect(quiet, 'own.x', { queue: 'g' }),
        await collect(other, 'own.x', { queue: 'g' }),
      ];
      for (let i = 0; i < 50; i++) quiet.publish('own.x', String(i));
      await quiet.flush();
      await settled(members, 50, [quiet, other]);
      assert.equal(members[0]?.messages.length, 0);
    });

    test('queue group: own messages that nobody else can take are dropped and counted', async () => {
      const quiet = await scene.nats({ noEcho: true });
      const member = await collect(quiet, 'alone.x', { queue: 'g' });
      const { dropped } = scene.gateway.gateway.status().counters;
      const before = dropped.get('no_group_member') ?? 0;
      for (let i = 0; i < 5; i++) quiet.publish('alone.x', String(i));
      await quiet.flush();
      await quiet.flush();
      assert.equal(member.messages.length, 0);
      assert.equal(dropped.get('no_group_member'), before + 5);
    });

    test('queue group: a member that has reached its limit leaves its part to the others', async () => {
      const [a, b] = await Promise.all([scene.nats(), scene.nats()]);
      const limited = await collect(a, 'limit.x', { queue: 'g', max: 3 });
      const open = await collect(b, 'limit.x', { queue: 'g' });
      const device = await scene.device();
      for (let i = 0; i < 60; i++) await device.publish('limit/x', String(i));
      await settled([limited, open], 60, [a, b]);
      assert.equal(limited.messages.length, 3);
    });

    test('queue group: draining a member under traffic loses and repeats nothing', async () => {
      const clients = await Promise.all([scene.nats(), scene.nats(), scene.nats()]);
      const members = await Promise.all(clients.map((one) => collect(one, 'drain.x', { queue: 'g' })));
      const device = await scene.device();
      let sent = 0;
      let isOver = false;
      const traffic = (async () => {
        while (!isOver) await device.publish('drain/x', String(sent++), { qos: 0 });
      })();
      await waitFor(() => sum(members) > 50);
      await clients[0]?.drain();
      const first = members[0]?.messages.length;
      const at = sent;
      await waitFor(() => sent > at + 50);
      await members[1]?.subscription.drain();
      const late = sent;
      await waitFor(() => sent > late + 50);
      isOver = true;
      await traffic;
      const [, , last] = clients as [NatsConnection, NatsConnection, NatsConnection];
      await settled(members, sent, [last]);
      assert.equal(new Set(members.flatMap((one) => one.texts)).size, sent);
      assert.equal(members[0]?.messages.length, first);
    });

    // With $share the broker has chosen this member already for what it loses when it hangs up.
    if (name !== 'Mosquitto') {
      test('queue group: a member that hangs up under traffic leaves no gap', async () => {
        const first = await scene.raw();
        first.send('CONNECT {"verbose":false,"pedantic":false}\r\nSUB hang.x g 1\r\nPING\r\n');
        await first.expect('PONG\r\n');
        const others = await Promise.all([scene.nats(), scene.nats()]);
        const members = await Promise.all(others.map((one) => collect(one, 'hang.x', { queue: 'g' })));
        const device = await scene.device();
        let sent = 0;
        let isOver = false;
        const traffic = (async () => {
          while (!isOver) await device.publish('hang/x', String(1000 + sent++), { qos: 0 });
        })();
        await waitFor(() => sum(members) > 100);
        first.halfClose();
        const { leftover } = await first.closed();
        const at = sent;
        await waitFor(() => sent > at + 200);
        isOver = true;
        await traffic;
        const taken = [...leftover.toString().matchAll(/MSG hang\.x 1 4\r\n(\d{4})/g)].map(
          (match) => match[1],
        );
        assert.ok(taken.length > 10, `the first member got ${taken.length}`);
        await settled(members, sent - taken.length, others);
        assert.equal(new Set([...taken, ...members.flatMap((one) => one.texts)]).size, sent);
      });
    }

    test('queue group: members that come and go take over from each other', async () => {
      const device = await scene.device();
      const steady = await scene.nats();
      const members: Collected[] = [await collect(steady, 'change.x', { queue: 'g' })];
      let sent = 0;
      for (let round = 0; round < 5; round++) {
        const passing = await scene.nats();
        members.push(await collect(passing, 'change.x', { queue: 'g' }));
        for (let i = 0; i < 20; i++) await device.publish('change/x', String(sent++));
        await settled(members, sent, [steady, passing]);
        await passing.close();
        // Its sessions are gone at the broker when the gateway has none of them left.
        await waitFor(() => scene.gateway.gateway.status().connections === 1);
        await waitFor(() => scene.gateway.gateway.status().upstream.clients === 1);
      }
      for (let i = 0; i < 20; i++) await device.publish('change/x', String(sent++));
      await settled(members, sent, [steady]);
    });

    test('queue group: requests are answered by one member each', async () => {
      const servers = await Promise.all([scene.nats(), scene.nats()]);
      const counts = [0, 0];
      for (const [index, server] of servers.entries()) {
        server.subscribe('work', {
          queue: 'g',
          callback: (_error: Error | null, message: Msg) => {
            counts[index] = (counts[index] ?? 0) + 1;
            message.respond(message.data);
          },
        });
        await server.flush();
      }
      const client = await scene.nats();
      for (let i = 0; i < 40; i++) {
        const answer = await client.request('work', String(i), { timeout: 3_000 });
        assert.equal(answer.string(), String(i));
      }
      assert.equal((counts[0] ?? 0) + (counts[1] ?? 0), 40);
      assert.ok((counts[0] ?? 0) > 0 && (counts[1] ?? 0) > 0, String(counts));
    });
  });
}

test('queue groups: one $share filter per group, with the group name kept within its level', async () => {
  const broker = await ScriptedBroker.start();
  const scene = await Scene.start(broker, { upstream: { probe: false } });
  try {
    const client = await scene.raw();
    client.send('SUB a.* v1.workers 1\r\nSUB a.* v1.workers 2\r\nSUB a.> g/+# 3\r\nSUB b _sys_ 4\r\n');
    await client.expect('-ERR \'Permissions Violation for Subscription to "b" using queue "_sys_"\'\r\n');
    await client.pingPong();
    assert.deepEqual(broker.filters.filter((filter) => !filter.startsWith('_NMG/')).sort(), [
      '$share/g%2F%2B%23/a/#',
      '$share/v1.workers/a/+',
    ]);
    assert.deepEqual(broker.violations, []);
  } finally {
    await scene.stop();
  }
});

test('queue groups: two gateways at one broker form one group', async () => {
  const scene = await Scene.start(await startMosquitto(), { upstream: { probe: false } });
  try {
    const other = await scene.otherGateway({ upstream: { probe: false } });
    const clients = [await scene.nats(), await scene.nats({}, other)];
    const members = await Promise.all(clients.map((one) => collect(one, 'wide.x', { queue: 'g' })));
    const device = await scene.device();
    for (let i = 0; i < 50; i++) await device.publish('wide/x', String(i));
    await settled(members, 50, clients);
    for (const member of members) assert.ok(member.messages.length > 5, `${member.messages.length}`);
  } finally {
    await scene.stop();
  }
});

test('queue groups: without $share, members that leave before the broker has answered hold up nobody', async () => {
  const broker = await ScriptedBroker.start({ sharedSubscriptionAvailable: false });
  const scene = await Scene.start(broker, { upstream: { probe: false } });
  try {
    const clients = [
      await scene.raw({ verbose: true }),
      await scene.raw({ verbose: true }),
      await scene.raw(),
    ];
    // The first leads; it leaves, the second is to take over and leaves as well before it does.
    for (const client of clients) {
      client.send('SUB hurry.x g 1\r\nSUB other 2\r\n');
      await client.pingPong();
    }
    broker.holdAcks('suback');
    for (const client of clients.slice(0, 2)) client.send('UNSUB 1\r\n');
    await waitFor(() => broker.heldAcks('suback') >= 2);
    broker.publish({ topic: 'hurry/x', payload: Buffer.from('meanwhile') });
    broker.releaseAcks('suback');
    for (const client of clients.slice(0, 2)) assert.match((await client.pingPong()).toString(), /\+OK\r\n/);
    broker.publish({ topic: 'hurry/x', payload: Buffer.from('after') });
    const [, , last] = clients as [RawClient, RawClient, RawClient];
    assert.equal((await last.readUntil('after\r\n')).toString().match(/meanwhile/g)?.length, 1);
    assert.deepEqual(
      broker.filters.filter((filter) => filter === 'hurry/x'),
      ['hurry/x'],
    );
    assert.deepEqual(broker.violations, []);
  } finally {
    await scene.stop();
  }
});
