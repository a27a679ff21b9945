/** Loaded workers that wait for their turn to listen: of an address that is taken, one complaint is enough. */

/** Who waits. */
export interface Waiter {
  readonly worker: number;
}

/** See the head of this file. */
export class Turns<W extends Waiter> {
  readonly #begin: (waiter: W) => void;
  readonly #waiting: W[] = [];
  #current: W | null = null;

  /** @param begin whoever gets its turn has it until {@link Turns.end} */
  constructor(begin: (waiter: W) => void) {
    this.#begin = begin;
  }

  wait(waiter: W): void {
    this.#waiting.push(waiter);
    this.#next();
  }

  /** It listens, or is gone. Harmless when it did not wait. */
  end(waiter: W): void {
    const position = this.#waiting.indexOf(waiter);
    if (position >= 0) this.#waiting.splice(position, 1);
    if (this.#current === waiter) this.#current = null;
    this.#next();
  }

  #next(): void {
    if (this.#current !== null) return;
    this.#current = this.#waiting.shift() ?? null;
    if (this.#current !== null) this.#begin(this.#current);
  }
}
