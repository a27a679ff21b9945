/** How fast one client may publish. Knows numbers only, not what is read or paused. */
import type { Clock } from '../util/clock.ts';
import { TokenBucket } from '../util/token-bucket.ts';

/** Per second, and as many at once; 0: any number. */
export interface PaceLimits {
  readonly messages: number;
  readonly bytes: number;
}

/** See the head of this file. */
export class InputPace {
  readonly #messages: TokenBucket | null;
  readonly #bytes: TokenBucket | null;

  constructor({ messages, bytes }: PaceLimits, clock: Clock) {
    this.#messages = messages > 0 ? new TokenBucket(messages, clock) : null;
    this.#bytes = bytes > 0 ? new TokenBucket(bytes, clock) : null;
  }

  /** The client has sent this much. @returns milliseconds for which nothing more is to be read; 0: read on */
  spend(messages: number, bytes: number): number {
    return Math.max(this.#messages?.spend(messages) ?? 0, this.#bytes?.spend(bytes) ?? 0);
  }
}
