/**
 * Documents from elsewhere, kept and refreshed: a source that is down, slow or asked too often must not lock out those
 * whose document is here already. Must not know what the documents are.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../util/clock.ts';

/** How a {@link RefreshingCache} works. */
export interface CacheOptions<V> {
  /**
   * Gets a document.
   * @returns null when the source says that there is none
   * @throws {Error} when the source fails
   */
  readonly load: (key: string, signal: AbortSignal) => Promise<V | null>;
  readonly clock: Clock;
  /** A document of this age is loaded again, but used until the new one is there. */
  readonly refreshMs: number;
  /** Least time between two attempts for one key. */
  readonly retryMs: number;
  /** Longest that an attempt takes. */
  readonly timeoutMs: number;
  /** Documents kept; as many keys without one are remembered for a while. */
  readonly maxEntries: number;
  /** Attempts at a time; beyond it, asking for a further one fails. */
  readonly maxLoads: number;
  /** An attempt to refresh a document failed; it stays in use. */
  readonly onStale: (error: unknown) => void;
}

interface Entry<V> {
  readonly value: V;
  dueMs: number;
  triedMs: number;
}

interface Absence {
  readonly untilMs: number;
  /** Null: the source has said so. */
  readonly error: unknown;
}

/** Bounded in documents, attempts, and attempts per time. Starts no timers but those of running attempts. */
export class RefreshingCache<V> {
  readonly #options: CacheOptions<V>;
  readonly #entries: LRUCache<string, Entry<V>>;
  /** Apart from the documents, so that asking for what does not exist cannot push out what does. */
  readonly #absences: LRUCache<string, Absence>;
  readonly #loads = new Map<string, Promise<V | null>>();
  readonly #running = new Set<AbortController>();
  #isClosed = false;

  constructor(options: CacheOptions<V>) {
    this.#options = options;
    this.#entries = new LRUCache({ max: options.maxEntries });
    this.#absences = new LRUCache({ max: options.maxEntries });
  }

  /**
   * A document: the one that is kept, else a fresh one.
   * @throws {Error} when there is none here and the source fails
   */
  async get(key: string, signal: AbortSignal): Promise<V | null> {
    const entry = this.#entries.get(key);
    if (entry === undefined) return await this.#first(key, signal);
    // It cannot fail: there is something to fall back on.
    if (this.#options.clock.now() >= entry.dueMs && this.#canLoad(key)) void this.#load(key);
    return entry.value;
  }

  /** The document loaded anew, or the one that is kept if the last attempt is too recent or the new one fails. */
  async renewed(key: string, signal: AbortSignal): Promise<V | null> {
    const entry = this.#entries.get(key);
    if (entry === undefined) return await this.#first(key, signal);
    const isRecent = this.#options.clock.now() - entry.triedMs < this.#options.retryMs;
    const running = this.#loads.get(key);
    if (running === undefined && (isRecent || !this.#canLoad(key))) return entry.value;
    return await untilAborted(running ?? this.#load(key), signal);
  }

  /** Ends running attempts. */
  close(): void {
    this.#isClosed = true;
    for (const controller of this.#running) controller.abort(new Error('closed'));
  }

  async #first(key: string, signal: AbortSignal): Promise<V | null> {
    const absence = this.#absences.get(key);
    if (absence !== undefined && this.#options.clock.now() < absence.untilMs) {
      if (absence.error !== null) throw absence.error;
      return null;
    }
    const running = this.#loads.get(key);
    if (running === undefined && !this.#canLoad(key)) throw new Error('too many requests at a time');
    return await untilAborted(running ?? this.#load(key), signal);
  }

  #canLoad(key: string): boolean {
    return !this.#loads.has(key) && this.#loads.size < this.#options.maxLoads && !this.#isClosed;
  }

  #load(key: string): Promise<V | null> {
    const attempt = this.#attempt(key).finally(() => this.#loads.delete(key));
    this.#loads.set(key, attempt);
    return attempt;
  }

  async #attempt(key: string): Promise<V | null> {
    const { load, clock, timeoutMs, refreshMs, retryMs } = this.#options;
    // AbortSignal.any() and timeout() would be shorter, but Node.js 20 may collect such signals before they fire.
    const controller = new AbortController();
    const timer = clock.setTimeout(() => controller.abort(new Error('no answer in time')), timeoutMs);
    this.#running.add(controller);
    const kept = this.#entries.get(key);
    if (kept !== undefined) kept.triedMs = clock.now();
    try {
      const value = await untilAborted(load(key, controller.signal), controller.signal);
      this.#entries.delete(key);
      this.#absences.delete(key);
      const nowMs = clock.now();
      if (value === null) this.#absences.set(key, { untilMs: nowMs + retryMs, error: null });
      else this.#entries.set(key, { value, dueMs: nowMs + refreshMs, triedMs: nowMs });
      return value;
    } catch (error) {
      if (kept === undefined) {
        this.#absences.set(key, { untilMs: clock.now() + retryMs, error });
        throw error;
      }
      kept.dueMs = clock.now() + retryMs;
      this.#options.onStale(error);
      return kept.value;
    } finally {
      clock.clearTimeout(timer);
      this.#running.delete(controller);
    }
  }
}

/**
 * Waits for a promise no longer than until the signal aborts.
 * @throws {unknown} the signal's reason, if that comes first
 */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
