/**
 * Who is connected, and who was. Must not know about listeners, sessions or bytes.
 */
import type { CloseReason } from '../close-reason.ts';
import type { ClientView } from '../control/client-view.ts';
import type { PeerInfo } from '../session/ports.ts';

/** What the registry needs of a connection. */
export interface RegisteredConnection {
  readonly peer: PeerInfo;
  readonly pendingBytes: number;
  /** What is to be remembered of it. */
  describe(): ClientView;
  /** Flushes, then ends the connection. */
  close(reason: CloseReason): void;
  /** Ends the connection at once. */
  abort(reason: CloseReason): void;
}

/** Settings of a {@link ConnectionRegistry}. */
export interface RegistryOptions {
  readonly maxConnections: number;
  /** How many ended connections are remembered; 10,000 when left out. */
  readonly closedCapacity?: number;
  /** The first connection id is one more than this; 0 when left out. */
  readonly cidBase?: number;
}

const CLOSED_CAPACITY = 10_000;

/**
 * Connections that are still being flushed or lingering. Beyond, the next ones are destroyed without a farewell:
 * they hold file descriptors that the connection limit does not count.
 */
const MAX_CLOSING = 1024;

/** See the head of this file. */
export class ConnectionRegistry<C extends RegisteredConnection = RegisteredConnection> {
  /** The limit; connections that are there stay, see {@link ConnectionRegistry.latest}. */
  maxConnections: number;
  readonly #closedCapacity: number;
  readonly #live = new Map<number, C>();
  readonly #perListener = new Map<string, number>();
  readonly #closing = new Set<C>();
  readonly #closed: ClientView[] = [];
  /** Where the next ended connection goes once the ring is full. */
  #closedNext = 0;
  #lastCid: number;
  #whenEmpty: (() => void)[] = [];

  constructor(options: RegistryOptions) {
    this.maxConnections = options.maxConnections;
    this.#closedCapacity = options.closedCapacity ?? CLOSED_CAPACITY;
    this.#lastCid = options.cidBase ?? 0;
  }

  /** A connection id that was never given out before. */
  nextCid(): number {
    this.#lastCid += 1;
    return this.#lastCid;
  }

  get size(): number {
    return this.#live.size;
  }

  /** Whether one more connection would be too many. */
  get isFull(): boolean {
    return this.#live.size >= this.maxConnections;
  }

  /** Whether there is no room even for telling a client why it is not served. */
  get isOverrun(): boolean {
    return this.#closing.size >= MAX_CLOSING;
  }

  /** Connections of one listener. */
  countOf(listener: string): number {
    return this.#perListener.get(listener) ?? 0;
  }

  get(cid: number): C | undefined {
    return this.#live.get(cid);
  }

  /** In the order of their ids. */
  live(): IterableIterator<C> {
    return this.#live.values();
  }

  /** The last ones that have come, of one listener or of all. */
  latest(count: number, listener?: string): C[] {
    const all = [...this.#live.values()];
    const these = listener === undefined ? all : all.filter(({ peer }) => peer.listener === listener);
    return count <= 0 ? [] : these.slice(-count);
  }

  /** The oldest that is remembered first. */
  closed(): ClientView[] {
    return [...this.#closed.slice(this.#closedNext), ...this.#closed.slice(0, this.#closedNext)];
  }

  add(connection: C): void {
    const { cid, listener } = connection.peer;
    this.#live.set(cid, connection);
    this.#perListener.set(listener, this.countOf(listener) + 1);
  }

  /** Resolves when nothing is left of any connection. */
  untilEmpty(): Promise<void> {
    if (this.#live.size + this.#closing.size === 0) return Promise.resolve();
    return new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  /** The session has ended: the connection no longer counts. Also for connections that were never added. */
  noteClosing(connection: C, reason: CloseReason): void {
    const { peer } = connection;
    if (this.#live.delete(peer.cid)) {
      this.#perListener.set(peer.listener, this.countOf(peer.listener) - 1);
    }
    this.#remember({ ...connection.describe(), state: 'closed', reason, stopMs: Date.now() });
    // Before it is added to the set, so that it is this one that goes.
    if (this.isOverrun) process.nextTick(() => connection.abort(reason));
    this.#closing.add(connection);
  }

  /** The stream is gone: nothing is left of the connection. */
  noteGone(connection: C): void {
    this.#closing.delete(connection);
    if (this.#live.size + this.#closing.size > 0) return;
    const waiting = this.#whenEmpty;
    this.#whenEmpty = [];
    for (const resolve of waiting) resolve();
  }

  /**
   * Ends all connections: politely, and at once those that are still there after `limitMs`. Resolves when the last
   * one is gone.
   */
  async closeAll(reason: CloseReason, limitMs: number): Promise<void> {
    const empty = this.untilEmpty();
    for (const connection of [...this.#live.values()]) connection.close(reason);
    const timer = setTimeout(() => {
      for (const connection of [...this.#closing]) connection.abort(reason);
    }, limitMs);
    await empty;
    clearTimeout(timer);
  }

  #remember(closed: ClientView): void {
    if (this.#closed.length < this.#closedCapacity) {
      this.#closed.push(closed);
      return;
    }
    this.#closed[this.#closedNext] = closed;
    this.#closedNext = (this.#closedNext + 1) % this.#closedCapacity;
  }
}
