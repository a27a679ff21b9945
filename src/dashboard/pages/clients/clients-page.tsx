/** All clients: found, ordered, looked at, ended. The filters stand in the URL. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { ClientsBody } from '../../../admin/api-types.ts';
import { Button } from '../../parts/button.tsx';
import { Empty, Pending } from '../../parts/notice.tsx';
import { Page } from '../../parts/page.tsx';
import { Pager } from '../../parts/pager.tsx';
import { goTo } from '../../state/navigation.ts';
import { usePolled } from '../../state/polled.ts';
import { linkTo, type Route } from '../../state/route.ts';
import { useServices } from '../../state/services.ts';
import { ClientDetails } from './client-details.tsx';
import { ClientTable } from './client-table.tsx';
import { Filters } from './filters.tsx';
import { KickUser } from './kick.tsx';
import { LIMIT, queryOf } from './query.ts';

const INTERVAL_MS = 3000;

/** See the head of the file. */
export function ClientsPage({ route }: { readonly route: Route }): JSX.Element {
  const { api } = useServices();
  const [isKicking, setIsKicking] = useState(false);
  const cid = route.path[1];
  const query = route.query;
  const { data, error, refresh } = usePolled(
    JSON.stringify(query),
    () => api.clients(queryOf(query)),
    INTERVAL_MS,
  );
  const change = (changes: Readonly<Record<string, string>>): void =>
    goTo(linkTo(route.path, { ...query, offset: '', ...changes }), true);
  return (
    <Page title="Clients" actions={<Button onClick={() => setIsKicking(true)}>Kick a user …</Button>}>
      <Filters query={query} onChange={change} />
      <div class={cid === undefined ? 'split' : 'split open'}>
        <div class="split-list">
          {data === null || error !== null ? (
            <Pending error={error} onRetry={refresh} />
          ) : (
            <Found body={data} query={query} selected={cid} onChange={change} />
          )}
        </div>
        {cid !== undefined && (
          <ClientDetails
            key={cid}
            cid={Number(cid)}
            backLink={linkTo(['clients'], query)}
            onKicked={refresh}
          />
        )}
      </div>
      {isKicking && (
        <KickUser user={query.user ?? ''} onClose={() => setIsKicking(false)} onKicked={refresh} />
      )}
    </Page>
  );
}

interface FoundProps {
  readonly body: ClientsBody;
  readonly query: Route['query'];
  readonly selected: string | undefined;
  readonly onChange: (changes: Readonly<Record<string, string>>) => void;
}

function Found({ body, query, selected, onChange }: FoundProps): JSX.Element {
  if (body.total === 0) return <Nobody query={query} />;
  return (
    <>
      <ClientTable clients={body.clients} query={query} selected={selected} onChange={onChange} />
      <Pager
        offset={body.offset}
        limit={LIMIT}
        total={body.total}
        noun="clients"
        onChange={(offset) => onChange({ offset: offset === 0 ? '' : String(offset) })}
      />
    </>
  );
}

const FILTERS = ['search', 'user', 'listener', 'subject'] as const;

function Nobody({ query }: { readonly query: Route['query'] }): JSX.Element {
  if (FILTERS.some((name) => (query[name] ?? '') !== ''))
    return (
      <Empty title="No client matches">
        <p>
          <a href={linkTo(['clients'])}>Show all that are connected</a>
          {query.state !== 'any' && (
            <>
              {' '}
              or <a href={linkTo(['clients'], { ...query, state: 'any' })}>look among closed ones, too</a>
            </>
          )}
        </p>
      </Empty>
    );
  if (query.state === 'closed') return <Empty title="No connection has ended yet" />;
  return (
    <Empty title="No client is connected">
      <p>
        The <a href={linkTo(['overview'])}>overview</a> shows where to connect and how to try it.{' '}
        <a href={linkTo(['clients'], { state: 'closed' })}>Closed connections</a> say why they ended.
      </p>
    </Empty>
  );
}
