/**
 * Waiting for a condition with a bound, in place of sleeps. Knows nothing of what is tested.
 */

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 20;

/**
 * Polls until the condition holds.
 * @param condition anything truthy ends the wait; an exception counts as "not yet" and is shown at the limit
 * @param limitMs longest wait in milliseconds
 * @param what names the thing waited for in the error
 * @returns the truthy value
 * @throws {Error} at the limit, with the last exception as `cause`
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  limitMs = 5_000,
  what = 'the condition',
): Promise<NonNullable<T>> {
  const deadline = Date.now() + limitMs;
  let lastError: unknown;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      const left = Math.max(deadline - Date.now(), 1);
      const value = await within(Promise.resolve(condition()), left, what);
      if (value) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() >= deadline) {
      throw new Error(
        `waited ${limitMs} ms for ${what}`,
        lastError === undefined ? {} : { cause: lastError },
      );
    }
    await new Promise((done) => setTimeout(done, pauseMs));
  }
}

/**
 * Bounds a promise in time.
 * @throws {Error} naming `what` when the promise has not settled after `limitMs`; else whatever the promise does
 */
export async function within<T>(promise: Promise<T>, limitMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${limitMs} ms for ${what}`)), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
