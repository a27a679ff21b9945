/** Many clients on one pair of sessions: what they share, what stays their own, and that nothing of them is left. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import type { RawClient } from '../../support/raw-client.ts';
import { type ConnectFields, Scene } from '../../support/scene.ts';
import type { ScriptedBehaviour } from '../../support/scripted-behaviour.ts';
import { ScriptedBroker } from '../../support/scripted-broker.ts';
import { waitFor } from '../../support/wait-for.ts';

let scene: Scene<ScriptedBroker> | undefined;
const LIMIT_MS = 20_000;

async function start(
  behaviour: Partial<ScriptedBehaviour> = {},
  upstream: object = {},
): Promise<Scene<ScriptedBroker>> {
  await scene?.stop();
  const broker = await ScriptedBroker.start(behaviour);
  scene = await Scene.start(broker, {
    upstream: { mode: 'pooled', pool_size: 1, probe: false, ...upstream },
  });
  return scene;
}

afterEach(async () => {
  assert.deepEqual(scene?.broker.violations, []);
  await scene?.closeClients();
});
after(() => scene?.stop());

const isMarker = (name: string): boolean => name.startsWith('_NMG/');
const usage = () => (scene as Scene).gateway.gateway.status().upstream;
const clientFilters = (broker: ScriptedBroker): string[] => broker.filters.filter((one) => !isMarker(one));

function clients(count: number, fields: ConnectFields = {}): Promise<RawClient[]> {
  return Promise.all(Array.from({ length: count }, () => (scene as Scene).raw(fields)));
}

test('pool: pairs are opened as clients come, each client goes to the least loaded, and sessions stay', async () => {
  const { broker } = await start({}, { pool_size: 3 });
  assert.equal(broker.connections.length, 0, 'none before the first client');
  const first = await clients(2);
  assert.equal(broker.sessions.length, 2);
  const rest = await clients(7);
  const all = [...first, ...rest];
  for (const [i, client] of all.entries()) client.send(`SUB own.${i} 1\r\nPUB x 0\r\n\r\n`);
  for (const client of all) await client.pingPong();
  assert.equal(broker.connections.length, 6, 'two sessions for each of three pairs');
  const loads = broker.sessions.map(
    (one) => [...one.subscriptions.keys()].filter((f) => f.startsWith('own')).length,
  );
  assert.deepEqual(
    loads.filter((load) => load > 0),
    [3, 3, 3],
  );
  for (const client of all) await client.close();
  await waitFor(() => usage().clients === 0);
  await scene?.raw();
  assert.equal(broker.connections.length, 6);
});

test('pool: 1,000 clients come and go, and every table is empty again', async () => {
  const { broker, gateway } = await start();
  for (let round = 0; round < 10; round++) {
    const all = await clients(100, { verbose: round % 2 === 1, echo: round % 3 !== 0 });
    for (const [i, client] of all.entries()) {
      client.send(`SUB own.${round}.${i} 1\r\nSUB common 2\r\nSUB work q 3\r\nSUB more.> 4\r\nUNSUB 4\r\n`);
      client.send(`PUB own.${round}.${i} 1\r\nx\r\nPUB common 0\r\n\r\nSUB late 5\r\nPING\r\n`);
    }
    await Promise.all(all.map((client) => client.readUntil('PONG\r\n', LIMIT_MS)));
    for (const [i, client] of all.entries()) {
      if (i % 4 === 0) client.reset();
      else if (i % 4 === 1) client.send('UNSUB 1\r\nPUB a 1\r\nx\r\nSUB b 7\r\nRUBBISH\r\n');
      else if (i % 4 === 2) client.halfClose();
      else client.send('PING\r\nPUB a 100000\r\nxxx');
    }
    await Promise.all(all.map((client) => client.close()));
  }
  assert.ok(gateway.gateway.status().counters.clientConnections >= 1_000);
  const isEmpty = (): boolean => {
    const { clients: left, filters, unacknowledged, waiting } = usage();
    return left + filters + unacknowledged + waiting === 0;
  };
  await waitFor(isEmpty, LIMIT_MS, 'empty tables');
  await waitFor(() => clientFilters(broker).length === 0, LIMIT_MS, 'no filter at the broker');
  assert.equal(broker.connections.length, 2);
  assert.deepEqual(gateway.logLines('client.internal_error'), []);
});

test('pool: 200 clients that flush at once share a few markers, and nobody gets a PONG before its own messages', async () => {
  const { broker } = await start();
  const all = await clients(200);
  for (const [i, client] of all.entries()) client.send(`SUB own.${i} 1\r\n`);
  for (const client of all) await client.pingPong(LIMIT_MS);
  const markers = (): number => broker.packets('publish').filter(({ topic }) => isMarker(topic)).length;
  const before = markers();
  for (const [i, client] of all.entries()) client.send(`PUB own.${i} 2\r\nhi\r\nPING\r\n`);
  for (const [i, client] of all.entries())
    await client.expect(`MSG own.${i} 1 2\r\nhi\r\nPONG\r\n`, LIMIT_MS);
  assert.ok(markers() - before <= 20, `${markers() - before} markers`);
});

test('pool: a client that floods with QoS 1 leaves the others their turn', async () => {
  const { broker, gateway } = await start({ receiveMaximum: 11, ackDelayMs: 2 });
  const [flood, ...small] = (await clients(51, { verbose: true })) as [RawClient, ...RawClient[]];
  flood.send('PUB flood 1\r\nx\r\n'.repeat(4_000));
  const received = (topic: string): number => broker.received.filter((one) => one.topic === topic).length;
  await waitFor(() => received('flood') > 20, LIMIT_MS, 'the flood');
  const before = received('flood');
  for (const client of small) client.send('PUB small 1\r\nx\r\n');
  await Promise.all(small.map((client) => client.expect('+OK\r\n', LIMIT_MS)));
  const meanwhile = received('flood') - before;
  // In line: one round of everybody, in which the flood gets the window once or twice.
  assert.ok(meanwhile < 200, `${meanwhile} of the flood before the last of 50`);
  assert.ok(gateway.gateway.status().connections === 51);
});

test('pool: clients that flood with QoS 0 leave the others their turn, and all of them get through', async () => {
  const { broker } = await start();
  const all = await clients(50);
  const payload = 'x'.repeat(10_000);
  for (const [i, client] of all.entries()) {
    client.send(`PUB f.${i} ${payload.length}\r\n${payload}\r\n`.repeat(i === 0 ? 3_000 : 10));
  }
  await Promise.all(all.slice(1).map((client) => client.pingPong(LIMIT_MS)));
  const flooded = (): number => broker.received.filter(({ topic }) => topic === 'f/0').length;
  assert.ok(flooded() < 3_000, 'the small ones are done long before');
  await waitFor(() => flooded() === 3_000, LIMIT_MS, 'the flood');
  for (let i = 1; i < 50; i++) {
    assert.equal(broker.received.filter(({ topic }) => topic === `f/${i}`).length, 10);
  }
});

test('pool: one filter at the broker for any number of subscribers, up to the last UNSUB', async () => {
  const { broker } = await start();
  const all = await clients(30);
  for (const client of all) client.send('SUB news 1\r\nSUB news 2\r\nSUB n.* 3\r\n');
  for (const client of all) await client.pingPong();
  assert.deepEqual(clientFilters(broker).sort(), ['n/+', 'news']);
  broker.publish({ topic: 'news', payload: Buffer.from('x') });
  for (const client of all) await client.expect('MSG news 1 1\r\nx\r\nMSG news 2 1\r\nx\r\n');
  for (const client of all.slice(1)) client.send('UNSUB 1\r\nUNSUB 2\r\nUNSUB 3\r\n');
  for (const client of all.slice(1)) await client.pingPong();
  assert.equal(broker.packets('unsubscribe').length, 0);
  broker.publish({ topic: 'news', payload: Buffer.from('y') });
  await all[0]?.expect('MSG news 1 1\r\ny\r\nMSG news 2 1\r\ny\r\n');
  all[0]?.send('UNSUB 1\r\nUNSUB 2\r\nUNSUB 3\r\n');
  for (const client of all) assert.equal((await client.pingPong()).toString(), 'PONG\r\n');
  assert.deepEqual(clientFilters(broker), []);
});

test('pool: retained messages reach every client’s new subscription once, live ones everybody once', async () => {
  const { broker } = await start();
  for (const topic of ['r/a', 'r/b']) broker.publish({ topic, payload: Buffer.from('old'), retain: true });
  const retained = 'Mqtt-Retained: true';
  for (let round = 0; round < 5; round++) {
    const [client] = (await clients(1)) as [RawClient];
    client.send('SUB r.* 1\r\nSUB r.a 2\r\n');
    const text = (await client.pingPong()).toString();
    assert.equal(text.split(retained).length - 1, 3, `round ${round}: ${text}`);
    broker.publish({ topic: 'r/a', payload: Buffer.from('new') });
    await client.expect('MSG r.a 1 3\r\nnew\r\nMSG r.a 2 3\r\nnew\r\n');
  }
  // Nobody has had what was retained for those who came later.
  const [late] = (await clients(1)) as [RawClient];
  late.send('SUB r.> 1\r\n');
  assert.equal((await late.pingPong()).toString().split(retained).length - 1, 2);
});

test('pool: echo:false keeps a client’s own messages from it, and from nobody else', async () => {
  await start();
  const [quiet, alsoQuiet] = (await clients(2, { echo: false })) as [RawClient, RawClient];
  const [loud] = (await clients(1)) as [RawClient];
  for (const client of [quiet, alsoQuiet, loud]) client.send('SUB e 1\r\n');
  for (const client of [quiet, alsoQuiet, loud]) await client.pingPong();
  quiet.send('PUB e 1\r\nq\r\n');
  assert.equal((await quiet.pingPong()).toString(), 'PONG\r\n');
  await alsoQuiet.expect('MSG e 1 1\r\nq\r\n');
  await loud.expect('MSG e 1 1\r\nq\r\n');
  loud.send('PUB e 1\r\nl\r\n');
  for (const client of [quiet, alsoQuiet, loud]) await client.expect('MSG e 1 1\r\nl\r\n');
});

test('pool: one member per pair and group at the broker; the pair spreads over its own members', async () => {
  const { broker } = await start({}, { pool_size: 2 });
  const all = await clients(20);
  for (const client of all) client.send('SUB work q 1\r\n');
  for (const client of all) await client.pingPong();
  assert.deepEqual(clientFilters(broker), ['$share/q/work', '$share/q/work']);
  for (let i = 0; i < 400; i++) broker.publish({ topic: 'work', payload: Buffer.from('x') });
  const counts = await Promise.all(
    all.map(async (client) => (await client.pingPong()).toString().split('MSG work').length - 1),
  );
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    400,
  );
  assert.ok(Math.min(...counts) > 0, counts.join());
});

test('pool: what a client has had published is acknowledged after it has left', async () => {
  const { broker } = await start();
  const [other, leaving] = (await clients(2, { verbose: true })) as [RawClient, RawClient];
  broker.holdPubacks();
  leaving.send('PUB last 1\r\nx\r\n');
  await waitFor(() => broker.heldAcks('puback') === 1);
  leaving.reset();
  await waitFor(() => usage().clients === 1);
  assert.equal(usage().unacknowledged, 1);
  broker.releasePubacks();
  await waitFor(() => usage().unacknowledged === 0);
  other.send('PUB after 1\r\nx\r\n');
  await other.expect('+OK\r\n');
  assert.deepEqual(
    broker.received.map(({ topic }) => topic).filter((topic) => !isMarker(topic)),
    ['last', 'after'],
  );
});
