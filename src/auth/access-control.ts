/**
 * Owns everything that authentication needs while the gateway runs: the methods, the threads for passwords, and what holds at
 * each listener. Replaces the methods as a whole: those in use stay until the new ones work.
 */

import type { MethodConfig } from '../config/authentication/methods.ts';
import { GatewayError } from '../errors.ts';
import type { AuthCounters } from '../metrics/auth-counters.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { PreparedChange } from '../util/prepared-change.ts';
import { AccessPoint, type AccessRules } from './access-point.ts';
import type { Identity } from './authenticator.ts';
import { AuthenticationChain, type ChainLink } from './chain.ts';
import { FailureDelay } from './failure-delay.ts';
import { PasswordHashes } from './password-hash.ts';
import type { Permissions } from './permissions.ts';
import { createMethods } from './registry.ts';

/** The part of the configuration that is about who may connect. */
export interface AccessSettings {
  readonly authentication: readonly MethodConfig[];
  readonly authTimeoutMs: number;
  readonly authFailureDelayMs: number;
  /** Who clients are that show nothing; null: refused. */
  readonly noAuthUser: string | null;
  readonly defaultPermissions: Permissions | null;
  readonly listeners: readonly { readonly name: string; readonly isAuthenticated: boolean }[];
}

/** What it needs of the gateway. */
export interface AccessServices {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly counters: AuthCounters;
  /** See `AuthServices`. */
  readonly subjectsOfFilter: (filter: string) => readonly string[] | null;
}

/** Null: no method has such a user. */
function identityOf(name: string, links: readonly ChainLink[]): Identity | null {
  for (const { authenticator } of links) {
    const identity = authenticator.identityOf?.(name) ?? null;
    if (identity !== null) return identity;
  }
  return null;
}

/** See the head of the file. */
export class AccessControl {
  readonly failureDelay: FailureDelay;
  readonly #services: AccessServices;
  readonly #passwords = new PasswordHashes();
  readonly #points = new Map<string, AccessPoint>();
  #chain: AuthenticationChain | null = null;

  constructor(authFailureDelayMs: number, services: AccessServices) {
    this.#services = services;
    this.failureDelay = new FailureDelay(authFailureDelayMs, services.clock);
  }

  /** What holds at a listener, from the start on; undefined for one that does not exist. */
  at(listener: string): AccessPoint | undefined {
    return this.#points.get(listener);
  }

  /**
   * Sets the methods up, in place of those there are.
   * @throws {Error} when one of them cannot be; nothing has changed then
   */
  async load(settings: AccessSettings): Promise<void> {
    (await this.prepare(settings)).commit();
  }

  /**
   * Sets the methods up, and leaves those in use that there are until the change is committed.
   * @throws {Error} when one of them cannot be
   */
  async prepare(settings: AccessSettings): Promise<PreparedChange> {
    const { chain, anonymous } = await this.#createChain(settings);
    return {
      commit: () => this.#use(settings, { chain, anonymous }),
      abandon: async () => {
        if (chain !== null) await this.#end(() => chain.close());
      },
    };
  }

  /** Idempotent. */
  async close(): Promise<void> {
    const chain = this.#chain;
    this.#chain = null;
    if (chain !== null) await this.#end(() => chain.close());
    await this.#passwords.close();
  }

  #use(settings: AccessSettings, { chain, anonymous }: Pick<AccessRules, 'chain' | 'anonymous'>): void {
    const former = this.#chain;
    this.#chain = chain;
    this.failureDelay.maxDelayMs = settings.authFailureDelayMs;
    const { defaultPermissions, listeners } = settings;
    for (const { name, isAuthenticated } of listeners) {
      const rules = isAuthenticated
        ? { chain, anonymous, defaultPermissions }
        : { chain: null, anonymous: null, defaultPermissions };
      const point = this.#points.get(name);
      if (point !== undefined) point.rules = rules;
      else this.#points.set(name, new AccessPoint(rules));
    }
    const names = listeners.map(({ name }) => name);
    for (const name of this.#points.keys()) if (!names.includes(name)) this.#points.delete(name);
    // Not awaited: it ends when the last client that is being asked about has its answer, and reports its own failure.
    if (former !== null) void this.#end(() => former.retire());
  }

  async #createChain(settings: AccessSettings): Promise<Pick<AccessRules, 'chain' | 'anonymous'>> {
    const { authentication, authTimeoutMs, noAuthUser } = settings;
    const services = { ...this.#services, wallClock: Date.now, passwords: this.#passwords };
    const links = await createMethods(authentication, services, authTimeoutMs);
    const chain = links.length === 0 ? null : new AuthenticationChain(links, services);
    if (noAuthUser === null) return { chain, anonymous: null };
    const anonymous = identityOf(noAuthUser, links);
    if (anonymous !== null) return { chain, anonymous };
    await chain?.close();
    throw new GatewayError('GW_CONFIG', `no_auth_user: the method built_in has no user "${noAuthUser}"`);
  }

  async #end(close: () => Promise<void>): Promise<void> {
    try {
      await close();
    } catch (error) {
      const { logger } = this.#services;
      logger.warn({ event: 'auth.close_failed', err: error }, 'an authentication method did not close');
    }
  }
}
