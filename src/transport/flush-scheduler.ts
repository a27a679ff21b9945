/**
 * One flush per connection and turn of the event loop. Must not know what is flushed.
 */

/** Something with bytes to hand over. */
export interface Flushable {
  /** Must not throw. */
  flushNow(): void;
}

/** Collects what wants flushing, so that thousands of connections cost one immediate and not thousands. */
export class FlushScheduler {
  #due: Flushable[] = [];
  readonly #run = (): void => {
    const due = this.#due;
    this.#due = [];
    for (const flushable of due) flushable.flushNow();
  };

  /** `flushable` is flushed at the end of this turn, as often as it was scheduled. */
  schedule(flushable: Flushable): void {
    if (this.#due.length === 0) setImmediate(this.#run);
    this.#due.push(flushable);
  }
}
