/** The broker goes away and comes back: what stays, in which order things come back, and when the gateway gives up. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FaultyProxy } from '../support/faulty-proxy.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { connectNats } from '../support/nats.ts';
import type { LogEntry } from '../support/scripted-behaviour.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';
import { testIn } from '../support/variants.ts';
import { waitFor, within } from '../support/wait-for.ts';
import { closedFor, connectClient } from './clients.ts';

const open: { stop(): Promise<void> }[] = [];
after(async () => {
  for (const one of open.reverse()) await one.stop();
});

function stopLater<T extends { stop(): Promise<void> }>(one: T): T {
  open.push(one);
  return one;
}

async function gatewayTo(url: string, upstream: object = {}, settings: object = {}): Promise<RunningGateway> {
  return stopLater(await startGateway({ upstream: { url, probe: false, ...upstream }, ...settings }));
}

/** What is written down of one packet: enough to compare orders. */
function shown({ packet }: LogEntry): string {
  if (packet.cmd === 'publish') return `publish ${packet.topic} ${packet.payload.toString()}`;
  if (packet.cmd === 'subscribe') return `subscribe ${packet.subscriptions[0]?.topic}`;
  return packet.cmd;
}

const connections = (gateway: RunningGateway): number => gateway.gateway.status().connections;

test('outage within the grace: subscriptions are all back before publications resume, in order, then the PONG', async () => {
  const mqtt = stopLater(await ScriptedBroker.start());
  const gateway = await gatewayTo(mqtt.url);
  const client = await connectClient(gateway, { verbose: true });
  const names = Array.from({ length: 20 }, (_, i) => `s.${i}`);
  client.send(names.map((name, i) => `SUB ${name} ${i}\r\n`).join(''));
  await client.pingPong();
  mqtt.holdPubacks();
  client.send('PUB p 1\r\n1\r\nPUB p 1\r\n2\r\nPUB p 1\r\n3\r\nPING\r\n');
  await waitFor(() => mqtt.packets('publish').filter(({ topic }) => topic === 'p').length === 3);
  await mqtt.stop();
  await waitFor(() => gateway.logLines('upstream.lost').length === 1);
  const before = mqtt.log.length;
  client.send('PUB p 1\r\n4\r\nPUB p 1\r\n5\r\nPING\r\n');
  await mqtt.restart();
  mqtt.holdAcks('suback');
  const filters = new Set(names.map((name) => `s/${name.slice(2)}`));
  await waitFor(
    () => mqtt.heldAcks('suback') >= filters.size && mqtt.sessions.length === 2,
    9_000,
    'SUBSCRIBEs',
  );
  const early = mqtt.log.slice(before).map(shown);
  assert.deepEqual(
    early.filter((text) => text.startsWith('publish')),
    [],
    'nothing is published before the SUBACKs',
  );
  assert.equal(client.unread.toString(), '', 'no PONG and no +OK during the outage');
  mqtt.releaseAcks('suback');
  await client.expect('+OK\r\n+OK\r\n+OK\r\nPONG\r\n+OK\r\n+OK\r\nPONG\r\n');
  const later = mqtt.log.slice(before).map(shown);
  assert.deepEqual(
    later.filter((text) => text.startsWith('publish p')),
    ['1', '2', '3', '4', '5'].map((payload) => `publish p ${payload}`),
  );
  assert.deepEqual(new Set(mqtt.filters.filter((filter) => !filter.startsWith('_NMG/'))), filters);
  assert.equal(gateway.gateway.status().counters.upstreamRepublished, 3);
  mqtt.publish({ topic: 's/19', payload: Buffer.from('x') });
  await client.readUntil('MSG s.19 19 1\r\nx\r\n');
  assert.deepEqual(mqtt.violations, []);
  await client.close();
});

// Pooled sessions have a new client id each time: only here can the broker tell which one comes back.
testIn(
  'per_client',
  'outage: the publish session that is back first or last waits for the SUBACKs all the same',
  async () => {
    for (const isPublisherLast of [true, false]) {
      const mqtt = stopLater(await ScriptedBroker.start());
      const gateway = await gatewayTo(mqtt.url);
      const client = await connectClient(gateway, { verbose: true });
      client.send('SUB s 1\r\nPUB p 1\r\n1\r\n');
      await client.pingPong();
      const publisher = mqtt.sessions.find((session) => !session.subscriptions.has('s'))?.clientId;
      assert.ok(publisher);
      mqtt.holdPubacks();
      client.send('PUB p 1\r\n2\r\n');
      await waitFor(() => mqtt.packets('publish').some(({ payload }) => payload.toString() === '2'));
      const before = mqtt.log.length;
      mqtt.holdAcks('suback');
      // Until told otherwise, only one of the two sessions gets in.
      let allowed = [!isPublisherLast];
      mqtt.behaviour.connackCode = ({ clientId }) => (allowed.includes(clientId === publisher) ? 0 : 0x89);
      mqtt.cutAll();
      if (isPublisherLast) await waitFor(() => mqtt.heldAcks('suback') > 0, 5_000, 'the SUBSCRIBE');
      else
        await waitFor(
          () => mqtt.sessions.some((session) => session.clientId === publisher),
          5_000,
          'the publisher',
        );
      allowed = [true, false];
      const isUp = (): boolean => mqtt.sessions.length === 2 && mqtt.heldAcks('suback') > 0;
      await waitFor(isUp, 9_000, 'both sessions');
      // A PING between gateway and client would be answered; a PUB must wait.
      client.send('PUB p 1\r\n3\r\n');
      await waitFor(() => gateway.gateway.status().counters.upstreamConnects === 4);
      await new Promise((done) => setImmediate(done));
      const early = mqtt.log.slice(before).map(shown);
      assert.deepEqual(
        early.filter((text) => text.startsWith('publish p')),
        [],
        `publisher last: ${isPublisherLast}`,
      );
      mqtt.releasePubacks();
      mqtt.releaseAcks('suback');
      await client.readUntil('+OK\r\n+OK\r\n');
      const published = mqtt.log
        .slice(before)
        .map(shown)
        .filter((text) => text.startsWith('publish p'));
      assert.deepEqual(published, ['publish p 2', 'publish p 3']);
      await client.close();
    }
  },
);

test('outage of the subscribe session alone: what is owed from an earlier one waits for the SUBACKs again', async () => {
  const mqtt = stopLater(await ScriptedBroker.start());
  const gateway = await gatewayTo(mqtt.url);
  const client = await connectClient(gateway, { verbose: true });
  client.send('SUB p 1\r\n');
  await client.pingPong();
  mqtt.holdPubacks();
  for (let i = 0; i < 60; i++) client.send('PUB p 1\r\nx\r\n');
  const published = (from = 0): number =>
    mqtt.log.slice(from).filter((entry) => shown(entry) === 'publish p x').length;
  await waitFor(() => published() === 60, 5_000, 'the publications');
  mqtt.behaviour.receiveMaximum = 10;
  await mqtt.stop();
  mqtt.holdPubacks();
  await mqtt.restart();
  mqtt.holdPubacks();
  await waitFor(() => mqtt.heldAcks('puback') === 9, 9_000, 'the first of those that are owed');
  const subscriber = mqtt.sessions.find((session) => session.subscriptions.has('p'));
  assert.ok(subscriber);
  let isBack = false;
  mqtt.behaviour.connackCode = ({ clientId }) => (clientId === subscriber.clientId && !isBack ? 0x89 : 0);
  const { upstreamDisconnects: losses } = gateway.gateway.status().counters;
  subscriber.cut();
  await waitFor(() => gateway.gateway.status().counters.upstreamDisconnects > losses, 5_000, 'the loss');
  const before = mqtt.log.length;
  mqtt.releasePubacks();
  await client.readUntil(/(?:\+OK\r\n){9}/);
  assert.equal(published(before), 0);
  isBack = true;
  await client.readUntil('+OK\r\n', 9_000);
  await waitFor(() => published(before) === 51, 5_000, 'the rest');
  assert.deepEqual(mqtt.violations, []);
  await client.close();
});

test('outage of the subscribe session alone: a barrier under way costs the publish session nothing', async () => {
  const mqtt = stopLater(await ScriptedBroker.start({ receiveMaximum: 2 }));
  const gateway = await gatewayTo(mqtt.url, { ack_timeout: '500ms' });
  const client = await connectClient(gateway, { verbose: true });
  client.send('SUB s 1\r\nPUB p 1\r\n1\r\n');
  await client.pingPong();
  const subscriber = mqtt.sessions.find((session) => session.subscriptions.has('s'));
  mqtt.behaviour.publishVerdict = ({ topic }) => (topic.startsWith('_NMG/') ? { puback: 0 } : 'accept');
  const markers = (): number =>
    mqtt.packets('publish').filter(({ topic }) => topic.startsWith('_NMG/')).length;
  const before = markers();
  client.send('PING\r\n');
  await waitFor(() => markers() > before, 5_000, 'the marker that does not come back');
  mqtt.behaviour.publishVerdict = () => 'accept';
  subscriber?.cut();
  await client.expect('PONG\r\n', 9_000);
  // An acknowledgement that is late is noticed after one and a quarter of the time-out.
  const until = performance.now() + 1_000;
  while (performance.now() < until) await client.pingPong();
  assert.equal(gateway.gateway.status().counters.upstreamDisconnects, 1);
  assert.deepEqual(mqtt.violations, []);
  await client.close();
});

test('outage beyond the grace: clients are closed without a word, and new ones are served after it', async () => {
  const mqtt = stopLater(await ScriptedBroker.start());
  const gateway = await gatewayTo(mqtt.url, { outage_grace: '500ms' });
  const clients = [await connectClient(gateway), await connectClient(gateway), await connectClient(gateway)];
  await mqtt.stop();
  for (const client of clients) {
    const end = await client.closed();
    assert.deepEqual([end.how, end.leftover.toString()], ['eof', '']);
  }
  await waitFor(() => closedFor(gateway, 'Broker Unavailable') === 3);
  assert.equal(gateway.gateway.status().upstream.clients, 0);
  await mqtt.restart();
  await (await connectClient(gateway)).close();
});

test('outage: the heartbeat cuts nobody that we have stopped reading, and silence counts again after it', async () => {
  const mqtt = stopLater(await ScriptedBroker.start());
  const gateway = await gatewayTo(mqtt.url, {}, { ping_interval: '300ms', ping_timeout: '200ms' });
  const client = await connectClient(gateway);
  await mqtt.stop();
  await waitFor(() => gateway.logLines('upstream.lost').length === 1);
  client.send('PUB a 2\r\nhi\r\nPING\r\n');
  const start = performance.now();
  // It answers no PING: nobody would read the PONG.
  await waitFor(() => performance.now() - start > 1_500);
  assert.ok(client.isOpen, 'not cut while unread');
  await mqtt.restart();
  await client.readUntil('PONG\r\n', 9_000);
  const end = await client.closed();
  assert.match(end.leftover.toString(), /-ERR 'Stale Connection'\r\n$/);
  assert.deepEqual(
    mqtt.received.map(({ topic }) => topic),
    ['a'],
  );
});

test('outage: a client that answers its PINGs stays, whether it waits for something or not', async () => {
  const mqtt = stopLater(await ScriptedBroker.start());
  const gateway = await gatewayTo(mqtt.url, {}, { ping_interval: '200ms', ping_timeout: '200ms' });
  const idle = await connectNats(gateway);
  const waiting = await connectNats(gateway);
  const start = performance.now();
  await mqtt.stop();
  waiting.publish('a', 'x');
  const flushed = waiting.flush();
  await waitFor(() => performance.now() - start > 1_500);
  await mqtt.restart();
  await within(flushed, 9_000, 'the flush during the outage');
  await idle.flush();
  assert.deepEqual([idle.isClosed(), waiting.isClosed()], [false, false]);
  await idle.close();
  await waiting.close();
});

async function mosquitto(): Promise<Mosquitto> {
  return stopLater(await startMosquitto());
}

test('Mosquitto killed (-9) and restarted: clients stay, subscriptions and publications go on', async () => {
  const mqtt = await mosquitto();
  const gateway = await gatewayTo(mqtt.url);
  const clients = await Promise.all(
    Array.from({ length: 10 }, () => connectClient(gateway, { verbose: true })),
  );
  for (const client of clients) client.send('SUB news 1\r\nSUB work q 2\r\n');
  for (const client of clients) await client.pingPong();
  await mqtt.kill();
  await waitFor(() => gateway.gateway.status().counters.upstreamDisconnects >= 10);
  await mqtt.restart();
  for (const client of clients) client.send('PING\r\n');
  for (const client of clients) await client.readUntil('PONG\r\n', 12_000);
  clients[0]?.send('PUB news 1\r\nx\r\n');
  for (const client of clients) await client.readUntil('MSG news 1 1\r\nx\r\n');
  assert.equal(connections(gateway), 10);
  await Promise.all(clients.map((client) => client.close()));
});

test('stalled Mosquitto (SIGSTOP) beyond ack_timeout: the session is lost, and comes back with SIGCONT', async () => {
  const mqtt = await mosquitto();
  const gateway = await gatewayTo(mqtt.url, { ack_timeout: '600ms' });
  const client = await connectClient(gateway, { verbose: true });
  client.send('SUB a 1\r\nPUB b 0\r\n\r\n');
  await client.pingPong();
  mqtt.stall();
  const start = performance.now();
  client.send('PUB a 1\r\n1\r\nPING\r\n');
  await waitFor(() => gateway.logLines('upstream.lost').length === 1);
  const lostAfterMs = performance.now() - start;
  assert.ok(lostAfterMs >= 550 && lostAfterMs < 3_000, `lost after ${lostAfterMs} ms`);
  assert.match(JSON.stringify(gateway.logLines('upstream.lost')[0]), /acknowledgement time-out/);
  assert.equal(client.unread.toString(), '');
  mqtt.resume();
  // The publication may have reached the broker twice: it was not acknowledged.
  const answer = (await client.readUntil('PONG\r\n', 12_000)).toString();
  assert.match(answer, /\+OK\r\n/);
  assert.equal(gateway.gateway.status().counters.upstreamRepublished, 1);
  assert.match(answer, /MSG a 1 1\r\n1\r\n/);
  await client.close();
});

test('stalled Mosquitto beyond the grace: closed without a word', async () => {
  const mqtt = await mosquitto();
  const gateway = await gatewayTo(mqtt.url, { ack_timeout: '300ms', outage_grace: '500ms' });
  const client = await connectClient(gateway);
  mqtt.stall();
  client.send('PUB a 1\r\n1\r\nPING\r\n');
  const end = await client.closed();
  assert.deepEqual([end.how, end.leftover.toString()], ['eof', '']);
  await waitFor(() => closedFor(gateway, 'Broker Unavailable') === 1);
  mqtt.resume();
  await (await connectClient(gateway)).close();
});

test('half-open link: noticed by a missing acknowledgement, and without traffic by the MQTT keepalive', async () => {
  const mqtt = await mosquitto();
  for (const isIdle of [false, true]) {
    const proxy = stopLater(await FaultyProxy.start(mqtt));
    const gateway = await gatewayTo(proxy.url(), isIdle ? { keepalive: '1s' } : { ack_timeout: '500ms' });
    const client = await connectClient(gateway, { verbose: true });
    client.send('SUB a 1\r\nPUB b 0\r\n\r\n');
    await client.pingPong();
    proxy.stall();
    if (!isIdle) client.send('PUB a 1\r\nx\r\n');
    await waitFor(
      () => gateway.logLines('upstream.lost').length === 1,
      5_000,
      isIdle ? 'keepalive' : 'ack_timeout',
    );
    proxy.resume();
    client.send('PUB a 1\r\ny\r\n');
    await client.readUntil('MSG a 1 1\r\ny\r\n', 12_000);
    assert.equal(connections(gateway), 1);
    await client.close();
  }
});

test('link that is reset again and again: nothing that was acknowledged is lost', async () => {
  const mqtt = stopLater(await ScriptedBroker.start());
  const proxy = stopLater(await FaultyProxy.start(mqtt));
  const gateway = await gatewayTo(proxy.url());
  const client = await connectClient(gateway, { verbose: true });
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 50; i++) client.send(`PUB a 5\r\n${String(round * 50 + i).padStart(5, '0')}\r\n`);
    await waitFor(() => proxy.bytes('toTarget') > 0);
    proxy.reset();
    await client.readUntil(/(?:\+OK\r\n(?:PING\r\n)?){50}/, 12_000);
  }
  const arrived = new Set(mqtt.received.map(({ payload }) => payload.toString()));
  assert.equal(arrived.size, 200);
  assert.deepEqual(mqtt.violations, []);
  await client.close();
});
