/** What the gateway does with what it learns about its broker, and when it learns it. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Counters } from '../../../src/metrics/counters.ts';
import type { UpstreamListener, UpstreamPort } from '../../../src/session/ports.ts';
import type { BrokerOptions } from '../../../src/upstream/connect-options.ts';
import { probeBroker } from '../../../src/upstream/probe/probe.ts';
import { BrokerUpstream, type UpstreamOptions } from '../../../src/upstream/upstream.ts';
import { silentLogger } from '../../../src/util/logger.ts';
import { connectDevice } from '../../support/device.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { freePort } from '../../support/free-port.ts';
import { type GatewaySettings, startGateway } from '../../support/gateway.ts';
import { startMosquitto } from '../../support/mosquitto.ts';
import { connectRaw } from '../../support/raw-client.ts';
import { Scene, type SceneBroker } from '../../support/scene.ts';
import type { ScriptedBehaviour } from '../../support/scripted-behaviour.ts';
import { ScriptedBroker } from '../../support/scripted-broker.ts';
import { waitFor } from '../../support/wait-for.ts';
import { RecordingSubscriber } from '../../unit/upstream/harness.ts';

const connectionTo = (url: string): BrokerOptions => ({
  url,
  protocolVersion: 5,
  keepaliveMs: 60_000,
  connectTimeoutMs: 10_000,
  ackTimeoutMs: 10_000,
  maxInflight: 100,
  isFastPath: true,
  tls: null,
});

/** What a test has started, last first: also when it has failed. */
const started: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const stop of started.splice(0).reverse()) await stop();
});

async function startScene<Broker extends SceneBroker>(
  broker: Broker,
  settings: GatewaySettings = {},
): Promise<Scene<Broker>> {
  const scene = await Scene.start(broker, settings);
  started.push(() => scene.stop());
  return scene;
}

test('3.1.1: a queue SUB that comes before the answers waits for them, and its group works', async () => {
  const broker = await ScriptedBroker.start({ sharedSubscriptionsDeliver: false });
  started.push(() => broker.stop());
  broker.holdAcks('suback');
  const gateway = await startGateway({ upstream: { url: broker.url, protocol_version: 4 } });
  started.push(() => gateway.stop());
  await waitFor(() => broker.heldAcks('suback') > 0, 5_000, 'the probe to ask');
  const client = await connectRaw(gateway.host, gateway.port);
  client.send('CONNECT {"verbose":false}\r\nSUB work.x q 1\r\nPUB work.x 1\r\na\r\nPING\r\n');
  await waitFor(() => broker.packets('connect').length >= 2, 5_000, 'the client to reach the broker');
  broker.releaseAcks('suback');
  await client.expect('MSG work.x 1 1\r\na\r\nPONG\r\n');
  assert.ok(broker.filters.includes('work/x'), `filters: ${broker.filters}`);
  assert.equal(gateway.logLines('upstream.no_shared_subscriptions').length, 1);
  await client.close();
  assert.deepEqual(broker.violations, []);
});

test('3.1.1: overlapping SUBs that come before the answers wait for them, and get one copy each', async () => {
  const broker = await ScriptedBroker.start({ overlapping311: 'copies' });
  started.push(() => broker.stop());
  broker.holdAcks('suback');
  const gateway = await startGateway({ upstream: { url: broker.url, protocol_version: 4 } });
  started.push(() => gateway.stop());
  await waitFor(() => broker.heldAcks('suback') > 0, 5_000, 'the probe to ask');
  const client = await connectRaw(gateway.host, gateway.port);
  client.send('CONNECT {"verbose":false}\r\nSUB lap.x 1\r\nSUB lap.* 2\r\nPUB lap.x 1\r\na\r\nPING\r\n');
  await waitFor(() => broker.packets('connect').length >= 2, 5_000, 'the client to reach the broker');
  broker.releaseAcks('suback');
  const text = String(await client.readUntil('PONG\r\n'));
  assert.deepEqual(text.match(/MSG lap\.x \d/g)?.sort(), ['MSG lap.x 1', 'MSG lap.x 2']);
  await client.close();
});

test('3.1.1 without a probe: queue groups are formed by the gateway, which the log says', async () => {
  const settings = { upstream: { protocol_version: 4, probe: false } };
  const scene = await startScene(await ScriptedBroker.start({ sharedSubscriptionsDeliver: false }), settings);
  const client = await scene.raw();
  client.send('SUB work.x q 1\r\nPUB work.x 1\r\na\r\n');
  await client.expect('MSG work.x 1 1\r\na\r\n');
  assert.equal(scene.gateway.logLines('upstream.no_shared_subscriptions').length, 1);
  assert.equal(scene.gateway.gateway.status().broker?.isProbed, false);
});

test('somebody who is subscribed to everything hides 0x10; the first one that comes later corrects the report', async () => {
  const mosquitto = await startMosquitto();
  const monitor = await connectDevice(mosquitto.url);
  await monitor.subscribe('#');
  const scene = await startScene(mosquitto);
  const reported = () => scene.gateway.gateway.status().broker;
  assert.equal(reported()?.probe.noMatchingSubscribers, false);
  assert.equal(scene.gateway.logLines('upstream.requests_time_out').length, 1);
  await monitor.close();
  const nats = await scene.nats();
  await assert.rejects(nats.request('nobody', '', { timeout: 3_000 }), /no responders/);
  assert.equal(reported()?.probe.noMatchingSubscribers, true);
  assert.ok(reported()?.limitations.every(({ id }) => id !== 'requests_time_out'));
});

test('an access list that knows nothing of the gateway’s topics leaves everything unknown, and $ is not refused', async () => {
  const acl = 'topic readwrite app/#\ntopic readwrite $SRV/#\ntopic readwrite $DATA/#\n';
  const scene = await startScene(await startMosquitto({ acl }));
  const { probe, limitations } = scene.gateway.gateway.status().broker ?? {};
  assert.deepEqual([probe?.dollarTopics, probe?.dots, probe?.sharedSubscriptions], [null, null, null]);
  assert.deepEqual(limitations, []);
  const client = await scene.raw();
  client.send('SUB $DATA.x 1\r\nPUB $DATA.x 1\r\nd\r\n');
  await client.expect('MSG $DATA.x 1 1\r\nd\r\n');
});

test('a service account of its own: everything is found out, also where strangers are refused', async () => {
  const broker = await startMosquitto({ users: { gateway: 'g', ann: 'a' } });
  const scene = await startScene(broker, { upstream: { username: 'gateway', password: 'g' } });
  const { probe } = scene.gateway.gateway.status().broker ?? {};
  assert.equal(probe?.requiresCredentials, true);
  assert.deepEqual([probe?.overlap, probe?.dollarTopics], ['identifiers', 'works']);
  await scene.raw({ user: 'ann', pass: 'a' });
});

test('mapping.escape_dollar: a broker that disconnects for $ carries the subject under another name', async () => {
  const broker = await ScriptedBroker.start({
    publishVerdict: ({ topic }) => (topic.startsWith('$') ? { disconnect: 0x90 } : 'accept'),
  });
  const scene = await startScene(broker, { mapping: { escape_dollar: true } });
  assert.deepEqual(scene.gateway.logLines('upstream.dollar_topics'), []);
  const client = await scene.raw();
  client.send('SUB $SRV.x 1\r\nPUB $SRV.x 1\r\na\r\n');
  await client.expect('MSG $SRV.x 1 1\r\na\r\n');
  client.send('PUB %24DATA.x 1\r\nb\r\n');
  await client.expect(`-ERR 'Permissions Violation for Publish to "%24DATA.x"'\r\n`);
  assert.deepEqual(broker.violations, []);
});

test('a request to a $ subject that would be lost is refused, and its client stays', async () => {
  const broker = await ScriptedBroker.start({
    publishVerdict: ({ topic }) => (topic.startsWith('$') ? 'ignore' : 'accept'),
  });
  const scene = await startScene(broker);
  const client = await scene.raw();
  client.send('SUB _INBOX.x 1\r\nPUB $SRV.PING _INBOX.x 0\r\n\r\n');
  await client.expect(`-ERR 'Permissions Violation for Publish to "$SRV.PING"'\r\n`);
  await client.pingPong();
  assert.deepEqual(broker.violations, []);
});

test('the embedded broker is what the gateway takes it for without asking', async () => {
  const port = await freePort();
  const gateway = await startGateway({ upstream: { url: 'embedded:', embedded_bind: `127.0.0.1:${port}` } });
  started.push(() => gateway.stop());
  const { report } = await probeBroker(
    connectionTo(`mqtt://127.0.0.1:${port}`),
    null,
    new AbortController().signal,
  );
  // Its PUBACK never says that nobody is subscribed; the gateway asks it in another way.
  const taken = { ...report, noMatchingSubscribers: true };
  assert.deepEqual(gateway.gateway.status().broker?.probe, taken);
});

/** A client that only waits. */
class Waiting implements UpstreamListener {
  ready = 0;

  onReady(): void {
    this.ready++;
  }

  onWritable(): void {}

  onEnded(): void {}
}

const OPTIONS: Omit<UpstreamOptions, 'broker'> = {
  mode: 'per_client',
  poolSize: 1,
  outageGraceMs: 15_000,
  sessions: 'auto',
  authRequired: 'auto',
  probe: true,
  maxUnackedBytes: 1024 * 1024,
  service: null,
  wantsRetained: true,
  knownReport: null,
  usesDollarTopics: true,
  hasSubscribers: null,
};

interface Bench {
  readonly broker: ScriptedBroker;
  readonly clock: FakeClock;
  readonly upstream: BrokerUpstream;
  /** Opens a port and waits until it is up. */
  open(clientId: string): Promise<UpstreamPort>;
  /** The broker goes away and comes back, another one for all that is known, and is probed. */
  replaceBroker(behaviour: Partial<ScriptedBehaviour>, isKnown: () => boolean): Promise<void>;
}

/** An upstream whose probes need not be waited for. */
async function startBench(behaviour: Partial<ScriptedBehaviour> = {}): Promise<Bench> {
  const broker = await ScriptedBroker.start(behaviour);
  started.push(() => broker.stop());
  const clock = new FakeClock();
  const connection = {
    url: broker.url,
    protocolVersion: 5,
    keepaliveMs: 60_000,
    connectTimeoutMs: 10_000,
    ackTimeoutMs: 10_000,
    maxInflight: 100,
    isFastPath: true,
    tls: null,
  } as const;
  const upstream = new BrokerUpstream(
    { ...OPTIONS, broker: connection },
    silentLogger,
    new Counters(),
    clock,
  );
  started.push(() => upstream.stop(1_000));
  upstream.start();
  await waitFor(() => upstream.capabilities.isProbed, 5_000, 'the first probe');
  return {
    broker,
    clock,
    upstream,
    async open(clientId) {
      const listener = new Waiting();
      const port = upstream.open(() => ({ clientId, username: undefined, password: undefined }), listener);
      await waitFor(() => listener.ready === 1 && port.canPublish, 5_000, 'the client to be up');
      return port;
    },
    async replaceBroker(changes, isKnown) {
      clock.advance(60_000);
      Object.assign(broker.behaviour, changes);
      await broker.restart();
      await waitFor(isKnown, 10_000, 'the answers of the other broker');
    },
  };
}

test('after an outage the broker is asked again, and sessions that were there before heed the answers', async () => {
  const { upstream, open, replaceBroker } = await startBench();
  const port = await open('one');
  assert.equal(port.features.acceptsDollarTopics, true);
  const publishVerdict: ScriptedBehaviour['publishVerdict'] = ({ topic }) =>
    topic.startsWith('$') ? { disconnect: 0x90 } : 'accept';
  await replaceBroker({ publishVerdict }, () => !port.features.acceptsDollarTopics);
  assert.equal(upstream.capabilities.probe.dollarTopics, 'disconnects');
});

test('a group that was formed here goes on here when the broker can form it: nobody gets a message twice', async () => {
  const { broker, upstream, open, replaceBroker } = await startBench({ sharedSubscriptionsDeliver: false });
  const members = [new RecordingSubscriber(), new RecordingSubscriber()] as const;
  const request = { filter: 'work', shareName: 'q', scope: '', qos: 0 } as const;
  const port = await open('one');
  port.subscribe({ ...request, subscriber: members[0] });
  await waitFor(() => members[0].subacks.length === 1, 5_000, 'the first member');
  const isKnown = (): boolean => upstream.capabilities.strategy?.sharedSubscriptions === true;
  await replaceBroker({ sharedSubscriptionsDeliver: true }, isKnown);
  await waitFor(() => port.isUp && broker.filters.includes('work'), 5_000, 'the first member to be back');
  (await open('two')).subscribe({ ...request, subscriber: members[1] });
  await waitFor(() => members[1].subacks.length === 1, 5_000, 'the second member');
  for (let index = 0; index < 40; index++)
    broker.publish({ topic: 'work', payload: Buffer.from(`${index}`) });
  const count = (): number => members[0].payloads.length + members[1].payloads.length;
  await waitFor(() => count() >= 40, 5_000, 'all messages');
  await new Promise<void>((resolve) => port.barrier(resolve));
  assert.equal(count(), 40);
  assert.ok(members[1].payloads.length > 0);
});
