/** The way of the messages: clients, gateway, broker, and what passes between them now. */
import type { ComponentChildren, JSX } from 'preact';
import type { StatusBody } from '../../../admin/api-types.ts';
import type { UpstreamView } from '../../../control/gateway-control.ts';
import { formatBytes, formatCount, formatRate, plural } from '../../format/numbers.ts';
import type { Sample } from '../../state/rates.ts';
import { linkTo } from '../../state/route.ts';

interface FlowProps {
  readonly status: StatusBody;
  readonly sample: Sample;
  readonly upstream: readonly UpstreamView[];
}

/** See the head of the file. */
export function Flow({ status, sample, upstream }: FlowProps): JSX.Element {
  const { overview, identity, readiness } = status;
  const broker = brokerOf(upstream);
  return (
    <section class="flow" aria-label="What passes now">
      <Node title="NATS clients" link="clients" tone={overview.connections > 0 ? 'good' : 'muted'}>
        {plural(overview.connections, 'connection')}
        <br />
        {plural(overview.subscriptions.plain + overview.subscriptions.queue, 'subscription')}
      </Node>
      <div class="lanes">
        <Lane
          kind="there"
          label="to the broker"
          value={`${formatRate(sample.messagesIn)} msg/s`}
          detail={`${formatBytes(sample.bytesIn)}/s`}
        />
        <Lane
          kind="back"
          label="to clients"
          value={`${formatRate(sample.messagesOut)} msg/s`}
          detail={`${formatBytes(sample.bytesOut)}/s`}
        />
      </div>
      <Node title="Gateway" link="settings" tone={readiness.isReady ? 'good' : 'bad'}>
        {readiness.isReady ? 'ready' : 'not ready'}, version {identity.version}
      </Node>
      <div class="lanes quiet">
        <span>{plural(overview.upstream.sessions, 'MQTT session')}</span>
        <span>{plural(overview.upstream.filters, 'topic filter')}</span>
        <span>{formatCount(overview.upstream.unacknowledged)} unacknowledged</span>
      </div>
      <Node title="MQTT broker" link="upstream" tone={broker.tone}>
        {broker.url}
        <br />
        {broker.state}
      </Node>
    </section>
  );
}

interface NodeProps {
  readonly title: string;
  readonly link: string;
  readonly tone: 'good' | 'bad' | 'muted';
  readonly children: ComponentChildren;
}

function Node({ title, link, tone, children }: NodeProps): JSX.Element {
  return (
    <a class={`node ${tone}`} href={linkTo([link])}>
      <strong>{title}</strong>
      <span class="numbers">{children}</span>
    </a>
  );
}

interface LaneProps {
  readonly kind: 'there' | 'back';
  readonly label: string;
  readonly value: string;
  readonly detail: string;
}

function Lane({ kind, label, value, detail }: LaneProps): JSX.Element {
  return (
    <div class={`lane ${kind}`}>
      <span class="lane-label">{label}</span>
      <span class="lane-value numbers">{value}</span>
      <span class="lane-line" aria-hidden="true" />
      <span class="lane-detail numbers">{detail}</span>
    </div>
  );
}

function brokerOf(upstream: readonly UpstreamView[]): {
  tone: NodeProps['tone'];
  url: string;
  state: string;
} {
  const url = upstream[0]?.url ?? '';
  const down = upstream.filter(({ state }) => state === 'down').length;
  if (down > 0)
    return {
      tone: 'bad',
      url,
      state: down < upstream.length ? `away for ${plural(down, 'worker')}` : 'away',
    };
  if (upstream.some(({ state }) => state === 'up')) return { tone: 'good', url, state: 'connected' };
  return { tone: 'muted', url, state: 'not needed yet' };
}
