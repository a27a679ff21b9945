/** A worker that is asked to take a configuration over, until it answers, ends, or takes too long. Knows no processes. */
import type { ListenerAddress } from '../transport/listener.ts';
import type { Clock, TimerHandle } from '../util/clock.ts';

/** What has come of it. */
export type ReloadOutcome =
  | { readonly kind: 'taken'; readonly addresses: readonly ListenerAddress[] }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'late' }
  /** The process has ended. */
  | { readonly kind: 'gone' };

/** Opening listeners, setting methods up; clients that are connected are checked afterwards. */
const RELOAD_LIMIT_MS = 30_000;

/** See the head of this file. One at a time. */
export class ReloadQuestion {
  readonly #clock: Clock;
  #id = 0;
  #timer: TimerHandle | undefined;
  #finish: ((outcome: ReloadOutcome) => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param send puts the question; the answer names the id */
  ask(send: (id: number) => void): Promise<ReloadOutcome> {
    this.#end({ kind: 'late' });
    const id = ++this.#id;
    return new Promise((resolve) => {
      this.#finish = resolve;
      this.#timer = this.#clock.setTimeout(() => this.#end({ kind: 'late' }), RELOAD_LIMIT_MS);
      send(id);
    });
  }

  /** @param outcome what the worker says */
  onAnswer(id: number, outcome: ReloadOutcome): void {
    if (id === this.#id) this.#end(outcome);
  }

  /** The process has ended. */
  onGone(): void {
    this.#end({ kind: 'gone' });
  }

  #end(outcome: ReloadOutcome): void {
    this.#clock.clearTimeout(this.#timer);
    this.#finish?.(outcome);
    this.#finish = null;
  }
}
