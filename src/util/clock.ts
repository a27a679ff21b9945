/**
 * Time as a dependency, so that everything that waits can be tested without waiting.
 * Knows nothing of what the time is used for.
 */

/** A started timer; only good for {@link Clock.clearTimeout}. */
export type TimerHandle = NodeJS.Timeout | number;

/** Where parts of the gateway get time and timers from. */
export interface Clock {
  /** Milliseconds from an arbitrary start, never running backwards: for differences only, not for dates. */
  now(): number;
  /** @param delayMs milliseconds, at most 2^31 − 1 */
  setTimeout(callback: () => void, delayMs: number): TimerHandle;
  /** Stops a timer; harmless when it has already fired. */
  clearTimeout(handle: TimerHandle | undefined): void;
}

/** The real clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (handle) => clearTimeout(handle),
};
