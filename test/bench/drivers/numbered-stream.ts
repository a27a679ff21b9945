/**
 * One stream of numbered messages from a source to a sink, with the proof at its end that everything has arrived, once
 * and in order.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Sink, Source } from '../systems/ends.ts';
import type { Arrival } from '../wire/audience.ts';

const DRAIN_LIMIT_MS = 15_000;
const POLL_MS = 5;
/** Reports of the receiver per window of messages. */
const STEPS_PER_WINDOW = 8;

/** How to send. */
export interface StreamSettings {
  /** Most messages under way. */
  readonly window: number;
  /** Messages per second; 0: as fast as possible. */
  readonly rate: number;
}

/** See the head of the file. */
export class NumberedStream {
  readonly #source: Source;
  readonly #sink: Sink;
  readonly #settings: StreamSettings;
  #stream = 0;

  constructor(source: Source, sink: Sink, settings: StreamSettings) {
    this.#source = source;
    this.#sink = sink;
    this.#settings = { ...settings, window: Math.max(STEPS_PER_WINDOW, settings.window) };
    sink.onProgress((received) => source.credit(received));
  }

  /** Starts the next stream. */
  async start(): Promise<void> {
    const stream = ++this.#stream;
    await this.#sink.expect({ stream, step: Math.ceil(this.#settings.window / STEPS_PER_WINDOW) });
    await this.#source.start({ stream, ...this.#settings });
  }

  /**
   * Stops sending and waits for the last message, and for one too many.
   * @returns how many messages there were
   * @throws {Error} unless exactly what was sent has arrived, in order
   */
  async finish(): Promise<number> {
    const sent = await this.#source.stop();
    const deadline = performance.now() + DRAIN_LIMIT_MS;
    let arrival = await this.#sink.arrival();
    while (arrival.received < sent && arrival.fault === null && performance.now() < deadline) {
      await pause(POLL_MS);
      arrival = await this.#sink.arrival();
    }
    if (arrival.fault === null) {
      await pause(POLL_MS);
      arrival = await this.#sink.arrival();
    }
    prove(arrival, sent);
    return sent;
  }
}

function prove({ received, fault }: Arrival, sent: number): void {
  if (fault !== null) throw new Error(`sequence broken: ${fault}`);
  if (received < sent) throw new Error(`sequence broken: ${sent - received} of ${sent} messages are missing`);
}
