/** Our own certificates, and how long they last. */
import type { JSX } from 'preact';
import type { CertificateView } from '../../../control/gateway-control.ts';
import { formatDateTime, formatDuration } from '../../format/numbers.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { Pending } from '../../parts/notice.tsx';
import { Panel, TableFrame } from '../../parts/page.tsx';
import { usePolled } from '../../state/polled.ts';
import { useServices } from '../../state/services.ts';

const INTERVAL_MS = 60_000;
const DAY_MS = 86_400_000;
const SOON_MS = 30 * DAY_MS;
const VERY_SOON_MS = 7 * DAY_MS;

/** See the head of the file. */
export function Certificates(): JSX.Element {
  const { api } = useServices();
  const { data, error, refresh } = usePolled('certificates', () => api.certificates(), INTERVAL_MS);
  return (
    <Panel title="Certificates of the gateway">
      {data === null ? <Pending error={error} onRetry={refresh} /> : <List certificates={data.items} />}
    </Panel>
  );
}

function List({ certificates }: { readonly certificates: readonly CertificateView[] }): JSX.Element {
  if (certificates.length === 0) return <p class="hint">None: no listener has TLS.</p>;
  return (
    <TableFrame label="Certificates">
      <thead>
        <tr>
          <th scope="col">Used by</th>
          <th scope="col">Subject</th>
          <th scope="col" class="wide-only">
            Issuer
          </th>
          <th scope="col">Ends</th>
          <th scope="col" class="wide-only">
            File
          </th>
        </tr>
      </thead>
      <tbody>
        {certificates.map((certificate) => (
          <tr key={`${certificate.path} ${certificate.file}`}>
            <th scope="row">{certificate.path}</th>
            <td class="wrap">{certificate.subject}</td>
            <td class="wrap wide-only">{certificate.issuer}</td>
            <td title={formatDateTime(certificate.notAfterMs)}>
              <Expiry restMs={certificate.notAfterMs - Date.now()} />
            </td>
            <td class="wrap wide-only">
              <code>{certificate.file}</code>
            </td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  );
}

function Expiry({ restMs }: { readonly restMs: number }): JSX.Element {
  if (restMs <= 0) return <Badge tone="bad">ended {formatDuration(-restMs)} ago</Badge>;
  return <Badge tone={toneOf(restMs)}>in {formatDuration(restMs)}</Badge>;
}

function toneOf(restMs: number): Tone {
  if (restMs < VERY_SOON_MS) return 'bad';
  return restMs < SOON_MS ? 'warn' : 'good';
}
