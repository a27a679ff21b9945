/**
 * What a gateway tells about itself, in one shape for one process and for many workers. Knows neither gateways nor
 * workers.
 */
import { type CounterSnapshot, sumOf } from './counters.ts';
import { combineFigures, NO_FIGURES, type ProcessFigures } from './process-figures.ts';
import { NO_SUBSCRIPTIONS, type SubscriptionCounts, sumSubscriptions } from './subscription-gauge.ts';
import { NO_USAGE, sumUsage, type UpstreamUsage } from './upstream-usage.ts';

/** What one process is doing, or all of them together. */
export interface ProcessStatus {
  readonly connections: number;
  readonly subscriptions: SubscriptionCounts;
  readonly upstream: UpstreamUsage;
  /** Bytes that wait for slow clients. */
  readonly pendingBytes: number;
  readonly process: ProcessFigures;
  readonly counters: CounterSnapshot;
}

/** One of the processes that serve clients. */
export interface WorkerStatus extends ProcessStatus {
  /** From 1; 0 is the only process of a gateway without workers. Its clients' ids are this × 2^32 + n. */
  readonly worker: number;
  /** Null while there is no process: the next one is about to be started. */
  readonly pid: number | null;
  /** Since it has been listening, in milliseconds; 0 while it does not. */
  readonly uptimeMs: number;
  /** How often it was replaced. The counters go on, as far as they had been asked for. */
  readonly restarts: number;
  /** False: it did not answer in time, or does not run; its figures are the last ones known. */
  readonly isCurrent: boolean;
}

/** A whole gateway: the sums, and what they are made of. */
export interface GatewayOverview extends ProcessStatus {
  readonly restarts: number;
  readonly workers: readonly WorkerStatus[];
}

/** Who can tell what a gateway is doing. */
export interface GatewayView {
  /** Bounded in time; never rejects. */
  overview(): Promise<GatewayOverview>;
}

/** Of what a gateway says of itself, what can be added up and sent to another process. */
export function processStatus(
  status: Omit<ProcessStatus, 'counters'> & { readonly counters: { snapshot(): CounterSnapshot } },
): ProcessStatus {
  const { connections, subscriptions, upstream, pendingBytes, counters, process } = status;
  const { plain, queue } = subscriptions;
  const gauges = { connections, subscriptions: { plain, queue }, upstream, pendingBytes, process };
  return { ...gauges, counters: counters.snapshot() };
}

/** Of a process that does nothing yet, or nothing more. */
export const IDLE_STATUS: ProcessStatus = {
  connections: 0,
  subscriptions: NO_SUBSCRIPTIONS,
  upstream: NO_USAGE,
  pendingBytes: 0,
  process: NO_FIGURES,
  counters: {},
};

/** The overview of these workers. */
export function overviewOf(workers: readonly WorkerStatus[]): GatewayOverview {
  const sum = (of: (worker: WorkerStatus) => number) =>
    workers.reduce((total, worker) => total + of(worker), 0);
  return {
    connections: sum((worker) => worker.connections),
    subscriptions: sumSubscriptions(workers.map(({ subscriptions }) => subscriptions)),
    upstream: sumUsage(workers.map(({ upstream }) => upstream)),
    pendingBytes: sum((worker) => worker.pendingBytes),
    process: combineFigures(workers.map(({ process }) => process)),
    counters: sumOf(workers.map(({ counters }) => counters)),
    restarts: sum((worker) => worker.restarts),
    workers,
  };
}
