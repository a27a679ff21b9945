/**
 * Measures how long the gateway takes from the start of its process to LISTEN, and what it holds when nobody is there.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Round, Subject } from '../cell.ts';
import { residentBytes } from '../measure/cpu.ts';
import { type Broker, openBroker } from '../systems/brokers.ts';
import { Cleanup } from '../systems/cleanup.ts';
import { requireSettings, startGateway, type UpstreamSettings } from '../systems/gateway.ts';

const SETTLE_MS = 2_000;
const BYTES_PER_MB = 1_000_000;

/** See the head of the file. */
export class StartUpSubject implements Subject {
  readonly #broker: Broker;
  readonly #settings: UpstreamSettings;
  readonly #cleanup: Cleanup;

  private constructor(broker: Broker, settings: UpstreamSettings, cleanup: Cleanup) {
    this.#broker = broker;
    this.#settings = settings;
    this.#cleanup = cleanup;
  }

  static open(settings: UpstreamSettings): Promise<StartUpSubject> {
    requireSettings(settings);
    return Cleanup.guard(async (cleanup) => {
      const broker = await openBroker('stub', null, cleanup);
      return new StartUpSubject(broker, settings, cleanup);
    });
  }

  async round(): Promise<Round> {
    const gateway = await startGateway(this.#broker.port, this.#settings);
    try {
      await pause(SETTLE_MS);
      const figures = { listenMs: gateway.startUpMs, mb: residentBytes(gateway.pid) / BYTES_PER_MB };
      return { figures, voidReason: null };
    } finally {
      await gateway.stop();
    }
  }

  async stop(): Promise<void> {
    await this.#cleanup.run();
  }
}
