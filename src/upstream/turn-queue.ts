/**
 * Who may go next where there is room for some only: in the order in which they found none, a few per turn of the event
 * loop. Knows neither clients nor what the room is.
 */

/** Most who go in one turn of the event loop. */
const MAX_PER_TURN = 32;

/** What a queue asks, and whom it calls. */
export interface TurnOptions<T> {
  /** Whether there is room now; when not, somebody calls {@link TurnQueue.next} once there is. */
  readonly hasRoom: () => boolean;
  /** It is this one's turn: it claims its place again, perhaps more than once. */
  readonly go: (one: T) => void;
}

/** A line in front of something that is full now and then. */
export class TurnQueue<T> {
  #options: TurnOptions<T>;
  #waiting = new Set<T>();
  #current: T | null = null;
  #isScheduled = false;

  constructor(options: TurnOptions<T>) {
    this.#options = options;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Whether this one may go now. If not, it waits in line behind all who came before, and is called. */
  claim(one: T): boolean {
    const isFirst = this.#waiting.size === 0 || one === this.#current;
    if (isFirst && this.#options.hasRoom()) return true;
    this.#waiting.add(one);
    return false;
  }

  /** There may be room. */
  next(): void {
    if (this.#isScheduled || this.#current !== null) return;
    let left = MAX_PER_TURN;
    for (const one of this.#waiting) {
      if (!this.#options.hasRoom()) return;
      if (left-- === 0) {
        this.#continueSoon();
        return;
      }
      this.#waiting.delete(one);
      this.#current = one;
      this.#options.go(one);
      this.#current = null;
    }
  }

  /** This one is gone. */
  leave(one: T): void {
    this.#waiting.delete(one);
  }

  #continueSoon(): void {
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.next();
    });
  }
}
