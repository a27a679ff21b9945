/** Credentials as a session would hand them to an authentication method, for tests of one method. */
import type { Credentials } from '../../src/auth/authenticator.ts';

/** An anonymous client on a plain connection, and what the test gives it. */
export function credentialsOf(given: Partial<Credentials> = {}): Credentials {
  return {
    user: '',
    pass: '',
    token: '',
    jwt: '',
    nkey: '',
    sig: '',
    nonce: '',
    clientName: '',
    listener: 'tcp',
    transport: 'tcp',
    isTls: false,
    remoteAddress: '127.0.0.1',
    certificate: null,
    ...given,
  };
}
