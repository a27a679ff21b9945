/** The last minutes, as far as this page has been open. */
import type { JSX } from 'preact';
import { formatBytes, formatCount, formatLatency, formatRate } from '../../format/numbers.ts';
import { Chart } from '../../parts/chart.tsx';
import type { Sample } from '../../state/rates.ts';

/** 1 B to 1 TB. */
const BINARY_STEPS = Array.from({ length: 41 }, (_step, i) => 2 ** i);

/** 1, 2, 5, 10, …: half a message means nothing. */
const WHOLE_STEPS = Array.from({ length: 10 }, (_step, i) => [1, 2, 5].map((step) => step * 10 ** i)).flat();

/** See the head of the file. */
export function Charts({ samples }: { readonly samples: readonly Sample[] }): JSX.Element {
  const timesMs = samples.map(({ atMs }) => atMs);
  const last = samples.at(-1);
  const of = (name: keyof Sample): (number | null)[] => samples.map((sample) => sample[name]);
  return (
    <div class="charts">
      <Chart
        title="Messages per second"
        timesMs={timesMs}
        lines={[
          { label: 'to the broker', color: '--to-broker', values: of('messagesIn') },
          { label: 'to clients', color: '--to-clients', values: of('messagesOut') },
        ]}
        format={formatRate}
        steps={WHOLE_STEPS}
        summary={`Now ${formatRate(last?.messagesIn ?? null)} to the broker, ${formatRate(last?.messagesOut ?? null)} to clients`}
      />
      <Chart
        title="Bytes per second"
        timesMs={timesMs}
        lines={[
          { label: 'to the broker', color: '--to-broker', values: of('bytesIn') },
          { label: 'to clients', color: '--to-clients', values: of('bytesOut') },
        ]}
        format={formatBytes}
        steps={BINARY_STEPS}
        summary={`Now ${formatBytes(last?.bytesIn ?? null)} to the broker, ${formatBytes(last?.bytesOut ?? null)} to clients`}
      />
      <Chart
        title="Publish to acknowledged"
        timesMs={timesMs}
        lines={[
          { label: 'p99', color: '--worst', values: of('publishP99') },
          { label: 'median', color: '--to-broker', values: of('publishP50') },
        ]}
        format={formatLatency}
        summary={`Now ${formatLatency(last?.publishP50 ?? null)}, p99 ${formatLatency(last?.publishP99 ?? null)}`}
      />
      <Chart
        title="Connections"
        timesMs={timesMs}
        lines={[{ label: 'clients', color: '--to-broker', values: of('connections') }]}
        format={formatCount}
        steps={WHOLE_STEPS}
        summary={`Now ${formatCount(last?.connections ?? 0)}`}
      />
    </div>
  );
}
