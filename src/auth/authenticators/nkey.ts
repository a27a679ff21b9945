/**
 * `nkey`: clients prove that they hold the private half of a listed key by signing the nonce of their connection.
 * Must not know tokens: a key that is not listed may be that of another method.
 */
import { GatewayError } from '../../errors.ts';
import { isNkey } from '../../nats/nkey.ts';
import type { Authenticator, Credentials, Verdict } from '../authenticator.ts';
import { acceptGranted, grantedIdentity } from '../identity.ts';
import { decodeSignatureText, isSignedBy } from '../nkey-signature.ts';
import type { UserGrants } from '../user-record.ts';

/** Settings of the method. */
export interface NkeySettings {
  readonly users: readonly NkeyUser[];
}

/** A key that may connect. */
export interface NkeyUser extends UserGrants {
  /** Public key, `U…`. */
  readonly nkey: string;
}

/**
 * Makes the method.
 * @throws {GatewayError} `GW_CONFIG` when a key is no public user key or listed twice
 */
export async function createNkeyAuthenticator(settings: NkeySettings): Promise<Authenticator> {
  const users = new Map<string, NkeyUser>();
  for (const user of settings.users) {
    if (!isNkey(user.nkey, 'user'))
      throw new GatewayError('GW_CONFIG', `not a public user key (U…): ${user.nkey.slice(0, 4)}…`);
    if (users.has(user.nkey)) throw new GatewayError('GW_CONFIG', `listed twice: ${user.nkey}`);
    users.set(user.nkey, user);
  }
  return {
    method: 'nkey',
    needsNonce: true,
    authenticate: async (credentials) => judge(users, credentials),
    close: async () => {},
  };
}

function judge(users: ReadonlyMap<string, NkeyUser>, shown: Credentials): Verdict {
  const { nkey, sig, nonce } = shown;
  // Clients with a token send the key of their token too, which a later method knows.
  const user = users.get(nkey);
  if (user === undefined) return { kind: 'skip' };
  // Without a nonce any signature of the empty text would do, for ever.
  if (nonce === '') return { kind: 'reject', detail: 'no nonce was offered on this connection' };
  if (!isSignedBy(nkey, 'user', nonce, decodeSignatureText(sig))) {
    return { kind: 'reject', detail: sig === '' ? 'no signature' : 'wrong signature' };
  }
  return acceptGranted(grantedIdentity('nkey', nkey, user), user, shown);
}
