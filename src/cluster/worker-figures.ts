/**
 * What is known of one worker's work: the last answer of the process that is there, and the counters of those that
 * were there before. Knows no processes.
 */

import { type CounterSnapshot, sumOf } from '../metrics/counters.ts';
import { IDLE_STATUS, type ProcessStatus } from '../metrics/gateway-view.ts';
import type { Clock } from '../util/clock.ts';

/** A worker that takes longer to tell what it does is stuck. */
const REPORT_LIMIT_MS = 1_000;

interface Question {
  readonly isAnswered: Promise<boolean>;
  readonly finish: (isAnswered: boolean) => void;
}

/** See the head of this file. */
export class WorkerFigures {
  readonly #clock: Clock;
  #last = IDLE_STATUS;
  #retired: CounterSnapshot = {};
  #question: Question | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** As last told. Counters never go back: those of former processes are in them. */
  get known(): ProcessStatus {
    return { ...this.#last, counters: sumOf([this.#retired, this.#last.counters]) };
  }

  /**
   * Asks the process; whoever asks meanwhile shares the answer.
   * @returns whether it has answered in time
   */
  refresh(ask: () => void): Promise<boolean> {
    this.#question ??= this.#newQuestion(ask);
    return this.#question.isAnswered;
  }

  /** The process has told. */
  update(status: ProcessStatus): void {
    this.#last = status;
    this.#question?.finish(true);
  }

  /** The process is gone. */
  retire(): void {
    this.#retired = this.known.counters;
    this.#last = IDLE_STATUS;
    this.#question?.finish(false);
  }

  #newQuestion(ask: () => void): Question {
    let finish: (isAnswered: boolean) => void = () => {};
    const isAnswered = new Promise<boolean>((resolve) => {
      const timer = this.#clock.setTimeout(() => finish(false), REPORT_LIMIT_MS);
      finish = (isInTime) => {
        this.#clock.clearTimeout(timer);
        this.#question = null;
        resolve(isInTime);
      };
    });
    ask();
    return { isAnswered, finish };
  }
}
