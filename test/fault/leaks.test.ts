/** Clients that come and go in every way: nothing of them is left, here or at the broker. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGateway } from '../support/gateway.ts';
import { watchLeaks } from '../support/leaks.ts';
import { connectRaw, connectRawWebSocket, type RawClient } from '../support/raw-client.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';
import { isPooled } from '../support/variants.ts';
import { waitFor } from '../support/wait-for.ts';

const ROUNDS = 25;

/** How a client leaves. What it has been sent is not looked at. */
const WAYS: Readonly<Record<string, (client: RawClient) => Promise<void> | void>> = {
  async 'at once'(client) {
    client.reset();
  },
  async 'in order'(client) {
    client.send('SUB a 1\r\nPUB a 1\r\nx\r\n');
    await client.pingPong();
    await client.close();
  },
  async reset(client) {
    client.send('SUB a 1\r\nPUB a 1\r\nx\r\n');
    await client.pingPong();
    client.reset();
  },
  async 'half-close'(client) {
    client.send('SUB b q 1\r\nPUB b 1\r\nx\r\n');
    client.halfClose();
    await client.closed(10_000);
    client.reset();
  },
  async 'in the middle of a payload'(client) {
    await client.pingPong();
    client.send('PUB a 100000\r\nxxxx');
    client.reset();
  },
  async 'in the middle of a line'(client) {
    await client.pingPong();
    client.send('PUB a');
    client.reset();
  },
  async 'with unacknowledged operations'(client) {
    client.send(`${'PUB a 1\r\nx\r\n'.repeat(100)}${'SUB c 1\r\nUNSUB 1\r\n'.repeat(20)}`);
    client.reset();
  },
  async 'by a mistake'(client) {
    client.send('SUB a 1\r\nRUBBISH\r\n');
    await client.closed();
  },
};

async function comeAndGo(connect: () => Promise<RawClient>, isVerbose: boolean): Promise<void> {
  for (const leave of Object.values(WAYS)) {
    const client = await connect();
    client.send(`CONNECT {"verbose":${isVerbose},"protocol":1}\r\n`);
    await leave(client);
  }
}

test('clients that come and go: no connection, session, socket or timer is left', async () => {
  const assertNoLeaks = watchLeaks();
  const broker = await ScriptedBroker.start();
  const gateway = await startGateway({ upstream: { url: broker.url, probe: false } });
  const tcp = () => connectRaw(gateway.host, gateway.port);
  const webSocket = () => connectRawWebSocket(gateway.wsUrl);
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all([comeAndGo(tcp, round % 2 === 0), comeAndGo(webSocket, round % 2 === 1)]);
  }
  const { counters } = gateway.gateway.status();
  assert.ok(counters.clientConnections > ROUNDS * Object.keys(WAYS).length, 'they have been there');
  const isEmpty = (): boolean => {
    const { connections, upstream, pendingBytes } = gateway.gateway.status();
    // Pooled sessions stay, with the filter of their own markers.
    const sessions = isPooled ? 0 : upstream.sessions;
    const { clients, filters, unacknowledged, waiting } = upstream;
    return connections + pendingBytes + clients + sessions + filters + unacknowledged + waiting === 0;
  };
  await waitFor(isEmpty, 15_000, 'the gateway to be empty');
  const isRid = (): boolean =>
    isPooled ? broker.filters.every((one) => one.startsWith('_NMG/')) : broker.sessions.length === 0;
  await waitFor(isRid, 5_000, 'the broker to be rid of them');
  assert.deepEqual(broker.violations, []);
  assert.deepEqual(gateway.logLines('client.internal_error'), []);
  await gateway.stop();
  await broker.stop();
  await assertNoLeaks();
});

test('clients that leave during an outage, and a stop during one: nothing is left either', async () => {
  const assertNoLeaks = watchLeaks();
  const broker = await ScriptedBroker.start();
  const gateway = await startGateway({ upstream: { url: broker.url, probe: false } });
  const clients = await Promise.all(Array.from({ length: 40 }, () => connectRaw(gateway.host, gateway.port)));
  for (const client of clients) {
    client.send('CONNECT {"verbose":true}\r\nSUB a 1\r\nPUB a 1\r\nx\r\n');
    await client.pingPong();
  }
  await broker.stop();
  await waitFor(() => gateway.gateway.status().counters.upstreamDisconnects >= 40);
  for (const [i, client] of clients.entries()) {
    client.send('PUB a 1\r\ny\r\nPING\r\n');
    if (i % 2 === 0) client.reset();
  }
  await gateway.stop();
  for (const client of clients) if (client.isOpen) await client.closed();
  assert.equal(gateway.gateway.status().upstream.clients, 0);
  await assertNoLeaks(5_000);
});

test('client that leaves with a PONG behind an unacknowledged PUB: the PUBACK that comes later starts nothing', async () => {
  const broker = await ScriptedBroker.start();
  const gateway = await startGateway({ upstream: { url: broker.url, probe: false } });
  const checkLeaks = watchLeaks();
  const client = await connectRaw(gateway.host, gateway.port);
  client.send('CONNECT {"verbose":true}\r\n');
  await client.readUntil('+OK\r\n');
  broker.holdPubacks();
  client.send('PUB a 1\r\nx\r\nPING\r\n');
  await waitFor(() => broker.heldAcks('puback') === 1, 5_000, 'the publication');
  client.reset();
  await waitFor(() => gateway.gateway.status().connections === 0, 5_000, 'the client to be gone');
  broker.releasePubacks();
  const isGone = (): boolean => {
    const { clients, sessions, unacknowledged, waiting } = gateway.gateway.status().upstream;
    return clients + unacknowledged + waiting + (isPooled ? 0 : sessions) === 0;
  };
  await waitFor(isGone, 5_000, 'everything of it to be gone');
  if (!isPooled) await checkLeaks();
  await gateway.stop();
  await broker.stop();
});

test('stop with a broker that answers nothing any more: bounded, and nothing is left', async () => {
  const assertNoLeaks = watchLeaks();
  const broker = await ScriptedBroker.start();
  const gateway = await startGateway({ upstream: { url: broker.url, probe: false } });
  const client = await connectRaw(gateway.host, gateway.port);
  client.send('CONNECT {"verbose":true}\r\nSUB a 1\r\n');
  await client.pingPong();
  for (const kind of ['puback', 'suback', 'unsuback', 'pingresp'] as const) broker.holdAcks(kind);
  client.send('PUB a 1\r\nx\r\nSUB b 2\r\nUNSUB 1\r\nPING\r\n');
  await waitFor(() => broker.heldAcks('puback') > 0);
  const start = performance.now();
  await gateway.stop();
  assert.ok(performance.now() - start < 4_000);
  await client.closed();
  await broker.stop();
  await assertNoLeaks();
});
