/**
 * Measures what a message costs when as many as possible are sent: warm-up, then a window with the processor time at
 * both edges, then the proof that everything has arrived, once and in order.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Round, Subject, Timing } from '../cell.ts';
import { cpuMicroseconds } from '../measure/cpu.ts';
import { Cleanup } from '../systems/cleanup.ts';
import type { OpenRig, Path, Rig } from '../systems/rig.ts';
import { NumberedStream } from './numbered-stream.ts';

const MOST_UNDER_WAY = 400_000;
/** What may wait for all receivers together: half of the gateway's `max_total_pending`. */
const TOTAL_WINDOW_BYTES = 256 * 1024 * 1024;
/** The first round also warms up the compilers of everybody. */
const FIRST_WARM_UP_FACTOR = 6;
/** A generator that needs more of a core may itself be what is measured. */
const BUSY_SHARE = 0.9;
const US_PER_MS = 1_000;

/** A process whose time is taken, by the figure that it makes. */
interface Part {
  readonly figure: 'us' | 'serverUs' | 'brokerUs' | 'sourceUs' | 'sinkUs';
  readonly pid: number;
  readonly isGenerator: boolean;
}

/** State at one edge of the window. */
interface Edge {
  readonly atMs: number;
  readonly deliveries: number;
  /** Processor time of each part. */
  readonly times: readonly number[];
}

function partsOf({ measuredPid, serverPid, broker, source, sink }: Rig): Part[] {
  const part = (figure: Part['figure'], pid: number, isGenerator = true): Part => ({
    figure,
    pid,
    isGenerator,
  });
  return [
    part('us', measuredPid, false),
    ...(serverPid === null ? [] : [part('serverUs', serverPid, false)]),
    ...(broker === null ? [] : [part('brokerUs', broker.pid, broker.isGenerator)]),
    part('sourceUs', source.pid),
    part('sinkUs', sink.pid),
  ];
}

/** A rig that is measured by windows. */
export class ThroughputSubject implements Subject {
  readonly #rig: Rig;
  readonly #parts: readonly Part[];
  readonly #cleanup: Cleanup;
  readonly #timing: Timing;
  readonly #stream: NumberedStream;
  #isFirst = true;

  private constructor(rig: Rig, path: Path, cleanup: Cleanup, timing: Timing) {
    this.#rig = rig;
    this.#parts = partsOf(rig);
    this.#cleanup = cleanup;
    this.#timing = timing;
    const windowBytes = Math.min(rig.windowBytes, TOTAL_WINDOW_BYTES / path.receivers);
    const window = Math.min(MOST_UNDER_WAY, Math.floor(windowBytes / path.shape.payloadBytes));
    this.#stream = new NumberedStream(rig.source, rig.sink, { window, rate: 0 });
  }

  static open(openRig: OpenRig, path: Path, timing: Timing): Promise<ThroughputSubject> {
    return Cleanup.guard(async (cleanup) => {
      const rig = await openRig(path, cleanup);
      return new ThroughputSubject(rig, path, cleanup, timing);
    });
  }

  async round(): Promise<Round> {
    await this.#stream.start();
    await pause(this.#timing.warmUpMs * (this.#isFirst ? FIRST_WARM_UP_FACTOR : 1));
    this.#isFirst = false;
    const first = await this.#edge();
    await pause(this.#timing.windowMs);
    const last = await this.#edge();
    const proved = await this.#stream.finish();
    const { figures, voidReason } = roundOf(this.#parts, first, last);
    return { figures: { ...figures, proved }, voidReason };
  }

  async stop(): Promise<void> {
    await this.#cleanup.run();
  }

  async #edge(): Promise<Edge> {
    const { deliveries } = await this.#rig.sink.arrival();
    const times = this.#parts.map(({ pid }) => cpuMicroseconds(pid));
    return { atMs: performance.now(), deliveries, times };
  }
}

function roundOf(parts: readonly Part[], first: Edge, last: Edge): Round {
  const windowMs = last.atMs - first.atMs;
  const messages = last.deliveries - first.deliveries;
  const times = last.times.map((time, index) => time - (first.times[index] ?? 0));
  const shares = times.map((time) => time / (windowMs * US_PER_MS));
  const figures = {
    ...Object.fromEntries(parts.map(({ figure }, index) => [figure, (times[index] ?? 0) / messages])),
    rate: messages / (windowMs / 1_000),
    share: shares[0] ?? 0,
  };
  if (messages === 0) return { figures, voidReason: 'no message arrived in the window' };
  const busiest = Math.max(...shares.filter((_, index) => parts[index]?.isGenerator));
  const voidReason =
    busiest > BUSY_SHARE ? `a generator used ${(busiest * 100).toFixed(0)} % of a core` : null;
  return { figures, voidReason };
}
