/** INFO as this gateway says it: which nats-server it behaves like, and what it offers to this client. */
import type { ServerInfo } from '../nats/operations.ts';
import { shownAccount } from './account.ts';
import type { SessionContext } from './context.ts';
import type { PeerTls } from './ports.ts';

/** The nats-server release whose behaviour is followed; libraries compare it for features. */
export const SERVER_VERSION = '2.12.0';

/**
 * INFO for one client.
 * @param isAfterConnect for the INFO that follows the first PONG
 * @see NATS client protocol, INFO
 */
export function serverInfo(
  context: SessionContext,
  admission: { readonly isRequired: boolean; readonly nonce: string },
  maxPayloadBytes: number,
  isAfterConnect: boolean,
): ServerInfo {
  const { options, client, upstream } = context;
  const { isRequired, nonce } = admission;
  return {
    server_id: options.serverId,
    server_name: options.serverName,
    version: SERVER_VERSION,
    proto: 1,
    go: `node${process.versions.node}`,
    host: client.peer.localAddress,
    port: client.peer.localPort,
    headers: true,
    max_payload: maxPayloadBytes,
    client_id: client.peer.cid,
    client_ip: client.peer.remoteAddress,
    ...((isRequired || upstream.requiresCredentials) && { auth_required: true }),
    ...(nonce !== '' && { nonce }),
    ...tlsInfo(client.peer.tls),
    ...(isAfterConnect && { connect_info: true, remote_account: shownAccount(context) }),
    ...(options.isLameDuck && { ldm: true }),
  };
}

function tlsInfo(tls: PeerTls | null): Pick<ServerInfo, 'tls_required' | 'tls_available' | 'tls_verify'> {
  if (tls === null) return {};
  return {
    ...(tls.isRequired ? { tls_required: true } : { tls_available: true }),
    ...(tls.verifiesClient && { tls_verify: true }),
  };
}
