/** Credentials and services as authentication methods get them, for tests of a single method. */
import type { Credentials } from '../../src/auth/authenticator.ts';
import { PasswordHashes } from '../../src/auth/password-hash.ts';
import type { AuthServices } from '../../src/auth/services.ts';
import { systemClock } from '../../src/util/clock.ts';
import { silentLogger } from '../../src/util/logger.ts';

/** What a client shows that shows nothing, except for `fields`. */
export function credentials(fields: Partial<Credentials> = {}): Credentials {
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
    ...fields,
  };
}

/** Real services; `close` ends their threads. */
export function authServices(): AuthServices & { close(): Promise<void> } {
  const passwords = new PasswordHashes();
  return {
    logger: silentLogger,
    clock: systemClock,
    wallClock: Date.now,
    passwords,
    // Enough for plain names; the real one is that of the mapping.
    subjectsOfFilter: (filter) => [filter.replaceAll('/', '.').replaceAll('+', '*').replaceAll('#', '>')],
    close: () => passwords.close(),
  };
}
