/**
 * Publications under way on one session, by a number that is free again with the acknowledgement. A ring that is no
 * larger than what was ever under way at once: one per client must cost little. Knows no packets.
 */
import type { AckSource, PendingAck } from './ack-timer.ts';

const FIRST_SIZE = 16;

/** See the head of the file. Whoever adds sees to it that there are not too many. */
export class InFlight implements AckSource {
  readonly #limit: number;
  #ring: (PendingAck | undefined)[] = [];
  #count = 0;
  /** Place behind the newest. */
  #next = 0;
  /** Place of the oldest, while there is one. */
  #first = 0;

  /** @param limit numbers are below it */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The one that has been under way for longest. */
  get oldest(): PendingAck | null {
    return this.#count === 0 ? null : (this.#ring[this.#first] ?? null);
  }

  /** @returns its number, from 0 on */
  add(ack: PendingAck): number {
    if (this.#count === this.#ring.length) this.#grow();
    const ring = this.#ring;
    // Acknowledgements come in order, so the next place is free but for the rarest of brokers.
    while (ring[this.#next] !== undefined) this.#next = this.#next + 1 === ring.length ? 0 : this.#next + 1;
    const place = this.#next;
    if (this.#count === 0) this.#first = place;
    this.#next = place + 1 === ring.length ? 0 : place + 1;
    this.#count++;
    ring[place] = ack;
    return place;
  }

  /** Frees a number; undefined when nothing was under way under it. */
  take(place: number): PendingAck | undefined {
    const ack = this.#ring[place];
    if (ack === undefined) return undefined;
    this.#ring[place] = undefined;
    this.#count--;
    if (place === this.#first && this.#count > 0) this.#skip();
    return ack;
  }

  #skip(): void {
    while (this.#ring[this.#first] === undefined)
      this.#first = this.#first + 1 === this.#ring.length ? 0 : this.#first + 1;
  }

  /** All places are taken: numbers stay what they are, and new ones come behind the last. */
  #grow(): void {
    const { length } = this.#ring;
    const size = Math.min(this.#limit, Math.max(FIRST_SIZE, length * 2));
    for (let i = length; i < size; i++) this.#ring.push(undefined);
    this.#next = length;
  }
}
