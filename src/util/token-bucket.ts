/** A rate: so many per second, and what one second allows at once. Knows nothing of what is counted. */
import type { Clock } from './clock.ts';

/** See the head of this file. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #capacity: number;
  readonly #clock: Clock;
  #tokens: number;
  #atMs: number;

  /** @param perSecond more than 0; less than one is one at a time */
  constructor(perSecond: number, clock: Clock) {
    this.#perSecond = perSecond;
    this.#capacity = Math.max(1, perSecond);
    this.#clock = clock;
    this.#tokens = this.#capacity;
    this.#atMs = clock.now();
  }

  /** Takes one. @returns false when there is none left */
  take(): boolean {
    this.#earn();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Takes what has been used already. @returns milliseconds until that is made up for; 0: it was there */
  spend(count: number): number {
    this.#earn();
    this.#tokens -= count;
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens * 1000) / this.#perSecond);
  }

  #earn(): void {
    const nowMs = this.#clock.now();
    const earned = ((nowMs - this.#atMs) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#capacity, this.#tokens + earned);
    this.#atMs = nowMs;
  }
}
