/** What the parts of the HTTP server share, and what they know of a request. Types only. */
// For the words of routes in the description of the API.
import type {} from '@fastify/swagger';
import type { HttpConfig, OpenPages } from '../config/http.ts';
import type { SettingsSource } from '../config/settings-source.ts';
import type { ConfigReloads, GatewayControl } from '../control/gateway-control.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { AuditTrail } from './audit.ts';
import type { ProcessUsageMeter } from './process-usage.ts';

/** See the head of this file. */
export interface AdminContext {
  readonly control: GatewayControl;
  /** Null in tests of parts that need none. */
  readonly reloads: ConfigReloads | null;
  /** The same. */
  readonly settings: SettingsSource | null;
  /** In force; changes with a reload. */
  http(): HttpConfig;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly audit: AuditTrail;
  readonly usage: ProcessUsageMeter;
  /** Where the server listens; null while it does not. */
  bound(): BoundAddress | null;
}

/** With the real port. */
export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

/** Who sends a request. */
export interface Principal {
  /** As configured; `anyone` where no credentials are. */
  readonly name: string;
  readonly by: 'nothing' | 'password' | 'token' | 'session';
}

/** What a request changes, for the audit log. */
export interface Change {
  /** Such as `kick clients`. */
  readonly action: string;
  /** Such as a cid, a user, or the names of settings. Never values. */
  readonly target: string;
}

/**
 * Who may use a route: everyone, everyone if the group of pages is open, or (where nothing is said) only who shows
 * credentials.
 */
export type Access = 'everyone' | OpenPages | 'administrators';

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly access?: Access;
    /** Errors are RFC 9457 problems. */
    readonly isApi?: boolean;
  }
  interface FastifyRequest {
    /** Null where nobody was asked for credentials, although they are needed elsewhere. */
    principal: Principal | null;
    /** Set by routes that change something, to be more precise than method and path. */
    change: Change | null;
  }
}
