/** Single figures of the process. */
import type { JSX } from 'preact';
import type { StatusBody } from '../../../admin/api-types.ts';
import {
  formatBytes,
  formatCount,
  formatDateTime,
  formatDuration,
  formatLatency,
} from '../../format/numbers.ts';

/** See the head of the file. */
export function Instruments({ status }: { readonly status: StatusBody }): JSX.Element {
  const { overview, latency, identity } = status;
  return (
    <dl class="instruments">
      <Instrument
        label="Publish to acknowledged"
        value={formatLatency(latency.publishP50)}
        detail={
          latency.publishP99 === null ? 'none with QoS 1 lately' : `p99 ${formatLatency(latency.publishP99)}`
        }
        tip="From a PUB with QoS 1 to the broker's acknowledgement, over the last minute."
      />
      <Instrument
        label="Event loop delay"
        value={formatLatency(latency.eventLoopP50)}
        detail={`p99 ${formatLatency(latency.eventLoopP99)}`}
        tip="How late the process comes to what is due, over the last minute."
      />
      <Instrument
        label="Processor"
        value={`${status.cpuPercent.toFixed(status.cpuPercent < 10 ? 1 : 0)} %`}
        detail="of one core"
      />
      <Instrument label="Memory" value={formatBytes(status.memoryBytes)} detail="resident" />
      <Instrument
        label="Waiting for clients"
        value={formatBytes(overview.pendingBytes)}
        detail={`${formatCount(overview.upstream.waiting)} wait for the broker`}
        tip="Bytes that slow clients have not taken yet."
      />
      <Instrument
        label="Up for"
        value={formatDuration(status.nowMs - identity.startMs)}
        detail={`since ${formatDateTime(identity.startMs).slice(0, -3)}`}
      />
    </dl>
  );
}

interface InstrumentProps {
  readonly label: string;
  readonly value: string;
  readonly detail: string;
  readonly tip?: string;
}

function Instrument({ label, value, detail, tip }: InstrumentProps): JSX.Element {
  return (
    <div title={tip}>
      <dt>{label}</dt>
      <dd class="numbers">
        <strong>{value}</strong>
        <span>{detail}</span>
      </dd>
    </div>
  );
}
