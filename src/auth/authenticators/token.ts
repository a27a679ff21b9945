/** Method `token`: one shared secret in `auth_token`, kept as plain text or as its bcrypt hash. */
import type { Authenticator, Credentials, Verdict } from '../authenticator.ts';
import { plainIdentity } from '../identity.ts';
import type { AuthServices } from '../services.ts';

/** Settings of the method. */
export interface TokenSettings {
  /** Plain or bcrypt. */
  readonly token: string;
  /** Name of clients that show it. */
  readonly name: string;
}

/** See the head of the file. */
export async function createTokenAuthenticator(
  settings: TokenSettings,
  { passwords }: AuthServices,
): Promise<Authenticator> {
  const identity = plainIdentity('token', settings.name);
  return {
    method: 'token',
    needsNonce: false,
    async authenticate({ token }: Credentials, signal: AbortSignal): Promise<Verdict> {
      if (token === '') return { kind: 'skip' };
      const isRight = await passwords.verifyPlainOrBcrypt(token, settings.token, signal);
      // Another method may know another token.
      return isRight ? { kind: 'accept', identity } : { kind: 'skip' };
    },
    close: async () => {},
  };
}
