/**
 * Bounds how many SUBSCRIBEs and UNSUBSCRIBEs are under way on one session. A broker takes a fraction of a
 * millisecond for each: thousands at once would overrun the acknowledgement time-out and the packet ids.
 */
import type { SubscribeOptions } from './mqtt-link.ts';
import type { FilterWire } from './subscription-table.ts';

/** Changes under way at most; enough to hide the round trip. */
const MAX_UNDER_WAY = 256;
/** No more than this for changes that nobody waits for: a client that leaves thousands of filters behind delays nobody. */
const MAX_FOR_LATER = 32;

/** A {@link FilterWire} in front of a session. Begun changes keep their order. */
export class FilterWindow implements FilterWire {
  #wire: Omit<FilterWire, 'later'>;
  #underWay = 0;
  #waiting: (() => void)[] = [];
  #head = 0;
  #later = new Set<() => void>();

  constructor(wire: Omit<FilterWire, 'later'>) {
    this.#wire = wire;
  }

  subscribe(filter: string, options: SubscribeOptions, done: (code: number) => void): void {
    this.#begin(() =>
      this.#wire.subscribe(filter, options, (code) => {
        this.#underWay--;
        done(code);
        this.#next();
      }),
    );
  }

  unsubscribe(filter: string, done: () => void): void {
    this.#begin(() =>
      this.#wire.unsubscribe(filter, () => {
        this.#underWay--;
        done();
        this.#next();
      }),
    );
  }

  later(job: () => void): void {
    this.#later.add(job);
    this.#next();
  }

  barrier(done: () => void): void {
    this.#wire.barrier(done);
  }

  #begin(change: () => void): void {
    this.#waiting.push(change);
    this.#next();
  }

  #next(): void {
    while (this.#underWay < MAX_UNDER_WAY) {
      const change = this.#waiting[this.#head];
      if (change === undefined) break;
      this.#head++;
      this.#underWay++;
      change();
    }
    if (this.#head < this.#waiting.length) return;
    this.#waiting = [];
    this.#head = 0;
    this.#nextForLater();
  }

  /** A job that does something begins a change, and its end leads on to the next job. */
  #nextForLater(): void {
    for (const job of this.#later) {
      if (this.#underWay >= MAX_FOR_LATER) return;
      this.#later.delete(job);
      job();
    }
  }
}
