/**
 * What every receiving process has in common: who listens, the commands about it, and reports of progress.
 */
import { Audience } from '../wire/audience.ts';
import type { SequenceCheck } from '../wire/sequence.ts';
import { ProgressReport } from './commands.ts';

/** Argument of `expect`. */
export interface Expectation {
  readonly stream: number;
  /** The bench is told every so many messages. */
  readonly step: number;
}

/** See the head of the file. */
export class Receiver {
  readonly audience = new Audience();
  readonly #progress = new ProgressReport();

  /** A read of one of the audience has been handled; cheap enough for every read. */
  onRead(check: SequenceCheck): void {
    if (this.#progress.isDue(check.received)) this.#progress.update(this.audience.received);
  }

  /** For the table of commands. */
  readonly commands = {
    expect: ({ stream, step }: Expectation) => {
      this.audience.expect(stream);
      this.#progress.restart(step);
    },
    arrival: () => this.audience.arrival(),
  };
}
