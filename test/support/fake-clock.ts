/** A clock that only moves when a test says so. Timers fire in the order of their due time. */
import type { Clock, TimerHandle } from '../../src/util/clock.ts';

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Implements {@link Clock}; starts at 0. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #nextHandle = 1;
  readonly #timers = new Map<number, Timer>();

  now(): number {
    return this.#nowMs;
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    const handle = this.#nextHandle++;
    this.#timers.set(handle, { dueMs: this.#nowMs + Math.max(0, delayMs), callback });
    return handle;
  }

  clearTimeout(handle: TimerHandle | undefined): void {
    if (typeof handle === 'number') this.#timers.delete(handle);
  }

  /** Timers that have neither fired nor been cleared. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Moves time forward and fires what becomes due, also timers that are set on the way. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#nextDue(endMs);
      if (next === undefined) break;
      const [handle, timer] = next;
      this.#timers.delete(handle);
      this.#nowMs = timer.dueMs;
      timer.callback();
    }
    this.#nowMs = endMs;
  }

  #nextDue(endMs: number): [number, Timer] | undefined {
    let first: [number, Timer] | undefined;
    for (const entry of this.#timers) {
      if (entry[1].dueMs <= endMs && (first === undefined || entry[1].dueMs < first[1].dueMs)) first = entry;
    }
    return first;
  }
}
