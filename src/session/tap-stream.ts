/** What one tap passes on: not for longer than it may, and not more per second. Knows no messages. */
import {
  MAX_TAP_EVENTS_PER_SECOND,
  MAX_TAP_MS,
  type TapEvent,
  type TapMessage,
  type TapRequest,
} from '../control/tap.ts';
import type { Clock, TimerHandle } from '../util/clock.ts';

/** Why a tap has ended. */
export type TapEnd = Extract<TapMessage, { type: 'ended' }>['reason'];

/** Whom a stream tells. */
export interface TapStreamEvents {
  /** See `GatewayControl.tap`. */
  readonly onMessage: (message: TapMessage) => void;
  /** The tap is over; called once, after its last message. */
  readonly onEnded: () => void;
}

const SECOND_MS = 1_000;

/** See the head of the file. */
export class TapStream {
  readonly #clock: Clock;
  readonly #events: TapStreamEvents;
  readonly #maxPerSecond: number;
  readonly #limit: TimerHandle;
  /** Of the second that is going on, once something has been left out. */
  #timer: TimerHandle | undefined;
  #secondStartMs: number;
  #passed = 0;
  #skipped = 0;
  #isOver = false;

  constructor({ durationMs, maxPerSecond }: TapRequest, clock: Clock, events: TapStreamEvents) {
    this.#clock = clock;
    this.#events = events;
    this.#maxPerSecond = Math.min(maxPerSecond, MAX_TAP_EVENTS_PER_SECOND);
    this.#secondStartMs = clock.now();
    this.#limit = clock.setTimeout(() => this.end('time'), Math.min(durationMs, MAX_TAP_MS));
  }

  /** @param build makes the event; not called when it would be one too many */
  push(build: () => TapEvent): void {
    if (this.#isOver) return;
    const nowMs = this.#clock.now();
    if (nowMs - this.#secondStartMs >= SECOND_MS) this.#beginSecond(nowMs);
    if (this.#passed >= this.#maxPerSecond) {
      this.skip(1);
      return;
    }
    this.#passed += 1;
    this.#events.onMessage({ type: 'event', event: build() });
  }

  /** Events that somebody else has left out already. */
  skip(count: number): void {
    if (this.#isOver) return;
    this.#skipped += count;
    const leftMs = Math.max(1, this.#secondStartMs + SECOND_MS - this.#clock.now());
    this.#timer ??= this.#clock.setTimeout(() => this.#beginSecond(this.#clock.now()), leftMs);
  }

  /** Idempotent; the first reason counts. */
  end(reason: TapEnd): void {
    if (this.#isOver) return;
    this.#tellSkipped();
    this.#isOver = true;
    this.#clock.clearTimeout(this.#limit);
    this.#events.onMessage({ type: 'ended', reason });
    this.#events.onEnded();
  }

  #beginSecond(nowMs: number): void {
    this.#secondStartMs = nowMs;
    this.#passed = 0;
    this.#tellSkipped();
  }

  #tellSkipped(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    const count = this.#skipped;
    this.#skipped = 0;
    if (count > 0) this.#events.onMessage({ type: 'skipped', count });
  }
}
