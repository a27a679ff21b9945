/**
 * The sum of all unfinished input (partial payloads, held chunks), and its limit. Must not know what a connection
 * is beyond that.
 */
import type { Clock, TimerHandle } from '../util/clock.ts';

/** One connection's part of the account. */
export interface InputHolder {
  /** Unfinished input in memory. */
  readonly inputBytes: number;
  /** Whether its operations wait for the broker: then reading on cannot free anything. */
  readonly isHeld: boolean;
  /** Reading is allowed again. */
  allowInput(): void;
  /** Did not finish what it had begun although memory is short. */
  cutStalledInput(): void;
}

/** How long one connection may take to finish its message while others wait for memory. */
const TURN_MS = 2000;

/**
 * Memory bound over all input (`max_total_input`). Above it, connections in the middle of a message are not read,
 * but for one at a time, the largest first: if all of them waited for each other, none would ever finish and free
 * its part. One that does not finish in its turn is cut, or clients that announce much and send little could keep
 * everybody else out for ever.
 */
export class InputAccount {
  #maxBytes: number;
  readonly #clock: Clock;
  /** All with something unfinished. */
  readonly #holders = new Set<InputHolder>();
  /** Those of them that were told to stop reading. */
  readonly #waiting = new Set<InputHolder>();
  #totalBytes = 0;
  #turn: InputHolder | null = null;
  #timer: TimerHandle | undefined;

  constructor(maxBytes: number, clock: Clock) {
    this.#maxBytes = maxBytes;
    this.#clock = clock;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Another limit. */
  set maxBytes(maxBytes: number) {
    this.#maxBytes = maxBytes;
    if (this.#totalBytes <= maxBytes) this.#releaseAll();
    else this.#giveTurn();
  }

  /**
   * Reports a holder's unfinished input.
   * @returns whether the holder may go on reading; if not, `allowInput` follows
   */
  update(holder: InputHolder, previousBytes: number, bytes: number): boolean {
    this.#totalBytes += bytes - previousBytes;
    if (bytes === 0) {
      this.#forget(holder);
      return true;
    }
    this.#holders.add(holder);
    if (this.#totalBytes <= this.#maxBytes) {
      this.#waiting.delete(holder);
      this.#releaseAll();
      return true;
    }
    if (holder === this.#turn && bytes < previousBytes) this.#endTurn();
    if (holder !== this.#turn) this.#waiting.add(holder);
    this.#giveTurn();
    return holder === this.#turn;
  }

  /** The holder is gone. @param bytes what it has reported last */
  leave(holder: InputHolder, bytes: number): void {
    this.#totalBytes -= bytes;
    this.#forget(holder);
  }

  #forget(holder: InputHolder): void {
    this.#holders.delete(holder);
    this.#waiting.delete(holder);
    if (holder === this.#turn) this.#endTurn();
    if (this.#totalBytes <= this.#maxBytes) this.#releaseAll();
    else this.#giveTurn();
  }

  #giveTurn(): void {
    if (this.#turn !== null || this.#totalBytes <= this.#maxBytes) return;
    let next: InputHolder | null = null;
    for (const holder of this.#holders) {
      if (!holder.isHeld && (next === null || holder.inputBytes > next.inputBytes)) next = holder;
    }
    if (next === null) return;
    this.#waiting.delete(next);
    this.#turn = next;
    this.#timer = this.#clock.setTimeout(() => this.#turnIsOver(), TURN_MS);
    next.allowInput();
  }

  #turnIsOver(): void {
    const late = this.#turn;
    this.#endTurn();
    // A held one cannot help it; it waits as the others do.
    if (late?.isHeld) this.#waiting.add(late);
    else late?.cutStalledInput();
    this.#giveTurn();
  }

  #endTurn(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#turn = null;
  }

  #releaseAll(): void {
    if (this.#turn !== null) this.#endTurn();
    if (this.#waiting.size === 0) return;
    const released = [...this.#waiting];
    this.#waiting.clear();
    for (const holder of released) holder.allowInput();
  }
}
