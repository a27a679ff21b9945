/**
 * Everything at once for a while: a steady stream, requests, QoS 1, and clients that come and go. Nothing may be lost or
 * out of order, and neither memory nor any table may grow. `NMG_SOAK_SECONDS` and `NMG_SOAK_RATE` (messages per second)
 * make it long and heavy. What is bounded and fills up (the history of clients, the caches of names) is filled first when
 * it is long: in a few minutes it would look like growth.
 */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { NatsConnection } from '@nats-io/transport-node';
import { startMosquitto } from '../support/mosquitto.ts';
import { Collected, connectNats } from '../support/nats.ts';
import type { RawClient } from '../support/raw-client.ts';
import { Scene } from '../support/scene.ts';
import { waitFor } from '../support/wait-for.ts';

const SECONDS = Number(process.env.NMG_SOAK_SECONDS ?? 12);
const RATE = Number(process.env.NMG_SOAK_RATE ?? 2_000);
const TICK_MS = 5;
/** Often enough for the caches of names, whose size goes up and down: they drop half of their names at a time. */
const SAMPLES = Math.max(12, Math.floor(SECONDS / 5));
/** As many clients as the history keeps, each with more names than the caches have room for in all. */
const FILLING_VISITS = SECONDS >= 60 ? 11_000 : 0;
const VISITORS_TO_FILL = 16;
const MB = 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

// Without a probe and below `info`: the lines of the log are kept in memory here, which must not count.
const SETTINGS = { upstream: { probe: false }, log: { level: 'warn', format: 'json' } };
const scene = await Scene.start(await startMosquitto(), SETTINGS);
afterEach(() => scene.closeClients());
after(() => scene.stop());

/** Numbered messages at a steady pace, from a client without a library to one with. */
class Stream {
  sent = 0;
  received = 0;
  #fault: string | null = null;
  #from: RawClient;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: RawClient, to: NatsConnection) {
    this.#from = from;
    to.subscribe('soak.stream', {
      callback: (_error, message) => {
        const expected = numbered(this.received++);
        if (message.string() !== expected) this.#fault ??= `${message.string()} in place of ${expected}`;
      },
    });
  }

  start(): void {
    const startedAt = performance.now();
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startedAt) * RATE) / 1_000);
      let text = '';
      for (; this.sent < due; this.sent++) text += `PUB soak.stream 10\r\n${numbered(this.sent)}\r\n`;
      if (text !== '') this.#from.send(text);
    }, TICK_MS);
  }

  /** Waits until all has arrived, in order. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await waitFor(() => this.received >= this.sent, 30_000, 'the last messages');
    assert.equal(this.#fault, null);
  }
}

const numbered = (number: number): string => String(number).padStart(10, '0');

/** One client that does a little of everything and leaves. */
async function visit(number: number): Promise<void> {
  const nats = await connectNats(scene.gateway);
  const mine = new Collected(nats, `soak.visit.${number}`);
  nats.subscribe('soak.visit.*', { queue: 'visitors', callback: () => {} });
  await nats.flush();
  nats.publish(`soak.visit.${number}`, 'hello');
  const reply = await nats.request('soak.echo', String(number), { timeout: 10_000 });
  assert.equal(reply.string(), String(number));
  await assert.rejects(nats.request('soak.nobody', '', { timeout: 10_000 }), /no responders/i);
  await mine.count(1);
  await nats.close();
}

/** In no hurry and no order: nothing is measured yet. */
async function fill(): Promise<void> {
  let next = 0;
  const visitor = async (): Promise<void> => {
    while (next < FILLING_VISITS) await visit(next++);
  };
  await Promise.all(Array.from({ length: VISITORS_TO_FILL }, visitor));
}

async function visitUntil(isOver: () => boolean): Promise<number> {
  let visits = 0;
  while (!isOver()) await visit(visits++);
  return visits;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

test(`soak: ${SECONDS} s of everything leave nothing behind`, async () => {
  const service = await scene.nats();
  service.subscribe('soak.echo', { callback: (_error, message) => void message.respond(message.data) });
  await service.flush();
  const [from, to] = [await scene.raw(), await scene.nats()];
  const stream = new Stream(from, to);
  await to.flush();
  await fill();
  await waitFor(() => scene.gateway.gateway.status().connections === 3, 10_000, 'the last to leave');
  const before = scene.gateway.gateway.status();
  stream.start();
  const startedAt = performance.now();
  const elapsed = (): number => (performance.now() - startedAt) / 1_000;
  const visiting = [0, 1].map(() => visitUntil(() => elapsed() > SECONDS));
  const heaps: number[] = [];
  for (let sample = 1; sample <= SAMPLES; sample++) {
    await waitFor(() => elapsed() >= (SECONDS * sample) / SAMPLES, (SECONDS + 10) * 1_000, 'the next sample');
    collectGarbage();
    heaps.push(process.memoryUsage().heapUsed);
  }
  const visits = await Promise.all(visiting);
  await stream.stop();
  assert.equal(stream.received, stream.sent);
  assert.ok(stream.sent > SECONDS * RATE * 0.5, `${stream.sent} messages`);
  assert.ok(mean(visits) > 3, `${visits} visits`);
  const { upstream, pendingBytes, connections } = scene.gateway.gateway.status();
  assert.equal(pendingBytes, 0);
  await waitFor(() => scene.gateway.gateway.status().connections === before.connections, 10_000);
  assert.ok(connections <= before.connections + visiting.length);
  await waitFor(() => scene.gateway.gateway.status().upstream.clients === before.upstream.clients, 10_000);
  // Shared sessions take their time to give up a filter that nobody wants any more.
  const usage = () => scene.gateway.gateway.status().upstream;
  await waitFor(() => usage().filters === before.upstream.filters, 10_000, 'the filters to be given up');
  assert.deepEqual([usage().unacknowledged, usage().waiting], [0, 0]);
  assert.ok(upstream.unacknowledged <= 1_000 && upstream.waiting <= 1_000);
  const third = SAMPLES / 3;
  const [middle, last] = [mean(heaps.slice(third, 2 * third)), mean(heaps.slice(2 * third))];
  assert.ok(last < middle * 1.05 + 2 * MB, `heap ${heaps.map((bytes) => (bytes / MB).toFixed(1))} MB`);
});
