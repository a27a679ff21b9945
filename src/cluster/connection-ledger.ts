/**
 * The connections of all workers, and whether there is room for one more. Lives in the primary, so that limits are
 * exact whatever the workers do. Knows no sockets.
 */

import type { Config } from '../config/config.ts';
import { CIDS_PER_WORKER } from '../control/client-pages.ts';

/** Limits of a whole gateway. */
export interface LedgerLimits {
  readonly maxConnections: number;
  /** By the name of the listener; those that have none are left out. */
  readonly perListener: ReadonlyMap<string, number>;
}

/** The limits that a configuration asks for. */
export function limitsOf({ maxConnections, listeners }: Config): LedgerLimits {
  const limited = listeners.filter((listener) => listener.maxConnections > 0);
  return {
    maxConnections,
    perListener: new Map(limited.map((listener) => [listener.name, listener.maxConnections])),
  };
}

/** See the head of this file. */
export class ConnectionLedger {
  /** For clients that come; see {@link ConnectionLedger.surplus} for those that are there. */
  limits: LedgerLimits;
  /** Listener of each client, by worker and connection id. */
  readonly #clients = new Map<number, Map<number, string>>();
  readonly #perListener = new Map<string, number>();
  readonly #lastCids = new Map<number, number>();
  #count = 0;

  constructor(limits: LedgerLimits) {
    this.limits = limits;
  }

  /** Clients of all workers. */
  get size(): number {
    return this.#count;
  }

  /** Enters a client, if there is room. */
  admit(worker: number, cid: number, listener: string): boolean {
    this.#lastCids.set(worker, Math.max(cid, this.lastCid(worker)));
    const limit = this.limits.perListener.get(listener) ?? Number.POSITIVE_INFINITY;
    if (this.#count >= this.limits.maxConnections || this.#countOf(listener) >= limit) return false;
    const clients = this.#clients.get(worker) ?? new Map<number, string>();
    this.#clients.set(worker, clients);
    clients.set(cid, listener);
    this.#count += 1;
    this.#perListener.set(listener, this.#countOf(listener) + 1);
    return true;
  }

  /** Clients that are more than the limits allow, by worker: those that have come last. */
  surplus(): ReadonlyMap<number, readonly number[]> {
    const all = [...this.#clients].flatMap(([worker, clients]) =>
      [...clients].map(([cid, listener]) => ({ worker, cid, listener, number: cid % CIDS_PER_WORKER })),
    );
    // Ids of different workers say nothing about who came first; the numbers within them come close.
    all.sort((one, other) => one.number - other.number);
    const tooMany = new Set(last(all, this.#count - this.limits.maxConnections));
    for (const [name, limit] of this.limits.perListener) {
      const own = all.filter(({ listener }) => listener === name);
      for (const one of last(own, own.length - limit)) tooMany.add(one);
    }
    const byWorker = new Map<number, number[]>();
    for (const { worker, cid } of tooMany) byWorker.set(worker, [...(byWorker.get(worker) ?? []), cid]);
    return byWorker;
  }

  /** A client is gone. Harmless when it was never admitted. */
  leave(worker: number, cid: number): void {
    const clients = this.#clients.get(worker);
    const listener = clients?.get(cid);
    if (clients === undefined || listener === undefined) return;
    clients.delete(cid);
    this.#count -= 1;
    this.#perListener.set(listener, this.#countOf(listener) - 1);
  }

  /** A worker is gone, and all its clients with it. */
  forget(worker: number): void {
    for (const cid of [...(this.#clients.get(worker)?.keys() ?? [])]) this.leave(worker, cid);
    this.#clients.delete(worker);
  }

  /** The highest connection id that a worker has ever asked for; 0 before the first. */
  lastCid(worker: number): number {
    return this.#lastCids.get(worker) ?? 0;
  }

  #countOf(listener: string): number {
    return this.#perListener.get(listener) ?? 0;
  }
}

function last<T>(list: readonly T[], count: number): readonly T[] {
  return count <= 0 ? [] : list.slice(-count);
}
