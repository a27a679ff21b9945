/** How long publications took within the last minute, from counters that only grow. Pure. */
import type { CounterSnapshot } from '../../metrics/counters.ts';

const WINDOW_MS = 60_000;
/** Looks that follow each other faster are not kept. */
const STEP_MS = 1_000;

interface Look {
  readonly atMs: number;
  /** By upper bound in seconds, each with all that is within it. */
  readonly buckets: ReadonlyMap<number, number>;
  readonly count: number;
}

/** See the head of the file. */
export class PublishLatency {
  #looks: Look[] = [];

  /**
   * @param histogram of counters: `count` and `buckets`
   * @returns milliseconds; null when nothing was published within the window
   */
  look(
    histogram: CounterSnapshot,
    nowMs: number,
  ): { readonly publishP50: number | null; readonly publishP99: number | null } {
    const now = lookOf(histogram, nowMs);
    const last = this.#looks.at(-1);
    if (last === undefined || nowMs - last.atMs >= STEP_MS) this.#looks.push(now);
    // The newest one from before the window stays: it is where the window begins.
    while ((this.#looks[1]?.atMs ?? nowMs) <= nowMs - WINDOW_MS) this.#looks.shift();
    const first = this.#looks.length > 1 ? this.#looks[0] : undefined;
    const quantile = (share: number) => quantileOf(now, first, share);
    return { publishP50: quantile(0.5), publishP99: quantile(0.99) };
  }
}

function lookOf({ count, buckets }: CounterSnapshot, atMs: number): Look {
  const entries = typeof buckets === 'object' ? Object.entries(buckets) : [];
  const within = entries.map(([bound, seen]): [number, number] => [Number(bound), Number(seen)]);
  return { atMs, count: Number(count ?? 0), buckets: new Map(within.sort(([a], [b]) => a - b)) };
}

/** Within a bucket durations are taken to lie evenly. */
function quantileOf(now: Look, first: Look | undefined, share: number): number | null {
  const total = now.count - (first?.count ?? 0);
  if (total <= 0) return null;
  const wanted = total * share;
  let lower = 0;
  let below = 0;
  for (const [bound, seen] of now.buckets) {
    const within = seen - (first?.buckets.get(bound) ?? 0);
    if (within >= wanted) {
      const part = within === below ? 1 : (wanted - below) / (within - below);
      return Math.round((lower + (bound - lower) * part) * 1e5) / 100;
    }
    lower = bound;
    below = within;
  }
  // Longer than the last bound: that much is known.
  return lower * 1000;
}
