/**
 * Stored password hashes: the formats of EMQX and of nats-server, compared in constant time. What takes long runs beside
 * the main thread.
 */
import { createHash, pbkdf2 as pbkdf2WithCallback, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { BcryptPool } from './bcrypt-pool.ts';

const pbkdf2 = promisify(pbkdf2WithCallback);

/** How hashes of one user list are made; the names are those of EMQX. */
export interface HashAlgorithm {
  readonly name: 'plain' | 'md5' | 'sha' | 'sha256' | 'sha512' | 'bcrypt' | 'pbkdf2';
  /** Where the salt stands when the two are hashed together; not used by bcrypt and pbkdf2. */
  readonly saltPosition: 'prefix' | 'suffix' | 'disable';
  /** Of pbkdf2: the inner hash function. */
  readonly macFunction: 'md5' | 'sha' | 'sha224' | 'sha256' | 'sha384' | 'sha512';
  /** Of pbkdf2. */
  readonly iterations: number;
  /** Of pbkdf2: bytes of the result; null: as many as the inner hash function gives. */
  readonly keyBytes: number | null;
}

/** What is stored of a password. */
export interface StoredPassword {
  /** Hexadecimal; for `plain` the password itself, for bcrypt its own format. */
  readonly hash: string;
  /** Used as it is written, not decoded. */
  readonly salt: string;
}

/** nats-server takes a password or token of this form for a bcrypt hash. */
const BCRYPT = /^\$2[abxy]\$\d{2}\$[./A-Za-z0-9]{53}$/;

function isBcryptHash(text: string): boolean {
  return BCRYPT.test(text);
}

/** bcrypt looks no further. */
const BCRYPT_BYTES = 72;

/** A password cannot be hashed as asked. */
export class UnhashableError extends Error {
  override readonly name = 'UnhashableError';
}

/** What bcrypt would take for another password: it cuts long ones off, and a NUL begins them anew. @returns why, or null */
function bcryptProblem(password: string): string | null {
  if (Buffer.byteLength(password) > BCRYPT_BYTES)
    return `is longer than ${BCRYPT_BYTES} bytes, which bcrypt would ignore: choose a shorter one, or another algorithm`;
  return password.includes('\0') ? 'has a NUL character, which bcrypt cannot tell from its end' : null;
}

/** Compares without telling by its time where the texts differ, nor how long they are. */
export function isSameSecret(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

const BCRYPT_COST = 10;
const SALT_BYTES = 16;
/** Somebody's hash of an unknown password: checking against it takes as long as against a real one. */
const DECOY_BCRYPT = '$2b$10$in4wJIEcOXxxLbFuD/ptNecLi1x6DUN8WeJgpF9O2g3tXV7e1G/H.';

/** Checks and makes password hashes. Closed once, at the end. */
export class PasswordHashes {
  readonly #bcrypt = new BcryptPool();

  /**
   * Whether the password is the stored one.
   * @throws {Error} when the check could not be made
   */
  async verify(
    password: string,
    stored: StoredPassword,
    algorithm: HashAlgorithm,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (algorithm.name === 'bcrypt') {
      return isBcryptHash(stored.hash) && (await this.#compare(password, stored.hash, signal));
    }
    const computed = await digest(password, stored.salt, algorithm);
    const expected = algorithm.name === 'plain' ? stored.hash : stored.hash.toLowerCase();
    return isSameSecret(computed, expected);
  }

  /** Whether the text is the secret, which may be configured as it is or as its bcrypt hash. */
  async verifyPlainOrBcrypt(given: string, configured: string, signal: AbortSignal): Promise<boolean> {
    if (isBcryptHash(configured)) return await this.#compare(given, configured, signal);
    return isSameSecret(given, configured);
  }

  /** Takes the time of a check, for users that do not exist: nobody shall learn by the time who does. */
  async pretend(password: string, algorithm: HashAlgorithm, signal: AbortSignal): Promise<void> {
    const hash = algorithm.name === 'bcrypt' ? DECOY_BCRYPT : '';
    await this.verify(password, { hash, salt: 'salt' }, algorithm, signal);
  }

  /**
   * What to store for a password; the salt is random.
   * @throws {UnhashableError} saying what is wrong with the password
   */
  async hash(password: string, algorithm: HashAlgorithm, signal: AbortSignal): Promise<StoredPassword> {
    if (algorithm.name === 'bcrypt') {
      const problem = bcryptProblem(password);
      if (problem !== null) throw new UnhashableError(problem);
      return { hash: await this.#bcrypt.hash(password, BCRYPT_COST, signal), salt: '' };
    }
    const isSalted = algorithm.name !== 'plain' && algorithm.saltPosition !== 'disable';
    const salt = isSalted ? randomBytes(SALT_BYTES).toString('hex') : '';
    return { hash: await digest(password, salt, algorithm), salt };
  }

  /** One that no hash is made of is no password either; it takes as long to say so. */
  async #compare(password: string, hash: string, signal: AbortSignal): Promise<boolean> {
    const isSame = await this.#bcrypt.compare(password, hash, signal);
    return isSame && bcryptProblem(password) === null;
  }

  /** Ends the threads. Idempotent. */
  async close(): Promise<void> {
    await this.#bcrypt.close();
  }
}

async function digest(password: string, salt: string, algorithm: HashAlgorithm): Promise<string> {
  const { name, saltPosition } = algorithm;
  switch (name) {
    case 'plain':
      return password;
    case 'bcrypt':
      throw new TypeError('bcrypt hashes hold their salt');
    case 'pbkdf2':
      return await digestPbkdf2(password, salt, algorithm);
    default: {
      const hash = createHash(name === 'sha' ? 'sha1' : name);
      if (saltPosition === 'prefix') hash.update(salt);
      hash.update(password);
      if (saltPosition === 'suffix') hash.update(salt);
      return hash.digest('hex');
    }
  }
}

async function digestPbkdf2(password: string, salt: string, algorithm: HashAlgorithm): Promise<string> {
  const inner = algorithm.macFunction === 'sha' ? 'sha1' : algorithm.macFunction;
  const keyBytes = algorithm.keyBytes ?? createHash(inner).digest().length;
  return (await pbkdf2(password, salt, algorithm.iterations, keyBytes, inner)).toString('hex');
}
