/**
 * Limits and the like, in objects that their users look into whenever they need a value: a reload changes what stands
 * in them, and nobody has to be told.
 */
import type { Config } from '../config/config.ts';
import type { SessionOptions } from '../session/context.ts';
import type { ConnectionLimits } from '../transport/connection-context.ts';

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

/** See the head of this file. */
export class LiveSettings {
  readonly limits: ConnectionLimits;
  readonly sessions: Readonly<Mutable<SessionOptions>>;
  readonly #limits: Mutable<ConnectionLimits>;
  readonly #sessions: Mutable<SessionOptions>;

  constructor(config: Config, serverId: string) {
    this.#limits = limitsOf(config);
    this.#sessions = { ...sessionOptionsOf(config), serverId, isLameDuck: false };
    this.limits = this.#limits;
    this.sessions = this.#sessions;
  }

  take(config: Config): void {
    Object.assign(this.#limits, limitsOf(config));
    const { keepalive, ...options } = sessionOptionsOf(config);
    Object.assign(this.#sessions, options);
    // Its users have the object itself.
    Object.assign(this.#sessions.keepalive, keepalive);
  }

  /** INFO tells clients from now on to go elsewhere. */
  beginLameDuck(): void {
    this.#sessions.isLameDuck = true;
  }
}

function limitsOf({ maxControlLineBytes, maxPendingBytes, writeDeadlineMs }: Config): ConnectionLimits {
  return { maxControlLineBytes, maxPendingBytes, writeDeadlineMs };
}

function sessionOptionsOf(config: Config): Omit<SessionOptions, 'serverId' | 'isLameDuck'> {
  return {
    serverName: config.serverName,
    maxPayloadBytes: config.maxPayloadBytes,
    maxSubscriptions: config.maxSubscriptions,
    authTimeoutMs: config.authTimeoutMs,
    idleTimeoutMs: config.idleTimeoutMs,
    // A client that does nothing but answer must never be taken for idle.
    keepalive: {
      intervalMs: Math.min(config.pingIntervalMs, config.idleTimeoutMs),
      timeoutMs: config.pingTimeoutMs,
    },
    clientInfo: config.clientInfo,
    controlHeaders: config.controlHeaders,
    countsPerClient: config.countsClients,
  };
}
