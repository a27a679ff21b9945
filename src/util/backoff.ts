/** Exponential backoff with full jitter, so that thousands of sessions do not come back in one instant. */

/** Delays in milliseconds. */
export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * Delay before reconnect attempt `attempt` (0 = the first one after a loss).
 * @param random uniform in [0, 1)
 * @returns milliseconds, anywhere between 0 and the exponential ceiling
 */
export function backoffDelay(attempt: number, options: BackoffOptions, random: number): number {
  const ceiling = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(attempt, 30));
  return Math.floor(random * ceiling);
}
