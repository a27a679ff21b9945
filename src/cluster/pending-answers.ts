/** Questions to one worker that wait for their answers, each for a limited time. Knows no processes. */
import type { Clock, TimerHandle } from '../util/clock.ts';
import type { ControlKind, ControlQuestions } from './control-question.ts';

/** A worker that takes longer is left out: whoever asked has the others to show. */
const ANSWER_LIMIT_MS = 2_000;

interface Waiting {
  readonly kind: ControlKind;
  readonly timer: TimerHandle;
  readonly resolve: (answer: unknown) => void;
}

/** See the head of the file. */
export class PendingAnswers {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param send puts the question; the answer names the id
   * @returns null when there is no answer in time
   */
  ask<K extends ControlKind>(
    kind: K,
    send: (id: number) => void,
  ): Promise<ControlQuestions[K]['answer'] | null> {
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      const timer = this.#clock.setTimeout(() => this.#finish(id, null), ANSWER_LIMIT_MS);
      // What arrives has been checked to be of the kind it says, and `onAnswer` looks that it is the kind asked for.
      const take = resolve as (answer: unknown) => void;
      this.#waiting.set(id, { kind, timer, resolve: take });
      send(id);
    });
  }

  /** The worker has answered; one that comes too late is of no use. */
  onAnswer(id: number, kind: string, answer: unknown): void {
    if (this.#waiting.get(id)?.kind === kind) this.#finish(id, answer);
  }

  /** The process has ended. */
  onGone(): void {
    for (const id of [...this.#waiting.keys()]) this.#finish(id, null);
  }

  #finish(id: number, answer: unknown): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    this.#clock.clearTimeout(waiting.timer);
    waiting.resolve(answer);
  }
}
