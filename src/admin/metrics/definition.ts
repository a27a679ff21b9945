/** How a metric is described. Knows no metric by name. */
import type { CounterSnapshot } from '../../metrics/counters.ts';
import type { Sample, Scrape } from './scrape.ts';

/** A metric whose values are copied when somebody asks. */
export interface MetricDefinition {
  /** With the prefix; counters end in `_total`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** One sentence for operators, also in the documentation. */
  readonly help: string;
  readonly labels: readonly string[];
  /** For counters and gauges. */
  readonly samples?: (from: Scrape) => readonly Sample[];
  /** For histograms: snapshots with their labels. */
  readonly histograms?: (from: Scrape) => readonly HistogramSample[];
}

/** One histogram as `metrics/histogram.ts` gives it. */
export interface HistogramSample {
  readonly labels: Sample['labels'];
  readonly snapshot: CounterSnapshot;
}

type Samples = (from: Scrape) => readonly Sample[];

/** Only grows. */
export function counter(
  name: string,
  help: string,
  labels: readonly string[],
  samples: Samples,
): MetricDefinition {
  return { name, type: 'counter', help, labels, samples };
}

/** Goes up and down. */
export function gauge(
  name: string,
  help: string,
  labels: readonly string[],
  samples: Samples,
): MetricDefinition {
  return { name, type: 'gauge', help, labels, samples };
}

/** Durations by size. */
export function histogram(
  name: string,
  help: string,
  labels: readonly string[],
  histograms: (from: Scrape) => readonly HistogramSample[],
): MetricDefinition {
  return { name, type: 'histogram', help, labels, histograms };
}
