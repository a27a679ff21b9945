/** Who a client is, how it is connected, and what has passed. */
import type { JSX } from 'preact';
import type { ClientView } from '../../../control/client-view.ts';
import {
  formatAgo,
  formatBytes,
  formatCount,
  formatDateTime,
  formatDuration,
  formatLatency,
} from '../../format/numbers.ts';
import { Facts } from '../../parts/page.tsx';

/** See the head of the file. */
export function ClientFacts({ client }: { readonly client: ClientView }): JSX.Element {
  return (
    <>
      <h3>Traffic</h3>
      <Traffic client={client} />
      <h3>Identity</h3>
      <Facts
        facts={[
          ['User', client.user],
          ['Accepted by', client.method || 'nobody was asked'],
          ...(client.account === ''
            ? []
            : [['Account', <code key="account">{client.account}</code>] as const]),
          ['Credentials end', client.expiresMs === null ? 'never' : formatDateTime(client.expiresMs)],
          ['Program', [client.lang, client.version].filter((part) => part !== '').join(' ')],
        ]}
      />
      <h3>Connection</h3>
      <Facts
        facts={[
          ['Address', `${client.address}:${client.port}`],
          ['Listener', `${client.listener}${client.transport === 'ws' ? ' (WebSocket)' : ''}`],
          ['TLS', client.tls === null ? 'no' : `${client.tls.version}, ${client.tls.cipher}`],
          ...(client.tls === null || client.tls.subject === null
            ? []
            : [['Certificate', client.tls.subject] as const]),
          ['Since', formatDateTime(client.startMs)],
          client.stopMs === null
            ? ['For', formatDuration(Date.now() - client.startMs)]
            : ['Until', formatDateTime(client.stopMs)],
          ['Round trip', formatLatency(client.rttMs)],
          ...(client.worker === 0 ? [] : [['Worker', String(client.worker)] as const]),
        ]}
      />
      <h3>MQTT</h3>
      <Facts
        facts={[
          ['Client id', client.mqttClientId === '' ? 'shared session' : <code>{client.mqttClientId}</code>],
          ['Mountpoint', client.mountpoint === '' ? 'none' : <code>{client.mountpoint}</code>],
        ]}
      />
    </>
  );
}

function Traffic({ client }: { readonly client: ClientView }): JSX.Element {
  return (
    <dl class="traffic numbers">
      <div>
        <dt>Sent</dt>
        <dd>
          <strong>{formatCount(client.inMessages)}</strong> {formatBytes(client.inBytes)}
        </dd>
      </div>
      <div>
        <dt>Received</dt>
        <dd>
          <strong>{formatCount(client.outMessages)}</strong> {formatBytes(client.outBytes)}
        </dd>
      </div>
      <div>
        <dt>Waiting for it</dt>
        <dd>
          <strong>{formatBytes(client.pendingBytes)}</strong>
        </dd>
      </div>
      <div>
        <dt>Last active</dt>
        <dd>
          <strong>{formatAgo(client.lastActivityMs, client.stopMs ?? Date.now())}</strong>
        </dd>
      </div>
    </dl>
  );
}
