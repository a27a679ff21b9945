/** Hands values that are counted elsewhere to prom-client, which writes them. */
import type { Metric, MetricValueWithName } from 'prom-client';
import { DURATION_BOUNDS } from '../../metrics/histogram.ts';
import type { HistogramSample, MetricDefinition } from './definition.ts';
import { groupIn, numberIn, type Scrape } from './scrape.ts';

/**
 * prom-client's own metrics count for themselves; this one asks at each scrape.
 * @param current the scrape that is being answered
 */
export function copiedMetric(definition: MetricDefinition, current: () => Scrape): Metric {
  const { name, help, type } = definition;
  const get = async () => ({ name, help, type, aggregator: 'sum', values: valuesOf(definition, current()) });
  // All that a registry asks of a metric.
  return { name, help, get, reset: () => {} } as unknown as Metric;
}

function valuesOf(
  { name, samples, histograms }: MetricDefinition,
  from: Scrape,
): MetricValueWithName<string>[] {
  if (histograms !== undefined) return histograms(from).flatMap((one) => histogramValues(name, one));
  return (samples?.(from) ?? []).map(({ labels, value }) => ({ metricName: name, labels, value }));
}

function histogramValues(name: string, { labels, snapshot }: HistogramSample): MetricValueWithName<string>[] {
  const buckets = groupIn(snapshot, 'buckets');
  const count = numberIn(snapshot, 'count');
  const bucket = (le: string, value: number) => ({
    metricName: `${name}_bucket`,
    labels: { ...labels, le },
    value,
  });
  return [
    ...DURATION_BOUNDS.map((bound) => bucket(String(bound), numberIn(buckets, String(bound)))),
    bucket('+Inf', count),
    { metricName: `${name}_sum`, labels, value: numberIn(snapshot, 'sum') },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
