/**
 * Measures how long a request takes to be answered, one at a time, on an idle system or next to a steady flood.
 */
import type { Round, Subject, Timing } from '../cell.ts';
import type { RequesterCommands } from '../processes/requester.ts';
import type { ResponderCommands } from '../processes/responder.ts';
import { Cleanup } from '../systems/cleanup.ts';
import { natsSink, natsSource, startWorker } from '../systems/ends.ts';
import type { Worker } from '../worker.ts';
import { NumberedStream } from './numbered-stream.ts';

/** Starts what is measured; @returns its NATS port */
export type OpenSystem = (cleanup: Cleanup) => Promise<number>;

const SERVICE = 'service';
const WARM_UP_REQUESTS = 200;
const FLOOD_SUBJECT = 'flood.m';
const FLOOD_SHAPE = { payloadBytes: 128, headers: 0 };
/** Below the 1,000 messages that Mosquitto keeps for a subscriber. */
const FLOOD_WINDOW = 800;

/** See the head of the file. */
export class LatencySubject implements Subject {
  readonly #requester: Worker<RequesterCommands>;
  readonly #flood: NumberedStream | null;
  readonly #cleanup: Cleanup;
  readonly #timing: Timing;

  private constructor(
    requester: Worker<RequesterCommands>,
    flood: NumberedStream | null,
    cleanup: Cleanup,
    timing: Timing,
  ) {
    this.#requester = requester;
    this.#flood = flood;
    this.#cleanup = cleanup;
    this.#timing = timing;
  }

  /** @param floodRate messages per second through the same system; 0: none */
  static open(openSystem: OpenSystem, floodRate: number, timing: Timing): Promise<LatencySubject> {
    return Cleanup.guard(async (cleanup) => {
      const port = await openSystem(cleanup);
      const responder = await startWorker<ResponderCommands>(cleanup, 'responder');
      await responder.run('connect', { port, subject: SERVICE });
      const requester = await startWorker<RequesterCommands>(cleanup, 'requester');
      await requester.run('connect', { port });
      const flood = floodRate === 0 ? null : await openFlood(port, floodRate, cleanup);
      return new LatencySubject(requester, flood, cleanup, timing);
    });
  }

  async round(): Promise<Round> {
    await this.#flood?.start();
    const figures = await this.#requester.run('measure', {
      subject: SERVICE,
      warmUp: WARM_UP_REQUESTS,
      milliseconds: this.#timing.windowMs,
    });
    await this.#flood?.finish();
    return { figures: { ...figures }, voidReason: null };
  }

  async stop(): Promise<void> {
    await this.#cleanup.run();
  }
}

async function openFlood(port: number, rate: number, cleanup: Cleanup): Promise<NumberedStream> {
  const sink = await natsSink(cleanup, { port, subject: FLOOD_SUBJECT, connections: 1 });
  const options = { port, subject: FLOOD_SUBJECT, shape: FLOOD_SHAPE, verbose: false };
  const source = await natsSource(cleanup, options);
  return new NumberedStream(source, sink, { window: FLOOD_WINDOW, rate });
}
