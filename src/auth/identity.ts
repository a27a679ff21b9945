/** Makes identities. Pure. */
import type { Credentials, Identity, Verdict } from './authenticator.ts';
import type { UserGrants } from './user-record.ts';

/** An identity of which a method knows nothing but the name. */
export function plainIdentity(method: string, name: string): Identity {
  return {
    name,
    method,
    permissions: null,
    expiresAtMs: null,
    isSuperuser: false,
    clientId: null,
    mountpoint: null,
    maxSubscriptions: null,
    maxPayloadBytes: null,
    attributes: {},
  };
}

/** The identity of a user whose name, and what it is granted, stand in the configuration. */
export function grantedIdentity(method: string, name: string, grants: UserGrants): Identity {
  const { permissions, isSuperuser, clientId, mountpoint, attributes } = grants;
  return { ...plainIdentity(method, name), permissions, isSuperuser, clientId, mountpoint, attributes };
}

/** Accepts a user who has proved to be itself, if it may come in this way. */
export function acceptGranted(
  identity: Identity,
  { connectionTypes }: UserGrants,
  { transport }: Credentials,
): Verdict {
  const type = transport === 'ws' ? 'WEBSOCKET' : 'STANDARD';
  if (connectionTypes !== null && !connectionTypes.includes(type))
    return { kind: 'reject', detail: 'connection type not allowed' };
  return { kind: 'accept', identity };
}
