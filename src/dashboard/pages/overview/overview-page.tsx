/** How the gateway is, at one look. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { StatusBody } from '../../../admin/api-types.ts';
import { formatCount } from '../../format/numbers.ts';
import { Button } from '../../parts/button.tsx';
import { Confirm } from '../../parts/dialog.tsx';
import { Notice, Pending } from '../../parts/notice.tsx';
import { Page } from '../../parts/page.tsx';
import { usePolled } from '../../state/polled.ts';
import { counter } from '../../state/rates.ts';
import { type Services, useFeed, useServices } from '../../state/services.ts';
import { Charts } from './charts.tsx';
import { FirstSteps } from './first-steps.tsx';
import { Flow } from './flow.tsx';
import { Instruments } from './instruments.tsx';
import { Listeners } from './listeners.tsx';
import { Losses } from './losses.tsx';
import { Workers } from './workers.tsx';

const INTERVAL_MS = 4000;

/** See the head of the file. */
export function OverviewPage(): JSX.Element {
  const { api, feed } = useServices();
  const { status, samples, error } = useFeed();
  const listeners = usePolled('listeners', () => api.listeners(), INTERVAL_MS).data?.items ?? [];
  const upstream = usePolled('upstream', () => api.upstream(), INTERVAL_MS).data?.items ?? [];
  const latest = samples.at(-1);
  if (status === null || latest === undefined)
    return (
      <Page title="Overview">
        <Pending error={error} onRetry={() => feed.refresh()} />
      </Page>
    );
  return (
    <Page title="Overview" actions={<LameDuck status={status} />}>
      <Warnings status={status} />
      <Flow status={status} sample={latest} upstream={upstream} />
      {counter(status, 'clientConnections') === 0 && <FirstSteps listeners={listeners} />}
      <Instruments status={status} />
      <Charts samples={samples} />
      <Listeners listeners={listeners} />
      <Workers workers={status.overview.workers} />
      <Losses status={status} />
    </Page>
  );
}

function Warnings({ status }: { readonly status: StatusBody }): JSX.Element {
  const { isReady, isLameDuck, reasons } = status.readiness;
  const warnings = status.warnings.filter((warning) => !reasons.includes(warning));
  return (
    <div class="warnings">
      {isLameDuck && (
        <Notice kind="warning">
          Lame duck: clients are told to connect elsewhere and are ended one by one. Then the gateway stops.
        </Notice>
      )}
      {!isReady && !isLameDuck && (
        <Notice kind="error">
          <strong>Clients are not served:</strong> {reasons.join('; ') || 'the gateway is not ready'}
        </Notice>
      )}
      {warnings.map((warning) => (
        <Notice key={warning} kind="warning">
          {warning}
        </Notice>
      ))}
    </div>
  );
}

function LameDuck({ status }: { readonly status: StatusBody }): JSX.Element {
  const services = useServices();
  const [isAsking, setIsAsking] = useState(false);
  return (
    <>
      <Button isDisabled={status.readiness.isLameDuck} onClick={() => setIsAsking(true)}>
        Lame duck …
      </Button>
      {isAsking && (
        <Confirm
          title="Take this gateway out of service?"
          action="Begin lame duck"
          onConfirm={() => beginLameDuck(services)}
          onClose={() => setIsAsking(false)}
        >
          <p>
            {stepsOf(status.overview.connections)} It does not come back by itself: start it again where it
            was started.
          </p>
        </Confirm>
      )}
    </>
  );
}

function stepsOf(clients: number): string {
  if (clients === 0) return 'No client is connected, so it stops at once.';
  const [those, them] =
    clients === 1
      ? ['the client that is', 'it']
      : [`the ${formatCount(clients)} that are`, 'them one by one'];
  return `It takes no new clients, tells ${those} connected to go elsewhere, ends ${them}, and stops.`;
}

async function beginLameDuck({ api, feed, announce }: Services): Promise<void> {
  await api.beginLameDuck();
  announce('Lame duck has begun');
  feed.refresh();
}
