/**
 * How many may ask a backend at a time, and how many may wait for their turn. Knows nothing of what is asked.
 */

/** Nobody else may wait. */
export class GateFullError extends Error {
  override readonly name = 'GateFullError';
}

/** Called once, when the place is free again. */
export type Release = () => void;

interface Waiting {
  readonly enter: () => void;
}

/** First come, first served. */
export class ConcurrencyGate {
  readonly #maxRunning: number;
  readonly #maxWaiting: number;
  readonly #waiting = new Set<Waiting>();
  #running = 0;

  constructor(maxRunning: number, maxWaiting: number) {
    this.#maxRunning = maxRunning;
    this.#maxWaiting = maxWaiting;
  }

  /** How many have entered and not left. */
  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Waits for a place.
   * @throws {GateFullError} when too many wait already; the signal's reason when it aborts
   */
  enter(signal: AbortSignal): Promise<Release> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#running < this.#maxRunning) {
      this.#running++;
      return Promise.resolve(this.#releaseOnce());
    }
    if (this.#waiting.size >= this.#maxWaiting)
      return Promise.reject(new GateFullError('too many wait for this method'));
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(one);
        reject(signal.reason);
      };
      const one: Waiting = {
        enter: () => {
          signal.removeEventListener('abort', onAbort);
          resolve(this.#releaseOnce());
        },
      };
      this.#waiting.add(one);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #releaseOnce(): Release {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const [next] = this.#waiting;
      // The place goes over to the next without becoming free: nobody can overtake.
      if (next === undefined) this.#running--;
      else {
        this.#waiting.delete(next);
        next.enter();
      }
    };
  }
}
