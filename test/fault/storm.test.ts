/** All clients lose the broker in one instant and want it back in the next: how many connections that means at a time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGateway } from '../support/gateway.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';
import { isPooled } from '../support/variants.ts';
import { waitFor } from '../support/wait-for.ts';
import { connectClient } from './clients.ts';

const CLIENTS = 300;
/** CONNECTs of one process that are under way at a time. */
const MAX_UNDER_WAY = 64;

test('storm: all clients come back, and at no time are more than 64 CONNECTs under way', async () => {
  const broker = await ScriptedBroker.start();
  const upstream = { url: broker.url, probe: false, connect_timeout: '1s', outage_grace: '60s' };
  // Enough pairs to be a storm of their own.
  const gateway = await startGateway({ upstream: { ...upstream, ...(isPooled && { pool_size: 100 }) } });
  const clients = [];
  for (let i = 0; i < CLIENTS; i++) {
    const client = await connectClient(gateway);
    client.answerPings();
    client.send(`SUB own.${i} 1\r\n`);
    clients.push(client);
  }
  for (const client of clients) await client.pingPong();
  const sessions = broker.sessions.length;
  assert.equal(sessions, isPooled ? 100 : CLIENTS);
  await broker.stop();
  const { counters } = gateway.gateway.status();
  await waitFor(() => counters.upstreamDisconnects >= sessions, 10_000, 'all to be lost');
  broker.behaviour.swallowConnects = true;
  let most = 0;
  const watch = setInterval(() => {
    if (broker.behaviour.swallowConnects) most = Math.max(most, broker.openConnections);
  }, 1);
  await broker.restart();
  await waitFor(() => broker.openConnections === MAX_UNDER_WAY, 10_000, 'as many attempts as are allowed');
  const attempts = broker.connections.length;
  await waitFor(() => broker.connections.length > attempts + MAX_UNDER_WAY, 10_000, 'the next ones');
  broker.behaviour.swallowConnects = false;
  await waitFor(() => broker.sessions.length === sessions, 30_000, 'all sessions');
  clearInterval(watch);
  assert.equal(most, MAX_UNDER_WAY);
  for (const client of clients) client.send('PING\r\n');
  for (const client of clients) await client.readUntil('PONG\r\n', 20_000);
  for (const [i, client] of clients.entries()) {
    broker.publish({ topic: `own/${i}`, payload: Buffer.from('x') });
    await client.readUntil(`MSG own.${i} 1 1\r\nx\r\n`, 10_000);
  }
  assert.equal(gateway.gateway.status().connections, CLIENTS);
  for (const client of clients) client.reset();
  await gateway.stop();
  assert.deepEqual(broker.violations, []);
  await broker.stop();
});
