/** Where clients connect. */
import type { JSX } from 'preact';
import type { ListenerView } from '../../../control/gateway-control.ts';
import { formatCount } from '../../format/numbers.ts';
import { Badge } from '../../parts/badge.tsx';
import { Panel, TableFrame } from '../../parts/page.tsx';
import { linkTo } from '../../state/route.ts';

/** See the head of the file. */
export function Listeners({ listeners }: { readonly listeners: readonly ListenerView[] }): JSX.Element {
  return (
    <Panel title="Listeners" actions={<a href={linkTo(['settings'], { search: 'listeners' })}>Change</a>}>
      <TableFrame label="Listeners">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Address</th>
            <th scope="col">State</th>
            <th scope="col" class="right">
              Clients
            </th>
            <th scope="col" class="right wide-only">
              Accepted
            </th>
            <th scope="col" class="right">
              Refused
            </th>
            <th scope="col" class="wide-only">
              Access
            </th>
          </tr>
        </thead>
        <tbody>
          {listeners.map((listener) => (
            <Row key={listener.name} listener={listener} />
          ))}
        </tbody>
      </TableFrame>
    </Panel>
  );
}

function Row({ listener }: { readonly listener: ListenerView }): JSX.Element {
  const refused = Object.entries(listener.rejected).filter(([, count]) => count > 0);
  const total = refused.reduce((sum, [, count]) => sum + count, 0);
  return (
    <tr>
      <th scope="row">
        <a href={linkTo(['clients'], { listener: listener.name })}>{listener.name}</a>
      </th>
      <td class="numbers nowrap">{addressOf(listener)}</td>
      <td>
        <Badge tone={listener.state === 'listening' ? 'good' : 'bad'}>{listener.state}</Badge>
      </td>
      <td class="right numbers">
        {formatCount(listener.connections)}
        {listener.maxConnections > 0 && ` of ${formatCount(listener.maxConnections)}`}
      </td>
      <td class="right numbers wide-only">{formatCount(listener.accepted)}</td>
      <td class="right numbers" title={refused.map(([reason, count]) => `${reason}: ${count}`).join(', ')}>
        {formatCount(total)}
      </td>
      <td class="wide-only">
        {listener.isAuthenticated ? 'authenticated' : 'open'}
        {listener.mountpoint !== '' && (
          <>
            , below <code>{listener.mountpoint}</code>
          </>
        )}
      </td>
    </tr>
  );
}

/** Such as `nats://127.0.0.1:4222`; clients use the same. */
export function addressOf({ type, host, port }: ListenerView): string {
  const scheme = type === 'tcp' ? 'nats' : type;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
