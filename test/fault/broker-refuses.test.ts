/** The broker is absent, silent or unwilling: what a client is told, and that it is told in time. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { connectDevice } from '../support/device.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { connectRaw } from '../support/raw-client.ts';
import type { ScriptedBehaviour } from '../support/scripted-behaviour.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';
import { testIn } from '../support/variants.ts';
import { waitFor } from '../support/wait-for.ts';
import { closedFor, connectClient, startClient } from './clients.ts';

const open: { stop(): Promise<void> }[] = [];
after(async () => {
  for (const one of open.reverse()) await one.stop();
});

async function broker(behaviour: Partial<ScriptedBehaviour> = {}): Promise<ScriptedBroker> {
  const started = await ScriptedBroker.start(behaviour);
  open.push(started);
  return started;
}

async function gatewayTo(url: string, upstream: object = {}): Promise<RunningGateway> {
  const started = await startGateway({ upstream: { url, probe: false, ...upstream } });
  open.push(started);
  return started;
}

async function withUsers(): Promise<Mosquitto> {
  const started = await startMosquitto({ users: { ada: 'right' } });
  open.push(started);
  return started;
}

test('absent broker: a client waits without a PONG, and is served when the broker comes in time', async () => {
  const mqtt = await broker();
  await mqtt.stop();
  const gateway = await gatewayTo(mqtt.url);
  const client = await startClient(gateway);
  client.send('SUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n');
  await waitFor(() => gateway.logLines('upstream.connect_failed').length >= 2, 5_000, 'two attempts');
  assert.equal(client.unread.toString(), '');
  assert.ok(client.isOpen);
  await mqtt.restart();
  await client.expect('MSG a 1 2\r\nhi\r\nPONG\r\n', 9_000);
  assert.equal(closedFor(gateway, 'Broker Unavailable'), 0);
  await client.close();
});

test('absent broker: what the probe could not find out is found out when the broker is there', async () => {
  const mqtt = await broker();
  await mqtt.stop();
  const gateway = await gatewayTo(mqtt.url, { probe: true });
  await waitFor(() => gateway.logLines('upstream.probed').length === 1, 5_000, 'the probe that fails');
  await mqtt.restart();
  for (let i = 0; i < 3; i++) await (await connectClient(gateway)).close();
  await waitFor(() => gateway.logLines('upstream.probed').length === 2, 9_000, 'the second probe');
  assert.equal(gateway.logLines('upstream.probed')[1]?.requiresCredentials, false);
});

test('absent broker: after connect_timeout the client is closed without a word, and the next one is served', async () => {
  const mqtt = await broker();
  await mqtt.stop();
  const gateway = await gatewayTo(mqtt.url, { connect_timeout: '600ms' });
  const client = await startClient(gateway);
  client.send('PING\r\n');
  const end = await client.closed();
  assert.deepEqual([end.how, end.leftover.toString()], ['eof', '']);
  await waitFor(() => closedFor(gateway, 'Broker Unavailable') === 1);
  assert.equal(gateway.logLines('client.upstream_ended')[0]?.code, 'GW_BROKER_UNAVAILABLE');
  await mqtt.restart();
  await (await connectClient(gateway)).close();
});

test('silent broker: CONNECT without an answer ends like an absent broker', async () => {
  const mqtt = await broker({ swallowConnects: true });
  const gateway = await gatewayTo(mqtt.url, { connect_timeout: '500ms' });
  const client = await startClient(gateway);
  client.send('PING\r\n');
  const end = await client.closed();
  assert.deepEqual([end.how, end.leftover.toString()], ['eof', '']);
  await waitFor(() => closedFor(gateway, 'Broker Unavailable') === 1);
  mqtt.behaviour.swallowConnects = false;
  await (await connectClient(gateway)).close();
});

test('broker that speaks rubbish: the client is closed without a word, no crash', async () => {
  const mqtt = await broker({ swallowConnects: true });
  const gateway = await gatewayTo(mqtt.url, { connect_timeout: '1s' });
  const client = await startClient(gateway);
  await waitFor(() => mqtt.connections.length > 0);
  mqtt.connections[0]?.sendBytes(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const end = await client.closed();
  assert.deepEqual([end.how, end.leftover.toString()], ['eof', '']);
  mqtt.behaviour.swallowConnects = false;
  await (await connectClient(gateway)).close();
});

testIn(
  'per_client',
  'Mosquitto with passwords: the wrong one is an Authorization Violation, the right one works',
  async () => {
    const mqtt = await withUsers();
    const gateway = await gatewayTo(mqtt.url, { probe: true });
    await waitFor(() => gateway.logLines('upstream.probed').length === 1);
    const refused = await startClient(gateway, { user: 'ada', pass: 'wrong' });
    assert.equal(refused.info.auth_required, true);
    await refused.expect("-ERR 'Authorization Violation'\r\n");
    assert.equal((await refused.closed()).how, 'eof');
    await waitFor(() => closedFor(gateway, 'Authentication Failure') === 1);
    assert.ok(!gateway.logText.includes('wrong'), 'the password is in no log line');
    await (await connectClient(gateway, { user: 'ada', pass: 'right' })).close();
  },
);

const CREDENTIAL_REFUSALS: readonly (readonly [4 | 5, number])[] = [
  [5, 0x86],
  [5, 0x87],
  [5, 0x8a],
  [5, 0x8c],
  [4, 4],
  [4, 5],
];

testIn(
  'per_client',
  'CONNACK that refuses the credentials: Authorization Violation, one attempt only',
  async () => {
    for (const [protocolVersion, code] of CREDENTIAL_REFUSALS) {
      const mqtt = await broker({ connackCode: () => code });
      const gateway = await gatewayTo(mqtt.url, { protocol_version: protocolVersion });
      const client = await startClient(gateway);
      client.send('PING\r\n');
      const end = await client.closed();
      assert.equal(
        end.leftover.toString(),
        "-ERR 'Authorization Violation'\r\n",
        `MQTT ${protocolVersion}: ${code}`,
      );
      assert.equal(mqtt.connections.length, 1);
      await waitFor(() => closedFor(gateway, 'Authentication Failure') === 1);
    }
  },
);

const OTHER_REFUSALS: readonly (readonly [4 | 5, number])[] = [
  [5, 0x80],
  [5, 0x84],
  [5, 0x85],
  [5, 0x88],
  [5, 0x89],
  [5, 0x95],
  [5, 0x97],
  [5, 0x9c],
  [5, 0x9d],
  [5, 0x9f],
  [4, 1],
  [4, 2],
  [4, 3],
];

testIn(
  'per_client',
  'CONNACK with any other refusal: closed without a word, which clients take as a reason to try elsewhere',
  async () => {
    for (const [protocolVersion, code] of OTHER_REFUSALS) {
      const mqtt = await broker({ connackCode: () => code });
      const gateway = await gatewayTo(mqtt.url, { protocol_version: protocolVersion });
      const client = await startClient(gateway);
      client.send('PING\r\n');
      const end = await client.closed();
      assert.deepEqual([end.how, end.leftover.toString()], ['eof', ''], `MQTT ${protocolVersion}: ${code}`);
      await waitFor(() => closedFor(gateway, 'Broker Refused') === 1);
      mqtt.behaviour.connackCode = () => 0;
      await (await connectClient(gateway)).close();
    }
  },
);

testIn(
  'pooled',
  'CONNACK with a refusal: clients wait, then go without a word, and the next are served',
  async () => {
    for (const [protocolVersion, code] of [...CREDENTIAL_REFUSALS, ...OTHER_REFUSALS]) {
      const mqtt = await broker({ connackCode: () => code });
      const options = { protocol_version: protocolVersion, connect_timeout: '300ms', pool_size: 1 };
      const gateway = await gatewayTo(mqtt.url, options);
      const client = await startClient(gateway);
      client.send('PING\r\n');
      const end = await client.closed();
      assert.deepEqual([end.how, end.leftover.toString()], ['eof', ''], `MQTT ${protocolVersion}: ${code}`);
      await waitFor(() => closedFor(gateway, 'Broker Unavailable') === 1);
      const [failed] = gateway.logLines('upstream.connect_failed');
      assert.deepEqual(failed?.end, { kind: 'refused', code });
      mqtt.behaviour.connackCode = () => 0;
      await waitFor(() => mqtt.sessions.length > 0, 6_000, 'an attempt that succeeds');
      await (await connectClient(gateway)).close();
      assert.deepEqual(mqtt.violations, []);
    }
  },
);

testIn(
  'pooled',
  'DISCONNECT for whatever reason, again and again: the pair comes back, more and more slowly',
  async () => {
    const mqtt = await broker();
    const gateway = await gatewayTo(mqtt.url, { pool_size: 1, outage_grace: '30s' });
    const client = await connectClient(gateway);
    client.answerPings();
    client.send('SUB a 1\r\n');
    await client.pingPong();
    for (const code of [0x87, 0x8e, 0x98, 0x9d, 0x8e, 0x8e, 0x8e]) {
      const { upstreamConnects } = gateway.gateway.status().counters;
      mqtt.disconnectAll(code);
      const isBack = (): boolean =>
        gateway.gateway.status().counters.upstreamConnects > upstreamConnects && mqtt.filters.includes('a');
      await waitFor(isBack, 12_000, `recovery from ${code}`);
      mqtt.publish({ topic: 'a', payload: Buffer.from('x') });
      await client.readUntil('MSG a 1 1\r\nx\r\n');
    }
    assert.ok(gateway.logLines('upstream.lost').length <= 7);
    assert.equal(closedFor(gateway, 'Broker Closed Session'), 0);
    await client.close();
  },
);

testIn(
  'per_client',
  'DISCONNECT that is meant for good: the client is closed without reconnecting, its neighbour is untouched',
  async () => {
    for (const code of [0x87, 0x8e, 0x98, 0x9d]) {
      const mqtt = await broker();
      const gateway = await gatewayTo(mqtt.url);
      const client = await connectClient(gateway);
      const neighbour = await connectClient(gateway);
      mqtt.sessions[0]?.disconnect(code);
      const end = await client.closed();
      assert.deepEqual([end.how, end.leftover.toString()], ['eof', ''], `reason ${code}`);
      await waitFor(() => closedFor(gateway, 'Broker Closed Session') === 1);
      neighbour.send('SUB a 1\r\nPUB a 0\r\n\r\nPING\r\n');
      await neighbour.expect('MSG a 1 0\r\n\r\nPONG\r\n');
      // One session for the client, two for the neighbour.
      assert.equal(mqtt.connections.length, 3);
      await neighbour.close();
    }
  },
);

test('DISCONNECT for any other reason: the client stays, and its subscription comes back', async () => {
  const mqtt = await broker();
  const gateway = await gatewayTo(mqtt.url);
  const client = await connectClient(gateway);
  client.send('SUB a 1\r\n');
  await client.pingPong();
  for (const code of [0x00, 0x89, 0x8b]) {
    const before = mqtt.connections.length;
    mqtt.disconnectAll(code);
    const isBack = (): boolean => mqtt.connections.length > before && mqtt.filters.includes('a');
    await waitFor(isBack, 8_000, `recovery from ${code}`);
    mqtt.publish({ topic: 'a', payload: Buffer.from('x') });
    await client.readUntil('MSG a 1 1\r\nx\r\n');
  }
  assert.equal(gateway.gateway.status().counters.upstreamConnects, 4);
  await client.close();
});

testIn(
  'per_client',
  'Mosquitto: two programs that fight for one client id: the gateway is the one that gives up',
  async () => {
    const mqtt = await startMosquitto();
    open.push(mqtt);
    const gateway = await startGateway({
      upstream: { url: mqtt.url, probe: false },
      client_info: { client_id: '${connect.name}' },
    });
    open.push(gateway);
    const client = await connectClient(gateway, { name: 'contested' });
    // Mosquitto 2.0 closes the older session without a DISCONNECT, so only the repetition tells.
    const device = await connectDevice(mqtt.url, { clientId: 'contested', reconnectPeriod: 50 });
    const end = await client.closed(15_000);
    assert.ok(!end.leftover.includes('-ERR'));
    await waitFor(() => closedFor(gateway, 'Broker Closed Session') === 1);
    await waitFor(() => device.client.connected);
    await device.close();
  },
);

test('broker that asks for credentials: a PUB before CONNECT is refused and its payload is not kept', async () => {
  const mqtt = await withUsers();
  const gateway = await gatewayTo(mqtt.url, { auth_required: true });
  const client = await connectRaw(gateway.host, gateway.port);
  client.send('PUB a 500000\r\nxxxx');
  assert.equal((await client.closed()).leftover.toString(), "-ERR 'Authorization Violation'\r\n");
});
