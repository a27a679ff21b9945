/** From two answers of `/status` to rates. Pure. */
import type { StatusBody } from '../../admin/api-types.ts';

/** What the charts show of one moment; null where there is nothing to compare with. */
export interface Sample {
  readonly atMs: number;
  /** Per second. */
  readonly messagesIn: number | null;
  readonly messagesOut: number | null;
  readonly bytesIn: number | null;
  readonly bytesOut: number | null;
  readonly connections: number;
  readonly cpuPercent: number;
  readonly memoryBytes: number;
  readonly publishP50: number | null;
  readonly publishP99: number | null;
}

/** @returns a number of the counters, 0 where it is unknown */
export function counter(status: StatusBody, name: string): number {
  const value = status.overview.counters[name];
  return typeof value === 'number' ? value : 0;
}

/** @returns counts by reason, largest first, without zeros */
export function countsByReason(status: StatusBody, name: string): [reason: string, count: number][] {
  const value = status.overview.counters[name];
  if (typeof value !== 'object') return [];
  return Object.entries(value)
    .filter((entry): entry is [string, number] => typeof entry[1] === 'number' && entry[1] > 0)
    .sort(([, a], [, b]) => b - a);
}

/** @param before null, or that of another life of the gateway: rates are null */
export function sampleOf(before: StatusBody | null, now: StatusBody): Sample {
  const rate = (name: string): number | null => (before === null ? null : rateOf(before, now, name));
  return {
    atMs: now.nowMs,
    messagesIn: rate('clientMessagesIn'),
    messagesOut: rate('clientMessagesOut'),
    bytesIn: rate('clientBytesIn'),
    bytesOut: rate('clientBytesOut'),
    connections: now.overview.connections,
    cpuPercent: now.cpuPercent,
    memoryBytes: now.memoryBytes,
    publishP50: now.latency.publishP50,
    publishP99: now.latency.publishP99,
  };
}

function rateOf(before: StatusBody, now: StatusBody, name: string): number | null {
  const seconds = (now.nowMs - before.nowMs) / 1000;
  const count = counter(now, name) - counter(before, name);
  // A counter that falls belongs to a gateway, or a worker, that was started meanwhile.
  if (before.identity.startMs !== now.identity.startMs || seconds <= 0 || count < 0) return null;
  return count / seconds;
}
