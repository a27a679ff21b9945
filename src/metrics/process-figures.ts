/** What a process needs of the machine, and how promptly it gets to its work. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** Of one process; or of all: sums, and the worst of the delays. */
export interface ProcessFigures {
  /** Processor time since the start of the process. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  /** How late the event loop was, within the last minute. */
  readonly eventLoop: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number };
}

/** Of no process. */
export const NO_FIGURES: ProcessFigures = {
  cpuSeconds: 0,
  residentBytes: 0,
  heapUsedBytes: 0,
  eventLoop: { p50Ms: 0, p99Ms: 0, maxMs: 0 },
};

/** Those of all. */
export function combineFigures(all: readonly ProcessFigures[]): ProcessFigures {
  const sum = (of: (one: ProcessFigures) => number) => all.reduce((total, one) => total + of(one), 0);
  const worst = (name: keyof ProcessFigures['eventLoop']) =>
    all.reduce((most, { eventLoop }) => Math.max(most, eventLoop[name]), 0);
  return {
    cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
    residentBytes: sum(({ residentBytes }) => residentBytes),
    heapUsedBytes: sum(({ heapUsedBytes }) => heapUsedBytes),
    eventLoop: { p50Ms: worst('p50Ms'), p99Ms: worst('p99Ms'), maxMs: worst('maxMs') },
  };
}

/** Time between two looks at the event loop; what the monitor measures holds it. */
const RESOLUTION_MS = 20;
/** After this, delays are forgotten. */
const WINDOW_MS = 60_000;
const NANOSECONDS_PER_MS = 1e6;

/** Measures the process that it runs in. */
export class ProcessMeter {
  readonly #monitor: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #windowStartMs = performance.now();

  /** Begins to look at the event loop. */
  start(): void {
    this.#windowStartMs = performance.now();
    this.#monitor.enable();
  }

  /** As of now. */
  figures(): ProcessFigures {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    const eventLoop = {
      p50Ms: excess(this.#monitor.percentile(50)),
      p99Ms: excess(this.#monitor.percentile(99)),
      maxMs: excess(this.#monitor.max),
    };
    if (performance.now() - this.#windowStartMs >= WINDOW_MS) {
      this.#monitor.reset();
      this.#windowStartMs = performance.now();
    }
    return { cpuSeconds: (user + system) / 1e6, residentBytes: rss, heapUsedBytes: heapUsed, eventLoop };
  }

  /** Idempotent. */
  close(): void {
    this.#monitor.disable();
  }
}

/** What a delay has beyond the time between two looks; an empty monitor says 0, or its own odd first value. */
function excess(ns: number): number {
  const ms = ns / NANOSECONDS_PER_MS - RESOLUTION_MS;
  return Number.isFinite(ms) && ms > 0 && ms < WINDOW_MS * 10 ? ms : 0;
}
