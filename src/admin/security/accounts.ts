/**
 * Who may administer, and whether somebody is who they say: passwords and tokens are compared in constant time, and whoever
 * guesses waits. Knows nothing of HTTP.
 */
import type { FailureDelay } from '../../auth/failure-delay.ts';
import { isSameSecret, PasswordHashes } from '../../auth/password-hash.ts';
import type { AdminAccount, HttpConfig } from '../../config/http.ts';
import type { Clock } from '../../util/clock.ts';
import { type Logger, RepeatLimiter } from '../../util/logger.ts';
import { ProblemError } from '../problem.ts';

/** Checks at a time, of one address and of all: beyond it the answer is 429. */
const MAX_CHECKS_OF_ADDRESS = 8;
const MAX_CHECKS = 256;
/** A check may wait behind others for a thread. */
const CHECK_LIMIT_MS = 15_000;

/** Whoever guesses chooses the name. */
const MAX_SHOWN_USER = 128;

/** What the accounts need. */
export interface AccountParts {
  /** In force now. */
  readonly http: () => HttpConfig;
  readonly delay: FailureDelay;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What somebody shows. */
export type Shown =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'token'; readonly token: string };

/** See the head of this file. */
export class Accounts {
  readonly #http: () => HttpConfig;
  readonly #delay: FailureDelay;
  readonly #clock: Clock;
  /** One line a second at most: whoever guesses must not fill the log. */
  readonly #limitedLog: RepeatLimiter;
  readonly #passwords = new PasswordHashes();
  readonly #checks = new Map<string, number>();
  #running = 0;

  constructor({ http, delay, clock, logger }: AccountParts) {
    this.#http = http;
    this.#delay = delay;
    this.#clock = clock;
    this.#limitedLog = new RepeatLimiter(logger, clock);
  }

  /** False: nobody is asked. */
  get areNeeded(): boolean {
    const { users, tokens } = this.#http();
    return users.length + tokens.length > 0;
  }

  /** Whether the secret is (still) the one that is configured for the user. */
  isConfigured(user: string, secret: string): boolean {
    return this.#http().users.some(({ name, secret: now }) => name === user && isSameSecret(secret, now));
  }

  /**
   * The account that what was shown belongs to, or null. Takes the longer the more often the address was wrong.
   * @throws {ProblemError} 429 when too many wait already
   */
  async find(shown: Shown, address: string): Promise<AdminAccount | null> {
    const ofAddress = this.#checks.get(address) ?? 0;
    if (ofAddress >= MAX_CHECKS_OF_ADDRESS || this.#running >= MAX_CHECKS)
      throw new ProblemError(429, 'too many log-ins at a time', { retryAfterSeconds: 1 });
    this.#checks.set(address, ofAddress + 1);
    this.#running += 1;
    try {
      await this.#pause(this.#delay.delayMsOf(address));
      const found = shown.kind === 'token' ? await this.#ofToken(shown.token) : await this.#ofUser(shown);
      if (found === null) this.#onFailure(shown, address);
      return found;
    } finally {
      this.#running -= 1;
      const left = (this.#checks.get(address) ?? 1) - 1;
      if (left === 0) this.#checks.delete(address);
      else this.#checks.set(address, left);
    }
  }

  /** Ends the threads. Idempotent. */
  close(): Promise<void> {
    return this.#passwords.close();
  }

  #onFailure(shown: Shown, address: string): void {
    this.#delay.noteFailure(address);
    const user = shown.kind === 'password' ? shown.user.slice(0, MAX_SHOWN_USER) : '';
    const fields = { event: 'admin.login_failed', address, user };
    this.#limitedLog.log('warn', fields, 'wrong credentials for the HTTP server');
  }

  async #pause(delayMs: number): Promise<void> {
    if (delayMs > 0) await new Promise<void>((resolve) => this.#clock.setTimeout(resolve, delayMs));
  }

  async #ofUser({ user, password }: { user: string; password: string }): Promise<AdminAccount | null> {
    const { users } = this.#http();
    const account = users.find(({ name }) => name === user);
    // Somebody unknown takes as long as somebody known, so that names cannot be found out.
    const secret = account?.secret ?? users[0]?.secret ?? '';
    const isRight = await this.#isRight(password, secret);
    return isRight && account !== undefined ? account : null;
  }

  async #ofToken(token: string): Promise<AdminAccount | null> {
    let found: AdminAccount | null = null;
    for (const account of this.#http().tokens) {
      if (await this.#isRight(token, account.secret)) found ??= account;
    }
    return found;
  }

  #isRight(given: string, configured: string): Promise<boolean> {
    const signal = AbortSignal.timeout(CHECK_LIMIT_MS);
    return this.#passwords.verifyPlainOrBcrypt(given, configured, signal);
  }
}
