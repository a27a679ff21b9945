/**
 * Owns everything that authentication needs while the gateway runs: the methods, the threads for passwords, and what holds at
 * each listener. Replaces the methods as a whole: those in use stay until the new ones work.
 */

import type { MethodConfig } from '../config/authentication/methods.ts';
import { GatewayError } from '../errors.ts';
import type { AuthCounters } from '../metrics/auth-counters.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { AccessPoint, type AccessRules } from './access-point.ts';
import type { Identity } from './authenticator.ts';
import { AuthenticationChain, type ChainLink } from './chain.ts';
import { FailureDelay } from './failure-delay.ts';
import { PasswordHashes } from './password-hash.ts';
import { createMethods } from './registry.ts';

/** The part of the configuration that is about who may connect. */
export interface AccessSettings {
  readonly authentication: readonly MethodConfig[];
  readonly authTimeoutMs: number;
  readonly authFailureDelayMs: number;
  /** Who clients are that show nothing; null: refused. */
  readonly noAuthUser: string | null;
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

/** Nobody is asked. */
const OPEN: AccessRules = { chain: null, anonymous: null };

/** See the head of the file. */
export class AccessControl {
  readonly failureDelay: FailureDelay;
  readonly #services: AccessServices;
  readonly #settings: AccessSettings;
  readonly #passwords = new PasswordHashes();
  readonly #points = new Map<string, AccessPoint>();
  #chain: AuthenticationChain | null = null;
  #anonymous: Identity | null = null;

  constructor(settings: AccessSettings, services: AccessServices) {
    this.#settings = settings;
    this.#services = services;
    this.failureDelay = new FailureDelay(settings.authFailureDelayMs, services.clock);
    for (const { name } of settings.listeners) this.#points.set(name, new AccessPoint(OPEN));
  }

  /** What holds at a listener; undefined for one that does not exist. */
  at(listener: string): AccessPoint | undefined {
    return this.#points.get(listener);
  }

  /**
   * Sets the methods up.
   * @throws {Error} when one of them cannot be; nothing has changed then
   */
  async start(): Promise<void> {
    this.#chain = await this.#createChain(this.#settings);
    const rules: AccessRules = { chain: this.#chain, anonymous: this.#anonymous };
    for (const { name, isAuthenticated } of this.#settings.listeners) {
      this.#points.set(name, new AccessPoint(isAuthenticated ? rules : OPEN));
    }
  }

  /** Idempotent. */
  async close(): Promise<void> {
    const chain = this.#chain;
    this.#chain = null;
    if (chain !== null) await this.#closeChain(chain);
    await this.#passwords.close();
  }

  async #createChain(settings: AccessSettings): Promise<AuthenticationChain | null> {
    const { authentication, authTimeoutMs } = settings;
    const services = { ...this.#services, wallClock: Date.now, passwords: this.#passwords };
    const links = await createMethods(authentication, services, authTimeoutMs);
    const chain = links.length === 0 ? null : new AuthenticationChain(links, services);
    this.#anonymous = null;
    if (settings.noAuthUser === null) return chain;
    this.#anonymous = identityOf(settings.noAuthUser, links);
    if (this.#anonymous !== null) return chain;
    await chain?.close();
    throw new GatewayError(
      'GW_CONFIG',
      `no_auth_user: the method built_in has no user "${settings.noAuthUser}"`,
    );
  }

  async #closeChain(chain: AuthenticationChain): Promise<void> {
    try {
      await chain.close();
    } catch (error) {
      const { logger } = this.#services;
      logger.warn({ event: 'auth.close_failed', err: error }, 'an authentication method did not close');
    }
  }
}
