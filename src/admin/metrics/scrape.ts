/** Everything that the metrics of one scrape are made of, asked for at once. */
import type {
  CertificateView,
  ListenerView,
  Readiness,
  UpstreamView,
} from '../../control/gateway-control.ts';
import type { CounterSnapshot } from '../../metrics/counters.ts';
import type { GatewayOverview } from '../../metrics/gateway-view.ts';
import type { AdminContext } from '../context.ts';

/** See the head of this file. */
export interface Scrape {
  readonly context: AdminContext;
  readonly overview: GatewayOverview;
  readonly readiness: Readiness;
  readonly listeners: readonly ListenerView[];
  readonly upstream: readonly UpstreamView[];
  readonly certificates: readonly CertificateView[];
}

/** Bounded in time, as all that it asks is. */
export async function scrape(context: AdminContext): Promise<Scrape> {
  const { control } = context;
  const [overview, readiness, listeners, upstream, certificates] = await Promise.all([
    control.overview(),
    control.readiness(),
    control.listeners(),
    control.upstream(),
    control.certificates(),
  ]);
  return { context, overview, readiness, listeners, upstream, certificates };
}

/** One value of a metric. */
export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** One value of a metric that has no labels. */
export function only(value: number): Sample[] {
  return [{ labels: {}, value }];
}

/** A counter of a snapshot; 0 where it is not counted. */
export function numberIn(counters: CounterSnapshot, ...path: readonly string[]): number {
  const value = path.reduce<number | CounterSnapshot | undefined>(
    (inner, name) => (typeof inner === 'object' ? inner[name] : undefined),
    counters,
  );
  return typeof value === 'number' ? value : 0;
}

/** Several counters of a snapshot, by name; none where nothing is counted. */
export function groupIn(counters: CounterSnapshot, ...path: readonly string[]): CounterSnapshot {
  const value = path.reduce<number | CounterSnapshot | undefined>(
    (inner, name) => (typeof inner === 'object' ? inner[name] : undefined),
    counters,
  );
  return typeof value === 'object' ? value : {};
}

/** A sample for each counter of a group. */
export function byName(counters: CounterSnapshot, label: string, more: Sample['labels'] = {}): Sample[] {
  return Object.entries(counters)
    .filter((entry): entry is [string, number] => typeof entry[1] === 'number')
    .map(([name, value]) => ({ labels: { ...more, [label]: name }, value }));
}
