/** A broker that takes less than clients send: TCP holds the clients back, nothing is dropped, memory stays bounded. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { connectDevice } from '../support/device.ts';
import { FaultyProxy } from '../support/faulty-proxy.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import type { RawClient } from '../support/raw-client.ts';
import { waitFor } from '../support/wait-for.ts';
import { connectClient } from './clients.ts';

const MB = 1024 * 1024;
const SIZE = 32 * 1024;
const COUNT = 1_500;

const open: { stop(): Promise<unknown> }[] = [];
after(async () => {
  for (const one of open.reverse()) await one.stop();
});

function stopLater<T extends { stop(): Promise<unknown> }>(one: T): T {
  open.push(one);
  return one;
}

function publication(i: number): Buffer {
  const payload = Buffer.alloc(SIZE, 'x');
  payload.write(String(i).padStart(6, '0'));
  return Buffer.concat([Buffer.from(`PUB flood ${SIZE}\r\n`), payload, Buffer.from('\r\n')]);
}

/** Sends one publication after the other, each when the kernel has taken the one before. */
class Flood {
  sent = 0;
  readonly done: Promise<void>;

  constructor(client: RawClient, count: number) {
    this.done = this.#run(client, count);
  }

  async #run(client: RawClient, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await client.sendAll(publication(i));
      this.sent = i + 1;
    }
  }

  /** Waits until nothing more has been taken for a while. */
  async standstill(): Promise<number> {
    let last = -1;
    let since = performance.now();
    await waitFor(
      () => {
        if (this.sent !== last) since = performance.now();
        last = this.sent;
        return performance.now() - since > 700;
      },
      20_000,
      'the flood to be held back',
    );
    return last;
  }
}

interface Setting {
  readonly mqtt: Mosquitto;
  readonly proxy: FaultyProxy;
  readonly gateway: GatewayProcess;
}

async function setUp(upstream: object, more: object = {}): Promise<Setting> {
  // With Mosquitto's default of 20, so little is under way that nothing here would take long.
  const mqtt = stopLater(await startMosquitto({ configuration: 'max_inflight_messages 1000' }));
  const proxy = stopLater(await FaultyProxy.start(mqtt));
  const settings = {
    upstream: { url: proxy.url(), probe: false, ...upstream },
    log: { level: 'info', format: 'json' },
    ...more,
  };
  const gateway = stopLater(await startGatewayProcess({ settings }));
  return { mqtt, proxy, gateway };
}

test('stalled link, QoS 0: the client’s writes stop, memory stays bounded, everything arrives when it heals', async (t) => {
  const { mqtt, proxy, gateway } = await setUp({ ack_timeout: '30s' });
  const device = await connectDevice(mqtt.url);
  stopLater({ stop: () => device.close(true) });
  await device.subscribe('flood', { qos: 0 });
  const client = await connectClient(gateway);
  const neighbour = await connectClient(gateway);
  const before = gateway.residentBytes();
  proxy.stall('toTarget');
  const flood = new Flood(client, COUNT);
  const taken = await flood.standstill();
  assert.ok(taken < COUNT, 'the flood is held back');
  // A second look: held back means that nothing more is taken.
  assert.equal(await flood.standstill(), taken);
  const grownMb = (gateway.residentBytes() - before) / MB;
  t.diagnostic(
    `${Math.round((taken * SIZE) / MB)} of ${Math.round((COUNT * SIZE) / MB)} MB taken, memory + ${grownMb.toFixed(0)} MB`,
  );
  assert.ok(grownMb < 80, `memory grew by ${grownMb.toFixed(0)} MB`);
  assert.ok(neighbour.isOpen && client.isOpen);
  proxy.heal();
  await flood.done;
  await client.pingPong(15_000);
  await waitFor(() => device.messages.length === COUNT, 15_000, 'every message');
  const order = device.messages.map(({ payload }) => Number(payload.toString('latin1', 0, 6)));
  assert.deepEqual(
    order,
    Array.from({ length: COUNT }, (_, i) => i),
  );
  await neighbour.pingPong();
  await Promise.all([client.close(), neighbour.close()]);
});

test('slow link, QoS 1: acknowledgements that only take long are no outage', async () => {
  const { mqtt, proxy, gateway } = await setUp({ ack_timeout: '1s' });
  const device = await connectDevice(mqtt.url);
  stopLater({ stop: () => device.close(true) });
  await device.subscribe('flood');
  const client = await connectClient(gateway, { verbose: true });
  client.send('PUB a 0\r\n\r\n');
  await client.pingPong();
  const count = 320;
  // 10 MB at 2 MB/s: several times the acknowledgement time-out.
  proxy.throttle(2 * MB, 'toTarget');
  const flood = new Flood(client, count);
  await waitFor(() => device.messages.length === count, 30_000, 'every message');
  await flood.done;
  assert.deepEqual(gateway.logLines('upstream.lost'), []);
  const order = device.messages.map(({ payload }) => Number(payload.toString('latin1', 0, 6)));
  assert.deepEqual(
    order,
    Array.from({ length: count }, (_, i) => i),
  );
  await client.close();
});

test('slow link: a client that leaves after its last PUB has published everything', async () => {
  const { mqtt, proxy, gateway } = await setUp({}, { write_deadline: '30s' });
  const device = await connectDevice(mqtt.url);
  stopLater({ stop: () => device.close(true) });
  await device.subscribe('flood', { qos: 0 });
  const client = await connectClient(gateway);
  client.send('PUB a 0\r\n\r\n');
  await client.pingPong();
  proxy.throttle(2.5 * MB, 'toTarget');
  // More than the sockets on the way hold, so that some of it is still in the gateway when the client leaves.
  const count = 450;
  await new Flood(client, count).done;
  client.halfClose();
  await client.closed(20_000);
  await waitFor(() => device.messages.length === count, 15_000, `${count} messages`);
});
