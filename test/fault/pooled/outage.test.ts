/** Outages of sessions that many clients share: who waits, who goes, what is sent again, and what is forgotten. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { type RunningGateway, startGateway } from '../../support/gateway.ts';
import type { RawClient } from '../../support/raw-client.ts';
import type { LogEntry } from '../../support/scripted-behaviour.ts';
import { ScriptedBroker } from '../../support/scripted-broker.ts';
import { waitFor } from '../../support/wait-for.ts';
import { closedFor, connectClient, startClient } from '../clients.ts';

let broker: ScriptedBroker;
let gateway: RunningGateway;
const clients: RawClient[] = [];
const LIMIT_MS = 12_000;

async function start(upstream: object = {}): Promise<void> {
  broker = await ScriptedBroker.start();
  gateway = await startGateway({
    upstream: { url: broker.url, probe: false, mode: 'pooled', pool_size: 1, ...upstream },
  });
}

async function connect(options: object = {}): Promise<RawClient> {
  const client = await connectClient(gateway, options);
  client.answerPings();
  clients.push(client);
  return client;
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.reset();
  await gateway.stop();
  await broker.stop();
  assert.deepEqual(broker.violations, []);
});

const usage = () => gateway.gateway.status().upstream;
const lost = (): boolean => gateway.logLines('upstream.lost').length > 0;

function shown({ packet }: LogEntry): string {
  if (packet.cmd === 'publish') return `publish ${packet.topic}`;
  if (packet.cmd === 'subscribe') return `subscribe ${packet.subscriptions[0]?.topic}`;
  return packet.cmd;
}

test('pooled outage: subscriptions of all clients first, then what is owed, then the clients go on', async () => {
  await start();
  const all = [];
  for (let i = 0; i < 10; i++) all.push(await connect({ verbose: true }));
  for (const [i, client] of all.entries()) client.send(`SUB own.${i} 1\r\nSUB common 2\r\n`);
  for (const client of all) await client.expect('+OK\r\n+OK\r\n');
  broker.holdPubacks();
  for (const [i, client] of all.entries()) client.send(`PUB owed.${i} 1\r\nx\r\n`);
  await waitFor(() => broker.heldAcks('puback') === 10);
  await broker.stop();
  await waitFor(lost);
  const before = broker.log.length;
  for (const [i, client] of all.entries()) client.send(`PUB new.${i} 1\r\nx\r\nPING\r\n`);
  await broker.restart();
  for (const client of all) await client.expect('+OK\r\n+OK\r\nPONG\r\n', LIMIT_MS);
  const log = broker.log
    .slice(before)
    .map(shown)
    .filter((text) => !text.includes('_NMG/'));
  const firstOf = (start: string): number => log.findIndex((text) => text.startsWith(start));
  const lastOf = (start: string): number => log.findLastIndex((text) => text.startsWith(start));
  assert.equal(log.filter((text) => text.startsWith('subscribe')).length, 11, 'each filter once');
  assert.ok(lastOf('subscribe') < firstOf('publish'), log.join());
  assert.ok(lastOf('publish owed') < firstOf('publish new'), log.join());
  assert.equal(log.filter((text) => text.startsWith('publish owed')).length, 10);
  broker.publish({ topic: 'common', payload: Buffer.from('x') });
  for (const client of all) await client.expect('MSG common 2 1\r\nx\r\n');
});

test('pooled outage beyond the grace: clients go without a word, nothing of them is kept, the next are served', async () => {
  await start({ outage_grace: '400ms', connect_timeout: '8s' });
  const held = await connect({ verbose: true });
  held.send('SUB a 1\r\n');
  await held.expect('+OK\r\n');
  broker.holdPubacks();
  held.send('PUB stale 1\r\nx\r\n');
  await waitFor(() => broker.heldAcks('puback') === 1);
  await broker.stop();
  held.send('PUB stale 1\r\ny\r\nPING\r\n');
  const end = await held.closed();
  assert.deepEqual([end.how, end.leftover.toString()], ['eof', '']);
  await waitFor(() => closedFor(gateway, 'Broker Unavailable') === 1);
  assert.deepEqual(usage(), { clients: 0, sessions: 0, filters: 0, unacknowledged: 0, waiting: 0 });
  // It comes during the outage, and waits longer than the others were held.
  const waiting = await startClient(gateway);
  clients.push(waiting);
  waiting.send('SUB b 1\r\nPUB b 1\r\nx\r\nPING\r\n');
  await waitFor(() => gateway.logLines('upstream.connect_failed').length > 1, LIMIT_MS);
  await broker.restart();
  await waiting.expect('MSG b 1 1\r\nx\r\nPONG\r\n', LIMIT_MS);
  assert.deepEqual(
    broker.filters.filter((filter) => !filter.startsWith('_NMG/')),
    ['b'],
  );
  const published = broker.received.map(({ topic }) => topic).filter((topic) => !topic.startsWith('_NMG/'));
  assert.deepEqual(
    published,
    ['b'],
    'what was owed to clients that were told nothing is not sent much later',
  );
});

test('pooled outage: who comes while the broker is away is closed after connect_timeout, whoever waits longer is not', async () => {
  await start({ outage_grace: '20s', connect_timeout: '300ms' });
  const held = await connect();
  held.send('SUB a 1\r\n');
  await held.pingPong();
  await broker.stop();
  await waitFor(lost);
  const late = await startClient(gateway);
  late.send('PING\r\n');
  const end = await late.closed();
  assert.deepEqual([end.how, end.leftover.toString()], ['eof', '']);
  held.send('PUB a 1\r\nx\r\nPING\r\n');
  await broker.restart();
  await held.expect('MSG a 1 1\r\nx\r\nPONG\r\n', LIMIT_MS);
});

test('pooled outage: clients that leave meanwhile leave nothing behind but what they have had published', async () => {
  await start();
  const [staying, leaving] = [await connect({ verbose: true }), await connect({ verbose: true })];
  leaving.send('SUB l.> 1\r\nSUB work q 2\r\n');
  await leaving.expect('+OK\r\n+OK\r\n');
  staying.send('SUB s 1\r\nSUB work q 2\r\n');
  await staying.expect('+OK\r\n+OK\r\n');
  broker.holdPubacks();
  leaving.send('PUB last.will 1\r\nx\r\n');
  await waitFor(() => broker.heldAcks('puback') === 1);
  await broker.stop();
  await waitFor(lost);
  leaving.reset();
  await waitFor(() => usage().clients === 1);
  await broker.restart();
  staying.send('PING\r\n');
  await staying.readUntil('PONG\r\n', LIMIT_MS);
  await waitFor(() => usage().unacknowledged === 0);
  assert.deepEqual(broker.filters.filter((filter) => !filter.startsWith('_NMG/')).sort(), [
    '$share/q/work',
    's',
  ]);
  assert.deepEqual(
    broker.received.map(({ topic }) => topic).filter((topic) => !topic.startsWith('_NMG/')),
    ['last/will'],
  );
});

test('pooled outage of one pair: clients of the others do not notice', async () => {
  await start({ pool_size: 2 });
  const [one, two] = [await connect(), await connect()];
  for (const [i, client] of [one, two].entries()) client.send(`SUB own.${i} 1\r\nPUB x 0\r\n\r\n`);
  for (const client of [one, two]) await client.pingPong();
  const session = broker.sessions.find((each) => each.subscriptions.has('own/0'));
  session?.cut();
  for (let i = 0; i < 20; i++) await two.pingPong();
  await one.pingPong(LIMIT_MS);
  assert.equal(gateway.gateway.status().counters.upstreamDisconnects, 1);
});

test('pool: where the broker allows fewer sessions, clients wait at no pair that does not come up', async () => {
  const allowed = new Set<number>();
  await start({ pool_size: 4, connect_timeout: '5s' });
  broker.behaviour.connackCode = () => {
    const isAllowed = broker.sessions.length <= 4;
    if (isAllowed) allowed.add(broker.connections.length);
    return isAllowed ? 0 : 0x97;
  };
  const all = [];
  // One after the other, so that each has both sessions of its pair before the next comes.
  for (let i = 0; i < 8; i++) {
    const client = await connect();
    client.send(`SUB own.${i} 1\r\nPUB x 0\r\n\r\n`);
    await client.pingPong(LIMIT_MS);
    all.push(client);
  }
  assert.equal(usage().clients, 8);
  assert.equal(allowed.size, 4);
  for (const [i, client] of all.entries()) {
    broker.publish({ topic: `own/${i}` });
    await client.expect(`MSG own.${i} 1 0\r\n\r\n`);
  }
});

test('pooled outage: hundreds of clients that wait for room are woken a few at a time, all of them in the end', async () => {
  await start({ outage_grace: '30s' });
  const all = await Promise.all(Array.from({ length: 300 }, () => connect({ verbose: true })));
  for (const [i, client] of all.entries()) client.send(`SUB own.${i} 1\r\n`);
  for (const client of all) await client.expect('+OK\r\n', LIMIT_MS);
  await broker.stop();
  await waitFor(lost);
  for (const [i, client] of all.entries()) client.send(`PUB own.${i} 1\r\nx\r\n`.repeat(5));
  broker.behaviour.receiveMaximum = 5;
  await broker.restart();
  await Promise.all(
    all.map((client, i) =>
      client.readUntil(new RegExp(`(?:(?:MSG own.${i} 1 1\\r\\nx|\\+OK)\\r\\n){10}`), 30_000),
    ),
  );
  assert.equal(usage().clients, 300);
});
