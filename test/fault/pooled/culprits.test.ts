/**
 * A broker that ends the session over what it denies, without an answer: the pair that many clients share finds out which
 * message or filter it was, refuses that one, and all others go on.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RunningGateway, startGateway } from '../../support/gateway.ts';
import type { RawClient } from '../../support/raw-client.ts';
import type { ScriptedBehaviour } from '../../support/scripted-behaviour.ts';
import { ScriptedBroker } from '../../support/scripted-broker.ts';
import { waitFor } from '../../support/wait-for.ts';
import { connectClient } from '../clients.ts';

interface Place {
  readonly broker: ScriptedBroker;
  readonly gateway: RunningGateway;
  readonly neighbour: RawClient;
  readonly culprit: RawClient;
}

async function withPlace(
  behaviour: Partial<ScriptedBehaviour>,
  run: (place: Place) => Promise<void>,
): Promise<void> {
  const broker = await ScriptedBroker.start(behaviour);
  const upstream = { url: broker.url, probe: false, mode: 'pooled', pool_size: 1 };
  const gateway = await startGateway({ upstream });
  const clients: RawClient[] = [];
  for (let i = 0; i < 2; i++) {
    const client = await connectClient(gateway, { verbose: true });
    client.answerPings();
    clients.push(client);
  }
  const [neighbour, culprit] = clients as [RawClient, RawClient];
  try {
    await run({ broker, gateway, neighbour, culprit });
    assert.deepEqual(broker.violations, []);
  } finally {
    for (const client of clients) await client.close();
    await gateway.stop();
    await broker.stop();
  }
}

const LIMIT_MS = 15_000;

test('culprit: a publication that ends the session is found and refused, those around it are not', async () => {
  const publishVerdict: ScriptedBehaviour['publishVerdict'] = ({ topic }) =>
    topic === 'denied' ? { disconnect: 0x87 } : 'accept';
  await withPlace({ publishVerdict }, async ({ broker, gateway, neighbour, culprit }) => {
    neighbour.send('SUB near 1\r\n');
    await neighbour.expect('+OK\r\n');
    neighbour.send('PUB a 1\r\n1\r\n'.repeat(20));
    culprit.send(`${'PUB b 1\r\n1\r\n'.repeat(5)}PUB denied 0\r\n\r\n${'PUB c 1\r\n1\r\n'.repeat(5)}`);
    neighbour.send('PUB a 1\r\n2\r\n'.repeat(20));
    await neighbour.expect('+OK\r\n'.repeat(40), LIMIT_MS);
    const refusal = '-ERR \'Permissions Violation for Publish to "denied"\'\r\n';
    await culprit.expect(`${'+OK\r\n'.repeat(5)}${refusal}${'+OK\r\n'.repeat(5)}`, LIMIT_MS);
    assert.equal(gateway.logLines('upstream.publication_dropped').length, 1);
    // It is known now: no session is lost over it again.
    const { upstreamDisconnects } = gateway.gateway.status().counters;
    culprit.send('PUB denied 0\r\n\r\nPUB fine 0\r\n\r\n');
    await culprit.expect(`${refusal}+OK\r\n`);
    broker.publish({ topic: 'near', payload: Buffer.from('x') });
    await neighbour.expect('MSG near 1 1\r\nx\r\n');
    assert.equal(gateway.gateway.status().counters.upstreamDisconnects, upstreamDisconnects);
    assert.ok(upstreamDisconnects <= 6, `${upstreamDisconnects} losses`);
  });
});

test('culprit: a filter that ends the session is found and refused, those around it come back', async () => {
  const closesOver = (filter: string): boolean => filter === 'secret';
  await withPlace({ closesOver }, async ({ broker, gateway, neighbour, culprit }) => {
    neighbour.send(Array.from({ length: 20 }, (_, i) => `SUB near.${i} ${i}\r\n`).join(''));
    await neighbour.expect('+OK\r\n'.repeat(20));
    culprit.send('SUB before 1\r\nSUB secret 2\r\nSUB after 3\r\n');
    const refusal = '-ERR \'Permissions Violation for Subscription to "secret"\'\r\n';
    await culprit.expect(`+OK\r\n${refusal}+OK\r\n`, LIMIT_MS);
    assert.equal(gateway.logLines('upstream.subscription_dropped').length, 1);
    const { upstreamDisconnects } = gateway.gateway.status().counters;
    culprit.send('SUB secret 2\r\nSUB fine 4\r\n');
    await culprit.expect(`${refusal}+OK\r\n`);
    await neighbour.pingPong(LIMIT_MS);
    for (const topic of ['near/0', 'near/19']) broker.publish({ topic, payload: Buffer.from('x') });
    await neighbour.expect('MSG near.0 0 1\r\nx\r\nMSG near.19 19 1\r\nx\r\n');
    for (const topic of ['before', 'after', 'fine']) broker.publish({ topic });
    await culprit.expect('MSG before 1 0\r\n\r\nMSG after 3 0\r\n\r\nMSG fine 4 0\r\n\r\n');
    assert.equal(gateway.gateway.status().counters.upstreamDisconnects, upstreamDisconnects);
    assert.ok(upstreamDisconnects <= 6, `${upstreamDisconnects} losses`);
  });
});

test('culprit: what was accepted is refused on a broker that cannot do it, instead of ending its sessions', async () => {
  await withPlace({}, async ({ broker, gateway, neighbour, culprit }) => {
    neighbour.send('SUB near 1\r\n');
    culprit.send('SUB wide.> 1\r\nSUB group q 2\r\n');
    await culprit.expect('+OK\r\n+OK\r\n');
    await neighbour.expect('+OK\r\n');
    broker.holdPubacks();
    culprit.send('PUB retained 1\r\nx\r\n');
    await waitFor(() => broker.heldAcks('puback') === 1);
    broker.behaviour.wildcardSubscriptionAvailable = false;
    broker.behaviour.sharedSubscriptionAvailable = false;
    broker.behaviour.maximumQoS = 0;
    await broker.restart();
    const answer = (
      await culprit.readUntil(/Subscription to "group" using queue "q"'\r\n/, LIMIT_MS)
    ).toString();
    assert.match(answer, /Permissions Violation for Subscription to "wide.>"/);
    await culprit.readUntil('-ERR \'Permissions Violation for Publish to "retained"\'\r\n', LIMIT_MS);
    broker.publish({ topic: 'near', payload: Buffer.from('x') });
    await neighbour.readUntil('MSG near 1 1\r\nx\r\n', LIMIT_MS);
    assert.equal(gateway.gateway.status().connections, 2);
  });
});
