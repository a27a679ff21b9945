/** Who has changed what. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { AuditBody } from '../../../admin/api-types.ts';
import { formatDateTime } from '../../format/numbers.ts';
import { Empty, Pending } from '../../parts/notice.tsx';
import { Page, TableFrame } from '../../parts/page.tsx';
import { Pager } from '../../parts/pager.tsx';
import { usePolled } from '../../state/polled.ts';
import { useServices } from '../../state/services.ts';

const LIMIT = 50;
const INTERVAL_MS = 5000;

/** See the head of the file. */
export function AuditPage(): JSX.Element {
  const { api } = useServices();
  const [offset, setOffset] = useState(0);
  const { data, error, refresh } = usePolled(
    String(offset),
    () => api.audit({ offset, limit: LIMIT }),
    INTERVAL_MS,
  );
  return (
    <Page
      title="Audit"
      hint="What was changed through this dashboard and the API since the gateway was started, and by whom. The log keeps it, too."
    >
      {data === null ? (
        <Pending error={error} onRetry={refresh} />
      ) : (
        <>
          <Entries entries={data.entries} />
          {data.total > LIMIT && (
            <Pager offset={offset} limit={LIMIT} total={data.total} noun="entries" onChange={setOffset} />
          )}
        </>
      )}
    </Page>
  );
}

function Entries({ entries }: Pick<AuditBody, 'entries'>): JSX.Element {
  if (entries.length === 0)
    return (
      <Empty title="Nothing was changed yet">
        <p>Changed settings, authentication and users, ended connections and taps will be listed here.</p>
      </Empty>
    );
  return (
    <TableFrame label="Audit">
      <thead>
        <tr>
          <th scope="col">Time</th>
          <th scope="col" class="not-on-phones">
            By
          </th>
          <th scope="col" class="not-on-phones">
            From
          </th>
          <th scope="col">Action</th>
          <th scope="col">Target</th>
          <th scope="col">Outcome</th>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr key={`${entry.atMs} ${entry.action} ${entry.target}`}>
            <td class="numbers">
              <Time atMs={entry.atMs} />
            </td>
            <td class="not-on-phones">{entry.by}</td>
            <td class="numbers not-on-phones">{entry.address}</td>
            <td>{entry.action}</td>
            <td class="wrap">{entry.target}</td>
            <td>{entry.outcome}</td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  );
}

/** Over two lines where there is no room, but not within the date. */
function Time({ atMs }: { readonly atMs: number }): JSX.Element {
  const [date, time] = formatDateTime(atMs).split(' ');
  return (
    <>
      <span class="nowrap">{date}</span> <span class="nowrap">{time}</span>
    </>
  );
}
