/** The way to the broker: sessions, state, what the broker can do; and our own certificates. */
import type { JSX } from 'preact';
import type { UpstreamView } from '../../../control/gateway-control.ts';
import { formatAgo, formatCount } from '../../format/numbers.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { Notice, Pending } from '../../parts/notice.tsx';
import { Facts, Page, Panel } from '../../parts/page.tsx';
import { usePolled } from '../../state/polled.ts';
import { linkTo } from '../../state/route.ts';
import { useServices } from '../../state/services.ts';
import { Capabilities } from './capabilities.tsx';
import { Certificates } from './certificates.tsx';

const INTERVAL_MS = 3000;

/** See the head of the file. */
export function UpstreamPage(): JSX.Element {
  const { api } = useServices();
  const { data, error, refresh } = usePolled('upstream', () => api.upstream(), INTERVAL_MS);
  const known = data?.items.find(({ capabilities }) => capabilities !== null)?.capabilities ?? null;
  return (
    <Page
      title="Upstream"
      hint="The gateway stores and routes nothing itself: every message passes this broker."
    >
      {data === null ? (
        <Pending error={error} onRetry={refresh} />
      ) : (
        <>
          <div class="upstreams">
            {data.items.map((upstream) => (
              <Way key={upstream.worker} upstream={upstream} />
            ))}
          </div>
          <Capabilities report={known} />
        </>
      )}
      <Certificates />
    </Page>
  );
}

const TONES: Readonly<Record<UpstreamView['state'], readonly [Tone, string]>> = {
  up: ['good', 'connected'],
  down: ['bad', 'away'],
  unknown: ['muted', 'not needed yet'],
};

function Way({ upstream }: { readonly upstream: UpstreamView }): JSX.Element {
  const { usage, worker } = upstream;
  const [tone, word] = TONES[upstream.state];
  return (
    <Panel
      title={worker === 0 ? 'Broker' : `Worker ${worker}`}
      actions={<a href={linkTo(['settings'], { search: 'upstream.' })}>Change</a>}
    >
      <p class="upstream-url">
        <code>{upstream.url}</code> <Badge tone={tone}>{word}</Badge>
      </p>
      {upstream.lastError !== '' && <Notice kind="error">{upstream.lastError}</Notice>}
      <Facts
        facts={[
          ['State since', upstream.state === 'unknown' ? null : formatAgo(upstream.sinceMs, Date.now())],
          [
            'Mode',
            upstream.mode === 'pooled' ? 'pooled: few sessions for all clients' : 'a session per client',
          ],
          ['MQTT sessions', formatCount(usage.sessions)],
          ['Clients', formatCount(usage.clients)],
          ['Topic filters', formatCount(usage.filters)],
          ['Unacknowledged publications', formatCount(usage.unacknowledged)],
          ['Waiting for their turn', formatCount(usage.waiting)],
        ]}
      />
    </Panel>
  );
}
