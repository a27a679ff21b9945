/** Method `built_in`: users in the configuration and in a file. */
import { GatewayError } from '../../errors.ts';
import type { Authenticator, Credentials, Identity, Verdict } from '../authenticator.ts';
import { acceptGranted, grantedIdentity } from '../identity.ts';
import type { HashAlgorithm } from '../password-hash.ts';
import type { AuthServices } from '../services.ts';
import type { UserRecord } from '../user-record.ts';
import { readUsersFile } from '../users-file.ts';

/** Settings of the method. */
export interface BuiltInSettings {
  readonly users: readonly UserRecord[];
  /** Empty: none. */
  readonly usersFile: string;
  /** Of users whose record names none. */
  readonly algorithm: HashAlgorithm;
}

/**
 * See the head of the file.
 * @throws {GatewayError} `GW_CONFIG` when the users file cannot be used, or a user is there twice
 */
export async function createBuiltInAuthenticator(
  settings: BuiltInSettings,
  services: AuthServices,
): Promise<Authenticator> {
  const fromFile = settings.usersFile === '' ? [] : readUsersFile(settings.usersFile).users;
  const users = new Map<string, User>();
  for (const record of [...settings.users, ...fromFile]) {
    if (users.has(record.user))
      throw new GatewayError('GW_CONFIG', `user ${JSON.stringify(record.user)} of built_in is there twice`);
    users.set(record.user, { record, identity: grantedIdentity('built_in', record.user, record) });
  }
  return new BuiltInAuthenticator(users, settings.algorithm, services);
}

interface User {
  readonly record: UserRecord;
  readonly identity: Identity;
}

class BuiltInAuthenticator implements Authenticator {
  readonly method = 'built_in';
  readonly needsNonce = false;
  readonly #users: ReadonlyMap<string, User>;
  readonly #algorithm: HashAlgorithm;
  readonly #decoy: HashAlgorithm;
  readonly #services: AuthServices;

  constructor(users: ReadonlyMap<string, User>, algorithm: HashAlgorithm, services: AuthServices) {
    this.#users = users;
    this.#algorithm = algorithm;
    this.#services = services;
    this.#decoy = slowest(users, algorithm);
  }

  async authenticate(credentials: Credentials, signal: AbortSignal): Promise<Verdict> {
    if (credentials.user === '') return { kind: 'skip' };
    const user = this.#users.get(credentials.user);
    if (user === undefined) {
      await this.#services.passwords.pretend(credentials.pass, this.#decoy, signal);
      return { kind: 'skip' };
    }
    if (!(await this.#isPassword(credentials.pass, user.record, signal)))
      return { kind: 'reject', detail: 'wrong password' };
    return acceptGranted(user.identity, user.record, credentials);
  }

  identityOf(name: string): Identity | null {
    return this.#users.get(name)?.identity ?? null;
  }

  async close(): Promise<void> {}

  async #isPassword(given: string, { secret }: UserRecord, signal: AbortSignal): Promise<boolean> {
    const { passwords } = this.#services;
    if (secret === null) return false;
    if (secret.kind === 'password')
      return await passwords.verifyPlainOrBcrypt(given, secret.password, signal);
    return await passwords.verify(given, secret.stored, secret.algorithm ?? this.#algorithm, signal);
  }
}

/** What the check of an unknown user pretends to be: a hash that takes long where one of the users has such. */
function slowest(users: ReadonlyMap<string, User>, algorithm: HashAlgorithm): HashAlgorithm {
  for (const { record } of users.values()) {
    const { secret } = record;
    const isBcrypt = secret?.kind === 'password' && secret.password.startsWith('$2');
    if (isBcrypt) return { ...algorithm, name: 'bcrypt' };
    if (secret?.kind === 'hash' && secret.algorithm !== null) return secret.algorithm;
  }
  return algorithm;
}
