/**
 * Many messages each way through a default Mosquitto: every one arrives, once and in order. Sequence numbers prove it.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { NatsConnection } from '@nats-io/transport-node';
import { connectDevice, type Device } from '../support/device.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { connectNats } from '../support/nats.ts';
import { waitFor } from '../support/wait-for.ts';

const QOS0_MESSAGES = 100_000;
const QOS1_MESSAGES = 20_000;
const LIMIT_MS = 60_000;

/**
 * Mosquitto keeps no more than 1,000 messages for a subscriber that falls behind (`max_queued_messages`) and drops the
 * rest, whoever the subscriber is. Publishers here therefore never run further ahead of the receiver than this; what is
 * lost below it would be lost by the gateway.
 */
const MOST_AHEAD = 800;
const BATCH = 200;

let broker: Mosquitto;
let gateway: RunningGateway;

before(async () => {
  broker = await startMosquitto();
  gateway = await startGateway({ upstream: { url: broker.url }, log: { level: 'info', format: 'json' } });
});

after(async () => {
  await gateway.stop();
  await broker.stop();
});

/** What a receiver has got, checked on arrival. */
class Sequence {
  received = 0;
  /** The first message out of place; null: none. */
  fault: string | null = null;
  #onArrival: () => void = () => {};

  take(text: string): void {
    if (this.fault === null && text !== payload(this.received)) {
      this.fault = `message ${this.received} is ${text}`;
    }
    this.received++;
    this.#onArrival();
  }

  /** Settles when this many have come; bounded by the caller's test. */
  reached(count: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${this.received} of ${count} messages after ${LIMIT_MS} ms`)),
        LIMIT_MS,
      );
      this.#onArrival = () => {
        if (this.received < count) return;
        clearTimeout(timer);
        this.#onArrival = () => {};
        resolve();
      };
      this.#onArrival();
    });
  }
}

const payload = (index: number): string => `message ${index}`;

/** Publishes `count` numbered messages, at most {@link MOST_AHEAD} ahead of the receiver. */
async function publishPaced(
  count: number,
  sequence: Sequence,
  publish: (payload: string) => void,
): Promise<void> {
  for (let sent = 0; sent < count; sent += BATCH) {
    for (let index = sent; index < sent + BATCH; index++) publish(payload(index));
    await sequence.reached(sent + BATCH - MOST_AHEAD);
  }
  await sequence.reached(count);
}

/** A copy too many would come right behind the last one. */
async function assertComplete(
  sequence: Sequence,
  count: number,
  settle: () => Promise<unknown>,
): Promise<void> {
  await settle();
  assert.equal(sequence.fault, null);
  assert.equal(sequence.received, count);
}

async function natsReceiver(
  subject: string,
  verbose: boolean,
): Promise<{ nats: NatsConnection; sequence: Sequence }> {
  const nats = await connectNats(gateway, { verbose });
  const sequence = new Sequence();
  nats.subscribe(subject, { callback: (_error, message) => sequence.take(message.string()) });
  await nats.flush();
  return { nats, sequence };
}

async function deviceReceiver(topic: string, qos: 0 | 1): Promise<{ device: Device; sequence: Sequence }> {
  const device = await connectDevice(broker.url);
  const sequence = new Sequence();
  device.client.on('message', (received, body) => {
    if (received === topic) sequence.take(body.toString());
  });
  await device.subscribe(topic, { qos });
  return { device, sequence };
}

for (const [qos, count] of [
  [0, QOS0_MESSAGES],
  [1, QOS1_MESSAGES],
] as const) {
  const isVerbose = qos === 1;
  const what = `${count.toLocaleString('en')} messages at QoS ${qos}`;

  test(`volume: ${what} from NATS to a device, complete and in order`, async () => {
    const { device, sequence } = await deviceReceiver(`to/device/${qos}`, qos);
    const nats = await connectNats(gateway, { verbose: isVerbose });
    await publishPaced(count, sequence, (text) => nats.publish(`to.device.${qos}`, text));
    await nats.flush();
    await assertComplete(sequence, count, () => device.settle());
    await nats.close();
    await device.close();
  });

  test(`volume: ${what} from a device to NATS, complete and in order`, async () => {
    const { nats, sequence } = await natsReceiver(`to.nats.${qos}`, isVerbose);
    const device = await connectDevice(broker.url);
    await publishPaced(count, sequence, (text) => {
      device.client.publish(`to/nats/${qos}`, text, { qos });
    });
    await device.settle();
    await assertComplete(sequence, count, () => nats.flush());
    await nats.close();
    await device.close();
  });

  test(`volume: ${what} from NATS to NATS, complete and in order`, async () => {
    const { nats, sequence } = await natsReceiver(`between.${qos}`, isVerbose);
    const publisher = await connectNats(gateway, { verbose: isVerbose });
    await publishPaced(count, sequence, (text) => publisher.publish(`between.${qos}`, text));
    await publisher.flush();
    await assertComplete(sequence, count, () => nats.flush());
    await nats.close();
    await publisher.close();
  });
}

test('volume: nothing was dropped, refused or sent twice on the way', async () => {
  await waitFor(() => gateway.gateway.status().connections === 0, 5_000, 'the clients to be gone');
  const { counters } = gateway.gateway.status();
  const fromNats = 2 * (QOS0_MESSAGES + QOS1_MESSAGES);
  assert.equal(counters.clientMessagesIn, fromNats);
  assert.equal(counters.clientMessagesOut, fromNats);
  assert.equal(counters.upstreamRepublished, 0);
  assert.deepEqual([...counters.dropped], []);
});
