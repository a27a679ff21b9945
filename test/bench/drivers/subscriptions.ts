/**
 * Measures what a subscription and a delivery cost on a session that already has very many subscriptions.
 */
import type { Round, Subject, Timing } from '../cell.ts';
import { cpuMicroseconds } from '../measure/cpu.ts';
import type { ManySubscriptionsCommands } from '../processes/many-subscriptions.ts';
import type { StubBrokerCommands } from '../processes/stub-broker.ts';
import { Cleanup } from '../systems/cleanup.ts';
import { sinkOf, startWorker, stubSource } from '../systems/ends.ts';
import { startGateway, type UpstreamSettings } from '../systems/gateway.ts';
import { type Path, type Rig, WIDE_WINDOW } from '../systems/rig.ts';
import type { Worker } from '../worker.ts';
import { ThroughputSubject } from './throughput.ts';

const SUBJECT_PREFIX = 'source.s.';
const TOPIC_PREFIX = 'source/s/';
/** Topics that messages go to by turns, spread over all subscriptions. */
const FLOODED = 1_000;
/** Subscribed and unsubscribed again on top of all others, to see what one more costs. */
const CYCLED = 1_000;
const CYCLES = 5;

interface Parts {
  readonly client: Worker<ManySubscriptionsCommands>;
  readonly gatewayPid: number;
  readonly dispatch: ThroughputSubject;
}

/** See the head of the file. */
export class SubscriptionsSubject implements Subject {
  readonly #parts: Parts;
  readonly #subscriptions: number;
  readonly #cleanup: Cleanup;

  private constructor(parts: Parts, subscriptions: number, cleanup: Cleanup) {
    this.#parts = parts;
    this.#subscriptions = subscriptions;
    this.#cleanup = cleanup;
  }

  /** @param subscriptions how many the session has during the measurement */
  static open(
    settings: UpstreamSettings,
    { subscriptions, path, timing }: { subscriptions: number; path: Path; timing: Timing },
  ): Promise<SubscriptionsSubject> {
    return Cleanup.guard(async (cleanup) => {
      const stub = await startWorker<StubBrokerCommands>(cleanup, 'stub-broker');
      const port = await stub.run('listen', { fault: null });
      const gateway = cleanup.add(await startGateway(port, settings), (one) => one.stop());
      const client = await startWorker<ManySubscriptionsCommands>(cleanup, 'many-subscriptions');
      await client.run('connect', { port: gateway.port });
      await client.run('subscribe', { prefix: SUBJECT_PREFIX, from: 0, count: subscriptions });
      const rig: Rig = {
        measuredPid: gateway.pid,
        serverPid: null,
        broker: null,
        source: stubSource(stub, { topics: topicsOf(subscriptions), shape: path.shape }),
        sink: sinkOf(client),
        windowBytes: WIDE_WINDOW,
      };
      const dispatch = await ThroughputSubject.open(async () => rig, path, timing);
      const parts = { client, gatewayPid: gateway.pid, dispatch };
      const subject = new SubscriptionsSubject(parts, subscriptions, cleanup);
      // 1,000 subscriptions have not warmed up the compiler, 100,000 have.
      await subject.#subscribeCost();
      return subject;
    });
  }

  async round(): Promise<Round> {
    const subscribeUs = await this.#subscribeCost();
    const { figures, voidReason } = await this.#parts.dispatch.round();
    return { figures: { ...figures, subscribeUs }, voidReason };
  }

  async stop(): Promise<void> {
    await this.#cleanup.run();
  }

  /** @returns microseconds for one more subscription */
  async #subscribeCost(): Promise<number> {
    const { client, gatewayPid } = this.#parts;
    const range = { prefix: SUBJECT_PREFIX, from: this.#subscriptions, count: CYCLED };
    let total = 0;
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      const before = cpuMicroseconds(gatewayPid);
      await client.run('subscribe', range);
      total += cpuMicroseconds(gatewayPid) - before;
      await client.run('unsubscribe', range);
    }
    return total / (CYCLES * CYCLED);
  }
}

function topicsOf(subscriptions: number): string[] {
  const step = Math.max(1, Math.floor(subscriptions / FLOODED));
  return Array.from({ length: Math.min(FLOODED, subscriptions) }, (_, index) => TOPIC_PREFIX + index * step);
}
