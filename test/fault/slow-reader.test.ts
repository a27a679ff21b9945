/** NATS clients that do not read: they are cut without a word, their neighbours and the memory are not affected. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { connectDevice } from '../support/device.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { startMosquitto } from '../support/mosquitto.ts';
import { waitFor } from '../support/wait-for.ts';
import { closedFor, connectClient } from './clients.ts';

const MB = 1024 * 1024;
const SIZE = 64 * 1024;
const PAYLOAD = Buffer.alloc(SIZE, 'x');

const open: { stop(): Promise<unknown> }[] = [];
after(async () => {
  for (const one of open.reverse()) await one.stop();
});

function stopLater<T extends { stop(): Promise<unknown> }>(one: T): T {
  open.push(one);
  return one;
}

const mqtt = stopLater(await startMosquitto());
const device = await connectDevice(mqtt.url);
stopLater({ stop: () => device.close(true) });

/** Publishes megabytes in steps that the broker acknowledges, so that it has to drop nothing. */
async function publish(
  topic: string,
  megabytes: number,
  isEnough: () => boolean = () => false,
): Promise<number> {
  let count = 0;
  while (count * SIZE < megabytes * MB && !isEnough()) {
    await device.publish(topic, PAYLOAD);
    count++;
  }
  return count;
}

async function gatewayWith(settings: object): Promise<RunningGateway> {
  return stopLater(await startGateway({ upstream: { url: mqtt.url, probe: false }, ...settings }));
}

test('max_pending: a reader that stops is cut without a word, its neighbour gets every message', async () => {
  const gateway = await gatewayWith({ max_pending: '1MB' });
  const slow = await connectClient(gateway);
  const neighbour = await connectClient(gateway);
  slow.send('SUB flood 1\r\n');
  neighbour.send('SUB flood 1\r\n');
  await slow.pingPong();
  await neighbour.pingPong();
  slow.pause();
  const counters = gateway.gateway.status().counters;
  const isCut = (): boolean => counters.slowConsumersPending === 1;
  const count = await publish('flood', 60, isCut);
  assert.ok(isCut(), 'cut before 60 MB were queued');
  assert.equal(closedFor(gateway, 'Slow Consumer (Pending Bytes)'), 1);
  assert.equal(gateway.logLines('client.disconnected')[0]?.reason, 'Slow Consumer (Pending Bytes)');
  const frame = SIZE + `MSG flood 1 ${SIZE}\r\n\r\n`.length;
  await waitFor(() => neighbour.unread.length >= count * frame, 10_000, 'the neighbour’s messages');
  slow.resume();
  const end = await slow.closed();
  assert.ok(!end.leftover.includes('-ERR'), 'no text for a slow consumer');
  await waitFor(() => gateway.gateway.status().pendingBytes === 0);
  await neighbour.close();
});

test('write_deadline: a reader that stops is cut although max_pending is far away', async () => {
  const gateway = await gatewayWith({ write_deadline: '400ms' });
  const slow = await connectClient(gateway);
  slow.send('SUB flood 1\r\n');
  await slow.pingPong();
  slow.pause();
  await publish('flood', 16);
  await waitFor(() => gateway.gateway.status().counters.slowConsumersDeadline === 1, 5_000, 'the cut');
  slow.resume();
  assert.ok(!(await slow.closed()).leftover.includes('-ERR'));
  assert.equal(closedFor(gateway, 'Slow Consumer (Write Deadline)'), 1);
  await (await connectClient(gateway)).close();
});

test('a reader that is slow but reads is not cut', async () => {
  const gateway = await gatewayWith({ write_deadline: '1s' });
  const slow = await connectClient(gateway);
  slow.send('SUB flood 1\r\n');
  await slow.pingPong();
  let isPaused = false;
  const timer = setInterval(() => {
    isPaused = !isPaused;
    if (isPaused) slow.pause();
    else slow.resume();
  }, 200);
  try {
    const count = await publish('flood', 16);
    await waitFor(() => slow.unread.length >= count * SIZE, 10_000, 'everything');
  } finally {
    clearInterval(timer);
    slow.resume();
  }
  assert.ok(slow.isOpen);
  await slow.close();
});

test('max_total_pending: readers that stop together are cut largest first, and memory stays bounded', async (t) => {
  const settings = {
    upstream: { url: mqtt.url, probe: false },
    max_pending: '24MB',
    max_total_pending: '24MB',
    log: { level: 'info', format: 'json' },
  };
  const gateway = stopLater(await startGatewayProcess({ settings }));
  const neighbour = await connectClient(gateway);
  const slow = await Promise.all(Array.from({ length: 8 }, () => connectClient(gateway)));
  for (const client of slow) {
    client.send('SUB flood 1\r\n');
    await client.pingPong();
    client.pause();
  }
  const before = gateway.residentBytes();
  let highest = before;
  const cuts = (): number => gateway.logLines('client.disconnected').length;
  await publish('flood', 60, () => {
    highest = Math.max(highest, gateway.residentBytes());
    return cuts() === slow.length;
  });
  await waitFor(() => cuts() > 0, 5_000, 'a cut');
  for (const line of gateway.logLines('client.disconnected')) {
    assert.equal(line.reason, 'Slow Consumer (Pending Bytes)');
  }
  t.diagnostic(
    `${cuts()} cut, resident ${Math.round(before / MB)} MB before, at most ${Math.round(highest / MB)} MB`,
  );
  assert.ok(highest - before < 160 * MB, `memory grew by ${Math.round((highest - before) / MB)} MB`);
  await neighbour.pingPong();
  for (const client of slow) client.reset();
  await neighbour.close();
});
