/**
 * A few connections to a database, opened when needed and shared by all who ask. Every wait has a limit; after a failure
 * it tries again with growing pauses, for as long as somebody waits. Knows no database.
 */
import { backoffDelay } from '../util/backoff.ts';
import type { Clock, TimerHandle } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { BackendError, backendError } from './backend-error.ts';
import { BackendHealth } from './backend-health.ts';

/** One connection, logged in. */
export interface PooledConnection {
  /** False as soon as it is of no more use. */
  readonly isOpen: boolean;
  /** Says goodbye; settles when the other end has closed. */
  end(): Promise<void>;
  /** Closes the socket at once. Idempotent. */
  destroy(): void;
}

/** Sizes and times in milliseconds. */
export interface PoolSettings {
  readonly size: number;
  readonly connectTimeoutMs: number;
  /** Longest wait for a free connection. */
  readonly acquireTimeoutMs: number;
  readonly queryTimeoutMs: number;
  /** A connection that was not used for so long is closed. */
  readonly idleTimeoutMs: number;
}

/** What a pool is made of. */
export interface PoolParts<C extends PooledConnection> {
  /** For log lines. */
  readonly method: string;
  /** @param signal aborts when nobody waits any more: rejects then, with its socket closed */
  open(signal: AbortSignal): Promise<C>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Beyond it nobody may wait for a connection. */
const MAX_WAITING = 1024;
/** Short, because it is one connection at a time, and only while clients wait: whoever waits sees the database come back. */
const RETRY = { baseMs: 50, maxMs: 400 };
/** For goodbyes, when the pool is closed. */
const END_LIMIT_MS = 500;

/** A connection with what the pool knows of it. */
interface Member<C> {
  readonly connection: C;
  /** Has answered before: may have died unnoticed since. */
  isUsed: boolean;
  idleSinceMs: number;
  /** Ends the wait of who uses it; null while nobody does. */
  cancel: ((error: BackendError) => void) | null;
}

interface Waiting<C> {
  take(member: Member<C>): void;
  reject(error: unknown): void;
}

/** See the head of the file. */
export class ConnectionPool<C extends PooledConnection> {
  readonly #settings: PoolSettings;
  readonly #parts: PoolParts<C>;
  readonly #waiting = new Set<Waiting<C>>();
  readonly #idle: Member<C>[] = [];
  readonly #busy = new Set<Member<C>>();
  readonly #openings = new Set<AbortController>();
  readonly #health: BackendHealth;
  #failures = 0;
  #retryTimer: TimerHandle | undefined;
  #idleTimer: TimerHandle | undefined;
  #isClosed = false;

  constructor(settings: PoolSettings, parts: PoolParts<C>) {
    this.#settings = settings;
    this.#parts = parts;
    this.#health = new BackendHealth(parts.method, parts.logger);
  }

  /** Connections, including those being opened. */
  get size(): number {
    return this.#idle.length + this.#busy.size + this.#openings.size;
  }

  /**
   * Does some work on a connection. Work that fails because its connection turns out to be dead is done once more, on a
   * new one: it must change nothing.
   * @param signal ends the wait, not the work: an aborted query goes on until it is answered or late
   * @throws {BackendError} when a limit is reached; else whatever the work throws
   */
  async run<T>(work: (connection: C) => Promise<T>, signal: AbortSignal): Promise<T> {
    const member = await this.#acquire(signal);
    const wasUsed = member.isUsed;
    try {
      return await this.#use(member, work, signal);
    } catch (error) {
      const isStale = wasUsed && !member.connection.isOpen && !(error instanceof BackendError);
      if (!isStale || signal.aborted || this.#isClosed) throw error;
      this.#dropIdle();
      return await this.#use(await this.#acquire(signal), work, signal);
    }
  }

  /** Whoever waits is refused, queries under way are cut off. Idempotent, ends in half a second. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { clock } = this.#parts;
    clock.clearTimeout(this.#retryTimer);
    clock.clearTimeout(this.#idleTimer);
    const stopped = new BackendError('the gateway stops', 'CLOSED');
    for (const one of [...this.#waiting]) one.reject(stopped);
    for (const opening of this.#openings) opening.abort(stopped);
    for (const { connection, cancel } of [...this.#busy]) {
      connection.destroy();
      cancel?.(stopped);
    }
    await Promise.all(this.#idle.splice(0).map(({ connection }) => endInTime(connection, clock)));
  }

  #acquire(signal: AbortSignal): Promise<Member<C>> {
    if (this.#isClosed) return Promise.reject(new BackendError('the gateway stops', 'CLOSED'));
    if (signal.aborted) return Promise.reject(signal.reason);
    const idle = this.#takeIdle();
    if (idle !== null) return Promise.resolve(idle);
    if (this.#waiting.size >= MAX_WAITING) {
      return Promise.reject(new BackendError('too many wait for a connection', 'BUSY'));
    }
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#waiting.delete(waiting);
        this.#parts.clock.clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      const waiting: Waiting<C> = {
        take: (member) => {
          settle();
          resolve(member);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      const onAbort = (): void => waiting.reject(signal.reason);
      const limitMs = this.#settings.acquireTimeoutMs;
      const onLate = (): void => waiting.reject(this.#health.lateError(limitMs));
      const timer = this.#parts.clock.setTimeout(onLate, limitMs);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(waiting);
      this.#openIfNeeded();
    });
  }

  /** The one that was used last: it is the least likely to have died, and the others may go. */
  #takeIdle(): Member<C> | null {
    for (let member = this.#idle.pop(); member !== undefined; member = this.#idle.pop()) {
      if (!member.connection.isOpen) continue;
      this.#busy.add(member);
      return member;
    }
    return null;
  }

  #use<T>(member: Member<C>, work: (connection: C) => Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock } = this.#parts;
    const { queryTimeoutMs } = this.#settings;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clock.clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        this.#release(member);
      };
      member.cancel = (error) => {
        settle();
        reject(error);
      };
      const timer = clock.setTimeout(() => {
        // Whatever it still says belongs to nobody; and where one hangs, the idle ones will hang, too.
        member.connection.destroy();
        this.#dropIdle();
        member.cancel?.(new BackendError(`no answer within ${queryTimeoutMs} ms`, 'TIMEOUT'));
      }, queryTimeoutMs);
      const onAbort = (): void => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      work(member.connection).then(resolve, reject).finally(settle);
    });
  }

  #release(member: Member<C>): void {
    if (!this.#busy.delete(member)) return;
    member.isUsed = true;
    member.cancel = null;
    if (this.#isClosed || !member.connection.isOpen) member.connection.destroy();
    else this.#give(member);
    this.#openIfNeeded();
  }

  #give(member: Member<C>): void {
    const [next] = this.#waiting;
    if (next !== undefined) {
      this.#busy.add(member);
      next.take(member);
      return;
    }
    member.idleSinceMs = this.#parts.clock.now();
    this.#idle.push(member);
    this.#idleTimer ??= this.#parts.clock.setTimeout(() => this.#endIdle(), this.#settings.idleTimeoutMs);
  }

  #endIdle(): void {
    this.#idleTimer = undefined;
    const { clock } = this.#parts;
    const { idleTimeoutMs } = this.#settings;
    const limit = clock.now() - idleTimeoutMs;
    const fresh = this.#idle.findIndex(({ idleSinceMs }) => idleSinceMs > limit);
    const old = this.#idle.splice(0, fresh < 0 ? this.#idle.length : fresh);
    // Nobody waits for it; it cannot fail.
    for (const { connection } of old) void endInTime(connection, clock);
    if (this.#idle.length > 0) this.#idleTimer = clock.setTimeout(() => this.#endIdle(), idleTimeoutMs);
  }

  #dropIdle(): void {
    for (const { connection } of this.#idle.splice(0)) connection.destroy();
  }

  /** One for each who waits, while it works; a single one to find out whether it works again. */
  #openIfNeeded(): void {
    const most = this.#failures > 0 ? 1 : this.#waiting.size;
    while (
      !this.#isClosed &&
      this.#retryTimer === undefined &&
      this.#openings.size < Math.min(most, this.#waiting.size) &&
      this.size < this.#settings.size
    ) {
      // Its failures are handled inside.
      void this.#open();
    }
  }

  async #open(): Promise<void> {
    const { clock, open } = this.#parts;
    const { connectTimeoutMs } = this.#settings;
    const controller = new AbortController();
    this.#openings.add(controller);
    const timer = clock.setTimeout(
      () => controller.abort(new BackendError(`connect: no answer within ${connectTimeoutMs} ms`, 'TIMEOUT')),
      connectTimeoutMs,
    );
    try {
      const connection = await open(controller.signal);
      this.#openings.delete(controller);
      this.#onOpen(connection);
    } catch (error) {
      this.#openings.delete(controller);
      this.#onFailure(backendError('connect', error, []));
    } finally {
      clock.clearTimeout(timer);
      this.#openIfNeeded();
    }
  }

  #onOpen(connection: C): void {
    this.#health.onConnected();
    this.#failures = 0;
    if (this.#isClosed) connection.destroy();
    else this.#give({ connection, isUsed: false, idleSinceMs: 0, cancel: null });
  }

  #onFailure(error: BackendError): void {
    if (this.#isClosed) return;
    this.#health.onFailure(error);
    // Several may fail at once; they count as one.
    if (this.#retryTimer !== undefined) return;
    const delayMs = backoffDelay(this.#failures, RETRY, 0.5 + Math.random() / 2);
    this.#failures++;
    this.#retryTimer = this.#parts.clock.setTimeout(() => {
      this.#retryTimer = undefined;
      this.#openIfNeeded();
    }, delayMs);
  }
}

async function endInTime(connection: PooledConnection, clock: Clock): Promise<void> {
  let timer: TimerHandle | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = clock.setTimeout(resolve, END_LIMIT_MS);
  });
  try {
    await Promise.race([connection.end(), limit]);
  } finally {
    clock.clearTimeout(timer);
    connection.destroy();
  }
}
