/** The processes that serve clients, where there are several. */
import type { JSX } from 'preact';
import type { WorkerStatus } from '../../../metrics/gateway-view.ts';
import { formatBytes, formatCount, formatDuration, UNKNOWN } from '../../format/numbers.ts';
import { Badge } from '../../parts/badge.tsx';
import { Panel, TableFrame } from '../../parts/page.tsx';

/** See the head of the file. */
export function Workers({ workers }: { readonly workers: readonly WorkerStatus[] }): JSX.Element | null {
  if (workers.length < 2) return null;
  return (
    <Panel title="Workers">
      <TableFrame label="Workers">
        <thead>
          <tr>
            <th scope="col">Worker</th>
            <th scope="col">State</th>
            <th scope="col" class="right">
              Clients
            </th>
            <th scope="col" class="right wide-only">
              Waiting for clients
            </th>
            <th scope="col" class="right">
              Restarts
            </th>
            <th scope="col" class="right">
              Up for
            </th>
            <th scope="col" class="right wide-only">
              Process
            </th>
          </tr>
        </thead>
        <tbody>
          {workers.map((worker) => (
            <tr key={worker.worker}>
              <th scope="row">{worker.worker}</th>
              <td>
                <WorkerState worker={worker} />
              </td>
              <td class="right numbers">{formatCount(worker.connections)}</td>
              <td class="right numbers wide-only">{formatBytes(worker.pendingBytes)}</td>
              <td class="right numbers">{formatCount(worker.restarts)}</td>
              <td class="right numbers">{worker.uptimeMs > 0 ? formatDuration(worker.uptimeMs) : UNKNOWN}</td>
              <td class="right numbers wide-only">{worker.pid ?? UNKNOWN}</td>
            </tr>
          ))}
        </tbody>
      </TableFrame>
    </Panel>
  );
}

function WorkerState({ worker }: { readonly worker: WorkerStatus }): JSX.Element {
  if (worker.pid === null) return <Badge tone="bad">starting again</Badge>;
  return worker.isCurrent ? <Badge tone="good">running</Badge> : <Badge tone="warn">no answer</Badge>;
}
