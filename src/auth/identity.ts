/** Makes identities. Pure. */
import type { Identity } from './authenticator.ts';

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
