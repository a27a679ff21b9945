/** Memory and processor time of all processes of the gateway. */
import type { GatewayOverview } from '../metrics/gateway-view.ts';

/** At one moment. */
export interface ProcessUsage {
  readonly memoryBytes: number;
  /** Of one core, since the last look; it may be above 100. */
  readonly cpuPercent: number;
}

/** Looks that follow each other faster get the same answer: a short time says nothing. */
const SHORTEST_MS = 1_000;

/** See the head of this file. */
export class ProcessUsageMeter {
  #atMs = performance.now();
  #cpuSeconds = Number.NaN;
  #cpuPercent = 0;

  /** Memory is that of now; processor time that since a look a second ago or longer. */
  look(overview: GatewayOverview): ProcessUsage {
    const { cpuSeconds, memoryBytes } = totalOf(overview);
    const nowMs = performance.now();
    const elapsedMs = nowMs - this.#atMs;
    if (Number.isNaN(this.#cpuSeconds)) {
      // All since the start of this process.
      this.#cpuPercent = rate(cpuSeconds, nowMs);
    } else if (elapsedMs >= SHORTEST_MS) {
      this.#cpuPercent = rate(cpuSeconds - this.#cpuSeconds, elapsedMs);
    } else {
      return { memoryBytes, cpuPercent: this.#cpuPercent };
    }
    this.#atMs = nowMs;
    this.#cpuSeconds = cpuSeconds;
    return { memoryBytes, cpuPercent: this.#cpuPercent };
  }
}

/** Those that serve clients, and this one if it is none of them. */
export function totalOf({ process: workers, workers: list }: GatewayOverview): {
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
} {
  const own = process.cpuUsage();
  const isOneOfThem = list.some(({ pid }) => pid === process.pid);
  return {
    cpuSeconds: workers.cpuSeconds + (isOneOfThem ? 0 : (own.user + own.system) / 1e6),
    memoryBytes: workers.residentBytes + (isOneOfThem ? 0 : process.memoryUsage.rss()),
  };
}

/** A replaced worker takes its time with it, so the sum may go back. */
function rate(seconds: number, ms: number): number {
  return Math.max(0, Math.round((seconds / (ms / 1000)) * 1000) / 10);
}
