/**
 * How long somebody waits who has failed before: guessing passwords becomes slow, while a slip of the fingers costs nothing.
 * Counts by address; knows nothing of what failed.
 */
import { isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../util/clock.ts';

/** Failures within {@link MEMORY_MS} that cost nothing. */
const FREE_FAILURES = 5;
/** The next one; each further one costs twice as much. */
const FIRST_DELAY_MS = 50;
/** After this without a failure an address is forgotten. */
const MEMORY_MS = 60_000;
/** Bounds the memory that an attacker with many addresses can take. */
const MAX_ADDRESSES = 10_000;

/** See the head of the file. */
export class FailureDelay {
  readonly #failures: LRUCache<string, number>;
  /** Longest delay; 0: nobody waits. */
  maxDelayMs: number;

  /** @param maxDelayMs 0: nobody waits */
  constructor(maxDelayMs: number, clock: Clock) {
    this.maxDelayMs = maxDelayMs;
    this.#failures = new LRUCache({ max: MAX_ADDRESSES, ttl: MEMORY_MS, ttlResolution: 0, perf: clock });
  }

  /** Milliseconds to wait before the next attempt from this address is looked at. */
  delayMsOf(address: string): number {
    if (this.maxDelayMs === 0) return 0;
    const paid = (this.#failures.get(sourceOf(address)) ?? 0) - FREE_FAILURES;
    return paid < 0 ? 0 : Math.min(this.maxDelayMs, FIRST_DELAY_MS * 2 ** Math.min(paid, 20));
  }

  /** A success is not noted: whoever has one account could otherwise go on guessing others. */
  noteFailure(address: string): void {
    if (this.maxDelayMs === 0) return;
    const source = sourceOf(address);
    this.#failures.set(source, (this.#failures.get(source) ?? 0) + 1);
  }
}

/** Of IPv6 the network: a single customer has 2^64 addresses. */
function sourceOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? [];
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  return [...front, ...new Array<string>(zeros).fill('0'), ...back]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16))
    .join(':');
}
