/** How long things take, in numbers that can be added up across processes. */
import type { CounterSnapshot } from './counters.ts';

/** Upper bounds in seconds. What takes longer is in the sum and the count only. */
export const DURATION_BOUNDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

/** Durations by size. As in Prometheus, each bucket holds what took no longer than its bound. */
export class Histogram {
  /** Each duration in the first bucket that it fits into. */
  readonly #counts = new Array<number>(DURATION_BOUNDS.length).fill(0);
  #count = 0;
  #seconds = 0;

  observe(durationMs: number): void {
    const seconds = Math.max(0, durationMs / 1000);
    this.#count += 1;
    this.#seconds += seconds;
    const bucket = DURATION_BOUNDS.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  /** `count`, `sum` in seconds, and `buckets` by their bounds, each with all that is within it. */
  snapshot(): CounterSnapshot {
    let within = 0;
    const buckets = DURATION_BOUNDS.map((bound, index): [string, number] => {
      within += this.#counts[index] ?? 0;
      return [String(bound), within];
    });
    return { count: this.#count, sum: this.#seconds, buckets: Object.fromEntries(buckets) };
  }
}
