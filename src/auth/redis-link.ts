/**
 * A Redis client with limits: who may wait for it, and for how long. The driver keeps the connection; here nobody waits
 * without an end. Knows no command.
 */
import type { Cluster, Redis } from 'ioredis';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { BackendError, backendError } from './backend-error.ts';
import { BackendHealth } from './backend-health.ts';

/** In milliseconds. */
export interface RedisLinkLimits {
  readonly acquireTimeoutMs: number;
  readonly queryTimeoutMs: number;
}

/** What a link is made with. */
export interface RedisLinkParts {
  readonly method: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Blanked out of messages. */
  readonly secrets: readonly string[];
}

/** Commands under way and those that wait for a connection, together. */
const MAX_PENDING = 1024;

/** The driver's words for a connection that was lost under a command. */
const LOST = /Connection is closed|max retries per request|Stream isn't writeable/i;

/** See the head of the file. */
export class RedisLink {
  readonly #client: Redis | Cluster;
  readonly #limits: RedisLinkLimits;
  readonly #parts: RedisLinkParts;
  #pending = 0;
  /** Shared by all who wait for a connection; null when nobody does. */
  #coming: { readonly promise: Promise<void>; readonly wake: () => void } | null = null;
  readonly #health: BackendHealth;
  #isClosed = false;

  constructor(client: Redis | Cluster, limits: RedisLinkLimits, parts: RedisLinkParts) {
    this.#client = client;
    this.#limits = limits;
    this.#parts = parts;
    this.#health = new BackendHealth(parts.method, parts.logger);
    client.on('ready', () => this.#onReady());
    client.on('error', (error: unknown) => this.#onFailure(error));
    client.on('node error', (error: unknown) => this.#onFailure(error));
    // The event has said why; this says no more than that the connection is closed.
    client.connect().catch((error: unknown) => {
      if (!this.#health.isDown) this.#onFailure(error);
    });
  }

  /**
   * Runs a command that changes nothing: it is sent once more when the connection is lost under it.
   * @returns the answer, texts as bytes
   * @throws {BackendError} when a limit is reached; else what the server or the driver says
   */
  async call(command: string, values: readonly string[], signal: AbortSignal): Promise<unknown> {
    if (this.#pending >= MAX_PENDING) throw new BackendError('too many wait for an answer', 'BUSY');
    this.#pending++;
    try {
      try {
        return await this.#attempt(command, values, signal);
      } catch (error) {
        if (!isLost(error) || signal.aborted || this.#isClosed) throw error;
        return await this.#attempt(command, values, signal);
      }
    } catch (error) {
      if (!isLost(error)) throw error;
      const lost = new BackendError('the connection was lost', 'CONNECTION_LOST');
      // The driver says nothing of a connection that ends; an `error` event may come as late as after the next try.
      if (!this.#isClosed) this.#health.onFailure(lost);
      throw lost;
    } finally {
      this.#pending--;
    }
  }

  /** Whoever waits is refused. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#client.disconnect();
    this.#wakeAll();
  }

  async #attempt(command: string, values: readonly string[], signal: AbortSignal): Promise<unknown> {
    const { acquireTimeoutMs, queryTimeoutMs } = this.#limits;
    await this.#bounded(this.#ready(), acquireTimeoutMs, signal, () =>
      this.#health.lateError(acquireTimeoutMs),
    );
    if (this.#isClosed) throw new BackendError('the gateway stops', 'CLOSED');
    const answer = this.#client.callBuffer(command, [...values]);
    return await this.#bounded(
      answer,
      queryTimeoutMs,
      signal,
      () => new BackendError(`no answer within ${queryTimeoutMs} ms`, 'TIMEOUT'),
    );
  }

  #ready(): Promise<void> {
    if (this.#client.status === 'ready') return Promise.resolve();
    if (this.#coming === null) {
      let wake = (): void => {};
      const promise = new Promise<void>((resolve) => {
        wake = resolve;
      });
      this.#coming = { promise, wake };
    }
    return this.#coming.promise;
  }

  async #bounded<T>(
    promise: Promise<T>,
    limitMs: number,
    signal: AbortSignal,
    late: () => BackendError,
  ): Promise<T> {
    const { clock } = this.#parts;
    return await new Promise<T>((resolve, reject) => {
      const onAbort = (): void => reject(signal.reason);
      const timer = clock.setTimeout(() => reject(late()), limitMs);
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      const settle = (): void => {
        clock.clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      promise.then(resolve, reject).finally(settle);
    });
  }

  #onReady(): void {
    this.#health.onConnected();
    this.#wakeAll();
  }

  #onFailure(error: unknown): void {
    if (this.#isClosed) return;
    this.#health.onFailure(backendError('connect', error, this.#parts.secrets));
  }

  #wakeAll(): void {
    this.#coming?.wake();
    this.#coming = null;
  }
}

function isLost(error: unknown): boolean {
  return error instanceof Error && !(error instanceof BackendError) && LOST.test(error.message);
}
