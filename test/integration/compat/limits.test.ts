/** Checklist rows 76 to 78: limits, and clients that do not read. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectRaw } from '../../support/raw-client.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type Pair, runOnBoth, startPair } from './compat.ts';
import { EOF } from './transcript.ts';

const MAX_CONNECTIONS = 4;
const MAX_SUBSCRIPTIONS = 3;
const MAX_PENDING = 1024 * 1024;
/** Well over `max_pending` and what the kernel takes for a client that does not read. */
const FLOOD_MESSAGES = 64;
const FLOOD_PAYLOAD = Buffer.alloc(512 * 1024, 'x');

let pair: Pair;

before(async () => {
  const limits = {
    max_connections: MAX_CONNECTIONS,
    max_subscriptions: MAX_SUBSCRIPTIONS,
    max_pending: MAX_PENDING,
  };
  pair = await startPair({ gateway: limits, natsServer: { settings: limits } });
});

after(() => pair.stop());

test('checklist 76: a slow consumer is cut without a word', async () => {
  await runOnBoth(
    pair,
    async (stage) => {
      const [slow, publisher] = [await stage.open(), await stage.open()];
      slow.send('SUB a 1\r\n');
      await slow.sync();
      slow.raw.pause();
      const message = Buffer.concat([
        Buffer.from(`PUB a ${FLOOD_PAYLOAD.length}\r\n`),
        FLOOD_PAYLOAD,
        Buffer.from('\r\n'),
      ]);
      for (let sent = 0; sent < FLOOD_MESSAGES; sent++) await publisher.raw.sendAll(message);
      // The publisher is not held responsible.
      const answer = await publisher.sync();
      slow.raw.resume();
      const end = await slow.raw.closed(20_000);
      return {
        publisher: answer,
        hasError: end.leftover.includes('-ERR'),
        isIncomplete: end.leftover.length < FLOOD_MESSAGES * FLOOD_PAYLOAD.length,
      };
    },
    { publisher: [], hasError: false, isIncomplete: true },
  );
  await waitFor(() => /Slow Consumer/.test(pair.natsServer.log), 5_000, 'the log line of nats-server');
  const reasons = pair.gateway.logLines('client.disconnected').map((line) => line.reason);
  assert.ok(reasons.includes('Slow Consumer (Pending Bytes)'), String(reasons));
  assert.equal(pair.gateway.gateway.status().counters.slowConsumersPending, 1);
});

test('checklist 77: a connection too many gets INFO, the error, and the end', async () => {
  await runOnBoth(
    pair,
    async (stage) => {
      for (let count = 0; count < MAX_CONNECTIONS; count++) await (await stage.open()).sync();
      const raw = await connectRaw(stage.target.host, stage.target.port);
      return await stage.adopt(raw).ended();
    },
    ["-ERR 'maximum connections exceeded'", EOF],
  );
});

test('checklist 78: a subscription too many is refused, and the connection stays', async () => {
  await runOnBoth(
    pair,
    async (stage) => {
      const client = await stage.open();
      for (let sid = 1; sid <= MAX_SUBSCRIPTIONS; sid++) client.send(`SUB a.${sid} ${sid}\r\n`);
      // Counted before the sid is looked at.
      client.send('SUB a.4 4\r\nSUB a.1 1\r\n');
      const refused = await client.sync();
      client.send('UNSUB 1\r\nSUB a.4 4\r\nPUB a.4 0\r\n\r\n');
      return [...refused, ...(await client.sync())];
    },
    ["-ERR 'maximum subscriptions exceeded'", "-ERR 'maximum subscriptions exceeded'", 'MSG a.4 4 0\r\n'],
  );
});
