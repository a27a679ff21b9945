/**
 * Several receivers of one and the same stream: each has to get all of it in order.
 */
import { SequenceCheck } from './sequence.ts';

/** How far the receivers have got. */
export interface Arrival {
  /** Messages that have reached everybody. */
  readonly received: number;
  /** Copies, over all receivers. */
  readonly deliveries: number;
  /** The first message out of place. */
  readonly fault: string | null;
}

/** See the head of the file. */
export class Audience {
  readonly #checks: SequenceCheck[] = [];

  /** Adds a receiver. */
  join(): SequenceCheck {
    const check = new SequenceCheck();
    this.#checks.push(check);
    return check;
  }

  /** Forgets everything; all wait for message 0 of this stream. */
  expect(stream: number): void {
    for (const check of this.#checks) check.expect(stream);
  }

  /** Messages that have reached everybody. */
  get received(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const check of this.#checks) least = Math.min(least, check.received);
    return least;
  }

  arrival(): Arrival {
    return {
      received: this.received,
      deliveries: this.#checks.reduce((sum, check) => sum + check.received, 0),
      fault: this.#checks.find((check) => check.fault !== null)?.fault ?? null,
    };
  }
}
