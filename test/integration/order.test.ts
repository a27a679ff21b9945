/**
 * Order and completeness with many clients at once: one to a hundred, several to several, and a short run of everything
 * with clients that come and go. Default Mosquitto.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { NatsConnection } from '@nats-io/transport-node';
import { connectDevice } from '../support/device.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { Collected, connectNats } from '../support/nats.ts';
import { waitFor } from '../support/wait-for.ts';

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

const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));

async function connectMany(count: number): Promise<NatsConnection[]> {
  return await Promise.all(numbers(count).map(() => connectNats(gateway)));
}

async function closeAll(connections: readonly NatsConnection[]): Promise<void> {
  for (const nats of connections) await nats.close();
}

test('order: one publisher to 100 clients, each gets everything in order', async () => {
  const MESSAGES = 400;
  const clients = await connectMany(100);
  const heard = clients.map((nats) => new Collected(nats, 'all'));
  for (const nats of clients) await nats.flush();
  const publisher = await connectNats(gateway);
  // Mosquitto drops for a subscriber more than 1,000 behind; 400 never are.
  for (const text of numbers(MESSAGES)) publisher.publish('all', text);
  await publisher.flush();
  for (const [index, nats] of clients.entries()) {
    await nats.flush();
    assert.deepEqual(heard[index]?.texts, numbers(MESSAGES), `client ${index}`);
  }
  await closeAll([...clients, publisher]);
});

test('order: of several publishers, each one’s messages keep their order at every subscriber', async () => {
  const MESSAGES = 600;
  const publishers = await connectMany(5);
  const subscribers = await connectMany(5);
  const heard = subscribers.map((nats, index) => new Collected(nats, index % 2 === 0 ? 'mix.*' : 'mix.>'));
  for (const nats of subscribers) await nats.flush();
  for (let sent = 0; sent < MESSAGES; sent += 50) {
    for (const [index, nats] of publishers.entries()) {
      for (let n = sent; n < sent + 50; n++) nats.publish(`mix.${index}`, String(n));
    }
    for (const nats of publishers) await nats.flush();
    for (const nats of subscribers) await nats.flush();
  }
  for (const { messages } of heard) {
    for (const index of publishers.keys()) {
      const own = messages.filter(({ subject }) => subject === `mix.${index}`);
      assert.deepEqual(
        own.map((message) => message.string()),
        numbers(MESSAGES),
      );
    }
  }
  await closeAll([...publishers, ...subscribers]);
});

test('order: one client’s messages to different subjects keep their order under one wildcard', async () => {
  const nats = await connectNats(gateway);
  const heard = new Collected(nats, 'wild.>');
  const more = new Collected(nats, 'wild.*.x');
  await nats.flush();
  for (const text of numbers(900)) nats.publish(Number(text) % 3 === 0 ? 'wild.a.x' : `wild.${text}`, text);
  await nats.flush();
  assert.deepEqual(heard.texts, numbers(900));
  assert.deepEqual(
    more.texts,
    numbers(900).filter((text) => Number(text) % 3 === 0),
  );
  await nats.close();
});

/** What the clients of the mixed run have done, to be compared with the gateway's counters. */
class Account {
  published = 0;
  received = 0;
  sessions = 0;

  publish(nats: NatsConnection, subject: string, payload: string): void {
    nats.publish(subject, payload);
    this.published++;
  }

  subscribe(nats: NatsConnection, subject: string, queue?: string): Collected {
    return new Collected(nats, subject, queue === undefined ? {} : { queue });
  }

  /** @param heard all subscriptions of a client that is done */
  take(...heard: Collected[]): void {
    for (const { messages } of heard) this.received += messages.length;
  }
}

test('order: 10 s of mixed traffic with clients coming and going; nothing lost, no complaint, counters agree', async () => {
  const SECONDS = 10;
  const { counters } = gateway.gateway.status();
  await waitFor(() => gateway.gateway.status().connections === 0, 5_000, 'earlier clients to be gone');
  const countersBefore = { in: counters.clientMessagesIn, out: counters.clientMessagesOut };
  const account = new Account();
  const endsAt = performance.now() + SECONDS * 1_000;
  const isRunning = (): boolean => performance.now() < endsAt;

  /** Short-lived: connects, hears itself, leaves by drain. */
  async function visitor(name: string): Promise<void> {
    for (let visit = 0; isRunning(); visit++) {
      const nats = await connectNats(gateway, { verbose: visit % 2 === 0 });
      account.sessions++;
      const subject = `visit.${name}.${visit}`;
      const own = account.subscribe(nats, subject);
      for (const text of numbers(30)) account.publish(nats, subject, text);
      await nats.flush();
      assert.deepEqual(own.texts, numbers(30));
      await nats.drain();
      account.take(own);
    }
  }

  /** Requests, one at a time, from services that come and go in a queue group. */
  async function requester(): Promise<void> {
    const nats = await connectNats(gateway);
    account.sessions++;
    for (let index = 0; isRunning(); index++) {
      const answer = await nats.request('sum', String(index), { timeout: 5_000 });
      account.published++;
      account.received++;
      assert.equal(answer.string(), String(index + 1));
    }
    await nats.drain();
  }

  async function service(isStable: boolean, isReady: () => void): Promise<void> {
    do {
      const nats = await connectNats(gateway);
      account.sessions++;
      nats.subscribe('sum', {
        queue: 'adders',
        callback: (_error, message) => {
          account.received++;
          account.published++;
          message.respond(String(Number(message.string()) + 1));
        },
      });
      await nats.flush();
      isReady();
      const until = performance.now() + (isStable ? SECONDS * 1_000 + 200 : 150);
      await waitFor(() => performance.now() >= until, SECONDS * 1_000 + 5_000, 'the end of the shift');
      // A stable service ends when the requester has ended.
      if (isStable) await requesting;
      await nats.drain();
    } while (isRunning());
  }

  /** A device publishes to NATS and hears what NATS publishes. */
  async function deviceTraffic(): Promise<void> {
    const device = await connectDevice(broker.url);
    const nats = await connectNats(gateway);
    account.sessions++;
    const heard = account.subscribe(nats, 'factory.>');
    await nats.flush();
    await device.subscribe('orders/#');
    let rounds = 0;
    for (; isRunning(); rounds++) {
      await device.publish(`factory/line${rounds % 5}`, String(rounds), { qos: rounds % 2 === 0 ? 0 : 1 });
      account.publish(nats, 'orders.next', String(rounds));
      await nats.flush();
    }
    await device.settle();
    await nats.flush();
    assert.deepEqual(heard.texts, numbers(rounds));
    assert.deepEqual(
      device.messages.map(({ text }) => text),
      numbers(rounds),
    );
    account.take(heard);
    await nats.drain();
    await device.close();
  }

  let onServiceReady: () => void = () => {};
  const serviceReady = new Promise<void>((resolve) => {
    onServiceReady = resolve;
  });
  let requesting: Promise<void> = Promise.resolve();
  const stable = (async () => {
    await service(true, onServiceReady);
  })();
  await serviceReady;
  requesting = requester();
  await Promise.all([
    requesting,
    stable,
    service(false, () => {}),
    service(false, () => {}),
    ...numbers(3).map((name) => visitor(name)),
    deviceTraffic(),
  ]);

  await waitFor(() => gateway.gateway.status().connections === 0, 5_000, 'all clients to be gone');
  await waitFor(() => gateway.gateway.status().upstream.clients === 0, 5_000, 'their sessions to be gone');
  assert.equal(counters.clientMessagesIn - countersBefore.in, account.published);
  assert.equal(counters.clientMessagesOut - countersBefore.out, account.received);
  assert.deepEqual([...counters.dropped], []);
  assert.equal(counters.upstreamRepublished, 0);
  assert.ok(account.sessions > 50, `only ${account.sessions} clients came`);
  const complaints = gateway.logLines().filter(({ level }) => level !== 'info' && level !== 'debug');
  assert.deepEqual(complaints, []);
});
