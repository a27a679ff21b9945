/**
 * Measures what a message costs when as many as possible are sent: warm-up, then a window with the processor time at
 * both edges, then the proof that everything has arrived, once and in order.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Round, Subject, Timing } from '../cell.ts';
import { cpuMicroseconds } from '../measure/cpu.ts';
import type { Arrival } from '../processes/commands.ts';
import { Cleanup } from '../systems/cleanup.ts';
import type { OpenRig, Path, Rig } from '../systems/rig.ts';

const DRAIN_LIMIT_MS = 15_000;
const POLL_MS = 5;
/** Reports of the receiver per window of messages. */
const STEPS_PER_WINDOW = 8;
const MOST_UNDER_WAY = 400_000;
/** The first round also warms up the compilers of everybody. */
const FIRST_WARM_UP_FACTOR = 3;
/** A generator that needs more of a core may itself be what is measured. */
const BUSY_SHARE = 0.9;
const US_PER_MS = 1_000;

/** State at one edge of the window. */
interface Edge {
  readonly atMs: number;
  readonly deliveries: number;
  readonly measured: number;
  readonly beside: number;
  readonly source: number;
  readonly sink: number;
}

/** A rig that is measured by windows. */
export class ThroughputSubject implements Subject {
  readonly #rig: Rig;
  readonly #cleanup: Cleanup;
  readonly #timing: Timing;
  readonly #window: number;
  #stream = 0;

  private constructor(rig: Rig, path: Path, cleanup: Cleanup, timing: Timing) {
    this.#rig = rig;
    this.#cleanup = cleanup;
    this.#timing = timing;
    const fits = Math.floor(rig.windowBytes / path.shape.payloadBytes);
    this.#window = Math.min(MOST_UNDER_WAY, Math.max(STEPS_PER_WINDOW, fits));
    rig.sink.onProgress((received) => rig.source.credit(received));
  }

  static open(openRig: OpenRig, path: Path, timing: Timing): Promise<ThroughputSubject> {
    return Cleanup.guard(async (cleanup) => {
      const rig = await openRig(path, cleanup);
      return new ThroughputSubject(rig, path, cleanup, timing);
    });
  }

  async round(): Promise<Round> {
    const { source, sink } = this.#rig;
    const stream = ++this.#stream;
    const step = Math.ceil(this.#window / STEPS_PER_WINDOW);
    await sink.expect({ stream, step });
    await source.start({ stream, window: this.#window, rate: 0 });
    await pause(this.#timing.warmUpMs * (stream === 1 ? FIRST_WARM_UP_FACTOR : 1));
    const first = await this.#edge();
    await pause(this.#timing.windowMs);
    const last = await this.#edge();
    await this.#drain(await source.stop());
    return roundOf(first, last);
  }

  async stop(): Promise<void> {
    await this.#cleanup.run();
  }

  async #edge(): Promise<Edge> {
    const { measuredPid, besidePid, source, sink } = this.#rig;
    const { deliveries } = await sink.arrival();
    return {
      atMs: performance.now(),
      deliveries,
      measured: cpuMicroseconds(measuredPid),
      beside: besidePid === null ? 0 : cpuMicroseconds(besidePid),
      source: cpuMicroseconds(source.pid),
      sink: cpuMicroseconds(sink.pid),
    };
  }

  /** Waits for the last message, and for one too many. */
  async #drain(sent: number): Promise<void> {
    const { sink } = this.#rig;
    const deadline = performance.now() + DRAIN_LIMIT_MS;
    let arrival = await sink.arrival();
    while (arrival.received < sent && arrival.fault === null && performance.now() < deadline) {
      await pause(POLL_MS);
      arrival = await sink.arrival();
    }
    if (arrival.fault === null) {
      await pause(POLL_MS);
      arrival = await sink.arrival();
    }
    complain(arrival, sent);
  }
}

/** @throws {Error} unless exactly what was sent has arrived */
function complain({ received, fault }: Arrival, sent: number): void {
  if (fault !== null) throw new Error(`sequence broken: ${fault}`);
  if (received < sent) throw new Error(`sequence broken: ${sent - received} of ${sent} messages are missing`);
}

function roundOf(first: Edge, last: Edge): Round {
  const windowMs = last.atMs - first.atMs;
  const messages = last.deliveries - first.deliveries;
  const us = (part: 'measured' | 'beside' | 'source' | 'sink'): number =>
    (last[part] - first[part]) / messages;
  const share = (part: 'measured' | 'source' | 'sink'): number =>
    (last[part] - first[part]) / (windowMs * US_PER_MS);
  const figures = {
    us: us('measured'),
    besideUs: us('beside'),
    rate: messages / (windowMs / 1_000),
    share: share('measured'),
    sourceUs: us('source'),
    sinkUs: us('sink'),
  };
  const busiest = Math.max(share('source'), share('sink'));
  if (messages === 0) return { figures, voidReason: 'no message arrived in the window' };
  const voidReason =
    busiest > BUSY_SHARE ? `a generator used ${(busiest * 100).toFixed(0)} % of a core` : null;
  return { figures, voidReason };
}
