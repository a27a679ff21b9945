/** Everything about one client, and what can be done with it. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ClientDetail } from '../../../control/client-view.ts';
import { Button } from '../../parts/button.tsx';
import { Icon } from '../../parts/icons.tsx';
import { Pending } from '../../parts/notice.tsx';
import { usePolled } from '../../state/polled.ts';
import { linkTo } from '../../state/route.ts';
import { useServices } from '../../state/services.ts';
import { ClientFacts } from './client-facts.tsx';
import { ClientState } from './client-state.tsx';
import { KickClient } from './kick.tsx';
import { PermissionLists } from './permission-lists.tsx';
import { SubscriptionList } from './subscription-list.tsx';

const INTERVAL_MS = 2000;

interface ClientDetailsProps {
  readonly cid: number;
  readonly backLink: string;
  readonly onKicked: () => void;
}

/** See the head of the file. */
export function ClientDetails({ cid, backLink, onKicked }: ClientDetailsProps): JSX.Element {
  const { api } = useServices();
  const heading = useRef<HTMLHeadingElement>(null);
  const { data, error, refresh } = usePolled(String(cid), () => api.client(cid), INTERVAL_MS);
  useEffect(() => heading.current?.focus(), []);
  return (
    <aside class="details" aria-label={`Client ${cid}`}>
      <header class="details-head">
        <h2 ref={heading} tabIndex={-1}>
          {data?.name || 'Client'} <span class="muted numbers">#{cid}</span>
        </h2>
        <a
          class="button icon-only quiet"
          href={backLink}
          aria-label="Close the details"
          title="Close the details"
        >
          <Icon name="close" />
        </a>
      </header>
      {data === null ? (
        <Pending error={error} onRetry={refresh} />
      ) : (
        <Content
          client={data}
          onKicked={() => {
            refresh();
            onKicked();
          }}
        />
      )}
    </aside>
  );
}

interface ContentProps {
  readonly client: ClientDetail;
  readonly onKicked: () => void;
}

function Content({ client, onKicked }: ContentProps): JSX.Element {
  const [isKicking, setIsKicking] = useState(false);
  const isOpen = client.stopMs === null;
  return (
    <>
      <div class="details-actions">
        <ClientState client={client} />
        {isOpen && (
          <>
            <a class="button plain" href={linkTo(['tap'], { cid: String(client.cid) })}>
              <Icon name="tap" />
              Watch messages
            </a>
            <Button look="danger" onClick={() => setIsKicking(true)}>
              Kick …
            </Button>
          </>
        )}
      </div>
      <ClientFacts client={client} />
      <h3>Subscriptions</h3>
      <SubscriptionList subscriptions={client.subscriptionList} />
      <h3>Permissions</h3>
      <PermissionLists permissions={client.permissions} />
      {isKicking && <KickClient client={client} onClose={() => setIsKicking(false)} onKicked={onKicked} />}
    </>
  );
}
