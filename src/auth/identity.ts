/** An identity with nothing but a name, for methods to add to. */
import type { Identity } from './authenticator.ts';

/** Everything that is not given is left to the gateway's own settings. */
export function identityOf(
  given: Pick<Identity, 'name' | 'method'> & Partial<Omit<Identity, 'name' | 'method'>>,
): Identity {
  return {
    permissions: null,
    expiresAtMs: null,
    isSuperuser: false,
    clientId: null,
    mountpoint: null,
    maxSubscriptions: null,
    maxPayloadBytes: null,
    attributes: {},
    ...given,
  };
}
