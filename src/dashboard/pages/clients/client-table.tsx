/** Clients as rows. */
import type { ComponentChildren, JSX } from 'preact';
import type { ClientSort, ClientView } from '../../../control/client-view.ts';
import { formatBytes, formatCount, formatDuration, formatLatency, UNKNOWN } from '../../format/numbers.ts';
import { TableFrame } from '../../parts/page.tsx';
import { goTo } from '../../state/navigation.ts';
import { linkTo, type Route } from '../../state/route.ts';
import { ClientState } from './client-state.tsx';
import { directionOf, sortBy, stateOf } from './query.ts';

interface ClientTableProps {
  readonly clients: readonly ClientView[];
  readonly query: Route['query'];
  readonly selected: string | undefined;
  readonly onChange: (changes: Readonly<Record<string, string>>) => void;
}

/** See the head of the file. */
export function ClientTable({ clients, query, selected, onChange }: ClientTableProps): JSX.Element {
  const isOpen = stateOf(query) === 'open';
  const Column = (props: { sort: ClientSort; class?: string; children: ComponentChildren }): JSX.Element => (
    <th scope="col" class={props.class} aria-sort={directionOf(query, props.sort)}>
      <button type="button" class="sort" onClick={() => onChange(sortBy(query, props.sort))}>
        {props.children}
      </button>
    </th>
  );
  return (
    <TableFrame label="Clients">
      <thead>
        <tr>
          {Column({ sort: 'cid', children: 'Client' })}
          <th scope="col">User</th>
          <th scope="col" class="wide-only">
            Address
          </th>
          {Column(isOpen ? { sort: 'uptime', children: 'State' } : { sort: 'reason', children: 'Reason' })}
          {Column({ sort: 'subs', class: 'right wide-only', children: 'Subs' })}
          {Column({ sort: 'msgs_from', class: 'right', children: 'Sent' })}
          {Column({ sort: 'msgs_to', class: 'right not-on-phones', children: 'Received' })}
          {Column({ sort: 'bytes_from', class: 'right wide-only', children: 'Bytes sent' })}
          {Column({ sort: 'bytes_to', class: 'right wide-only', children: 'Bytes received' })}
          {Column({ sort: 'pending', class: 'right wide-only', children: 'Pending' })}
          {Column({ sort: 'rtt', class: 'right wide-only', children: 'RTT' })}
          {Column({
            sort: isOpen ? 'idle' : 'stop',
            class: 'right wide-only',
            children: isOpen ? 'Idle' : 'Lasted',
          })}
        </tr>
      </thead>
      <tbody>
        {clients.map((client) => (
          <Row key={client.cid} client={client} query={query} isSelected={String(client.cid) === selected} />
        ))}
      </tbody>
    </TableFrame>
  );
}

interface RowProps {
  readonly client: ClientView;
  readonly query: Route['query'];
  readonly isSelected: boolean;
}

function Row({ client, query, isSelected }: RowProps): JSX.Element {
  const link = linkTo(['clients', client.cid], query);
  return (
    // The link in the first cell is what keyboards and screen readers use; the row only makes it larger for the mouse.
    <tr class={isSelected ? 'row selected' : 'row'} onClick={() => goTo(link)}>
      <th scope="row">
        <a href={link} aria-current={isSelected ? 'true' : undefined}>
          {client.name || <span class="muted">no name</span>}
        </a>
        <small class="numbers">#{client.cid}</small>
      </th>
      <td>
        {client.user || <span class="muted">{UNKNOWN}</span>}
        {client.method !== '' && <small>{client.method}</small>}
      </td>
      <td class="wide-only numbers">
        {client.address}:{client.port}
        <small>
          {client.listener}
          {client.tls !== null && ', TLS'}
          {client.transport === 'ws' && ', WebSocket'}
        </small>
      </td>
      <td>
        <ClientState client={client} />
      </td>
      <td class="right numbers wide-only">{formatCount(client.subscriptions)}</td>
      <td class="right numbers">{formatCount(client.inMessages)}</td>
      <td class="right numbers not-on-phones">{formatCount(client.outMessages)}</td>
      <td class="right numbers wide-only">{formatBytes(client.inBytes)}</td>
      <td class="right numbers wide-only">{formatBytes(client.outBytes)}</td>
      <td class="right numbers wide-only">{formatBytes(client.pendingBytes)}</td>
      <td class="right numbers wide-only">{formatLatency(client.rttMs)}</td>
      <td class="right numbers wide-only nowrap">
        {formatDuration(
          client.stopMs === null ? Date.now() - client.lastActivityMs : client.stopMs - client.startMs,
        )}
      </td>
    </tr>
  );
}
